/** Auth's wiring: which adapters, which listeners, in which order. */
import { mkdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Announcements } from '@securechat/shared/announcements';
import { createMemoryAnnouncements } from '@securechat/shared/announcements.memory';
import { createRedisAnnouncements } from '@securechat/shared/announcements.redis';
import type { Bus } from '@securechat/shared/bus';
import { createRedisBus } from '@securechat/shared/bus.redis';
import type { Environment } from '@securechat/shared/config';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { closePostgres, kyselyOnPostgres, migratePostgres, openPostgres } from '@securechat/shared/database.postgres';
import { startInternalServer } from '@securechat/shared/internalServer';
import type { Readiness, Running } from '@securechat/shared/lifecycle';
import { atMost, type Log } from '@securechat/shared/log';
import { clientAddress, networkOf } from '@securechat/shared/network';
import type { Budget, RateLimiter } from '@securechat/shared/rateLimiter';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { createRedisRateLimiter } from '@securechat/shared/rateLimiter.redis';
import { connectRedis, untilRedisAnswers } from '@securechat/shared/redis';
import { type KeyPair, readKeyPair } from '@securechat/shared/tls';
import type { Kysely } from 'kysely';
import { createAccounts } from './accounts.ts';
import { createApp } from './app.ts';
import { type AuthConfig, internalUrl, publicUrl, readAuthConfig } from './config.ts';
import { createInternalRoutes } from './internal.ts';
import { createJournal } from './journal.ts';
import { listen } from './listener.ts';
import { loadPages } from './pages.ts';
import { createPasswords, type Hasher } from './passwords.ts';
import { connectSessionRedis, createRedisSessionStore } from './sessionStore.redis.ts';
import { createSqliteSessionStore, sessionMigrations } from './sessionStore.sqlite.ts';
import type { SessionStore } from './sessionStore.ts';
import { cookieAttributes, createSessions } from './sessions.ts';
import { createThrottles } from './throttles.ts';
import { createUserStore, type Tables, userMigrations } from './userStore.ts';

export { readAuthConfig } from './config.ts';

const HOUR_MS = 3_600_000;
/** How long a start waits for stores that are starting too. */
const STORES_WITHIN_MS = 30_000;

export type AuthOptions = {
  /** Must hold MODE, SECRET_KEY and what the mode needs; see config.ts. */
  env: Environment;
  log: Log;
  /** Single node: shared with chat, which lives in the same process. */
  bus: Bus | undefined;
  readiness: Readiness;
  /** Folder of the built pages. */
  pagesRoot?: string;
  /** A cheaper one than bcrypt makes tests quick. */
  hasher?: Hasher;
};

/**
 * Starts auth: the public listener and the internal one.
 *
 * @returns the address for browsers and the internal address, once both answer
 * @throws {ConfigError} for settings, certificates, pages or stores that are not in order
 */
