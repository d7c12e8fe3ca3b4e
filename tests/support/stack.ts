/** A whole server for a story: a real process with private ports and data, so that kill -9 is real. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeOwnPair, ownPair } from '../../scripts/certificates.ts';
import { createPerson, type Person } from './person.ts';
import { freePorts } from './ports.ts';

const STARTED_WITHIN_MS = 30_000;
const ENDED_WITHIN_MS = 20_000;
const program = fileURLToPath(new URL('./singleNode.ts', import.meta.url));

/** How a process ended: its exit code, or the signal that killed it. */
export type Ending = { code: number | null; signal: NodeJS.Signals | null };

export type Stack = {
  /** The origin of the pages, such as https://localhost:12345. */
  readonly url: string;
  /** Where sockets connect, such as wss://localhost:23456/. */
  readonly chatUrl: string;
  /** The internal listener: /livez, /readyz, /metrics. */
  readonly internalUrl: string;
  /** The folder that holds the server's .env, certs/ and data/ when nothing else is said. */
  readonly home: string;
  readonly dataDir: string;
  /** The process' number, for signals that the stories send themselves. */
  readonly pid: number;
  /** What the process printed so far, over all its lives. */
  readonly log: string;
  /** Settings of the running process, such as for `npm run admin`. */
  readonly env: Readonly<Record<string, string>>;
  /** Signs a person up and in. The name gets no suffix: each stack has its own accounts. */
  person(name: string): Promise<Person>;
  people<Names extends string[]>(...names: Names): Promise<{ [K in keyof Names]: Person }>;
  /** Ends the process by a signal (SIGTERM when none is given) and starts it again on the same data and ports. */
  restart(signal?: NodeJS.Signals): Promise<Ending>;
  kill9(): Promise<Ending>;
  /** Starts the process again after it ended. */
  start(): Promise<void>;
  /** Ends the process in order, without removing anything. */
  end(signal?: NodeJS.Signals): Promise<Ending>;
  /** Ends the process and removes its data. */
  stop(): Promise<Ending>;
};

/**
 * Starts a server and resolves once it answers.
 *
 * @param overrides environment variables beside the stack's own; an empty value removes one
 */
export async function startStack(overrides: Record<string, string> = {}): Promise<Stack> {
  for (let attempt = 1; ; attempt++) {
    const stack = await newStack(overrides);
    try {
      await stack.start();
      return stack;
    } catch (error) {
      await stack.stop();
      // Another test process may have chosen the same port in the same moment.
      if (attempt === 3 || !stack.log.includes('is in use by another program')) throw error;
    }
  }
}

async function newStack(overrides: Record<string, string>): Promise<Stack> {
  const home = mkdtempSync(join(tmpdir(), 'securechat-'));
  const [http = 0, chat = 0, internal = 0] = await freePorts(3);
  const { certPath, keyPath } = sharedPair();
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOST: '127.0.0.1',
    HTTP_PORT: String(http),
    CHAT_PORT: String(chat),
    INTERNAL_PORT: String(internal),
    DATA_DIR: join(home, 'data'),
    SSL_CERT_PATH: certPath,
    SSL_KEY_PATH: keyPath,
    LOG_LEVEL: 'warn',
    ...overrides,
  };
  let log = '';
  let child: ChildProcess | undefined;
  const ended = new WeakSet<ChildProcess>();

  async function start() {
    const before = log.length;
    const life = launch(home, env);
    child = life;
    life.once('close', (code, signal) => {
      // A server that dies in the middle of a story explains all that fails after it.
      if (!ended.has(life))
        process.stderr.write(`The server ended by itself (${code ?? signal}). It printed:\n${log.slice(before)}\n`);
    });
    for (const stream of [life.stdout, life.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    }
    await untilReady(life, () => log.slice(before));
  }

  async function end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    if (child === undefined) throw new Error('The server was never started.');
    if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, signal: child.signalCode };
    ended.add(child);
    const exit = once(child, 'exit', { signal: AbortSignal.timeout(ENDED_WITHIN_MS) });
    child.kill(signal);
    await exit;
    return { code: child.exitCode, signal: child.signalCode };
  }

  const stack: Stack = {
    url: `https://localhost:${http}`,
    chatUrl: `wss://localhost:${chat}/`,
    internalUrl: `http://127.0.0.1:${internal}`,
    home,
    dataDir: env.DATA_DIR || join(home, 'data'),
    env,
    get pid() {
      return child?.pid ?? 0;
    },
    get log() {
      return log;
    },
    person: (name) => createPerson(stack, name),
    people: <Names extends string[]>(...names: Names) =>
      Promise.all(names.map((name) => createPerson(stack, name))) as Promise<{ [K in keyof Names]: Person }>,
    start,
    end,
    kill9: () => end('SIGKILL'),
    async restart(signal) {
      const ending = await end(signal);
      await start();
      return ending;
    },
    async stop() {
      const ending = await end();
      rmSync(home, { recursive: true, force: true });
      return ending;
    },
  };
  return stack;
}

/** Starts the process of a server at home in a folder; its output is piped. */
export function launch(home: string, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [program, home], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  // A story that fails before it stops its server must not leave it running.
  living.add(child);
  child.once('exit', () => living.delete(child));
  return child;
}

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

/** Resolves at the line that says the server answers; fails with what it printed when it ends instead. */
function untilReady(child: ChildProcess, printed: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`The server ${what}. It printed:\n${printed()}`));
    const deadline = setTimeout(() => {
      child.kill('SIGKILL');
      fail('did not get ready');
    }, STARTED_WITHIN_MS);
    // "close" and not "exit": by then everything it printed has been read.
    child.once('close', (code, signal) => {
      clearTimeout(deadline);
      fail(`ended with ${code ?? signal} before it was ready`);
    });
    child.stdout?.on('data', () => {
      if (!printed().includes('SecureChat is ready')) return;
      clearTimeout(deadline);
      resolve();
    });
  });
}

let pair: { certPath: string; keyPath: string } | undefined;

/** One certificate for all servers of a test process. */
function sharedPair() {
  if (pair !== undefined) return pair;
  const folder = mkdtempSync(join(tmpdir(), 'securechat-certs-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  makeOwnPair(folder);
  pair = ownPair(folder);
  return pair;
}
