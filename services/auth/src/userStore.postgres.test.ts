import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  closePostgres,
  kyselyOnPostgres,
  migratePostgres,
  openPostgres,
  type Postgres,
} from '@securechat/shared/database.postgres';
import { startPostgres, type TestPostgres } from '@securechat/shared/postgres.fixture';
import { testUserStore } from './userStore.contract.ts';
import { createUserStore, type Tables, userMigrations } from './userStore.ts';

let server: TestPostgres;
let pool: Postgres;

before(async () => {
  server = await startPostgres();
  const url = await server.newDatabase();
  await migratePostgres(url, 'auth', userMigrations);
  // As many connections as people who sign up at once, or they would queue up for the race.
  pool = await openPostgres(url, { max: 12, onError: () => undefined });
});

after(async () => {
  await closePostgres(pool);
  await server.stop();
});

testUserStore(async (now) => {
  await pool.query('delete from devices; delete from users');
  return { users: createUserStore(kyselyOnPostgres<Tables>(pool), now), close: () => Promise.resolve() };
});

test('auth that starts several times at once on an empty database makes its tables once', async () => {
  const url = await server.newDatabase();
  await Promise.all(Array.from({ length: 4 }, () => migratePostgres(url, 'auth', userMigrations)));
  const fresh = await openPostgres(url, { max: 1, onError: () => undefined });
  assert.deepEqual((await fresh.query('select * from users')).rows, []);
  await closePostgres(fresh);
});
