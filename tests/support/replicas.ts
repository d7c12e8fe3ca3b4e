/** The distributed server for a story: nginx in front of auth and chat replicas, with a Postgres and a Redis of their own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPostgres, type TestPostgres } from '@securechat/shared/postgres.fixture';
import { startRedis, type TestRedis } from '@securechat/shared/redis.fixture';
import { Redis } from 'ioredis';
import { type Nginx, startNginx } from './nginx.ts';
import { createPerson, type Doors, type Person, stranger } from './person.ts';
import { freePorts } from './ports.ts';
import { createProgram, type Ending, type Program } from './program.ts';
import { lifeOf, populated, type Stack, sharedPair, withFreePorts } from './stack.ts';

const scriptOf = (service: 'auth' | 'chat') => fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url));

/** One process of a service. */
export type Replica = Program & {
  /** The plain port that the proxy goes to. */
  readonly port: number;
  readonly internalUrl: string;
};

export type Replicas = Stack & {
  readonly auths: readonly Replica[];
  readonly chats: readonly Replica[];
  readonly postgres: TestPostgres;
  readonly redis: TestRedis;
  readonly proxy: Nginx;
  /** Signs somebody up and in who then connects to one chat replica, past the proxy. */
  personAt(chat: number, name: string): Promise<Person>;
  /** The same person on another device, at one chat replica, past the proxy. */
  deviceAt(chat: number, person: Person): Promise<Person>;
};

/** Starts everything, two chat replicas unless told otherwise, and resolves once the proxy's doors are open. */
export async function startReplicas(
  overrides: Record<string, string> = {},
  counts: { chats?: number; auths?: number } = {},
): Promise<Replicas> {
  return await withFreePorts(
    () => newReplicas(overrides, { chats: 2, auths: 1, ...counts }),
    (stack) => stack.start(),
  );
}

async function newReplicas(overrides: Record<string, string>, counts: { chats: number; auths: number }): Promise<Replicas> {
  const home = mkdtempSync(join(tmpdir(), 'securechat-'));
  const [[httpPort = 0, chatPort = 0, ...ports], postgres, redis] = await Promise.all([
    freePorts(2 + 2 * (counts.chats + counts.auths)),
    startPostgres(),
    startRedis(),
  ]);
  const pair = sharedPair();
  const [firstAuthInternal = 0] = ports.slice(1);
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    MODE: 'distributed',
    SECRET_KEY: 'the secret of these replicas, long enough',
    DATABASE_URL: await postgres.newDatabase(),
    REDIS_URL: redis.url,
    AUTH_URL: `http://127.0.0.1:${firstAuthInternal}`,
    HOST: '127.0.0.1',
    HTTP_PORT: String(httpPort),
    CHAT_PORT: String(chatPort),
    INTERNAL_PORT: String(firstAuthInternal),
    TRUSTED_PROXIES: '127.0.0.1',
    LOG_LEVEL: 'warn',
    ...overrides,
  };

  function replica(service: 'auth' | 'chat', index: number): Replica {
    const first = 2 * (service === 'auth' ? index : counts.auths + index);
    const [port = 0, internal = 0] = ports.slice(first);
    const own = { ...env, LISTEN_PORT: String(port), INTERNAL_PORT: String(internal) };
    const internalUrl = `http://127.0.0.1:${internal}`;
    const isReady = async () => (await fetch(`${internalUrl}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;
    const program = createProgram(`${service} ${index + 1}`, [scriptOf(service)], own, isReady);
    // The program's properties change while it lives: it must not be copied.
    return Object.assign(program, { port, internalUrl });
  }
  const auths = Array.from({ length: counts.auths }, (_, index) => replica('auth', index));
  const chats = Array.from({ length: counts.chats }, (_, index) => replica('chat', index));
  const services = [...auths, ...chats];
  let proxy: Nginx | undefined;
  const log = () => services.map((one) => one.log).join('');

  async function start() {
    await Promise.all(services.map((one) => one.start()));
    if (proxy !== undefined) return;
    const upstreams = { auth: auths.map(({ port }) => port), chat: chats.map(({ port }) => port) };
    proxy = await startNginx({ ...upstreams, ...pair, httpPort, chatPort, env: overrides });
  }

  async function end(signal?: NodeJS.Signals): Promise<Ending> {
    const endings = await Promise.all(services.filter(({ pid }) => pid > 0).map((one) => one.end(signal)));
    return endings.find(({ code }) => code !== 0) ?? { code: 0, signal: null };
  }

  const at = (chat: number): Doors => ({ url: stack.url, chatUrl: `ws://127.0.0.1:${chats[chat]?.port}/` });
  const stack: Replicas = {
    url: `https://localhost:${httpPort}`,
    chatUrl: `wss://localhost:${chatPort}/`,
    home,
    env,
    auths,
    chats,
    postgres,
    redis,
    get log() {
      return log();
    },
    get proxy() {
      if (proxy === undefined) throw new Error('The proxy was never started.');
      return proxy;
    },
    ...populated(() => stack),
    personAt: (chat, name) => createPerson(at(chat), name),
    async deviceAt(chat, { name, password }) {
      const device = stranger(at(chat), name, password);
      await device.logsIn();
      return device;
    },
    async outlive(name) {
      const client = new Redis(redis.url);
      for (const key of await client.keys('session:*')) {
        if ((await client.get(key))?.includes(`"name":"${name}"`)) await client.pexpire(key, 0);
      }
      client.disconnect();
    },
    ...lifeOf({ start, end }, async () => {
      await proxy?.stop();
      await Promise.all([postgres.stop(), redis.stop()]);
      rmSync(home, { recursive: true, force: true });
    }),
  };
  return stack;
}
