/** The adapters of a replica: Postgres for what was said, Redis for what is fleeting. */
import { randomUUID } from 'node:crypto';
import { createRedisAnnouncements } from '@securechat/shared/announcements.redis';
import { roomChannel, toPayload } from '@securechat/shared/bus';
import { createRedisBus } from '@securechat/shared/bus.redis';
import { closePostgres, kyselyOnPostgres, migratePostgres, openPostgres } from '@securechat/shared/database.postgres';
import type { Log } from '@securechat/shared/log';
import { CloseCode } from '@securechat/shared/protocol';
import { createRedisRateLimiter } from '@securechat/shared/rateLimiter.redis';
import { connectRedis, untilRedisAnswers } from '@securechat/shared/redis';
import { type Adapters, afterEach, keepFresh, type OnError, type Opened } from './adapters.ts';
import type { ChatConfig } from './config.ts';
import { createPostgresAppend, noticeExchange, postgresMigrations } from './eventStore.postgres.ts';
import { type ChatSchema, chatMigrations, createEventStore } from './eventStore.ts';
import type { RoomNews } from './hub.ts';
import { createMarks } from './marks.ts';
import { createRedisPresence } from './presence.redis.ts';
import { createRedisQuota } from './quota.redis.ts';

/** How long a start waits for stores that are starting too. */
const STORES_WITHIN_MS = 30_000;

/** @throws {ConfigError} when a store refuses us or does not answer in time */
export async function openDistributed(
  config: ChatConfig & { MODE: 'distributed' },
  log: Log,
  onError: OnError,
  opened: Opened,
): Promise<Adapters> {
  const onWarning = (sentence: string) => log.warn({ sentence }, 'database_may_lose');
  const replica = randomUUID();
  const redis = connectRedis(config.REDIS_URL, { onError, name: 'chat' });
  opened.push(() => Promise.resolve(redis.disconnect()));
  await untilRedisAnswers(redis, config.REDIS_URL, STORES_WITHIN_MS);
  const postgres = { onError, onWarning, withinMs: STORES_WITHIN_MS };
  // Readers must not take the places of those who write, or the other way round.
  const pool = await openPostgres(config.DATABASE_URL, { ...postgres, max: 8, application: 'chat' });
  opened.push(() => closePostgres(pool));
  const db = kyselyOnPostgres<ChatSchema>(pool);
  await migratePostgres(config.DATABASE_URL, 'chat', { ...chatMigrations, ...postgresMigrations }, STORES_WITHIN_MS);
  const appendPool = await openPostgres(config.DATABASE_URL, { ...postgres, max: 4, application: 'chat append' });
  opened.push(() => closePostgres(appendPool));
  const store = createEventStore(db);
  await noticeExchange(db);
  const marks = createMarks(redis);
  await marks.compareWith(store);
  const bus = await createRedisBus({ url: config.REDIS_URL, onError, onDeaf: () => log.warn('bus_was_deaf') });
  opened.push(bus.close);
  const quota = createRedisQuota(redis, replica, config.CONNECTIONS_PER_PERSON, onError);
  opened.push(() => Promise.resolve(quota.close()));
  const witness = keepFresh(async () => {
    for (const { room, epoch, head } of await store.heads(await store.rooms())) {
      bus.publish(roomChannel(room), toPayload({ kind: 'head', epoch, head } satisfies RoomNews));
      await marks.raise(room, epoch, head);
    }
  }, onError);
  opened.push(witness.close);
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
