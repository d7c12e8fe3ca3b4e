import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { ConfigError } from './config.ts';
import { kyselyOnPostgres, migratePostgres, openPostgres, type Postgres, type PostgresOptions } from './database.postgres.ts';
import { migrate } from './database.ts';
import { startPostgres, type TestPostgres } from './postgres.fixture.ts';

type Schema = { guests: { name: string; age: number } };

const guests: Migration = {
  up: (db: Kysely<unknown>) =>
    db.schema
      .createTable('guests')
      .addColumn('name', 'text')
      .addColumn('age', 'bigint')
      .execute()
      .then(() => undefined),
};

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

test('a commit is on the disk when it returns, and nobody waits for ever', async (t) => {
  const { pool } = await open(t, { application: 'the test' });
  const setting = async (name: string) => (await pool.query<Record<string, string>>(`show ${name}`)).rows[0]?.[name];
  assert.equal(await setting('synchronous_commit'), 'on');
  assert.equal(await setting('statement_timeout'), '5s');
  assert.equal(await setting('lock_timeout'), '3s');
  assert.equal(await setting('client_connection_check_interval'), '1s');
  assert.equal(await setting('application_name'), 'the test');
});

test('a wish in the address for less than durable commits is not granted, another one is', async (t) => {
  const url = `${await server.newDatabase()}?options=${encodeURIComponent('-c synchronous_commit=off -c work_mem=5MB')}`;
  const { pool } = await open(t, {}, url);
  assert.equal((await pool.query('show synchronous_commit')).rows[0].synchronous_commit, 'on');
  assert.equal((await pool.query('show work_mem')).rows[0].work_mem, '5MB');
});

test('numbers are numbers: bigint columns, counts and maxima', async (t) => {
  const { pool, db } = await open(t);
  await migrate(db, 'test', { '01-guests': guests });
  await db
    .insertInto('guests')
    .values({ name: 'alice', age: 2 ** 52 })
    .execute();
  const row = await db
    .selectFrom('guests')
    .select((of) => ['age', of.fn.countAll<number>().as('count'), of.fn.max('age').as('oldest')])
    .groupBy('age')
    .executeTakeFirstOrThrow();
  assert.deepEqual({ ...row }, { age: 2 ** 52, count: 1, oldest: 2 ** 52 });
  assert.equal((await pool.query('select null::bigint as nothing')).rows[0].nothing, null);
});

test('five replicas that start at once on an empty database migrate it once', async (t) => {
  const url = await server.newDatabase();
  const once: Migration = {
    up: (db: Kysely<unknown>) => sql`insert into guests values ('alice', 7)`.execute(db).then(() => undefined),
  };
  const migrations = { '01-guests': guests, '02-alice': once };
  await Promise.all(Array.from({ length: 5 }, () => migratePostgres(url, 'test', migrations)));
  const { db } = await open(t, {}, url);
  await migrate(db, 'test', migrations);
  assert.deepEqual(await db.selectFrom('guests').selectAll().execute(), [{ name: 'alice', age: 7 }]);
});

test('a migration that fails leaves nothing behind, also not what the ones before it made', async (t) => {
  const url = await server.newDatabase();
  const bad: Migration = { up: () => Promise.reject(new Error('a bad day')) };
  await assert.rejects(migratePostgres(url, 'test', { '01-guests': guests, '02-bad': bad }), /a bad day/);
  const { db } = await open(t, {}, url);
  await assert.rejects(db.selectFrom('guests').selectAll().execute(), /relation "guests" does not exist/);
  await migratePostgres(url, 'test', { '01-guests': guests });
  assert.deepEqual(await db.selectFrom('guests').selectAll().execute(), []);
});

test('a migration may take longer than a question may', async () => {
  const slow: Migration = { up: (db: Kysely<unknown>) => sql`select pg_sleep(1.7)`.execute(db).then(() => undefined) };
  await migratePostgres(await server.newDatabase(), 'test', { '01-slow': slow });
});

test('what is wrong with the address is told in one line, without the password', async () => {
  const wrong = new URL(server.url);
  wrong.password = 'not-the-password';
  const stranger = new URL(server.url);
  stranger.username = 'mallory';
  const elsewhere = new URL(server.url);
  elsewhere.pathname = '/nowhere';
  const askedAt = performance.now();
  for (const [url, expected] of [
    [wrong.href, /^DATABASE_URL: .*127\.0\.0\.1:\d+ does not accept the password of user securechat/],
    [stranger.href, /^DATABASE_URL: .*does not accept the password of user mallory/],
    [elsewhere.href, /^DATABASE_URL: .*has no database nowhere/],
    ['not an address', /^DATABASE_URL is no address of a Postgres/],
    ['redis://127.0.0.1/x', /^DATABASE_URL is no address of a Postgres/],
    ['postgres://securechat:not-the-password@127.0.0.1', /^DATABASE_URL names no database/],
    ['postgres:///chat', /^DATABASE_URL names no host/],
    ['postgres://a:not-the-password%@127.0.0.1/chat', /^DATABASE_URL holds a %/],
  ] as const) {
    const error = await complaintOf(url, 30_000);
    assert.match(error.message, expected);
    assert.equal(error.problems.length, 1);
    assert.doesNotMatch(error.message, /\n|not-the-password/);
    assert.ok(!error.message.includes(server.password));
  }
  // At once: waiting would change nothing.
  assert.ok(performance.now() - askedAt < 5_000);
});

