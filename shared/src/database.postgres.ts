/** The Postgres database of many replicas: durable commits, answers or failures within seconds, Kysely for ordinary queries. */
import { Socket } from 'node:net';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import type { Migration } from 'kysely/migration';
import pg from 'pg';
import { ConfigError } from './config.ts';
import { migrate } from './database.ts';

/** Connections to a Postgres, given out one by one. */
export type Postgres = pg.Pool;

export type PostgresOptions = {
  /** The most connections at a time. */
  max: number;
  /** Hears of connections that broke while nobody used them. */
  onError: (err: unknown) => void;
  /** Hears, in a sentence, that the server is set up so that it may lose what it acknowledged. */
  onWarning?: (sentence: string) => void;
  /** The name by which the connections can be told apart in pg_stat_activity. */
  application?: string;
  /** How long to wait for a Postgres that is starting up, in milliseconds. */
  withinMs?: number;
};

/** Together below three seconds: whoever asks a Postgres that is away or frozen hears so by then. */
const CONNECT_WITHIN_MS = 1_000;
const ANSWER_WITHIN_MS = 1_500;
const STATEMENT_MS = 5_000;
const LOCK_WAIT_MS = 3_000;
const KEEP_ALIVE_MS = 10_000;
/** How soon Postgres notices, in the middle of a statement, that whoever asked has gone. */
const LOOK_FOR_CLIENT_MS = 1_000;
const TRY_AGAIN_MS = 200;
const CLOSE_WITHIN_MS = 1_000;

/**
 * Connects to Postgres, waiting for one that is still starting up. On these connections a commit is on the disk when
 * it returns; every question is answered or fails within three seconds, also by a server that is frozen or behind a
 * line that was cut; what is bigint in SQL is a number here. A broken connection is thrown away, the next question
 * opens another.
 *
 * @throws {ConfigError} one line that names DATABASE_URL, without its password, when the server refuses us or cannot
 *   be reached within `withinMs`
 */
export async function openPostgres(url: string, options: PostgresOptions): Promise<Postgres> {
  const address = readAddress(url);
  const facts = await firstAnswer(address, options.withinMs ?? 30_000);
  for (const sentence of dangersIn(facts)) options.onWarning?.(sentence);
  return createPool(address, facts, {
    max: options.max,
    onError: options.onError,
    application: options.application ?? 'securechat',
    isPatient: false,
  });
}

/** Kysely on an open pool. Destroying it ends the pool. */
export function kyselyOnPostgres<Schema>(pool: Postgres): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: lendingTo(pool) }) });
}

/**
 * Brings the tables of one service up to date, as shared/database's `migrate` does, on a connection of its own that may
 * take as long as it needs. Safe when several replicas start at once: one migrates, the others wait for it.
 *
 * @throws {ConfigError} as {@link openPostgres}; and what a migration throws, which then leaves nothing behind
 */
export async function migratePostgres(
  url: string,
  service: string,
  migrations: Record<string, Migration>,
  withinMs = 30_000,
): Promise<void> {
  const address = readAddress(url);
  const facts = await firstAnswer(address, withinMs);
  const onError = () => undefined;
  const pool = createPool(address, facts, { max: 1, onError, application: `securechat migrating ${service}`, isPatient: true });
  const db = kyselyOnPostgres(pool);
  try {
    await migrate(db, service, migrations);
  } finally {
    await db.destroy();
  }
}

/** Ends a pool: what is being asked is answered first, within a second. A server that does not answer is not waited for. */
export async function closePostgres(pool: Postgres): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_WITHIN_MS);
  });
  const ending = pool.end().catch(() => undefined);
  await Promise.race([ending, patience]);
  clearTimeout(timer);
  for (const socket of socketsOf.get(pool) ?? []) socket.destroy();
}

// ---- the pool ------------------------------------------------------------------------------------------------------

type Facts = Map<string, string>;

/** The open sockets of each pool: pg itself waits for the other side's goodbye, which a frozen server never says. */
const socketsOf = new WeakMap<Postgres, Set<Socket>>();