export async function startAuth(options: AuthOptions): Promise<Running & { url: string; internalUrl: string }> {
  const { env, readiness } = options;
  const log = options.log.child({ service: 'auth' });
  const config = readAuthConfig(env);
  const pages = loadPages(options.pagesRoot ?? fileURLToPath(new URL('../../web/dist', import.meta.url)));
  const { started, close } = createStarted();
  try {
    const adapters = await openAdapters(config, options.bus, log, started);
    const { db, store, bus, announcements, pair } = adapters;
    readiness.set('accounts', adapters.isReady);

    const isBehindProxy = pair === undefined;
    const users = createUserStore(db);
    const secrets = config.SECRET_KEY;
    const sessions = createSessions({ store, secrets, generations: users.generations, isBehindProxy, log });
    const accounts = createAccounts({
      users,
      passwords: createPasswords(options.hasher),
      throttles: createThrottles(adapters.createLimiter, {
        attempts: config.LOGIN_ATTEMPTS,
        windowMs: config.LOGIN_WINDOW_SECONDS,
        signUpsPerHour: config.SIGNUPS_PER_ADDRESS_PER_HOUR,
      }),
      isSignUpOpen: config.SIGNUP === 'open',
    });
    started.push(purgeEveryHour(log, [store.purge, users.purgeDevices]));

    const routes = createInternalRoutes({ sessions, announcements, bus, secrets, log });
    const { INTERNAL_HOST, INTERNAL_PORT } = config;
    const internal = await startInternalServer({ host: INTERNAL_HOST, port: INTERNAL_PORT, readiness, routes });
    started.push(internal.close);

    const app = createApp({
      pages,
      accounts,
      sessions,
      announcements,
      log,
      journal: createJournal(log),
      isBehindProxy,
      ...publicFacts(config),
    });
    const port = config.MODE === 'single' ? config.HTTP_PORT : config.LISTEN_PORT;
    const listener = await listen(app, { pair, host: config.HOST, port });
    started.push(listener.close);
    return { url: publicUrl(config), internalUrl: internalUrl(config), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Adapters = {
  db: Kysely<Tables>;
  store: SessionStore;
  bus: Bus;
  announcements: Announcements;
  createLimiter: (name: string, budget: Budget) => RateLimiter;
  /** The stores answer. */
  isReady: () => boolean | Promise<boolean>;
  /** Undefined when a proxy speaks TLS. */
  pair: KeyPair | undefined;
};
type Started = (() => Promise<void>)[];

function openAdapters(config: AuthConfig, bus: Bus | undefined, log: Log, started: Started): Promise<Adapters> {
  if (config.MODE === 'distributed') return openDistributed(config, log, started);
  if (bus === undefined) throw new TypeError('A single node shares its bus with chat.');
  return openSingle(config, bus, started);
}

async function openSingle(config: AuthConfig & { MODE: 'single' }, bus: Bus, started: Started): Promise<Adapters> {
  const pair = readKeyPair(config.SSL_CERT_PATH, config.SSL_KEY_PATH);
  mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 });
  const sqlite = openSqlite(join(config.DATA_DIR, 'securechat.db'));
  const db = kyselyOn<Tables>(sqlite);
  started.push(() => db.destroy());
  await migrate(db, 'auth', userMigrations);
  await migrate(db, 'auth_sessions', sessionMigrations);
  return {
    db,
    store: createSqliteSessionStore(sqlite, cookieAttributes),
    bus,
    announcements: createMemoryAnnouncements(bus),
    createLimiter: (_name, budget) => createMemoryRateLimiter(budget),
    isReady: () => sqlite.prepare('SELECT 1').get() !== undefined,
    pair,
  };
}

async function openDistributed(config: AuthConfig & { MODE: 'distributed' }, log: Log, started: Started): Promise<Adapters> {
  const onError = atMost<unknown>(1, (suppressed, err) => log.error({ err, suppressed }, 'store_failed'));
  const onWarning = (sentence: string) => log.warn({ sentence }, 'database_may_lose');
  const redis = connectRedis(config.REDIS_URL, { onError, name: 'auth' });
  started.push(() => Promise.resolve(redis.disconnect()));
  await untilRedisAnswers(redis, config.REDIS_URL, STORES_WITHIN_MS);
  const pool = await openPostgres(config.DATABASE_URL, {
    max: 10,
    application: 'auth',
    withinMs: STORES_WITHIN_MS,
    onError,
    onWarning,
  });
  started.push(() => closePostgres(pool));
  const db = kyselyOnPostgres<Tables>(pool);
  await migratePostgres(config.DATABASE_URL, 'auth', userMigrations, STORES_WITHIN_MS);
  const client = await connectSessionRedis(config.REDIS_URL, onError);
  started.push(() => Promise.resolve(client.destroy()));
  const bus = await createRedisBus({ url: config.REDIS_URL, onError });
  started.push(bus.close);
  return {
    db,
    store: createRedisSessionStore(client),
    bus,
    announcements: createRedisAnnouncements(redis, bus, onError),
    createLimiter: (name, budget) => createRedisRateLimiter(redis, name, budget),
    isReady: async () => (await Promise.all([pool.query('SELECT 1'), client.ping()])).length === 2,
    pair: undefined,
  };
}

/** What was started, to be ended in the opposite order. */
function createStarted() {
  const started: Started = [];
  const close = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  return { started, close };
}

/** What the public routes need to know of the settings. */
function publicFacts(config: AuthConfig) {
  return {
    chatPort: config.CHAT_PORT,
    settings: {
      'chat.port': String(config.CHAT_PORT),
      'max.chars': String(config.MAX_MESSAGE_CHARS),
      signup: config.SIGNUP,
    },
    whereIs(request: IncomingMessage) {
      const address = clientAddress(request, config.TRUSTED_PROXIES);
      return { address, network: networkOf(address) };
    },
  };
}

/** Forgets what has expired, now and every hour. Returns how to stop. */
function purgeEveryHour(log: Log, purges: (() => Promise<void>)[]): () => Promise<void> {
  const purge = () => {
    Promise.all(purges.map((one) => one())).catch((err: unknown) => log.error({ err }, 'purge_failed'));
  };
  purge();
  const timer = setInterval(purge, HOUR_MS).unref();
  return () => Promise.resolve(clearInterval(timer));
}
