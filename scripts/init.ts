/**
 * What runs once before everything else of docker-compose.yml: makes the secrets, passwords and the certificate that
 * were not given, keeps them, and writes what each of the other containers reads into a folder of its own.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ConfigError, commonSettings, distributedSettings, type Environment, readConfig } from '@securechat/shared/config';
import { type KeyPair, readKeyPair } from '@securechat/shared/tls';
import { readAuthConfig } from '../services/auth/src/start.ts';
import { readChatConfig } from '../services/chat/src/start.ts';
import { makeOwnPair, needsOwnPair, ownPair } from './certificates.ts';
import { contentOf, writeWhole } from './files.ts';
import { renderProxy, upstreamsByName } from './proxyConfig.ts';

/** The owner writes, the group of the folder reads: the folders hand their group on to what is made in them. */
const READ_BY_GROUP = 0o640;
const POSTGRES_USER = 'securechat';

/** Where given files are, and the volumes: `kept` for init alone, the others each for those who read them. */
export type InitPlace = { given: string; volumes: string };
const containerPlace: InitPlace = { given: '/given', volumes: '/volumes' };

const FILES = ['SECRET_KEY_FILE', 'DATABASE_URL_FILE', 'REDIS_URL_FILE'] as const;
const storeSettings = {
  SECRET_KEY: commonSettings.SECRET_KEY,
  DATABASE_URL: distributedSettings.DATABASE_URL,
  REDIS_URL: distributedSettings.REDIS_URL,
};

/**
 * Prepares the volumes. What was made by an earlier run is kept; what was given wins over it.
 *
 * @param env the settings; the paths in it are those of the machine, whose files are in `place.given` under the names
 * of their variables
 * @throws {ConfigError} with one line for each thing that is wrong; nothing that others read has been touched then
 */
export function prepare(env: Environment, place: InitPlace = containerPlace): void {
  const volume = (...parts: string[]) => join(place.volumes, ...parts);
  const kept = (name: string) => keep(volume('kept', name));
  const passwords = { postgres: kept('postgres-password'), redis: kept('redis-password') };
  const settings: Environment = {
    ...orElse(env, 'SECRET_KEY', kept('secret-key')),
    ...orElse(env, 'DATABASE_URL', `postgres://${POSTGRES_USER}:${passwords.postgres}@postgres:5432/${POSTGRES_USER}`),
    ...orElse(env, 'REDIS_URL', `redis://:${passwords.redis}@redis:6379`),
  };
  const { stores, pair, proxy } = check(env, settings, place);

  const write = (path: string, content: string) => writeWhole(path, content, READ_BY_GROUP);
  write(volume('services', 'secret-key'), `${stores.SECRET_KEY.join(',')}\n`);
  write(volume('services', 'database-url'), `${stores.DATABASE_URL}\n`);
  write(volume('services', 'redis-url'), `${stores.REDIS_URL}\n`);
  write(volume('postgres', 'password'), passwords.postgres);
  write(volume('redis', 'password'), passwords.redis);
  write(volume('redis', 'redis.conf'), redisConfig(passwords.redis));
  write(volume('proxy', 'cert.pem'), pair.cert);
  write(volume('proxy', 'key.pem'), pair.key);
  write(volume('proxy', 'nginx.conf'), proxy);
}

/** A random secret of 256 bits, the same at every run. */
function keep(path: string): string {
  const secret = contentOf(path)?.trim() || randomBytes(32).toString('base64url');
  if (contentOf(path) === undefined) writeWhole(path, `${secret}\n`, READ_BY_GROUP);
  return secret;
}

/** What was given under a name or as a file; otherwise what we have. */
function orElse(env: Environment, name: string, ours: string): Environment {
  const file = `${name}_FILE`;
  const isGiven = Boolean(env[name]?.trim() || env[file]?.trim());
  return isGiven ? { [name]: env[name], [file]: env[file] } : { [name]: ours };
}

// ---- what can be wrong ---------------------------------------------------------------------------------------------

/** Everything that is wrong with the settings is told at once, whichever container would have met it. */
function check(env: Environment, settings: Environment, place: InitPlace) {
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems.map((line) => asGiven(line, env, place)));
      return undefined;
    }
  };
  const mounted = whereMounted(settings, place);
  const stores = attempt(() => readConfig(storeSettings, mounted));
  const services = { ...env, ...mounted, MODE: 'distributed', AUTH_URL: 'http://auth:5001' };
  attempt(() => readAuthConfig(services));
  attempt(() => readChatConfig(services));
  const proxy = attempt(() => renderProxy(env, proxyPlace));
  const pair = attempt(() => findPair(env, place));
  if (stores === undefined || proxy === undefined || pair === undefined || problems.length > 0) {
    throw new ConfigError([...new Set(problems)]);
  }
  return { stores, pair, proxy };
}

const proxyPlace = {
  globals: ['daemon off;'],
  workers: 2,
  folder: '/tmp',
  certPath: '/etc/nginx/cert.pem',
  keyPath: '/etc/nginx/key.pem',
  accessLog: '/dev/stdout',
  errorLog: 'stderr',
  listen: { pages: 5000, chat: 8765 },
  upstreams: upstreamsByName,
};

/** The files of the machine are found in the container by the names of their variables. */
function whereMounted(settings: Environment, { given }: InitPlace): Environment {
  const files = FILES.filter((name) => settings[name]?.trim()).map((name) => [name, join(given, name)]);
  return { ...settings, ...Object.fromEntries(files) };
}

/** A problem in the words of the person who set the variables, who knows no mounts. */
function asGiven(line: string, env: Environment, { given }: InitPlace): string {
  const named = line.replaceAll(new RegExp(`${RegExp.escape(given)}/([A-Z_]+)`, 'g'), (path, name: string) => env[name] ?? path);
  if (!named.includes('(EACCES)')) return named;
  return `${named} In containers it is read by the user ${process.getuid?.()}: let that one read it, or set INIT_USER in .env to the number of the file's owner.`;
}

function findPair(env: Environment, { given, volumes }: InitPlace): KeyPair {
  const [cert, key] = [env.SSL_CERT_PATH?.trim(), env.SSL_KEY_PATH?.trim()];
  if (cert && key) return readKeyPair(join(given, 'SSL_CERT_PATH'), join(given, 'SSL_KEY_PATH'));
  if (cert || key) {
    const [there, missing] = cert ? ['SSL_CERT_PATH', 'SSL_KEY_PATH'] : ['SSL_KEY_PATH', 'SSL_CERT_PATH'];
    throw new ConfigError([`${missing} is missing beside ${there}. Set both, or neither to have a certificate made.`]);
  }
  const folder = join(volumes, 'kept');
  const { certPath, keyPath } = ownPair(folder);
  if (needsOwnPair(folder)) {
    makeOwnPair(folder);
    chmodSync(keyPath, READ_BY_GROUP);
  }
  return readKeyPair(certPath, keyPath);
}

// ---- Redis ---------------------------------------------------------------------------------------------------------

/** A log of every change, written to the disk each second: a restart forgets nobody's session. */
function redisConfig(password: string): string {
  const lines = [
    `requirepass ${password}`,
    'protected-mode yes',
    'dir /data',
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
  ];
  return `${lines.join('\n')}\n`;
}

// ---- the command ---------------------------------------------------------------------------------------------------

function main(): number {
  try {
    prepare(process.env);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : inspect(error)}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = main();
