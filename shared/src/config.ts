/** Configuration: read once, typed, wrong loudly and completely. */

import { readFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { parseEnv } from 'node:util';

/** Environment variables by name; what a process has in `process.env`. */
export type Environment = Record<string, string | undefined>;

/** How one variable's text becomes a value. `parse` throws an Error whose message says what the value has to be. */
export type Setting<T> = { parse: (text: string | undefined) => T; isSecret?: boolean };
type Spec = Record<string, Setting<unknown>>;
type Values<S extends Spec> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** All that is wrong with the configuration, one line per variable. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Reads and checks every variable of `spec`; an empty value counts as missing. A secret may instead be given
 * as `NAME_FILE`, the path of a file that holds it.
 *
 * @throws {ConfigError} with all problems together, each naming its variable
 */
export function readConfig<S extends Spec>(spec: S, env: Environment): Values<S> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(spec)) {
    try {
      values[name] = setting.parse(readVariable(name, setting, env));
    } catch (error) {
      problems.push(error instanceof ConfigError ? error.message : `${name} ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as Values<S>;
}

function readVariable(name: string, setting: Setting<unknown>, env: Environment): string | undefined {
  const given = env[name]?.trim() ? env[name] : undefined;
  const file = setting.isSecret ? env[`${name}_FILE`] || undefined : undefined;
  if (file === undefined) return given;
  if (given !== undefined) throw new ConfigError([`${name} and ${name}_FILE are both set: keep one of them.`]);
  const secret = readSecretFile(name, file);
  if (secret !== '') return secret;
  throw new ConfigError([`${name}_FILE names ${file}, which is empty. Put a long random text into it.`]);
}

function readSecretFile(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError([
      `${name}_FILE names ${file}, which cannot be read (${code}). Make it readable, or remove ${name}_FILE.`,
    ]);
  }
}

/**
 * The environment completed by a `.env` file; what is in the environment wins. A missing file is no problem.
 *
 * @throws {ConfigError} when the file is there but cannot be read
 */
export function withEnvFile(env: Environment, path: string): Environment {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return env;
    throw new ConfigError([`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`]);
  }
  // Some editors begin a file with a mark (U+FEFF) that would become a part of the first name.
  return { ...parseEnv(content.replace(/^\uFEFF/, '')), ...Object.fromEntries(Object.entries(env).filter(([, value]) => value)) };
}

// ---- kinds of settings ---------------------------------------------------------------------------------------------

const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);

/** A whole number within bounds, both included. */
export function integer(fallback: number, min: number, max: number): Setting<number> {
  return {
    parse(text) {
      if (text === undefined) return fallback;
      const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
      if (value >= min && value <= max) return value;
      throw new Error(`must be a whole number from ${min} to ${max}, not ${shown(text)}.`);
    },
  };
}

/** A duration written in seconds (fractions allowed), as milliseconds. */
export function seconds(fallback: number, max = 86_400): Setting<number> {
  return {
    parse(text) {
      if (text === undefined) return fallback * 1000;
      const value = /^\d{1,9}(\.\d{1,3})?$/.test(text.trim()) ? Number(text) : Number.NaN;
      if (value > 0 && value <= max) return Math.round(value * 1000);
      throw new Error(`must be a number of seconds above 0 and at most ${max}, not ${shown(text)}.`);
    },
  };
}

/** One word out of several. */
export function oneOf<const W extends string>(fallback: W | undefined, ...words: W[]): Setting<W> {
  return {
    parse(text) {
      if (text === undefined && fallback !== undefined) return fallback;
      const word = words.find((candidate) => candidate === text?.trim());
      if (word !== undefined) return word;
      const given = text === undefined ? 'it is missing' : `not ${shown(text)}`;
      throw new Error(`must be ${words.map((w) => `"${w}"`).join(' or ')}, ${given}.`);
    },
  };
}

/** Any text; `fallback` when missing. */
export function text<F extends string | undefined>(fallback: F): Setting<string | F> {
  return { parse: (given) => given?.trim() ?? fallback };
}

/** A comma-separated list of whole origins (RFC 6454), such as `https://chat.example.org:8443`. */
export function origins(): Setting<string[]> {
  return {
    parse(given) {
      return splitList(given).map((item) => {
        const url = URL.canParse(item) ? new URL(item) : undefined;
        if (url?.origin === item && /^https?:$/.test(url.protocol)) return item;
        throw new Error(`lists ${shown(item)}; write whole origins such as https://chat.example.org:8443, without a path.`);
      });
    },
  };
}

/** A comma-separated list of networks in CIDR notation (RFC 4632, RFC 4291); single addresses are taken too. */
export function networks(): Setting<BlockList> {
  return {
    parse(given) {
      const list = new BlockList();
      for (const item of splitList(given)) {
        const [address = '', prefix] = item.split(/\/(.*)/s, 2);
        const family = isIP(address);
        const bits = prefix === undefined ? (family === 4 ? 32 : 128) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
        if (family === 0 || bits < 0 || bits > (family === 4 ? 32 : 128)) {
          throw new Error(`lists ${shown(item)}; write networks such as 10.0.0.0/8 or 2001:db8::/32.`);
        }
        list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
      }
      return list;
    },
  };
}

function splitList(given: string | undefined): string[] {
  return (given ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

// ---- what both services read ---------------------------------------------------------------------------------------

/** How the server runs: one process with everything in it, or services that share a Postgres and a Redis. */
export type Mode = 'single' | 'distributed';
const MODES = ['single', 'distributed'] as const;

/** The mode that an environment names, as far as it names one; a reader of the mode's settings says what is wrong with it. */
export const modeOf = (env: Environment): Mode => (env.MODE?.trim() === 'distributed' ? 'distributed' : 'single');

/** The settings that mean the same to every service; each service's own config.ts adds its own. */
export const commonSettings = {
  SECRET_KEY: requiredSecrets(),
  HTTP_PORT: integer(5000, 1, 65_535),
  CHAT_PORT: integer(8765, 1, 65_535),
  HOST: text('0.0.0.0'),
  INTERNAL_HOST: text('127.0.0.1'),
  INTERNAL_PORT: integer(5001, 1, 65_535),
  TRUSTED_PROXIES: networks(),
  MAX_MESSAGE_CHARS: integer(4000, 1, 10_000),
  LOG_LEVEL: oneOf('info', 'trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
} as const;

/** What only the single node reads: it speaks TLS itself and keeps a file. */
export const singleSettings = {
  MODE: mode('single'),
  SSL_CERT_PATH: required('Set it to the path of a PEM file.'),
  SSL_KEY_PATH: required('Set it to the path of a PEM file.'),
  DATA_DIR: text('data'),
} as const;

/** What only the services behind a proxy read: they speak plain http to it and keep everything elsewhere. */
export const distributedSettings = {
  MODE: mode('distributed'),
  DATABASE_URL: url('postgres:', 'postgresql:'),
  REDIS_URL: url('redis:', 'rediss:'),
} as const;

function mode<M extends Mode>(expected: M): Setting<M> {
  const either = oneOf(undefined, ...MODES);
  return {
    parse(given) {
      if (either.parse(given) === expected) return expected;
      throw new Error(`must be "${expected}" here, not ${shown(given ?? '')}.`);
    },
  };
}

/** Any text, which has to be there; `remedy` says how to set it. */
export function required(remedy: string): Setting<string> {
  return {
    parse(given) {
      if (given !== undefined) return given.trim();
      throw new Error(`is missing. ${remedy}`);
    },
  };
}

/** The address of a store, with its password; never shown. */
function url(...protocols: string[]): Setting<string> {
  const example = `${protocols[0]}//USER:PASSWORD@HOST:PORT`;
  return {
    isSecret: true,
    parse(given) {
      const address = given?.trim();
      if (address === undefined) throw new Error(`is missing. Set it to an address such as ${example}.`);
      if (URL.canParse(address) && protocols.includes(new URL(address).protocol)) return address;
      throw new Error(`must be an address such as ${example}.`);
    },
  };
}

/** A secret, or a comma-separated list of them, newest first. Never shown. */
function requiredSecrets(): Setting<string[]> {
  return {
    isSecret: true,
    parse(given) {
      const secrets = splitList(given);
      if (secrets.length > 0) return secrets;
      throw new Error('is missing. Set it to a long random text; a list, newest first, rotates it.');
    },
  };
}
