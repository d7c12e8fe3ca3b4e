/** The chat service put together: the one place that chooses adapters. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Announcements } from '@securechat/shared/announcements';
import { createMemoryAnnouncements } from '@securechat/shared/announcements.memory';
import { createRedisAnnouncements } from '@securechat/shared/announcements.redis';
import { type Bus, roomChannel, toPayload } from '@securechat/shared/bus';
import { createRedisBus } from '@securechat/shared/bus.redis';
import type { Environment } from '@securechat/shared/config';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { closePostgres, kyselyOnPostgres, migratePostgres, openPostgres } from '@securechat/shared/database.postgres';
import { startInternalServer } from '@securechat/shared/internalServer';
import type { Readiness, Running } from '@securechat/shared/lifecycle';
import { atMost, type Log } from '@securechat/shared/log';
import { CloseCode } from '@securechat/shared/protocol';
import type { Budget, RateLimiter } from '@securechat/shared/rateLimiter';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { createRedisRateLimiter } from '@securechat/shared/rateLimiter.redis';
import { connectRedis, untilRedisAnswers } from '@securechat/shared/redis';
import { type KeyPair, readKeyPair } from '@securechat/shared/tls';
import { type ChatConfig, readChatConfig } from './config.ts';
import { createEventLog } from './eventLog.ts';
import { createPostgresAppend, noticeExchange, postgresMigrations } from './eventStore.postgres.ts';
import { compareWithWitness, createSqliteAppend, writeWitness } from './eventStore.sqlite.ts';
import { type Append, type ChatSchema, chatMigrations, createEventStore, type EventStore } from './eventStore.ts';
import { createHub, type RoomNews } from './hub.ts';
import { createIdentityDesk } from './identity.ts';
import { createMarks } from './marks.ts';
import { type ChatMetrics, createChatMetrics } from './metrics.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { createRedisPresence } from './presence.redis.ts';
import type { Presence } from './presence.ts';
import { createMemoryQuota } from './quota.memory.ts';
import { createRedisQuota } from './quota.redis.ts';
import type { Quota } from './quota.ts';
import { type Budgets, createRooms } from './rooms.ts';
import { type ChatServer, createChatServer, type Farewell, webSocketOptions } from './server.ts';
import { watchSessions } from './sessions.ts';
import { shareReads } from './sharedReads.ts';

export { readChatConfig, webSocketOptions };

const WITNESS_EVERY_MS = 1_000;
/** How long a shutdown waits for changes that are being stored. */
const APPENDS_WITHIN_MS = 2_000;
/** How long a start waits for stores that are starting too. */
const STORES_WITHIN_MS = 30_000;

export type ChatOptions = {
  /** Must hold MODE, AUTH_URL, SECRET_KEY and what the mode needs; see config.ts. */
  env: Environment;
  log: Log;
  /** Single node: shared with auth, which announces ended sessions on it. */
  bus: Bus | undefined;
  readiness: Readiness;
};

/**
 * Starts the chat service.
 *
 * @throws {ConfigError} for settings and stores that are not in order; and what listening throws
 */
