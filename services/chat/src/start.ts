/** The chat service put together: the one place that chooses adapters. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Bus } from '@securechat/shared/bus';
import { ConfigError, type Environment } from '@securechat/shared/config';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import type { Readiness, Running } from '@securechat/shared/lifecycle';
import { atMost, type Log } from '@securechat/shared/log';
import { CloseCode } from '@securechat/shared/protocol';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { readKeyPair } from '@securechat/shared/tls';
import { type ChatConfig, readChatConfig } from './config.ts';
import { createEventLog } from './eventLog.ts';
import { compareWithWitness, createSqliteAppend, writeWitness } from './eventStore.sqlite.ts';
import { type Append, type ChatSchema, chatMigrations, createEventStore, type EventStore } from './eventStore.ts';
import { createHub } from './hub.ts';
import { createIdentityDesk } from './identity.ts';
import { type ChatMetrics, createChatMetrics } from './metrics.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { type Budgets, createRooms } from './rooms.ts';
import { type ChatServer, createChatServer, webSocketOptions } from './server.ts';
import { watchSessions } from './sessions.ts';

export { readChatConfig, webSocketOptions };

const WITNESS_EVERY_MS = 1_000;
/** How long a shutdown waits for changes that are being stored. */
const APPENDS_WITHIN_MS = 2_000;

/**
 * Starts the chat service on HOST:CHAT_PORT.
 *
 * @param options.env must hold AUTH_URL, SECRET_KEY and, in single mode, SSL_CERT_PATH, SSL_KEY_PATH and DATA_DIR
 * @param options.bus shared with auth, which announces ended sessions on it
 * @throws {ConfigError} for wrong settings; and what opening the database or listening throws
 */
export async function startChat(options: {
  env: Environment;
  log: Log;
  bus: Bus;
  readiness: Readiness;
}): Promise<Running & { url: string }> {
  const { bus, readiness } = options;
  const log = options.log.child({ service: 'chat' });
  const config = readChatConfig(options.env);
  if (config.MODE !== 'single') throw new ConfigError(['MODE must be "single": this release runs on one node.']);
  const pair = readKeyPair(config.SSL_CERT_PATH ?? '', config.SSL_KEY_PATH ?? '');
  const metrics = createChatMetrics();
  const storage = await openStorage(join(config.DATA_DIR, 'securechat.db'), join(config.DATA_DIR, 'heads.json'));
  const logError = atMost<unknown>(5, (suppressed, err) => log.error({ err, suppressed }, 'chat_failed'));
  const identities = createIdentityDesk({ authUrl: config.AUTH_URL, secret: config.SECRET_KEY[0] ?? '' });
  const sessions = await watchSessions({ bus, identities, onError: logError });

  const hub = createHub({
    store: storage.store,
    bus,
    onNews: (room, news) => rooms.onNews(room, news),
    onErased: (room, target) => eventLog.forgetText(room, target),
    onNewEpoch(room, members) {
      log.warn({ room: room.id, head: room.head }, 'epoch_renewed');
      eventLog.forgetAll();
      server.sendAway(members, CloseCode.Restarting);
    },
    onHoleFilled: (events) => metrics.gapsHealed.inc(events),
    onDuplicate: () => metrics.duplicates.inc(),
    onError: logError,
  });
  const eventLog = createEventLog({
    append: measured(storage.append, metrics),
    bus,
    floor: (room) => hub.headOf(room),
    onOlder: () => void hub.checkHeads().catch(logError),
    onError: logError,
  });
  const rooms = createRooms({
    store: storage.store,
    log: eventLog,
    hub,
    bus,
    presence: createMemoryPresence(),
    budgets: budgetsOf(config),
    rules: {
      version: readVersion(),
      textLength: config.MAX_MESSAGE_CHARS,
      messages: config.RATE_LIMIT_MESSAGES,
      windowMs: config.RATE_LIMIT_WINDOW_SECONDS,
      muteMs: config.RATE_LIMIT_MUTE_SECONDS,
      heartbeatMs: config.HEARTBEAT_INTERVAL_SECONDS,
      heartbeatTimeoutMs: config.HEARTBEAT_TIMEOUT_SECONDS,
    },
    onAgain: () => metrics.duplicates.inc(),
    onResume: (isComplete) => metrics.resumes.inc({ complete: String(isComplete) }),
    onError: logError,
  });
  const server: ChatServer = createChatServer({ config, pair, identities, sessions, rooms, metrics, log });
  readiness.set('chat', async () => !server.isDraining() && (await storage.store.rooms()).length > 0);
  await listen(server, config);

  return {
    url: `wss://localhost:${config.CHAT_PORT}/`,
    async close() {
      server.beginDraining();
      await eventLog.close(APPENDS_WITHIN_MS);
      // Before the goodbyes, or those whose words were stored last would not see them.
      await hub.close();
      await server.close();
      await rooms.close();
      await sessions.close();
      identities.close();
      await storage.close(logError);
    },
  };
}

/** The conversation's tables in a database file, and the witness beside it that notices an exchanged file. */
async function openStorage(path: string, witnessPath: string) {
  const sqlite: DatabaseSync = openSqlite(path);
  const db = kyselyOn<ChatSchema>(sqlite);
  await migrate(db, 'chat', chatMigrations);
  const store: EventStore = createEventStore(db);
  await compareWithWitness(store, witnessPath);
  const appendNow = createSqliteAppend(sqlite);
  let isStale = false;
  const append: Append = (room, drafts, floor) => {
    isStale = true;
    return appendNow(room, drafts, floor);
  };
  const keeper = setInterval(() => {
    if (!isStale) return;
    isStale = false;
    writeWitness(store, witnessPath).catch(() => {
      isStale = true;
    });
  }, WITNESS_EVERY_MS);
  keeper.unref();

  return {
    store,
    append,
    /** @param onError hears why the witness could not be written, as on a full disk: an older one does no harm */
    async close(onError: (err: unknown) => void) {
      clearInterval(keeper);
      await writeWitness(store, witnessPath).catch(onError);
      await db.destroy();
    },
  };
}

function measured(append: Append, { appendSeconds, events }: ChatMetrics): Append {
  return async (room, drafts, floor) => {
    const stop = appendSeconds.startTimer();
    const outcomes = await append(room, drafts, floor);
    stop();
    if (outcomes !== 'older') events.inc(outcomes.filter(({ kind }) => kind === 'stored').length);
    return outcomes;
  };
}

function budgetsOf(config: ChatConfig): Budgets {
  const { RATE_LIMIT_MESSAGES: limit, RATE_LIMIT_WINDOW_SECONDS: windowMs, RATE_LIMIT_MUTE_SECONDS: muteMs } = config;
  return {
    message: createMemoryRateLimiter({ limit, windowMs, muteMs }),
    change: createMemoryRateLimiter({ limit: 20, windowMs: 10_000, muteMs: 0 }),
    query: createMemoryRateLimiter({ limit: 60, windowMs: 10_000, muteMs: 0 }),
    lookUp: createMemoryRateLimiter({ limit: 10, windowMs: 1_000, muteMs: 0 }),
  };
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function listen({ server }: ChatServer, { HOST, CHAT_PORT }: ChatConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(CHAT_PORT, HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
