/** What can be wrong before a start, found before anything is touched. */
import { createServer } from 'node:net';
import { ConfigError, commonSettings, type Environment, readConfig } from '@securechat/shared/config';
import { readKeyPair } from '@securechat/shared/tls';
import { needsOwnPair, ownPair } from './certificates.ts';
import { codeOf, contentOf, whyNotWritable } from './files.ts';
import { certificateFolder } from './home.ts';
import { isSecretGiven, secretFile } from './kept.ts';

/** A generated secret has 43 characters; a file with less is damaged, and a new secret would sign everybody out. */
const SHORTEST_SECRET = 32;

const addressSettings = {
  HOST: commonSettings.HOST,
  HTTP_PORT: commonSettings.HTTP_PORT,
  CHAT_PORT: commonSettings.CHAT_PORT,
  INTERNAL_HOST: commonSettings.INTERNAL_HOST,
  INTERNAL_PORT: commonSettings.INTERNAL_PORT,
};
type Addresses = ReturnType<typeof readConfig<typeof addressSettings>>;
type Listener = {
  portName: 'HTTP_PORT' | 'CHAT_PORT' | 'INTERNAL_PORT';
  port: number;
  hostName: 'HOST' | 'INTERNAL_HOST';
  host: string;
};

/** Where the single node listens, and which variables say so. */
export function listenersOf({ HOST, HTTP_PORT, CHAT_PORT, INTERNAL_HOST, INTERNAL_PORT }: Addresses): Listener[] {
  return [
    { portName: 'HTTP_PORT', port: HTTP_PORT, hostName: 'HOST', host: HOST },
    { portName: 'CHAT_PORT', port: CHAT_PORT, hostName: 'HOST', host: HOST },
    { portName: 'INTERNAL_PORT', port: INTERNAL_PORT, hostName: 'INTERNAL_HOST', host: INTERNAL_HOST },
  ];
}

/** @throws {ConfigError} when one of them has a wrong value */
export const readAddresses = (env: Environment): Addresses => readConfig(addressSettings, env);

/**
 * Everything that would keep the single node from starting, one line each: names the variable or the file and says
 * what to do. Changes nothing on the machine.
 *
 * @param env as settingsOf returns it
 * @param readers what reads each service's configuration, throwing ConfigError
 */
export async function findProblems(
  env: Environment,
  home: string,
  readers: readonly ((env: Environment) => unknown)[],
): Promise<string[]> {
  const problems = [
    ...readers.flatMap((read) => problemsOf(() => read(withPlaceholders(env, home)))),
    ...pairProblems(env, certificateFolder(home)),
    ...dataProblems(env),
    ...(await addressProblems(env)),
  ];
  return [...new Set(problems)];
}

/** What is generated later counts as given. */
function withPlaceholders(env: Environment, home: string): Environment {
  const { certPath, keyPath } = ownPair(certificateFolder(home));
  const secret = isSecretGiven(env) ? {} : { SECRET_KEY: 'generated' };
  return { SSL_CERT_PATH: certPath, SSL_KEY_PATH: keyPath, ...env, ...secret };
}

function problemsOf(check: () => unknown): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

// ---- certificate ---------------------------------------------------------------------------------------------------

function pairProblems({ SSL_CERT_PATH, SSL_KEY_PATH }: Environment, folder: string): readonly string[] {
  if (SSL_CERT_PATH !== undefined && SSL_KEY_PATH !== undefined) {
    return problemsOf(() => readKeyPair(SSL_CERT_PATH, SSL_KEY_PATH));
  }
  if (SSL_CERT_PATH !== undefined)
    return ['SSL_KEY_PATH is missing beside SSL_CERT_PATH. Set both, or neither to have a certificate made.'];
  if (SSL_KEY_PATH !== undefined)
    return ['SSL_CERT_PATH is missing beside SSL_KEY_PATH. Set both, or neither to have a certificate made.'];
  return ownPairProblems(folder);
}

function ownPairProblems(folder: string): readonly string[] {
  const { certPath, keyPath } = ownPair(folder);
  try {
    if (!needsOwnPair(folder)) {
      return problemsOf(() => readKeyPair(certPath, keyPath)).map(
        (line) => `${line} Or remove ${certPath} to have a new pair made.`,
      );
    }
  } catch (error) {
    return [
      `${folder}: the certificate in it cannot be read (${codeOf(error)}). Make it readable, or set SSL_CERT_PATH and SSL_KEY_PATH.`,
    ];
  }
  const reason = whyNotWritable(folder);
  return reason === undefined ? [] : [certificateNotWritable(folder, reason)];
}

/** The line for a certificate folder that cannot be written. */
export const certificateNotWritable = (folder: string, reason: string) =>
  `${folder} cannot be written, so no certificate can be made (${reason}). Make it writable, or set SSL_CERT_PATH and SSL_KEY_PATH to a pair of your own.`;

// ---- data directory ------------------------------------------------------------------------------------------------

function dataProblems(env: Environment): string[] {
  const folder = env.DATA_DIR ?? '';
  const reason = whyNotWritable(folder);
  if (reason !== undefined) return [dataNotWritable(folder, reason)];
  if (isSecretGiven(env)) return [];
  const remedy = 'Restore it, or remove it to have a new one made, which signs everybody out.';
  try {
    const secret = contentOf(secretFile(env));
    if (secret === undefined || secret.trim().length >= SHORTEST_SECRET) return [];
    return [`${secretFile(env)} does not hold a whole secret. ${remedy}`];
  } catch (error) {
    return [`${secretFile(env)} cannot be read (${codeOf(error)}). Make it readable, or set SECRET_KEY.`];
  }
}

/** The line for a data directory that cannot be written. */
export const dataNotWritable = (folder: string, reason: string) =>
  `DATA_DIR ${folder} cannot be written (${reason}). Make it writable, or set DATA_DIR in .env to a folder that is.`;

// ---- addresses -----------------------------------------------------------------------------------------------------

async function addressProblems(env: Environment): Promise<string[]> {
  // A wrong value was reported with the rest of the configuration already.
  if (problemsOf(() => readAddresses(env)).length > 0) return [];
  const listeners = listenersOf(readAddresses(env));
  const doubles = listeners.flatMap((one, index) => {
    const other = listeners.slice(0, index).find(({ port }) => port === one.port);
    return other === undefined
      ? []
      : [`${other.portName} and ${one.portName} are both ${one.port}. Set one of them to another port.`];
  });
  if (doubles.length > 0) return doubles;
  const lines = await Promise.all(listeners.map(probe));
  return lines.filter((line) => line !== undefined);
}

async function probe(listener: Listener): Promise<string | undefined> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(listener.port, listener.host, resolve));
    await new Promise((resolve) => server.close(resolve));
    return undefined;
  } catch (error) {
    return notListening(listener, codeOf(error));
  }
}

/** The line for a port that cannot be listened on. */
export function notListening({ portName, port, hostName, host }: Listener, reason: string): string {
  switch (reason) {
    case 'EADDRINUSE':
      return `${portName} ${port} is in use by another program. Stop that program, or set ${portName} in .env to a free port.`;
    case 'EACCES':
      return `${portName} ${port} is open to the system's administrator only, as ports below 1024 are. Set ${portName} in .env to 1024 or more.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${hostName} ${host} is no address of this machine. Set ${hostName} in .env to one of its addresses, or remove it.`;
    default:
      return `${portName} ${port} cannot be listened on at ${hostName} ${host} (${reason}). Set them to a free port of this machine.`;
  }
}
