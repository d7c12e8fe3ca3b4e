import type { DatabaseSync } from 'node:sqlite';
import session, { type CookieOptions, type SessionData } from 'express-session';
import type { Migration } from 'kysely/migration';
import { endOf, LIFETIMES, type SessionOwner, type SessionStore, sessionHandle } from './sessionStore.ts';

type Row = { user: SessionOwner | undefined; createdAt: number; expiresAt: number };

/** Writing down each use would cost a disk write per request and tell nothing. */
const TOUCH_EVERY_MS = 60_000;

/**
 * The session store of a single node. Rows are found by a hash of the session's id, so that whoever reads the file or a
 * backup of it can sign in as nobody.
 *
 * @param cookie the attributes that every session's cookie has
 * @param now milliseconds since 1970
 */
export function createSqliteSessionStore(
  sqlite: DatabaseSync,
  cookie: CookieOptions,
  now: () => number = Date.now,
): SessionStore {
  const table = prepare(sqlite);

  function find(handle: string): Row | undefined {
    const row = table.find.get(handle, now());
    if (row === undefined) return undefined;
    const user = row.owner === null ? undefined : (JSON.parse(String(row.owner)) as SessionOwner);
    return { user, createdAt: Number(row.created_at), expiresAt: Number(row.expires_at) };
  }

  function save(handle: string, { user, createdAt = now() }: SessionData) {
    const owner = user === undefined ? null : JSON.stringify(user);
    table.save.run(handle, owner, createdAt, endOf(createdAt, now(), LIFETIMES));
  }

  function renew(handles: readonly string[]): Map<string, Row> {
    const rows = new Map<string, Row>();
    const stale: string[] = [];
    for (const handle of handles) {
      const row = find(handle);
      if (row === undefined) continue;
      const expiresAt = endOf(row.createdAt, now(), LIFETIMES);
      if (expiresAt - row.expiresAt >= TOUCH_EVERY_MS) stale.push(handle);
      rows.set(handle, { ...row, expiresAt });
    }
    if (stale.length > 0) table.prolong.run(now() + LIFETIMES.idleMs, LIFETIMES.absoluteMs, JSON.stringify(stale));
    return rows;
  }

  function load(handle: string): SessionData | null {
    const row = find(handle);
    if (row === undefined) return null;
    const { user, createdAt } = row;
    const stored = Object.assign(new session.Cookie(), cookie, { originalMaxAge: LIFETIMES.idleMs });
    return { cookie: stored, createdAt, ...(user !== undefined && { user }) };
  }

  // express-session's port is a class with methods of its own.
  class SqliteSessionStore extends session.Store implements SessionStore {
    get(id: string, callback: (error: unknown, session?: SessionData | null) => void) {
      tell(callback, () => load(sessionHandle(id)));
    }
    set(id: string, content: SessionData, callback: (error?: unknown) => void = () => {}) {
      tell(callback, () => save(sessionHandle(id), content));
    }
    override touch(id: string, _content: SessionData, callback: (error?: unknown) => void = () => {}) {
      tell(callback, () => void renew([sessionHandle(id)]));
    }
    destroy(id: string, callback: (error?: unknown) => void = () => {}) {
      tell(callback, () => void table.remove.run(sessionHandle(id)));
    }
    renew(handles: readonly string[]) {
      return Promise.resolve(renew(handles));
    }
    purge() {
      table.purge.run(now());
      return Promise.resolve();
    }
  }
  return new SqliteSessionStore();
}

function prepare(sqlite: DatabaseSync) {
  return {
    find: sqlite.prepare('SELECT owner, created_at, expires_at FROM sessions WHERE id = ? AND expires_at > ?'),
    // express-session saves once more what logging in has just saved: the condition spares the second disk write.
    save: sqlite.prepare(
      `INSERT INTO sessions (id, owner, created_at, expires_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
       WHERE owner IS NOT excluded.owner OR expires_at < excluded.expires_at - ${TOUCH_EVERY_MS}`,
    ),
    prolong: sqlite.prepare(
      'UPDATE sessions SET expires_at = min(?, created_at + ?) WHERE id IN (SELECT value FROM json_each(?))',
    ),
    remove: sqlite.prepare('DELETE FROM sessions WHERE id = ?'),
    purge: sqlite.prepare('DELETE FROM sessions WHERE expires_at <= ?'),
  };
}

/** Answers a callback once, with the result or the error. */
function tell<T>(callback: (error?: unknown, result?: T) => void, work: () => T) {
  let result: T;
  try {
    result = work();
  } catch (error) {
    callback(error);
    return;
  }
  callback(null, result);
}

/** The table of this file, to be made by shared/database's `migrate`. */
export const sessionMigrations: Record<string, Migration> = {
  '2026_11_sessions': {
    async up(db) {
      await db.schema
        .createTable('sessions')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('owner', 'text')
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('expires_at', 'bigint', (column) => column.notNull())
        .execute();
      await db.schema.createIndex('sessions_expiry').on('sessions').column('expires_at').execute();
    },
  },
};
