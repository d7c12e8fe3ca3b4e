/** The adapters of a single node: one SQLite file, and everything else in this process. */
import { join } from 'node:path';
import { createMemoryAnnouncements } from '@securechat/shared/announcements.memory';
import type { Bus } from '@securechat/shared/bus';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { CloseCode } from '@securechat/shared/protocol';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { readKeyPair } from '@securechat/shared/tls';
import { type Adapters, afterEach, keepFresh, type OnError, type Opened } from './adapters.ts';
import type { ChatConfig } from './config.ts';
import { compareWithWitness, createSqliteAppend, writeWitness } from './eventStore.sqlite.ts';
import { type ChatSchema, chatMigrations, createEventStore } from './eventStore.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { createMemoryQuota } from './quota.memory.ts';

/** @throws {ConfigError} when the certificate or the database is not in order */
export async function openSingle(
  config: ChatConfig & { MODE: 'single' },
  bus: Bus,
  onError: OnError,
  opened: Opened,
): Promise<Adapters> {
  const pair = readKeyPair(config.SSL_CERT_PATH, config.SSL_KEY_PATH);
  const sqlite = openSqlite(join(config.DATA_DIR, 'securechat.db'));
  const db = kyselyOn<ChatSchema>(sqlite);
  opened.push(() => db.destroy());
  await migrate(db, 'chat', chatMigrations);
  const store = createEventStore(db);
  const witnessPath = join(config.DATA_DIR, 'heads.json');
  await compareWithWitness(store, witnessPath);
  const witness = keepFresh(() => writeWitness(store, witnessPath), onError);
  opened.push(witness.close);
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
