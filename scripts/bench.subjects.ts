/** The servers that `npm run bench` puts under load, each with its processes. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startNginx } from '../tests/support/nginx.ts';
import { freePorts } from '../tests/support/ports.ts';
import { startReplicas } from '../tests/support/replicas.ts';
import { type Stack, sharedPair, startSingleNode } from '../tests/support/stack.ts';
import { projectFolder } from './home.ts';

/** How somebody comes in. */
export type Entrance = { cookie: string; firstFrame: string };

/** A server under load. */
export type Subject = {
  name: string;
  url: string;
  people: Entrance[];
  /** Its processes by what they are, without their children. */
  parts: Record<string, () => number[]>;
  /** Makes rooms that nobody is in; for servers that have rooms. */
  addRooms(ids: string[]): Promise<void>;
  stop(): Promise<unknown>;
};

/** Two servers to compare: ours, and what it is held against. */
export type Pair = { ours: Subject; naive: Subject };

const PEOPLE = 20;

/** Limits are not what is measured. The window is short, so that an account has as many entries as under the usual limit. */
const unlimited = {
  CONNECTIONS_PER_PERSON: '100000',
  CONNECTIONS_PER_ADDRESS: '65535',
  HANDSHAKES_PER_ADDRESS_PER_SECOND: '100000',
  RATE_LIMIT_MESSAGES: '1000000',
  RATE_LIMIT_WINDOW_SECONDS: '0.1',
  SIGNUPS_PER_ADDRESS_PER_HOUR: '100000',
  LOGIN_ATTEMPTS: '1000',
};

/** The single node with the flags of `npm start`, beside `ws` with TLS in Node. */
export async function startSinglePair(): Promise<Pair> {
  const stack = await startSingleNode({ ...unlimited, ...settingsOf(startScript()) });
  const ours: Subject = {
    name: 'SecureChat',
    url: stack.chatUrl,
    people: await entrancesOf(stack),
    parts: { node: () => [stack.pid] },
    addRooms: (ids) => Promise.resolve(addRoomsToSqlite(`${stack.dataDir}/securechat.db`, ids)),
    stop: stack.stop,
  };
  const { certPath, keyPath } = sharedPair();
  return { ours, naive: await startNaive([certPath, keyPath]) };
}

/** nginx, one auth and two chats with the flags of their image, Postgres and Redis, beside the same nginx before `ws`. */
export async function startReplicasPair(): Promise<Pair> {
  const stack = await startReplicas({ ...unlimited, ...settingsOf(chatOfImage()) });
  const ours: Subject = {
    name: '2 replicas',
    url: stack.chatUrl,
    people: await entrancesOf(stack),
    parts: {
      nginx: () => [stack.proxy.pid],
      chat: () => stack.chats.map(({ pid }) => pid),
      auth: () => stack.auths.map(({ pid }) => pid),
      redis: () => [stack.redis.pid()],
      postgres: () => [stack.postgres.pid ?? 0],
    },
    addRooms: (ids) => addRoomsToPostgres(String(stack.env.DATABASE_URL), ids),
    stop: stack.stop,
  };
  return { ours, naive: await startNaiveBehindNginx() };
}

/** All processes of a server, without their children. */
export const pidsOf = ({ parts }: Subject): number[] => Object.values(parts).flatMap((pids) => pids());

async function entrancesOf(stack: Stack): Promise<Entrance[]> {
  const entrances: Entrance[] = [];
  // One after the other: their passwords are computed on the cores that are measured.
  while (entrances.length < PEOPLE) {
    const { name, cookies } = await stack.person(`guest${entrances.length + 1}`);
    entrances.push({ cookie: cookies.header(), firstFrame: name });
  }
  return entrances;
}

// ---- settings ------------------------------------------------------------------------------------------------------

/** What package.json's start script puts before and behind `node`. */
function startScript(): string[] {
  const { scripts } = JSON.parse(readFileSync(`${projectFolder}/package.json`, 'utf8')) as { scripts: { start: string } };
  return scripts.start.split(' ');
}

/** What the Dockerfile says about chat. */
function chatOfImage(): string[] {
  const text = readFileSync(`${projectFolder}/Dockerfile`, 'utf8');
  return (/AS chat\n([\s\S]*?)\nFROM/.exec(text)?.[1] ?? '').split(/[\s"[\],]+/);
}

/** Variables and flags of Node among these words, as environment. */
function settingsOf(words: string[]): Record<string, string> {
  const variables = words.filter((word) => /^(MALLOC|NODE)_\w+=/.test(word)).map((word) => word.split('=') as [string, string]);
  const flags = words.filter((word) => word.startsWith('--'));
  return { ...Object.fromEntries(variables), NODE_OPTIONS: flags.join(' ') };
}

// ---- what it is held against ---------------------------------------------------------------------------------------

async function startNaive(pair: string[]): Promise<Subject> {
  const [port = 0] = await freePorts(1);
  const server = forkScript('bench.naive.ts', [String(port), ...pair]);
  await once(server, 'message');
  return {
    name: 'ws, naive',
    url: `wss://localhost:${port}/`,
    people: [{ cookie: '', firstFrame: 'hello' }],
    parts: { node: () => [server.pid ?? 0] },
    addRooms: () => Promise.reject(new Error('It has no rooms.')),
    stop: () => end(server),
  };
}

async function startNaiveBehindNginx(): Promise<Subject> {
  const naive = await startNaive([]);
  const [httpPort = 0, chatPort = 0] = await freePorts(2);
  const upstream = [Number(new URL(naive.url).port)];
  const proxy = await startNginx({ auth: upstream, chat: upstream, ...sharedPair(), httpPort, chatPort, env: unlimited });
  return {
    ...naive,
    name: 'nginx, naive',
    url: proxy.chatUrl,
    parts: { nginx: () => [proxy.pid], chat: () => pidsOf(naive) },
    async stop() {
      await proxy.stop();
      await naive.stop();
    },
  };
}

// ---- rooms ---------------------------------------------------------------------------------------------------------

function addRoomsToSqlite(file: string, ids: string[]) {
  const database = new DatabaseSync(file);
  for (const id of ids) database.prepare('INSERT INTO rooms (id, name, epoch) VALUES (?, ?, ?)').run(id, id, id);
  database.close();
}

async function addRoomsToPostgres(url: string, ids: string[]) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('insert into rooms (id, name, epoch) select id, id, id from unnest($1::text[]) as it(id)', [ids]);
  await client.end();
}

// ---- processes -----------------------------------------------------------------------------------------------------

/** Starts a script beside this one, or at a path from here, that talks to us. */
export function forkScript(name: string, words: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(name, import.meta.url)), words);
}

/** Ends a process and resolves when it has ended. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}
