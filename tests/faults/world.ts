/** The servers that the harness starts and breaks: replicas behind nginx with a Postgres and a Redis of their own, or a single node. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startPostgres, type TestPostgres } from '@securechat/shared/postgres.fixture';
import { startRedis, type TestRedis } from '@securechat/shared/redis.fixture';
import pg from 'pg';
import { type BusNoise, createBusNoise } from '../support/busNoise.ts';
import { type FaultProxy, startFaultProxy } from '../support/faultProxy.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { freePorts } from '../support/ports.ts';
import { createProgram, type Program } from '../support/program.ts';
import { sharedPair } from '../support/stack.ts';
import type { Restore, Row, Truth } from './record.ts';

/** While a program copies, the clients of this process live on. */
const execute = promisify(execFile);

export const checkout = fileURLToPath(new URL('../..', import.meta.url));

/** No promise here is about passwords. */
const cheapPasswords = { NODE_OPTIONS: `--import=${join(checkout, 'tests/support/cheapPasswords.ts')}` };
const FAKETIME = ['/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1', '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1'];
const SMALL_DISK_MB = 160;

/** A part whose clock can be moved while it runs. */
export type Clock = { env: Record<string, string>; moveBy(ms: number): void };

export type Replica = Program & {
  readonly port: number;
  /** Between this replica and Postgres, and between it and Redis. */
  readonly toPostgres: FaultProxy;
  readonly toRedis: FaultProxy;
  readonly bus: BusNoise;
  readonly clock: Clock | undefined;
};

export type Distributed = Awaited<ReturnType<typeof startDistributed>>;
export type SingleWorld = Awaited<ReturnType<typeof startSingle>>;
export type World = Distributed | SingleWorld;

// ---- what only some machines have ------------------------------------------------------------------------------------

const library = () => FAKETIME.find((path) => existsSync(path));
export const canMoveClocks = () => library() !== undefined;
export const isRoot = () => process.getuid?.() === 0;