function createPool(
  address: URL,
  facts: Facts,
  options: { max: number; onError: (err: unknown) => void; application: string; isPatient: boolean },
): Postgres {
  const { max, onError, application, isPatient } = options;
  const sockets = new Set<Socket>();
  const pool = new pg.Pool({
    connectionString: withSettings(address, facts).href,
    max,
    application_name: application,
    connectionTimeoutMillis: isPatient ? 0 : CONNECT_WITHIN_MS,
    // Asked of the client itself: a frozen server keeps no time.
    ...(!isPatient && { query_timeout: ANSWER_WITHIN_MS, statement_timeout: STATEMENT_MS, lock_timeout: LOCK_WAIT_MS }),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: numbersAsNumbers,
    stream() {
      const socket = new Socket();
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
  });
  socketsOf.set(pool, sockets);
  const hear = (err: Error) => {
    // The whole client, which pg adds, belongs in no log.
    delete (err as { client?: unknown }).client;
    onError(err);
  };
  pool.on('error', hear);
  // A connection that breaks while somebody uses it says so to them too; without a listener the process would end.
  pool.on('connect', (client) => void client.on('error', () => undefined));
  return pool;
}

/** https://www.postgresql.org/docs/current/libpq-connect.html: `options` holds settings of the session. */
function withSettings(address: URL, facts: Facts): URL {
  const settings = new URL(address);
  const given = settings.searchParams.get('options');
  // What is stronger than ours stays: with remote_apply a commit is also visible on the standby.
  const ours = [`-c synchronous_commit=${facts.get('synchronous_commit') === 'remote_apply' ? 'remote_apply' : 'on'}`];
  if (facts.has('client_connection_check_interval')) ours.push(`-c client_connection_check_interval=${LOOK_FOR_CLIENT_MS}`);
  settings.searchParams.set('options', [...(given === null ? [] : [given]), ...ours].join(' '));
  return settings;
}

/** A bigint comes as a number: our numbers stay far below 2^53, and SQLite gives numbers too. */
const INT8 = 20;
const numbersAsNumbers: NonNullable<pg.PoolConfig['types']> = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/**
 * The pool as Kysely sees it. Kysely gives a connection back whatever became of its query; one that timed out still
 * waits for its answer, and whoever asked next would wait behind it.
 */
function lendingTo(pool: Postgres): PostgresPool {
  return {
    options: pool.options,
    end: () => closePostgres(pool),
    async connect() {
      const client = await pool.connect();
      let fault: Error | undefined;
      const query = async (text: string, values: readonly unknown[]) => {
        if (fault !== undefined) throw fault;
        try {
          return await client.query(text, [...values]);
        } catch (error) {
          if (!isAnswer(error)) fault = error as Error;
          throw error;
        }
      };
      return { query, release: (isBroken?: boolean) => client.release(fault ?? isBroken) } as unknown as PostgresPoolClient;
    },
  };
}

/** True when Postgres refused a statement and its connection lives on. */
function isAnswer(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !/^(57P|08)/.test(error.code ?? '');
}

// ---- the first answer ----------------------------------------------------------------------------------------------

const remedy = 'Write postgres://USER:PASSWORD@HOST:PORT/DATABASE.';

function readAddress(url: string): URL {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  const isPostgres = address !== undefined && /^postgres(ql)?:$/.test(address.protocol);
  if (!isPostgres) throw new ConfigError([`DATABASE_URL is no address of a Postgres. ${remedy}`]);
  if (address.hostname === '' && !address.searchParams.has('host')) {
    throw new ConfigError([`DATABASE_URL names no host. ${remedy}`]);
  }
  if (address.pathname.length < 2) throw new ConfigError([`DATABASE_URL names no database. ${remedy}`]);
  if (!isDecodable(address)) throw new ConfigError(['DATABASE_URL holds a % that begins no code: write %25 for it.']);
  return address;
}

function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    return [username, password, pathname].every((part) => typeof decodeURIComponent(part) === 'string');
  } catch {
    return false;
  }
}

/** Asks until Postgres answers; what will not change by waiting is told at once. */
async function firstAnswer(address: URL, withinMs: number): Promise<Facts> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await askForFacts(address);
    } catch (error) {
      const complaint = complaintOf(address, error);
      if (!complaint.mayPass || performance.now() + TRY_AGAIN_MS > deadline) {
        throw new ConfigError([`DATABASE_URL: ${complaint.sentence}`]);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
  }
}

const WANTED_FACTS = ['fsync', 'full_page_writes', 'synchronous_commit', 'client_connection_check_interval'];

async function askForFacts(address: URL): Promise<Facts> {
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: address.href,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
    stream: () => socket,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const text = 'select name, setting from pg_settings where name = any($1)';
    const { rows } = await client.query<{ name: string; setting: string }>(text, [WANTED_FACTS]);
    return new Map(rows.map(({ name, setting }) => [name, setting]));
  } finally {
    client.end().catch(() => undefined);
    // Said goodbye to, but not waited for.
    socket.destroySoon();
    setTimeout(() => socket.destroy(), CLOSE_WITHIN_MS).unref();
  }
}

function dangersIn(facts: Facts): string[] {
  return ['fsync', 'full_page_writes']
    .filter((name) => facts.get(name) === 'off')
    .map(
      (name) => `Postgres runs with ${name}=off: a power failure can lose or damage messages that people saw. Set ${name}=on.`,
    );
}

/**
 * What went wrong, for people, without the password, and whether waiting may help.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
function complaintOf(address: URL, error: unknown): { sentence: string; mayPass: boolean } {
  const place = `${address.hostname || address.searchParams.get('host')}:${address.port || '5432'}`;
  const user = decodeURIComponent(address.username);
  const database = decodeURIComponent(address.pathname.slice(1));
  const { code = '', message } = error as { code?: string; message: string };
  switch (code) {
    case '28P01':
      return { sentence: `Postgres at ${place} does not accept the password of user ${user}. Correct it.`, mayPass: false };
    case '28000':
      return { sentence: `Postgres at ${place} does not let user ${user} in (${oneLine(message)}).`, mayPass: false };
    case '3D000':
      return { sentence: `Postgres at ${place} has no database ${database}. Create it, or name another.`, mayPass: false };
    case '42501':
      return { sentence: `user ${user} may not use the database ${database} at ${place}. Allow it.`, mayPass: false };
    case '57P03':
      return { sentence: `Postgres at ${place} is still starting up. Try again when it has.`, mayPass: true };
    default: {
      const reason = code === '' ? oneLine(message) : code;
      return {
        sentence: `Postgres at ${place} cannot be reached (${reason}). Is it running, and is the address right?`,
        mayPass: true,
      };
    }
  }
}

const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, 200);
