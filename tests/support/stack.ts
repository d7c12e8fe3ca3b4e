/** A whole server for a story: real processes with private ports and data. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { makeOwnPair, ownPair } from '../../scripts/certificates.ts';
import { createPerson, type Person } from './person.ts';
import { freePorts } from './ports.ts';
import { createProgram, type Ending, launch, type Program } from './program.ts';

const script = fileURLToPath(new URL('./singleNode.ts', import.meta.url));

export type Stack = {
  /** The origin of the pages, such as https://localhost:12345. */
  readonly url: string;
  /** Where sockets connect, such as wss://localhost:23456/. */
  readonly chatUrl: string;
  /** The folder that holds the server's .env, certs/ and data/ when nothing else is said. */
  readonly home: string;
  /** What the server's processes printed so far, over all their lives. */
  readonly log: string;
  /** Settings of the running server, such as for `npm run admin`. */
  readonly env: Readonly<Record<string, string>>;
  /** Signs a person up and in. The name gets no suffix: each stack has its own accounts. */
  person(name: string): Promise<Person>;
  people<Names extends string[]>(...names: Names): Promise<{ [K in keyof Names]: Person }>;
  /** Makes the sessions of somebody as old as they can get. */
  outlive(name: string): Promise<void>;
  /** Ends the server by a signal (SIGTERM when none is given) and starts it again on the same data and ports. */
  restart(signal?: NodeJS.Signals): Promise<Ending>;
  kill9(): Promise<Ending>;
  /** Starts the server again after it ended. */
  start(): Promise<void>;
  /** Ends the server in order, without removing anything. */
  end(signal?: NodeJS.Signals): Promise<Ending>;
  /** Ends the server and removes its data. */
  stop(): Promise<Ending>;
};

/** A single node: one process with everything in it. */
export type SingleNode = Stack & {
  /** The internal listener: /livez, /readyz, /metrics. */
  readonly internalUrl: string;
  readonly dataDir: string;
  /** The process' number, for signals that the stories send themselves. */
  readonly pid: number;
};

/**
 * Starts a single node and resolves once it answers.
 *
 * @param overrides environment variables beside the stack's own; an empty value removes one
 */
export async function startSingleNode(overrides: Record<string, string> = {}): Promise<SingleNode> {
  return await withFreePorts(
    () => newSingleNode(overrides),
    (stack) => stack.start(),
  );
}

/** Between the look for a free port and its use another test process may have chosen the same one: then it tries again. */
export async function withFreePorts<S extends Pick<Stack, 'log' | 'stop'>>(
  make: () => Promise<S>,
  start: (stack: S) => Promise<void>,
): Promise<S> {
  for (let attempt = 1; ; attempt++) {
    const stack = await make();
    try {
      await start(stack);
      return stack;
    } catch (error) {
      await stack.stop();
      if (attempt === 3 || !/in use|EADDRINUSE/.test(`${stack.log} ${error}`)) throw error;
    }
  }
}

async function newSingleNode(overrides: Record<string, string>): Promise<SingleNode> {
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
  const dataDir = env.DATA_DIR || join(home, 'data');
  const program = createProgram('server', [script, home], env, (printed) => printed.includes('SecureChat is ready'));

  const stack: SingleNode = {
    url: `https://localhost:${http}`,
    chatUrl: `wss://localhost:${chat}/`,
    internalUrl: `http://127.0.0.1:${internal}`,
    home,
    dataDir,
    env,
    get pid() {
      return program.pid;
    },
    get log() {
      return program.log;
    },
    ...populated(() => stack),
    ...lifeOf(program, () => rmSync(home, { recursive: true, force: true })),
    outlive(name) {
      const database = new DatabaseSync(join(dataDir, 'securechat.db'));
      database.prepare(`UPDATE sessions SET expires_at = ? WHERE owner LIKE '%"${name}"%'`).run(Date.now() - 1);
      database.close();
      return Promise.resolve();
    },
  };
  return stack;
}

/** Those who come to a stack. */
export function populated(stack: () => Pick<Stack, 'url' | 'chatUrl'>): Pick<Stack, 'person' | 'people'> {
  return {
    person: (name) => createPerson(stack(), name),
    people: <Names extends string[]>(...names: Names) =>
      Promise.all(names.map((name) => createPerson(stack(), name))) as Promise<{ [K in keyof Names]: Person }>,
  };
}

/** What follows from how a server starts, how it ends, and what it leaves behind. */
export function lifeOf(
  { start, end }: Pick<Program, 'start' | 'end'>,
  remove: () => unknown,
): Pick<Stack, 'start' | 'end' | 'kill9' | 'restart' | 'stop'> {
  return {
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
      await remove();
      return ending;
    },
  };
}

/** Starts the process of a single node at home in a folder, and waits for nothing. */
export const launchSingleNode = (home: string, env: Record<string, string>) => launch([script, home], env);

let pair: { certPath: string; keyPath: string } | undefined;

/** One certificate for all servers of a test process. */
export function sharedPair() {
  if (pair !== undefined) return pair;
  const folder = mkdtempSync(join(tmpdir(), 'securechat-certs-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  makeOwnPair(folder);
  pair = ownPair(folder);
  return pair;
}