test('a host that nobody reaches is told after the time that was given', async () => {
  const address = new URL(server.url);
  address.port = '1';
  const askedAt = performance.now();
  assert.match((await complaintOf(address.href, 500)).message, /^DATABASE_URL: .*cannot be reached \(ECONNREFUSED\)/);
  assert.ok(performance.now() - askedAt < 3_000);
  const silent = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  address.port = String((silent.address() as { port: number }).port);
  assert.match((await complaintOf(address.href, 0)).message, /^DATABASE_URL: .*cannot be reached/);
  await new Promise((resolve) => silent.close(resolve));
});

test('a Postgres that is still starting up is waited for', async (t) => {
  await server.end();
  const opening = open(t, { withinMs: 20_000 }, server.url);
  await server.start();
  assert.equal((await (await opening).pool.query('select 1 as one')).rows[0].one, 1);
});

test('a server that may lose what it acknowledged is warned about, a sound one is not', async (t) => {
  const careless = await startPostgres({ settings: { fsync: 'off', full_page_writes: 'off' } });
  t.after(() => careless.stop());
  const warnings: string[] = [];
  await open(t, { onWarning: (sentence) => warnings.push(sentence) }, careless.url);
  assert.equal(warnings.length, 2);
  assert.match(warnings.join(), /fsync=off.*full_page_writes=off/);
  warnings.length = 0;
  await open(t, { onWarning: (sentence) => warnings.push(sentence) });
  assert.deepEqual(warnings, []);
});

test('a frozen Postgres: every question fails within three seconds, and the next after it wakes is answered', async (t) => {
  const { db, pool } = await open(t, { max: 2 });
  const ask = () => sql<{ one: number }>`select 1 as one`.execute(db).then(({ rows }) => rows[0]?.one);
  await Promise.all([ask(), ask()]);
  server.pause();
  t.after(() => server.resume());
  const askedAt = performance.now();
  // More than there are connections, by way of Kysely and of the pool.
  const asked = [ask(), ask(), ask(), ask(), pool.query('select 1'), pool.query('select 1')];
  for (const { status } of await Promise.allSettled(asked)) assert.equal(status, 'rejected');
  assert.ok(performance.now() - askedAt < 3_000, 'the first questions');
  const askedAgainAt = performance.now();
  await assert.rejects(ask());
  assert.ok(performance.now() - askedAgainAt < 3_000, 'a question on a new connection');
  server.resume();
  assert.equal(await ask(), 1);
  assert.equal((await pool.query('select 2 as two')).rows[0].two, 2);
});

test('a pool ends although its Postgres is frozen', async () => {
  const pool = await openPostgres(server.url, { max: 1, onError: () => undefined });
  const db = kyselyOnPostgres<Schema>(pool);
  await sql`select 1`.execute(db);
  server.pause();
  const askedAt = performance.now();
  await db.destroy();
  server.resume();
  assert.ok(performance.now() - askedAt < 2_000);
});

test('a killed Postgres: idle connections are reported, and after the restart questions are answered again', async (t) => {
  const errors: unknown[] = [];
  const { pool, db } = await open(t, { onError: (err) => errors.push(err) });
  await migrate(db, 'test', { '01-guests': guests });
  await db.insertInto('guests').values({ name: 'alice', age: 7 }).execute();
  const reported = new Promise((resolve) => pool.once('error', resolve));
  await server.kill9();
  await reported;
  assert.ok(errors.length > 0);
  for (const error of errors) assert.ok(!('client' in (error as object)));
  await assert.rejects(db.selectFrom('guests').selectAll().execute(), { code: 'ECONNREFUSED' });
  await server.start();
  assert.deepEqual(await db.selectFrom('guests').selectAll().execute(), [{ name: 'alice', age: 7 }]);
});

test('a statement that Postgres refuses costs no connection', async (t) => {
  const { db } = await open(t, { max: 1 });
  const whoAnswers = () => sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db).then(({ rows }) => rows[0]?.pid);
  const before = await whoAnswers();
  await assert.rejects(sql`select * from nowhere`.execute(db), /does not exist/);
  assert.equal(await whoAnswers(), before);
});

test('a connection that is cut while it is asked fails that question alone', async (t) => {
  const { db, pool } = await open(t, { max: 2 });
  const sleeping = sql`select pg_sleep(60)`.execute(db);
  const isCut = assert.rejects(sleeping);
  const sleeper = "select pid from pg_stat_activity where query like 'select pg_sleep(60)%'";
  while ((await pool.query(sleeper)).rows.length === 0);
  await pool.query(`select pg_terminate_backend(pid) from (${sleeper}) as it`);
  await isCut;
  assert.deepEqual((await sql`select 1 as one`.execute(db)).rows, [{ one: 1 }]);
});

/** A pool that the test ends, on a new database unless `url` is given. */
async function open(
  t: TestContext,
  options: Partial<PostgresOptions> = {},
  url?: string,
): Promise<{ pool: Postgres; db: Kysely<Schema> }> {
  const pool = await openPostgres(url ?? (await server.newDatabase()), { max: 4, onError: () => undefined, ...options });
  const db = kyselyOnPostgres<Schema>(pool);
  t.after(() => db.destroy());
  return { pool, db };
}

async function complaintOf(url: string, withinMs: number): Promise<ConfigError> {
  const error = await openPostgres(url, { max: 1, onError: () => undefined, withinMs }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError, String(error));
  return error;
}
