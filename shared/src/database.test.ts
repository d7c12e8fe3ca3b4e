import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { ConfigError } from './config.ts';
import { inTransaction, kyselyOn, migrate, openSqlite } from './database.ts';

type Schema = { guests: { name: string } };

test('a commit is on the disk when it returns: WAL with synchronous=FULL', (t) => {
  const sqlite = openSqlite(emptyFile(t));
  assert.deepEqual({ ...sqlite.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' });
  assert.deepEqual({ ...sqlite.prepare('PRAGMA synchronous').get() }, { synchronous: 2 });
  assert.deepEqual({ ...sqlite.prepare('PRAGMA foreign_keys').get() }, { foreign_keys: 1 });
  assert.deepEqual({ ...sqlite.prepare('PRAGMA secure_delete').get() }, { secure_delete: 1 });
  sqlite.close();
});

test('what is no database is told with its path and what to do, and stays as it is', (t) => {
  const path = emptyFile(t);
  writeFileSync(path, 'a letter, and longer than a hundred bytes so that it could be the head of a database '.repeat(20));
  const before = readFileSync(path);
  assert.throws(
    () => openSqlite(path),
    (error: Error) =>
      error instanceof ConfigError && error.message.includes(path) && /not a database.*restore/.test(error.message),
  );
  assert.deepEqual(readFileSync(path), before);
  assert.throws(() => openSqlite(join(path, 'below a file')), /cannot be opened \(ENOTDIR.*set DATA_DIR/);
});

test('migrations run once, in the order of their names, each service its own', async (t) => {
  const path = emptyFile(t);
  const ran: string[] = [];
  const step = (name: string): Migration => ({ up: async () => void ran.push(name) });
  const migrations = { '02-second': step('second'), '01-first': step('first') };
  for (const extra of [{}, {}, { '03-third': step('third') }]) {
    const db = kyselyOn<Schema>(openSqlite(path));
    await migrate(db, 'chat', { ...migrations, ...extra });
    await db.destroy();
  }
  assert.deepEqual(ran, ['first', 'second', 'third']);
  const db = kyselyOn<Schema>(openSqlite(path));
  await migrate(db, 'auth', migrations);
  await db.destroy();
  assert.deepEqual(ran.slice(3), ['first', 'second']);
});

test('a migration that fails leaves nothing behind, also not what the ones before it made', async (t) => {
  const db = kyselyOn<Schema>(openSqlite(emptyFile(t)));
  const good: Migration = { up: (d) => d.schema.createTable('guests').addColumn('name', 'text').execute() };
  const bad: Migration = { up: () => Promise.reject(new Error('a bad day')) };
  await assert.rejects(migrate(db, 'chat', { '01-good': good, '02-bad': bad }), /a bad day/);
  await assert.rejects(db.selectFrom('guests').selectAll().execute(), /no such table/);
  await migrate(db, 'chat', { '01-good': good });
  assert.deepEqual(await db.selectFrom('guests').selectAll().execute(), []);
  await db.destroy();
});

test('a transaction that fails half way is as if it had never begun', (t) => {
  const sqlite = openSqlite(emptyFile(t));
  sqlite.exec('CREATE TABLE guests (name TEXT)');
  assert.throws(
    () =>
      inTransaction(sqlite, () => {
        sqlite.exec("INSERT INTO guests VALUES ('alice')");
        throw new Error('a bad day');
      }),
    /a bad day/,
  );
  assert.equal(sqlite.isTransaction, false);
  assert.equal(
    inTransaction(sqlite, () => sqlite.prepare("INSERT INTO guests VALUES ('bob')").run().changes),
    1,
  );
  assert.deepEqual(
    sqlite
      .prepare('SELECT name FROM guests')
      .all()
      .map(({ name }) => name),
    ['bob'],
  );
  sqlite.close();
});

test('a second connection sees what the first committed, and nothing before', (t) => {
  const path = emptyFile(t);
  const [first, second] = [openSqlite(path), openSqlite(path)];
  first.exec('CREATE TABLE guests (name TEXT)');
  const seenBySecond = () => second.prepare('SELECT name FROM guests').all().length;
  inTransaction(first, () => {
    first.exec("INSERT INTO guests VALUES ('alice')");
    assert.equal(seenBySecond(), 0);
  });
  assert.equal(seenBySecond(), 1);
  first.close();
  second.close();
});

test('while another program holds the lock a write fails soon, instead of holding up everything else', (t) => {
  const path = emptyFile(t);
  const [ours, theirs] = [openSqlite(path), openSqlite(path)];
  ours.exec('CREATE TABLE guests (name TEXT)');
  theirs.exec('BEGIN IMMEDIATE');
  const askedAt = performance.now();
  assert.throws(() => inTransaction(ours, () => ours.exec("INSERT INTO guests VALUES ('alice')")), /locked/);
  assert.ok(performance.now() - askedAt < 2_000);
  theirs.exec('ROLLBACK');
  inTransaction(ours, () => ours.exec("INSERT INTO guests VALUES ('alice')"));
  ours.close();
  theirs.close();
});

test('queries through Kysely read rows and write them', async (t) => {
  const db = kyselyOn<Schema>(openSqlite(emptyFile(t)));
  await sql`create table guests (name text)`.execute(db);
  await db
    .insertInto('guests')
    .values([{ name: 'alice' }, { name: "bob'); drop table guests; --" }])
    .execute();
  const { numUpdatedRows } = await db
    .updateTable('guests')
    .set({ name: 'carol' })
    .where('name', '=', 'alice')
    .executeTakeFirstOrThrow();
  assert.equal(numUpdatedRows, 1n);
  assert.equal((await db.selectFrom('guests').selectAll().execute()).length, 2);
  await db.destroy();
});

function emptyFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-database-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'test.db');
}
