/** `npm start`: both services in one process, with everything they need made when it is missing. */
import { rmSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createMemoryBus } from '@securechat/shared/bus.memory';
import { ConfigError, commonSettings, type Environment, readConfig } from '@securechat/shared/config';
import { endOnSignals, type Readiness, type Running } from '@securechat/shared/lifecycle';
import { createLog, type Log } from '@securechat/shared/log';
import { readAuthConfig, startAuth } from '../services/auth/src/start.ts';
import { readChatConfig, startChat } from '../services/chat/src/start.ts';
import { makeOwnPair, needsOwnPair } from './certificates.ts';
import { codeOf, makeFolder } from './files.ts';
import { certificateFolder, projectFolder, settingsOf } from './home.ts';
import { ensureSecret, isPairGiven, withKept } from './kept.ts';
import { certificateNotWritable, dataNotWritable, findProblems, listenersOf, notListening, readAddresses } from './preflight.ts';
import { takeAlone } from './soleUse.ts';

const READY_WITHIN_MS = 15_000;
const SHORT_SECRET = 32;

export type SingleNode = Running & {
  /** The address of the start page as people open it. */
  url: string;
  log: Log;
  /** True when this start made the certificate, so that browsers will ask about it. */
  madeCertificate: boolean;
};

/**
 * Starts both services in this process and resolves when both answer. Everything is checked before anything is
 * touched; what was given neither a secret nor a certificate gets them made and kept.
 *
 * @param given environment variables; `.env` in `home` completes them
 * @param home where `.env`, `certs/` and by default `data/` are
 * @throws {ConfigError} with one line for each thing that is wrong
 */
export async function startSingleNode(given: Environment, home: string = projectFolder): Promise<SingleNode> {
  const settings = settingsOf(given, home);
  const problems = await findProblems(settings, home, [readAuthConfig, readChatConfig]);
  if (problems.length > 0) throw new ConfigError(problems);

  const log = createLog(readConfig({ LOG_LEVEL: commonSettings.LOG_LEVEL }, settings).LOG_LEVEL);
  const giveBack = takeDataFolder(settings.DATA_DIR ?? '');
  try {
    const madeCertificate = !isPairGiven(settings) && ensureCertificate(certificateFolder(home));
    ensureSecretIn(settings);
    const env = { ...withKept(settings, certificateFolder(home)), AUTH_URL: internalUrl(settings) };
    warnOfShortSecret(env, log);
    const services = await startServices(env, log);
    const close = () => services.close().finally(giveBack);
    return { url: addressOf(env), log, madeCertificate, close };
  } catch (error) {
    giveBack();
    throw asProblem(error, settings);
  }
}

// ---- what is made when it is missing -------------------------------------------------------------------------------

function takeDataFolder(folder: string): () => void {
  let made: string | undefined;
  try {
    made = makeFolder(folder, 0o700);
    const giveBack = takeAlone(folder);
    if (giveBack !== undefined) return giveBack;
  } catch (error) {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw new ConfigError([dataNotWritable(folder, codeOf(error))]);
  }
  throw new ConfigError([
    `DATA_DIR ${folder} is in use by another SecureChat. Stop that one, or set DATA_DIR in .env to another folder.`,
  ]);
}

function ensureCertificate(folder: string): boolean {
  try {
    if (!needsOwnPair(folder)) return false;
    makeOwnPair(folder);
    return true;
  } catch (error) {
    throw new ConfigError([certificateNotWritable(folder, codeOf(error))]);
  }
}

function ensureSecretIn(settings: Environment) {
  try {
    ensureSecret(settings);
  } catch (error) {
    throw new ConfigError([dataNotWritable(settings.DATA_DIR ?? '', codeOf(error))]);
  }
}

function warnOfShortSecret(env: Environment, log: Log) {
  const [newest = ''] = readConfig({ SECRET_KEY: commonSettings.SECRET_KEY }, env).SECRET_KEY;
  if (newest.length < SHORT_SECRET) log.warn({ characters: newest.length, advised: SHORT_SECRET }, 'secret_key_is_short');
}

// ---- the services --------------------------------------------------------------------------------------------------

async function startServices(env: Environment, log: Log): Promise<Running> {
  const bus = createMemoryBus();
  const readiness: Readiness = new Map();
  const started: Running[] = [bus];
  // Chat before auth, so that sockets are told while the rest still stands.
  const close = async () => {
    for (const running of started.splice(0).reverse()) await running.close();
  };
  try {
    started.push(await startAuth({ env, log, bus, readiness }));
    started.push(await startChat({ env, log, bus, readiness }));
    await untilReady(`${env.AUTH_URL}/readyz`);
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function untilReady(url: string) {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(READY_WITHIN_MS) });
    const text = await answer.text();
    if (answer.ok) return;
    if (performance.now() > deadline) throw new Error(`Not ready within ${READY_WITHIN_MS / 1000} s: ${text.trim()}`);
    await after(50);
  }
}

/** A port that somebody took between the check and the start is as clear a case as one taken before. */
function asProblem(error: unknown, settings: Environment): unknown {
  const { code = '', port } = error as NodeJS.ErrnoException & { port?: number };
  const listener = listenersOf(readAddresses(settings)).find((one) => one.port === port);
  return listener === undefined ? error : new ConfigError([notListening(listener, code)]);
}

// ---- addresses -----------------------------------------------------------------------------------------------------

function addressOf(env: Environment): string {
  const { HOST, HTTP_PORT } = readAddresses(env);
  const host = ['0.0.0.0', '::', '127.0.0.1', '::1'].includes(HOST) ? 'localhost' : bracketed(HOST);
  return `https://${host}${HTTP_PORT === 443 ? '' : `:${HTTP_PORT}`}/home`;
}

function internalUrl(env: Environment): string {
  const { INTERNAL_HOST, INTERNAL_PORT } = readAddresses(env);
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[INTERNAL_HOST] ?? INTERNAL_HOST;
  return `http://${bracketed(host)}:${INTERNAL_PORT}`;
}

const bracketed = (host: string) => (host.includes(':') ? `[${host}]` : host);

// ---- the command ---------------------------------------------------------------------------------------------------

/** Starts the single node, says where it is, and ends it in order on SIGTERM and Ctrl-C; exits 1 when it cannot start. */
export async function run(given: Environment, home: string = projectFolder): Promise<void> {
  try {
    const node = await startSingleNode(given, home);
    endOnSignals(node.log, node.close);
    greet(node);
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : inspect(error)}\n`);
    process.exit(1);
  }
}

function greet({ url, madeCertificate }: SingleNode) {
  const hint =
    'Your browser will ask about the certificate once: this machine made it. certs/README.md tells how to avoid that.\n';
  process.stdout.write(`SecureChat is ready at ${url}\n${madeCertificate ? hint : ''}`);
}

if (import.meta.main) await run(process.env);
