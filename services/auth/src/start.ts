/** Auth's wiring: which adapters, which listeners, in which order. */
import { mkdirSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Bus } from '@securechat/shared/bus';
import type { Environment } from '@securechat/shared/config';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { startInternalServer } from '@securechat/shared/internalServer';
import type { Readiness, Running } from '@securechat/shared/lifecycle';
import type { Log } from '@securechat/shared/log';
import { clientAddress, networkOf } from '@securechat/shared/network';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { readKeyPair } from '@securechat/shared/tls';
import { createAccounts } from './accounts.ts';
import { createApp } from './app.ts';
import { type AuthConfig, internalUrl, publicUrl, readAuthConfig } from './config.ts';
import { createInternalRoutes } from './internal.ts';
import { createJournal } from './journal.ts';
import { listen } from './listener.ts';
import { loadPages } from './pages.ts';
import { createPasswords, type Hasher } from './passwords.ts';
import { createSqliteSessionStore, sessionMigrations } from './sessionStore.sqlite.ts';
import { cookieAttributes, createSessions } from './sessions.ts';
import { createThrottles } from './throttles.ts';
import { createUserStore, type Tables, userMigrations } from './userStore.ts';

export { readAuthConfig } from './config.ts';

const HOUR_MS = 3_600_000;

export type AuthOptions = {
  /** Must hold MODE, SECRET_KEY, SSL_CERT_PATH, SSL_KEY_PATH and DATA_DIR. */
  env: Environment;
  log: Log;
  bus: Bus;
  /** Shared with chat, which lives in the same process. */
  readiness: Readiness;
  /** Folder of the built pages. */
  pagesRoot?: string;
  /** A cheaper one than bcrypt makes tests quick. */
  hasher?: Hasher;
};

/**
 * Starts auth: the public https listener and the internal one.
 *
 * @returns the address for browsers and the internal address, once both answer
 * @throws {ConfigError} for settings, certificates or pages that are not in order
 */
export async function startAuth(options: AuthOptions): Promise<Running & { url: string; internalUrl: string }> {
  const { env, log, bus, readiness } = options;
  const config = readAuthConfig(env);
  const pair = readKeyPair(config.SSL_CERT_PATH, config.SSL_KEY_PATH);
  const pages = loadPages(options.pagesRoot ?? fileURLToPath(new URL('../../web/dist', import.meta.url)));
  const { started, close } = createStarted();
  try {
    mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 });
    const sqlite = openSqlite(join(config.DATA_DIR, 'securechat.db'));
    const db = kyselyOn<Tables>(sqlite);
    started.push(() => db.destroy());
    await migrate(db, 'auth', userMigrations);
    await migrate(db, 'auth_sessions', sessionMigrations);
    readiness.set('accounts', () => sqlite.prepare('SELECT 1').get() !== undefined);

    const users = createUserStore(db);
    const store = createSqliteSessionStore(sqlite, cookieAttributes);
    const secrets = config.SECRET_KEY;
    const sessions = createSessions({ store, secrets, generations: users.generations, log });
    const accounts = createAccounts({
      users,
      passwords: createPasswords(options.hasher),
      throttles: createThrottles(createMemoryRateLimiter, {
        attempts: config.LOGIN_ATTEMPTS,
        windowMs: config.LOGIN_WINDOW_SECONDS,
        signUpsPerHour: config.SIGNUPS_PER_ADDRESS_PER_HOUR,
      }),
      isSignUpOpen: config.SIGNUP === 'open',
    });
    started.push(purgeEveryHour(log, [store.purge, users.purgeDevices]));

    const routes = createInternalRoutes({ sessions, bus, secrets, log });
    const { INTERNAL_HOST, INTERNAL_PORT } = config;
    const internal = await startInternalServer({ host: INTERNAL_HOST, port: INTERNAL_PORT, readiness, routes });
    started.push(internal.close);

    const app = createApp({ pages, accounts, sessions, bus, log, journal: createJournal(log), ...publicFacts(config) });
    const listener = await listen(app, { pair, host: config.HOST, port: config.HTTP_PORT });
    started.push(listener.close);
    return { url: publicUrl(config), internalUrl: internalUrl(config), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What was started, to be ended in the opposite order. */
function createStarted() {
  const started: (() => Promise<void>)[] = [];
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
