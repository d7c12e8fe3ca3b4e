/** The SQLite database of a single node: one file, durable commits, Kysely for ordinary queries. */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Kysely, SqliteAdapter, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { ConfigError } from './config.ts';

const MOST_PREPARED = 200;
/** While SQLite waits for another program's lock nothing else of the process runs, heartbeats included. */
const LOCK_WAIT_MS = 100;

/**
 * Opens the database file, making it when it is missing. A commit has reached the disk when it returns (WAL with
 * synchronous=FULL), so what was acknowledged survives kill -9 and power loss. Nobody but its owner may read a file
 * that is made here; SQLite gives the files that it keeps beside it the same permissions.
 *
 * Transactions of a running server must begin and end within one turn (see {@link inTransaction}): both services
 * write through connections of the same thread, and waiting for a lock that an earlier turn holds would be in vain.
 *
 * @param lockWaitMs how long a write waits while another program holds the lock, before it fails as "locked"
 * @throws {ConfigError} when the file cannot be opened or is no sound database
 */
export function openSqlite(path: string, lockWaitMs = LOCK_WAIT_MS): DatabaseSync {
  let sqlite: DatabaseSync | undefined;
  try {
    if (path !== ':memory:') closeSync(openSync(path, 'a', 0o600));
    sqlite = new DatabaseSync(path, { timeout: lockWaitMs });
    sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;');
    return sqlite;
  } catch (error) {
    sqlite?.close();
    throw new ConfigError([`The database ${path} cannot be opened (${(error as Error).message}). ${remedyFor(error)}`]);
  }
}

/** https://www.sqlite.org/rescode.html: SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_NOTADB */
function remedyFor(error: unknown): string {
  switch ((error as { errcode?: number }).errcode) {
    case 5:
      return 'Another program holds it: end that one, then try again.';
    case 11:
    case 26:
      return 'It is damaged: restore it from a backup, or set DATA_DIR to another folder to begin anew.';
    default:
      return 'Make it readable and writable for the user who runs the server, or set DATA_DIR to another folder.';
  }
}

/** Kysely on an open SQLite database. Destroying it closes the database. */
export function kyselyOn<Schema>(sqlite: DatabaseSync): Kysely<Schema> {
  return new Kysely<Schema>({ dialect: new TransactionalSqliteDialect({ database: asKyselyDatabase(sqlite) }) });
}

/** Runs `work` in one BEGIN IMMEDIATE transaction; an exception rolls back and goes on to the caller. */
export function inTransaction<T>(sqlite: DatabaseSync, work: () => T): T {
  sqlite.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    sqlite.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk may have ended the transaction already.
    if (sqlite.isTransaction) sqlite.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Brings the tables of one service up to date. Migrations run forward only, each once, all in one transaction.
 *
 * @param migrations by name; their alphabetical order is their order
 */
export async function migrate<Schema>(db: Kysely<Schema>, service: string, migrations: Record<string, Migration>) {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
    migrationTableName: `${service}_migrations`,
    migrationLockTableName: `${service}_migrations_lock`,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}

// SQLite's own DDL is transactional; Kysely's adapter says no because other SQLite drivers may not be.
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl() {
    return true;
  }
}
class TransactionalSqliteDialect extends SqliteDialect {
  override createAdapter() {
    return new TransactionalSqliteAdapter();
  }
}

/** The queries of the services are few and their texts are constant, so each is prepared once. */
function asKyselyDatabase(sqlite: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();

  function prepare(query: string): SqliteStatement {
    const statement = sqlite.prepare(query);
    const bind = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...bind(parameters)),
      run: (parameters) => statement.run(...bind(parameters)),
      iterate: (parameters) => statement.iterate(...bind(parameters)) as IterableIterator<unknown>,
    };
  }

  return {
    close: () => sqlite.close(),
    prepare(query) {
      const statement = prepared.get(query) ?? prepare(query);
      // A list of values makes a new text for each length: old ones go, so that nothing grows without bound.
      if (prepared.size >= MOST_PREPARED) prepared.delete(prepared.keys().next().value as string);
      prepared.set(query, statement);
      return statement;
    },
  };
}
