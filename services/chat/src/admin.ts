/** What `npm run admin` may do to the conversation. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Environment } from '@securechat/shared/config';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { DEFAULT_ROOM } from '@securechat/shared/protocol';
import { readChatConfig } from './config.ts';
import { createSqliteAppend } from './eventStore.sqlite.ts';
import { type ChatSchema, chatMigrations, createEventStore } from './eventStore.ts';

/** A running server holds the lock again and again, and this command has nothing else to do. */
const LOCK_WAIT_MS = 5_000;

/** The author of what the keeper of the server does; its name is reserved, so nobody can have it. */
const keeper = { id: 'system', name: 'system' };

/**
 * Opens the conversation for administration, beside a running server or without one. Whoever changes something
 * announces it on the heads channel afterwards, or a running server notices within a few seconds by itself.
 *
 * @throws {ConfigError} when there is no database yet
 */
export async function openConversation(env: Environment) {
  const { DATA_DIR } = readChatConfig(env);
  const path = join(DATA_DIR, 'securechat.db');
  if (!existsSync(path)) throw new ConfigError([`DATA_DIR: there is no database in ${DATA_DIR} yet. Start the server once.`]);
  const sqlite = openSqlite(path, LOCK_WAIT_MS);
  const db = kyselyOn<ChatSchema>(sqlite);
  await migrate(db, 'chat', chatMigrations);
  const store = createEventStore(db);
  const append = createSqliteAppend(sqlite);

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
