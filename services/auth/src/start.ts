/** Auth's wiring: which adapters, which listeners, in which order. */
import type { IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Bus } from '@securechat/shared/bus';
import { ConfigError, type Environment } from '@securechat/shared/config';
import { startInternalServer } from '@securechat/shared/internalServer';
import type { Readiness, Running } from '@securechat/shared/lifecycle';
import type { Log } from '@securechat/shared/log';
import { clientAddress, networkOf } from '@securechat/shared/network';
import { createAccounts } from './accounts.ts';
import type { Adapters, Opened } from './adapters.ts';
import { createApp } from './app.ts';
import { type AuthConfig, internalUrl, publicUrl, readAuthConfig } from './config.ts';
import { createInternalRoutes } from './internal.ts';
import { createJournal } from './journal.ts';
import { listen } from './listener.ts';
import { loadPages } from './pages.ts';
import { createPasswords, type Hasher } from './passwords.ts';
import { createSessions } from './sessions.ts';
import { createThrottles } from './throttles.ts';
import { createUserStore } from './userStore.ts';

export { readAuthConfig } from './config.ts';

const HOUR_MS = 3_600_000;

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

/** What the other mode needs is not loaded: a single node stays small. */
async function openAdapters(config: AuthConfig, bus: Bus | undefined, log: Log, opened: Opened): Promise<Adapters> {
  if (config.MODE === 'distributed') {
    const { openDistributed } = await import('./adapters.distributed.ts');
    return openDistributed(config, log, opened);
  }
  if (bus === undefined) throw new ConfigError(['MODE is "single", which runs both services in one process: use npm start.']);
  const { openSingle } = await import('./adapters.single.ts');
  return openSingle(config, bus, opened);
}

/** What was started, to be ended in the opposite order. */
function createStarted() {
  const started: Opened = [];
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
