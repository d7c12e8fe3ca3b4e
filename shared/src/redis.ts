/** Connections to Redis that answer soon or fail soon, and come back by themselves. */
import { Redis } from 'ioredis';
import { ConfigError } from './config.ts';

export type { Redis } from 'ioredis';

/** Longer than any command of ours takes; a person waits for the answer. */
const ANSWER_WITHIN_MS = 1_000;
/** A connection on which something was asked and nothing came for so long is dead, whatever TCP says. */
const SILENT_AT_MOST_MS = 3_000;
const CONNECT_WITHIN_MS = 2_000;
const RETRY_AT_MOST_EVERY_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;
const GOODBYE_MS = 500;

/**
 * Opens a connection. A command is tried once and answered, or rejected, within a second; while Redis is away commands
 * are rejected at once, and nothing is kept to be sent later. The connection is opened again for ever.
 *
 * @param options.name what `CLIENT LIST` shows; no spaces
 * @param options.onError hears of each failure of the connection, one per try
 */
export function connectRedis(url: string, options: { onError: (err: unknown) => void; name: string }): Redis {
  const redis = new Redis(url, {
    connectionName: options.name,
    maxRetriesPerRequest: 1,
    commandTimeout: ANSWER_WITHIN_MS,
    socketTimeout: SILENT_AT_MOST_MS,
    connectTimeout: CONNECT_WITHIN_MS,
    disconnectTimeout: GOODBYE_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // `ready` is told before subscriptions are taken up again: whoever subscribes does it himself, and knows when.
    autoResubscribe: false,
    keepAlive: KEEP_ALIVE_MS,
    retryStrategy: (tries) => Math.min(RETRY_AT_MOST_EVERY_MS, 50 * 2 ** Math.min(tries, 10)) * (0.5 + 0.5 * Math.random()),
  });
  redis.on('error', (error) => options.onError(withoutCommand(error)));
  return redis;
}

/**
 * Resolves when Redis has answered. Otherwise the connection is ended.
 *
 * @throws {ConfigError} at once when the password is refused, after `withinMs` when no Redis is there
 */
export async function untilRedisAnswers(redis: Redis, url: string, withinMs: number): Promise<void> {
  try {
    await isReady(redis, url, withinMs);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

function isReady(redis: Redis, url: string, withinMs: number): Promise<void> {
  if (redis.status === 'ready') return Promise.resolve();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let reason = 'no answer';
  const hear = (error: Error) => {
    reason = error.message;
    if (!/^(WRONGPASS|NOAUTH)/.test(reason)) return;
    reject(
      new ConfigError([`REDIS_URL: the Redis at ${placeOf(url)} refuses the password. Write it as redis://:PASSWORD@HOST.`]),
    );
  };
  const timer = setTimeout(() => {
    reject(new ConfigError([`REDIS_URL: no Redis answers at ${placeOf(url)} (${reason}). Start it, or correct REDIS_URL.`]));
  }, withinMs);
  redis.on('error', hear).once('ready', resolve);
  return promise.finally(() => {
    clearTimeout(timer);
    redis.off('error', hear).off('ready', resolve);
  });
}

/** Where a URL points to, without the password in it. */
function placeOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'that address';
}

/** An error of the client carries the whole command: the password, or the words of a message, which no log may have. */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command;
  return error;
}

/**
 * A Lua script as a function of its keys and arguments. Its text is sent once per connection, its name after that, and
 * so scripts and commands of one connection keep their order.
 *
 * @param name unique among the scripts of the connection
 */
export function defineScript(redis: Redis, name: string, lua: string) {
  redis.defineCommand(name, { lua });
  const run = Reflect.get(redis, name) as (...args: (string | number)[]) => Promise<unknown>;
  return async (keys: string[], args: (string | number)[]): Promise<unknown> => {
    try {
      return await run.call(redis, keys.length, ...keys, ...args);
    } catch (error) {
      throw withoutCommand(error);
    }
  };
}
