/** The adapters of auth behind a proxy: Postgres for accounts, Redis for sessions and limits. */
import { createRedisAnnouncements } from '@securechat/shared/announcements.redis';
import { createRedisBus } from '@securechat/shared/bus.redis';
import { closePostgres, kyselyOnPostgres, migratePostgres, openPostgres } from '@securechat/shared/database.postgres';
import { atMost, type Log } from '@securechat/shared/log';
import { createRedisRateLimiter } from '@securechat/shared/rateLimiter.redis';
import { connectRedis, untilRedisAnswers } from '@securechat/shared/redis';
import type { Adapters, Opened } from './adapters.ts';
import type { AuthConfig } from './config.ts';
import { connectSessionRedis, createRedisSessionStore } from './sessionStore.redis.ts';
import { type Tables, userMigrations } from './userStore.ts';

/** How long a start waits for stores that are starting too. */
const STORES_WITHIN_MS = 30_000;

/** @throws {ConfigError} when a store refuses us or does not answer in time */
export async function openDistributed(config: AuthConfig & { MODE: 'distributed' }, log: Log, opened: Opened): Promise<Adapters> {
  const onError = atMost<unknown>(1, (suppressed, err) => log.error({ err, suppressed }, 'store_failed'));
  const onWarning = (sentence: string) => log.warn({ sentence }, 'database_may_lose');
  const redis = connectRedis(config.REDIS_URL, { onError, name: 'auth' });
  opened.push(() => Promise.resolve(redis.disconnect()));
  await untilRedisAnswers(redis, config.REDIS_URL, STORES_WITHIN_MS);
  const pool = await openPostgres(config.DATABASE_URL, {
    max: 10,
    application: 'auth',
    withinMs: STORES_WITHIN_MS,
    onError,
    onWarning,
  });
  opened.push(() => closePostgres(pool));
  const db = kyselyOnPostgres<Tables>(pool);
  await migratePostgres(config.DATABASE_URL, 'auth', userMigrations, STORES_WITHIN_MS);
  const client = await connectSessionRedis(config.REDIS_URL, onError);
  opened.push(() => Promise.resolve(client.destroy()));
  const bus = await createRedisBus({ url: config.REDIS_URL, onError });
  opened.push(bus.close);
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
