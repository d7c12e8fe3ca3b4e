/** The chat service put together: the one place that chooses adapters. */
import { readFileSync } from 'node:fs';
import type { Bus } from '@securechat/shared/bus';
import { ConfigError, type Environment } from '@securechat/shared/config';
import { startInternalServer } from '@securechat/shared/internalServer';
import type { Readiness, Running } from '@securechat/shared/lifecycle';
import { atMost, type Log } from '@securechat/shared/log';
import { CloseCode } from '@securechat/shared/protocol';
import type { Budget, RateLimiter } from '@securechat/shared/rateLimiter';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import type { Adapters, OnError, Opened } from './adapters.ts';
import { type ChatConfig, readChatConfig } from './config.ts';
import { createEventLog } from './eventLog.ts';
import type { Append } from './eventStore.ts';
import { createHub } from './hub.ts';
import { createIdentityDesk } from './identity.ts';
import { type ChatMetrics, createChatMetrics } from './metrics.ts';
import { type Budgets, createRooms } from './rooms.ts';
import { type ChatServer, createChatServer, webSocketOptions } from './server.ts';
import { watchSessions } from './sessions.ts';
import { shareReads } from './sharedReads.ts';

export { readChatConfig, webSocketOptions };

/** How long a shutdown waits for changes that are being stored. */
const APPENDS_WITHIN_MS = 2_000;

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
      onDelivered: (room, event) => rooms.onDelivered(room, event),
      onTold: (event) => metrics.deliverySeconds.observe(Math.max(0, Date.now() - event.at) / 1000),
      onError: logError,
    });
    const eventLog = createEventLog({
      append: measured(adapters.append, metrics),
      bus,
      floor: (room) => hub.floorOf(room),
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

/** What the other mode needs is not loaded: a single node stays small. */
async function openAdapters(
  config: ChatConfig,
  { bus, log }: Pick<ChatOptions, 'bus' | 'log'>,
  onError: OnError,
  opened: Opened,
): Promise<Adapters> {
  if (config.MODE === 'distributed') {
    const { openDistributed } = await import('./adapters.distributed.ts');
    return openDistributed(config, log, onError, opened);
  }
  if (bus === undefined) throw new ConfigError(['MODE is "single", which runs both services in one process: use npm start.']);
  const { openSingle } = await import('./adapters.single.ts');
  return openSingle(config, bus, onError, opened);
}

// ---- parts ---------------------------------------------------------------------------------------------------------

/** What was started, to be ended in the opposite order. */
function createStarted() {
  const started: Opened = [];
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