/** Debian's faketime reads the file again and again: the clock of one program moves, the machine's stays. */
function createClock(folder: string, name: string): Clock | undefined {
  const preload = library();
  if (preload === undefined) return undefined;
  const file = join(folder, `${name}.time`);
  writeFileSync(file, '+0', { mode: 0o644 });
  return {
    env: { LD_PRELOAD: preload, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_CACHE_DURATION: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' },
    moveBy: (ms) => writeFileSync(file, `${ms < 0 ? '-' : '+'}${Math.abs(ms) / 1000}`),
  };
}

/** Redis' own allocator asks for the time while faketime is still being loaded, and hangs: it gets the one of the C library. */
const envOfRedis = (clock: Clock | undefined): Record<string, string> =>
  clock === undefined ? {} : { ...clock.env, LD_PRELOAD: `${clock.env.LD_PRELOAD}:libc.so.6` };

/** Folders of this process are made here, also while {@link withEnv} sends others elsewhere. */
export const temporary = tmpdir();
let turn: Promise<unknown> = Promise.resolve();

/** What is started meanwhile gets these variables; their values before come back afterwards. One at a time. */
function withEnv<T>(env: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const own = turn.then(async () => {
    const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
    Object.assign(process.env, env);
    try {
      return await work();
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
  turn = own.catch(() => undefined);
  return own;
}

/** A disk so small that it can be filled: a file system in memory, which only root may mount. */
export function mountSmallDisk(folder: string): boolean {
  if (!isRoot()) return false;
  try {
    mkdirSync(folder, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SMALL_DISK_MB}m,mode=755`, 'tmpfs', folder], { stdio: 'ignore' });
    mounted.add(folder);
    return true;
  } catch {
    return false;
  }
}

const mounted = new Set<string>();
process.once('exit', () => {
  for (const folder of mounted) unmount(folder);
});

function unmount(folder: string) {
  mounted.delete(folder);
  execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
}

/** Takes all room that is left on a file system, and returns how to give it back. */
async function fill(folder: string): Promise<() => void> {
  const ballast = join(folder, 'ballast');
  // It fails when the disk is full: that is what is wanted.
  await execute('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k']).catch(() => undefined);
  return () => rmSync(ballast, { force: true });
}

// ---- distributed -------------------------------------------------------------------------------------------------------

export type DistributedOptions = {
  /** The tree that the services run from. */
  root?: string;
  chats?: number;
  /** False: no nginx; clients connect to a replica themselves. */
  hasProxy?: boolean;
  hasClocks?: boolean;
  hasSmallDisk?: boolean;
  env?: Record<string, string>;
  /** Servers and accounts of another world that this one shares. */
  base?: Base;
};

export type Base = Awaited<ReturnType<typeof startBase>>;

/** Postgres, Redis and auth: what replicas of chat need. */
export async function startBase(options: { hasClocks?: boolean; hasSmallDisk?: boolean; env?: Record<string, string> } = {}) {
  const home = mkdtempSync(join(temporary, 'securechat-faults-'));
  execFileSync('chmod', ['755', home]);
  const disk = join(home, 'disk');
  const isSmall = options.hasSmallDisk === true && mountSmallDisk(disk);
  if (!isSmall) mkdirSync(disk);
  const clockOf = (name: string) => (options.hasClocks ? createClock(home, name) : undefined);
  const [postgresClock, redisClock] = [clockOf('postgres'), clockOf('redis')];
  // Postgres writes to the disk only what is to be durable now; everything that is not would be lost when it is killed.
  const settings = { wal_writer_delay: '10000', max_wal_size: '48MB', min_wal_size: '32MB', max_connections: '150' };
  const postgres = await withEnv({ ...postgresClock?.env, TMPDIR: disk }, () => startPostgres({ settings }));
  const redis = await withEnv(envOfRedis(redisClock), () => startRedis());
  const [httpPort = 0, chatPort = 0, authPort = 0, authInternal = 0] = await freePorts(4);
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    MODE: 'distributed',
    SECRET_KEY: 'the secret of the fault runs, which is long enough',
    DATABASE_URL: await postgres.newDatabase(),
    REDIS_URL: redis.url,
    AUTH_URL: `http://127.0.0.1:${authInternal}`,
    HOST: '127.0.0.1',
    HTTP_PORT: String(httpPort),
    CHAT_PORT: String(chatPort),
    TRUSTED_PROXIES: '127.0.0.1',
    LOG_LEVEL: 'error',
    ...options.env,
  };
  const auth = createProgram(
    'auth',
    [join(checkout, 'services/auth/src/main.ts')],
    { ...env, ...cheapPasswords, LISTEN_PORT: String(authPort), INTERNAL_PORT: String(authInternal) },
    isReadyAt(authInternal),
  );
  await auth.start();
  return {
    home,
    disk: isSmall ? disk : undefined,
    postgres,
    postgresFolder: () => join(disk, readdirSync(disk).find((name) => name.startsWith('securechat-postgres-')) ?? ''),
    postgresClock,
    redis,
    redisClock,
    auth,
    authPort,
    authUrl: `http://127.0.0.1:${authPort}`,
    httpPort,
    chatPort,
    env,
    startPostgresAgain: () => withEnv({ ...postgresClock?.env }, () => postgres.start()),
    startRedisAgain: () => withEnv(envOfRedis(redisClock), () => redis.start()),
    async stop() {
      await auth.end('SIGKILL');
      await Promise.all([postgres.stop(), redis.stop()]);
      if (isSmall) unmount(disk);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

const isReadyAt = (port: number) => async () =>
  (await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok;

export async function startDistributed(options: DistributedOptions = {}) {
  const { root = checkout, chats: count = 3, hasProxy = true } = options;
  const base = options.base ?? (await startBase(options));
  const { postgres, redis, home, env, chatPort } = base;
  const databaseUrl = options.base === undefined ? (env.DATABASE_URL ?? '') : await postgres.newDatabase();
  const ports = await freePorts(2 * count);
  const chats = await Promise.all(Array.from({ length: count }, (_, index) => newReplica(index)));
  let proxy: Nginx | undefined;
  let door: FaultProxy | undefined;

  async function newReplica(index: number): Promise<Replica> {
    const [port = 0, internal = 0] = ports.slice(2 * index);
    const bus = createBusNoise();
    const [toPostgres, toRedis] = await Promise.all([
      startFaultProxy({ target: postgres.port }),
      startFaultProxy({ target: redis.port, editAnswers: bus.editAnswers }),
    ]);
    const clock = options.hasClocks ? createClock(home, `chat-${index}`) : undefined;
    const own = {
      ...env,
      ...clock?.env,
      DATABASE_URL: throughPort(databaseUrl, toPostgres.port),
      REDIS_URL: throughPort(redis.url, toRedis.port),
      LISTEN_PORT: String(port),
      INTERNAL_PORT: String(internal),
    };
    const program = createProgram(`chat ${index + 1}`, [join(root, 'services/chat/src/main.ts')], own, isReadyAt(internal));
    // The program's properties change while it lives: it must not be copied.
    return Object.assign(program, { port, toPostgres, toRedis, bus, clock });
  }

  await Promise.all(chats.map((chat) => chat.start()));
  if (hasProxy) {
    const upstreams = { auth: [base.authPort], chat: chats.map(({ port }) => port) };
    proxy = await startNginx({ ...upstreams, ...sharedPair(), httpPort: base.httpPort, chatPort, env: {} });
    door = await startFaultProxy({ target: chatPort, keepsAddress: true });
  }

  // ---- the truth -------------------------------------------------------------------------------------------------------

  async function ask<T extends pg.QueryResultRow>(text: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 2_000, query_timeout: 20_000 });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<T>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async function truth(): Promise<Truth> {
    const [room] = await ask<{ epoch: string }>("select epoch from rooms where id = 'general'");
    const rows = await ask<DatabaseRow>("select * from events where room = 'general' order by seq");
    const reads = await ask<{ user_id: string; seq: string }>("select user_id, seq from reads where room = 'general'");
    return toTruth(room?.epoch ?? '', rows, reads);
  }

  async function readMarks(): Promise<Pick<Truth, 'epoch' | 'reads'>> {
    const rows = await ask<{ epoch: string; user_id: string; seq: string }>(
      "select epoch, user_id, seq from rooms join reads on reads.room = rooms.id where rooms.id = 'general'",
    );
    return { epoch: rows[0]?.epoch ?? '', reads: rows.map(({ user_id, seq }) => ({ userId: user_id, seq: Number(seq) })) };
  }

  // ---- copies ----------------------------------------------------------------------------------------------------------

  const redisFolder = readlinkSync(`/proc/${redis.pid()}/cwd`);
  let copies = 0;

  /** Copies the database while it runs, and Redis too if that is wanted. */
  async function takeCopy(withRedis: boolean): Promise<{ restore: () => Promise<Restore>; remove: () => void }> {
    copies += 1;
    const copy = join(home, `copy-${copies}`);
    const [data, redisCopy] = [join(base.postgresFolder(), 'data'), `${copy}-redis`];
    const program = pgProgram('pg_basebackup');
    await execute(program, ['-D', copy, '-X', 'stream', '-c', 'fast', '-d', postgres.url]);
    if (withRedis) cpSync(redisFolder, redisCopy, { recursive: true });

    async function restore(): Promise<Restore> {
      if (withRedis) await redis.kill9();
      await postgres.kill9();
      rmSync(data, { recursive: true, force: true });
      await execute('cp', ['-a', copy, data]);
      await execute('chmod', ['700', data]);
      if (isRoot()) await execute('chown', ['-R', 'postgres', data]);
      if (withRedis) {
        rmSync(join(redisFolder, 'appendonlydir'), { recursive: true, force: true });
        cpSync(join(redisCopy, 'appendonlydir'), join(redisFolder, 'appendonlydir'), { recursive: true });
      }
      // What was acknowledged from here on is in the copy that runs now.
      const at = performance.now();
      // Nobody may write before we have seen how far the copy goes.
      for (const { toPostgres } of chats) toPostgres.stall();
      try {
        await base.startPostgresAgain();
        if (withRedis) await base.startRedisAgain();
        const [row] = await ask<{ head: string }>("select coalesce(max(seq), 0) as head from events where room = 'general'");
        return { at, head: Number(row?.head ?? 0) };
      } finally {
        for (const { toPostgres } of chats) toPostgres.heal();
      }
    }
    return { restore, remove: () => rmSync(copy, { recursive: true, force: true }) };
  }

  /** Somebody looks at the whole database in one transaction and takes their time; returns how to end it. */
  async function holdSnapshot(): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: databaseUrl });
    client.on('error', () => {});
    await client.connect();
    await client.query('begin isolation level repeatable read');
    await client.query('select count(*) from events');
    return () => client.end().catch(() => undefined);
  }

  return {
    kind: 'distributed' as const,
    base,
    home,
    postgres: postgres as TestPostgres,
    redis: redis as TestRedis,
    chats,
    proxy,
    door,
    pagesUrl: hasProxy ? `https://localhost:${base.httpPort}` : base.authUrl,
    /** The front door, and the one behind which connections break. */
    chatUrl: hasProxy ? `wss://localhost:${chatPort}/` : `ws://127.0.0.1:${chats[0]?.port}/`,
    shakyUrl: door === undefined ? undefined : `wss://localhost:${door.port}/`,
    chatUrlOf: (chat: number) => `ws://127.0.0.1:${chats[chat]?.port}/`,
    truth,
    readMarks,
    ask,
    takeCopy,
    holdSnapshot,
    /** Fills the database's disk; undefined where it cannot be done. */
    fillDisk: base.disk === undefined ? undefined : () => fill(base.disk as string),
    /** Whether each is there, as it should be while nothing is wrong. */
    programs: () => chats.map(({ isRunning }, index) => ({ name: `replica ${index + 1}`, isRunning })),
    log: () => [...chats, base.auth].map((one) => one.log).join(''),
    async stop() {
      await Promise.all(chats.map((chat) => (chat.pid > 0 ? chat.end('SIGKILL') : undefined)));
      await Promise.all([
        proxy?.stop(),
        door?.close(),
        ...chats.flatMap(({ toPostgres, toRedis }) => [toPostgres.close(), toRedis.close()]),
      ]);
      if (options.base === undefined) await base.stop();
    },
  };
}

function throughPort(url: string, port: number): string {
  const through = new URL(url);
  through.port = String(port);
  return through.href;
}

function pgProgram(name: string): string {
  const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  return join('/usr/lib/postgresql', versions[0] ?? '', 'bin', name);
}

// ---- single node -------------------------------------------------------------------------------------------------------

export async function startSingle(options: { root?: string; hasClocks?: boolean; hasSmallDisk?: boolean } = {}) {
  const { root = checkout } = options;
  const home = mkdtempSync(join(temporary, 'securechat-faults-'));
  const disk = join(home, 'disk');
  const isSmall = options.hasSmallDisk === true && mountSmallDisk(disk);
  if (!isSmall) mkdirSync(disk);
  const dataDir = join(disk, 'data');
  const clock = options.hasClocks ? createClock(home, 'node') : undefined;
  const [httpPort = 0, chatPort = 0, internal = 0] = await freePorts(3);
  const { certPath, keyPath } = sharedPair();
  const env = {
    PATH: process.env.PATH ?? '',
    HOST: '127.0.0.1',
    HTTP_PORT: String(httpPort),
    CHAT_PORT: String(chatPort),
    INTERNAL_PORT: String(internal),
    DATA_DIR: dataDir,
    SSL_CERT_PATH: certPath,
    SSL_KEY_PATH: keyPath,
    LOG_LEVEL: 'error',
    ...cheapPasswords,
    ...clock?.env,
  };
  const node = createProgram('single node', [join(root, 'tests/support/singleNode.ts'), home], env, (printed) =>
    printed.includes('SecureChat is ready'),
  );
  await node.start();
  const door = await startFaultProxy({ target: chatPort, keepsAddress: true });
  const file = join(dataDir, 'securechat.db');
  let copies = 0;

  function ask<T>(text: string): T[] {
    const database = new DatabaseSync(file, { readOnly: true, timeout: 2_000 });
    try {
      return database.prepare(text).all() as T[];
    } finally {
      database.close();
    }
  }

  function truth(): Promise<Truth> {
    const [room] = ask<{ epoch: string }>("select epoch from rooms where id = 'general'");
    const rows = ask<DatabaseRow>("select * from events where room = 'general' order by seq");
    const reads = ask<{ user_id: string; seq: number }>("select user_id, seq from reads where room = 'general'");
    return Promise.resolve(toTruth(room?.epoch ?? '', rows, reads));
  }

  function readMarks(): Promise<Pick<Truth, 'epoch' | 'reads'>> {
    const rows = ask<{ epoch: string; user_id: string; seq: number }>(
      "select epoch, user_id, seq from rooms join reads on reads.room = rooms.id where rooms.id = 'general'",
    );
    return Promise.resolve({ epoch: rows[0]?.epoch ?? '', reads: rows.map(({ user_id, seq }) => ({ userId: user_id, seq })) });
  }

  /** A copy as a backup makes it, and its return while the node is down. */
  function takeCopy(): Promise<{ restore: () => Promise<Restore>; remove: () => void }> {
    copies += 1;
    const copy = join(home, `copy-${copies}.db`);
    const database = new DatabaseSync(file, { timeout: 2_000 });
    database.exec(`vacuum into '${copy}'`);
    database.close();

    async function restore(): Promise<Restore> {
      await node.end('SIGKILL');
      for (const end of ['', '-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
      cpSync(copy, file);
      const at = performance.now();
      const [row] = ask<{ head: number }>("select coalesce(max(seq), 0) as head from events where room = 'general'");
      await node.start();
      return { at, head: Number(row?.head ?? 0) };
    }
    return Promise.resolve({ restore, remove: () => rmSync(copy, { force: true }) });
  }

  return {
    kind: 'single' as const,
    home,
    node,
    clock,
    door,
    pagesUrl: `https://localhost:${httpPort}`,
    chatUrl: `wss://localhost:${chatPort}/`,
    shakyUrl: `wss://localhost:${door.port}/`,
    truth,
    readMarks,
    takeCopy,
    fillDisk: isSmall ? () => fill(disk) : undefined,
    programs: () => [{ name: 'the node', isRunning: node.isRunning }],
    log: () => node.log,
    async stop() {
      if (node.pid > 0) await node.end('SIGKILL');
      await door.close();
      if (isSmall) unmount(disk);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

// ---- rows --------------------------------------------------------------------------------------------------------------

type DatabaseRow = {
  seq: string | number;
  kind: Row['kind'];
  at: string | number;
  author_id: string;
  author_name: string;
  client_id: string;
  text: string | null;
  target: string | number | null;
  emoji: string | null;
  is_on: number | null;
};

function toTruth(epoch: string, rows: DatabaseRow[], reads: { user_id: string; seq: string | number }[]): Truth {
  return {
    epoch,
    rows: rows.map((row) => ({
      seq: Number(row.seq),
      kind: row.kind,
      at: Number(row.at),
      authorId: row.author_id,
      authorName: row.author_name,
      clientId: row.client_id,
      text: row.text,
      target: row.target === null ? null : Number(row.target),
      emoji: row.emoji,
      on: row.is_on === null ? null : row.is_on === 1,
    })),
    reads: reads.map(({ user_id, seq }) => ({ userId: user_id, seq: Number(seq) })),
  };
}
