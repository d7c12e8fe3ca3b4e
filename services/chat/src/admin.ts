/** What `npm run admin` may do to the conversation. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Environment } from '@securechat/shared/config';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { kyselyOnPostgres, migratePostgres, openPostgres } from '@securechat/shared/database.postgres';
import { DEFAULT_ROOM } from '@securechat/shared/protocol';
import type { Kysely } from 'kysely';
import { type ChatConfig, readChatConfig } from './config.ts';
import { createPostgresAppend, postgresMigrations } from './eventStore.postgres.ts';
import { createSqliteAppend } from './eventStore.sqlite.ts';
import { type Append, type ChatSchema, chatMigrations, createEventStore } from './eventStore.ts';

/** A running server holds the lock again and again, and this command has nothing else to do. */
const LOCK_WAIT_MS = 5_000;
const POSTGRES_WITHIN_MS = 5_000;

/** The author of what the keeper of the server does; its name is reserved, so nobody can have it. */
const keeper = { id: 'system', name: 'system' };

/**
 * Opens the conversation for administration, beside a running server or without one. Whoever changes something
 * announces it on the heads channel afterwards, or a running server notices within a few seconds by itself.
 *
 * @throws {ConfigError} when there is no database yet
 */
export async function openConversation(env: Environment) {
  const { db, append } = await openTables(readChatConfig(env));
  const store = createEventStore(db);

  return {
    /** Deletes anybody's message, as its author could: the words are erased, the number stays. */
    async deleteMessage(seq: number): Promise<'deleted' | 'not_found' | 'gone'> {
      const change = { kind: 'deleted', target: seq } as const;
      const outcomes = await append(DEFAULT_ROOM, [{ author: keeper, clientId: randomUUID(), change, asKeeper: true }], 0);
      const outcome = outcomes === 'older' ? undefined : outcomes[0];
      if (outcome?.kind === 'stored') return 'deleted';
      return outcome?.kind === 'refused' && outcome.code === 'gone' ? 'gone' : 'not_found';
    },

    /** After a restored copy: gives every room a new epoch, so that clients drop what the copy does not have. */
    async restored(): Promise<void> {
      for (const { room, epoch } of await store.heads(await store.rooms())) await store.renewEpoch(room, epoch);
    },

    close: () => db.destroy(),
  };
}

async function openTables(config: ChatConfig): Promise<{ db: Kysely<ChatSchema>; append: Append }> {
  if (config.MODE === 'distributed') {
    await migratePostgres(config.DATABASE_URL, 'chat', { ...chatMigrations, ...postgresMigrations }, POSTGRES_WITHIN_MS);
    const onError = () => undefined;
    const options = { max: 2, application: 'admin', withinMs: POSTGRES_WITHIN_MS, onError };
    const pool = await openPostgres(config.DATABASE_URL, options);
    return { db: kyselyOnPostgres<ChatSchema>(pool), append: createPostgresAppend(pool) };
  }
  const path = join(config.DATA_DIR, 'securechat.db');
  if (!existsSync(path))
    throw new ConfigError([`DATA_DIR: there is no database in ${config.DATA_DIR} yet. Start the server once.`]);
  const sqlite = openSqlite(path, LOCK_WAIT_MS);
  const db = kyselyOn<ChatSchema>(sqlite);
  await migrate(db, 'chat', chatMigrations);
  return { db, append: createSqliteAppend(sqlite) };
}
