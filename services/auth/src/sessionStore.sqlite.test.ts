import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { testSessionStore, usedBy } from './sessionStore.contract.ts';
import { createSqliteSessionStore, sessionMigrations } from './sessionStore.sqlite.ts';
import { LIFETIMES } from './sessionStore.ts';
import { cookieAttributes } from './sessions.ts';

const DAY_MS = 86_400_000;

async function openStore(t: TestContext) {
  const place = mkdtempSync(join(tmpdir(), 'sessions-'));
  let time = Date.UTC(2026, 10, 1);
  const now = () => time;
  let sqlite = openSqlite(join(place, 'test.db'));
  await migrate(kyselyOn(sqlite), 'auth_sessions', sessionMigrations);
  t.after(() => {
    if (sqlite.isOpen) sqlite.close();
    rmSync(place, { recursive: true });
  });
  const open = () => createSqliteSessionStore(sqlite, cookieAttributes, now);
  const store = open();
  return {
    store,
    ...usedBy(store, now),
    now,
    pass: (ms: number) => {
      time += ms;
    },
    rows: () => Number(sqlite.prepare('SELECT count(*) AS n FROM sessions').get()?.n),
    content: () => JSON.stringify(sqlite.prepare('SELECT * FROM sessions').all()),
    close: () => sqlite.close(),
    restart: () => {
      sqlite.close();
      sqlite = openSqlite(join(place, 'test.db'));
      return open();
    },
  };
}

testSessionStore(openStore);

test('a session that is found has the attributes of a cookie of ours', async (t) => {
  const { set, get } = await openStore(t);
  await set('planet');
  assert.equal((await get('planet'))?.cookie.originalMaxAge, LIFETIMES.idleMs);
});

test('use is written down at most once a minute', async (t) => {
  const { set, touch, content, pass } = await openStore(t);
  await set('busy');
  const before = content();
  pass(59_000);
  await touch('busy');
  assert.equal(content(), before);
  pass(1_000);
  await touch('busy');
  assert.notEqual(content(), before);
});

test('what has expired is removed from the disk', async (t) => {
  const { set, store, rows, pass } = await openStore(t);
  await set('old');
  pass(8 * DAY_MS);
  await set('new');
  await store.purge();
  assert.equal(rows(), 1);
});

test('a database that fails is told to the caller, once', async (t) => {
  const { store, close } = await openStore(t);
  close();
  let calls = 0;
  store.get('any', (error) => {
    calls++;
    assert.ok(error instanceof Error);
  });
  assert.equal(calls, 1);
});
