/** The adapters of a single node: one SQLite file, and everything else in this process. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createMemoryAnnouncements } from '@securechat/shared/announcements.memory';
import type { Bus } from '@securechat/shared/bus';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { readKeyPair } from '@securechat/shared/tls';
import type { Adapters, Opened } from './adapters.ts';
import type { AuthConfig } from './config.ts';
import { createSqliteSessionStore, sessionMigrations } from './sessionStore.sqlite.ts';
import { cookieAttributes } from './sessions.ts';
import { type Tables, userMigrations } from './userStore.ts';

/** @throws {ConfigError} when the certificate or the database is not in order */
export async function openSingle(config: AuthConfig & { MODE: 'single' }, bus: Bus, opened: Opened): Promise<Adapters> {
  const pair = readKeyPair(config.SSL_CERT_PATH, config.SSL_KEY_PATH);
  mkdirSync(config.DATA_DIR, { recursive: true, mode: 0o700 });
  const sqlite = openSqlite(join(config.DATA_DIR, 'securechat.db'));
  const db = kyselyOn<Tables>(sqlite);
  opened.push(() => db.destroy());
  await migrate(db, 'auth', userMigrations);
  await migrate(db, 'auth_sessions', sessionMigrations);
  return {
    db,
    store: createSqliteSessionStore(sqlite, cookieAttributes),
    bus,
    announcements: createMemoryAnnouncements(bus),
    createLimiter: (_name, budget) => createMemoryRateLimiter(budget),
    isReady: () => sqlite.prepare('SELECT 1').get() !== undefined,
    pair,
  };
}