export async function startChat(options: ChatOptions): Promise<Running & { url: string }> {
  const { readiness } = options;
  const log = options.log.child({ service: 'chat' });
  const config = readChatConfig(options.env);
  const metrics = createChatMetrics();
  const logError = atMost<unknown>(5, (suppressed, err) => log.error({ err, suppressed }, 'chat_failed'));
  const { started, close } = createStarted();
  try {
    const adapters = await openAdapters(config, { bus: options.bus, log }, logError, started);
    const { bus, store, presence } = adapters;
    const identities = createIdentityDesk({ authUrl: config.AUTH_URL, secret: config.SECRET_KEY[0] ?? '' });
    started.push(() => Promise.resolve(identities.close()));
    const sessions = await watchSessions({ announcements: adapters.announcements, identities, onError: logError });
    started.push(sessions.close);

    const reads = shareReads(store);
    const hub = createHub({
      store,
      bus,
      onNews: (room, news) => rooms.onNews(room, news),
      onErased(room, target) {
        eventLog.forgetText(room, target);
        reads.forgetText(room, target);
      },
      onNewEpoch(room, members) {
        log.warn({ room: room.id, head: room.head }, 'epoch_renewed');
        eventLog.forgetAll();
        reads.forgetAll();
        server.sendAway(members, CloseCode.Restarting);
      },
      onHoleFilled: (events) => metrics.gapsHealed.inc(events),
      onDuplicate: () => metrics.duplicates.inc(),
      onTold: (event) => metrics.deliverySeconds.observe(Math.max(0, Date.now() - event.at) / 1000),
      onError: logError,
    });
    const eventLog = createEventLog({
      append: measured(adapters.append, metrics),
      bus,
      floor: (room) => hub.headOf(room),
      epoch: (room) => hub.epochOf(room),
      onOlder: () => void hub.checkHeads().catch(logError),
      onError: logError,
    });
    const rooms = createRooms({
      store: reads,
      log: eventLog,
      hub,
      bus,
      presence,
      budgets: budgetsOf(config, adapters.createLimiter),
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
    started.push(rooms.close);
    /** What was said up to now is stored, and written to those who are here. */
    const settled = () => eventLog.settled().then(hub.deliverNow);
    const { pair, quota } = adapters;
    const server: ChatServer = createChatServer({ config, pair, identities, sessions, rooms, quota, metrics, log });
    readiness.set('chat', async () => !server.isDraining() && (await store.rooms()).length > 0);
    started.push(async () => {
      server.beginDraining();
      rooms.beginDraining();
      await server.close(adapters.farewell(settled));
      await eventLog.close(APPENDS_WITHIN_MS);
      await hub.close();
    });
    await listen(server, config);
    if (config.MODE === 'distributed') {
      const internal = await startInternalServer({ host: config.INTERNAL_HOST, port: config.INTERNAL_PORT, readiness });
      started.unshift(internal.close);
    }
    return { url: `wss://localhost:${config.CHAT_PORT}/`, close };
  } catch (error) {
    await close();
    throw error;
  }
}

// ---- adapters ------------------------------------------------------------------------------------------------------

type Adapters = {
  bus: Bus;
  announcements: Announcements;
  store: EventStore;
  append: Append;
  presence: Presence;
  quota: Quota;
  createLimiter: (name: string, budget: Budget) => RateLimiter;
  /** How people are sent away at a shutdown. */
  farewell: (settled: () => Promise<void>) => Farewell;
  /** Undefined when a proxy speaks TLS. */
  pair: KeyPair | undefined;
};
type Started = (() => Promise<void>)[];
type OnError = (err: unknown) => void;

function openAdapters(
  config: ChatConfig,
  { bus, log }: Pick<ChatOptions, 'bus' | 'log'>,
  onError: OnError,
  started: Started,
): Promise<Adapters> {
  if (config.MODE === 'distributed') return openDistributed(config, log, onError, started);
  if (bus === undefined) throw new TypeError('A single node shares its bus with auth.');
  return openSingle(config, bus, onError, started);
}

async function openSingle(
  config: ChatConfig & { MODE: 'single' },
  bus: Bus,
  onError: OnError,
  started: Started,
): Promise<Adapters> {
  const pair = readKeyPair(config.SSL_CERT_PATH, config.SSL_KEY_PATH);
  const sqlite = openSqlite(join(config.DATA_DIR, 'securechat.db'));
  const db = kyselyOn<ChatSchema>(sqlite);
  started.push(() => db.destroy());
  await migrate(db, 'chat', chatMigrations);
  const store = createEventStore(db);
  const witnessPath = join(config.DATA_DIR, 'heads.json');
  await compareWithWitness(store, witnessPath);
  const witness = keepFresh(() => writeWitness(store, witnessPath), onError);
  started.push(witness.close);
  return {
    bus,
    announcements: createMemoryAnnouncements(bus),
    store,
    append: afterEach(createSqliteAppend(sqlite), witness.touch),
    presence: createMemoryPresence(),
    quota: createMemoryQuota(config.CONNECTIONS_PER_PERSON),
    createLimiter: (_name, budget) => createMemoryRateLimiter(budget),
    farewell: (settled) => ({ code: CloseCode.GoingAway, spreadMs: 0, returnWithinMs: 3_000, settled }),
    pair,
  };
}

async function openDistributed(
  config: ChatConfig & { MODE: 'distributed' },
  log: Log,
  onError: OnError,
  started: Started,
): Promise<Adapters> {
  const onWarning = (sentence: string) => log.warn({ sentence }, 'database_may_lose');
  const replica = randomUUID();
  const redis = connectRedis(config.REDIS_URL, { onError, name: 'chat' });
  started.push(() => Promise.resolve(redis.disconnect()));
  await untilRedisAnswers(redis, config.REDIS_URL, STORES_WITHIN_MS);
  const postgres = { onError, onWarning, withinMs: STORES_WITHIN_MS };
  // Readers must not take the places of those who write, or the other way round.
  const pool = await openPostgres(config.DATABASE_URL, { ...postgres, max: 8, application: 'chat' });
  started.push(() => closePostgres(pool));
  const db = kyselyOnPostgres<ChatSchema>(pool);
  await migratePostgres(config.DATABASE_URL, 'chat', { ...chatMigrations, ...postgresMigrations }, STORES_WITHIN_MS);
  const appendPool = await openPostgres(config.DATABASE_URL, { ...postgres, max: 4, application: 'chat append' });
  started.push(() => closePostgres(appendPool));
  const store = createEventStore(db);
  await noticeExchange(db);
  const marks = createMarks(redis);
  await marks.compareWith(store);
  const bus = await createRedisBus({ url: config.REDIS_URL, onError });
  started.push(bus.close);
  const quota = createRedisQuota(redis, replica, config.CONNECTIONS_PER_PERSON, onError);
  started.push(() => Promise.resolve(quota.close()));
  const witness = keepFresh(async () => {
    for (const { room, epoch, head } of await store.heads(await store.rooms())) {
      bus.publish(roomChannel(room), toPayload({ kind: 'head', epoch, head } satisfies RoomNews));
      await marks.raise(room, epoch, head);
    }
  }, onError);
  started.push(witness.close);
  return {
    bus,
    announcements: createRedisAnnouncements(redis, bus, onError),
    store,
    append: afterEach(createPostgresAppend(appendPool), witness.touch),
    presence: createRedisPresence(redis, replica),
    quota,
    createLimiter: (name, budget) => createRedisRateLimiter(redis, name, budget),
    farewell: (settled) => ({ code: CloseCode.Restarting, spreadMs: 5_000, returnWithinMs: 1_000, settled }),
    pair: undefined,
  };
}

/** A witness is written anew once a second while there is something new to note; an older one does no harm. */
function keepFresh(write: () => Promise<void>, onError: OnError) {
  let isStale = false;
  const keeper = setInterval(() => {
    if (!isStale) return;
    isStale = false;
    write().catch(() => {
      isStale = true;
    });
  }, WITNESS_EVERY_MS);
  keeper.unref();
  return {
    touch() {
      isStale = true;
    },
    async close() {
      clearInterval(keeper);
      await write().catch(onError);
    },
  };
}

const afterEach =
  (append: Append, note: () => void): Append =>
  (room, drafts, floor, epoch) => {
    note();
    return append(room, drafts, floor, epoch);
  };

// ---- parts ---------------------------------------------------------------------------------------------------------

/** What was started, to be ended in the opposite order. */
function createStarted() {
  const started: Started = [];
  const close = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  return { started, close };
}

function measured(append: Append, { appendSeconds, events }: ChatMetrics): Append {
  return async (room, drafts, floor, epoch) => {
    const stop = appendSeconds.startTimer();
    const outcomes = await append(room, drafts, floor, epoch);
    stop();
    if (outcomes !== 'older') events.inc(outcomes.filter(({ kind }) => kind === 'stored').length);
    return outcomes;
  };
}

function budgetsOf(config: ChatConfig, createLimiter: Adapters['createLimiter']): Budgets {
  const { RATE_LIMIT_MESSAGES: limit, RATE_LIMIT_WINDOW_SECONDS: windowMs, RATE_LIMIT_MUTE_SECONDS: muteMs } = config;
  const queries: Budget = { limit: 60, windowMs: 10_000, muteMs: 0 };
  return {
    message: createLimiter('message', { limit, windowMs, muteMs }),
    change: createLimiter('change', { limit: 20, windowMs: 10_000, muteMs: 0 }),
    // Reading goes on while Redis is away; each replica then counts by itself.
    query: orElse(createLimiter('query', queries), createMemoryRateLimiter(queries)),
    lookUp: createMemoryRateLimiter({ limit: 10, windowMs: 1_000, muteMs: 0 }),
  };
}

/** A limiter that asks another one while the first cannot be asked. */
function orElse(first: RateLimiter, spare: RateLimiter): RateLimiter {
  return {
    take: (...asked) => first.take(...asked).catch(() => spare.take(...asked)),
    giveBack: (...given) => first.giveBack(...given).catch(() => spare.giveBack(...given)),
    clear: (key) => first.clear(key).catch(() => spare.clear(key)),
  };
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function listen({ server }: ChatServer, config: ChatConfig): Promise<void> {
  const port = config.MODE === 'single' ? config.CHAT_PORT : config.LISTEN_PORT;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, config.HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
