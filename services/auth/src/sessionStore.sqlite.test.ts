import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import session, { type SessionData } from 'express-session';
import { createSqliteSessionStore, sessionMigrations } from './sessionStore.sqlite.ts';
import { LIFETIMES, sessionHandle } from './sessionStore.ts';
import { cookieAttributes } from './sessions.ts';

const DAY_MS = 86_400_000;
const alice = { id: 'id of alice', name: 'alice', generation: 1 };

async function openStore(t: TestContext) {
  const place = mkdtempSync(join(tmpdir(), 'sessions-'));
  const clock = { time: Date.UTC(2026, 10, 1) };
  let sqlite = openSqlite(join(place, 'test.db'));
  await migrate(kyselyOn(sqlite), 'auth_sessions', sessionMigrations);
  t.after(() => {
    if (sqlite.isOpen) sqlite.close();
    rmSync(place, { recursive: true });
  });
  const open = () => {
    const store = createSqliteSessionStore(sqlite, cookieAttributes, () => clock.time);
    return {
      store,
      rows: () => Number(sqlite.prepare('SELECT count(*) AS n FROM sessions').get()?.n),
      content: () => JSON.stringify(sqlite.prepare('SELECT * FROM sessions').all()),
      close: () => sqlite.close(),
      get: (id: string) =>
        new Promise<SessionData | null | undefined>((resolve, reject) =>
          store.get(id, (error, found) => (error ? reject(error as Error) : resolve(found))),
        ),
      set: (id: string) =>
        promised((done) => store.set(id, { cookie: new session.Cookie(), user: alice, createdAt: clock.time }, done)),
      touch: (id: string) => promised((done) => store.touch?.(id, { cookie: new session.Cookie() }, done)),
      destroy: (id: string) => promised((done) => store.destroy(id, done)),
    };
  };
  const restart = () => {
    sqlite.close();
    sqlite = openSqlite(join(place, 'test.db'));
    return open();
  };
  return { ...open(), clock, restart };
}

function promised(work: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => work((error) => (error ? reject(error as Error) : resolve())));
}

test('a session is found again after a restart, and no file holds its id', async (t) => {
  const before = await openStore(t);
  await before.set('planet');
  const after = before.restart();
  assert.deepEqual((await after.get('planet'))?.user, alice);
  assert.equal((await after.get('planet'))?.cookie.originalMaxAge, LIFETIMES.idleMs);
  assert.doesNotMatch(after.content(), /planet/);
});

test('a destroyed session is gone, and its neighbour is not', async (t) => {
  const { set, destroy, get } = await openStore(t);
  await set('one');
  await set('two');
  await destroy('one');
  assert.equal(await get('one'), null);
  assert.deepEqual((await get('two'))?.user, alice);
  await destroy('one');
});

test('a session ends after a week without use, and use prolongs it', async (t) => {
  const { set, touch, get, clock } = await openStore(t);
  await set('idle');
  await set('used');
  clock.time += 6 * DAY_MS;
  await touch('used');
  clock.time += DAY_MS;
  assert.equal(await get('idle'), null);
  assert.deepEqual((await get('used'))?.user, alice);
});

test('a session ends after thirty days, however much it is used', async (t) => {
  const { set, touch, get, store, clock } = await openStore(t);
  await set('old');
  const end = clock.time + 30 * DAY_MS;
  for (let day = 1; day < 30; day++) {
    clock.time += DAY_MS;
    await touch('old');
    assert.ok(await get('old'), `day ${day}`);
  }
  clock.time += DAY_MS - 1;
  assert.ok(await get('old'));
  assert.equal((await store.renew([sessionHandle('old')])).get(sessionHandle('old'))?.expiresAt, end);
  clock.time += 1;
  assert.equal(await get('old'), null);
});

test('touching an ended session does not bring it back', async (t) => {
  const { set, touch, destroy, get, clock } = await openStore(t);
  await set('left');
  await destroy('left');
  await touch('left');
  assert.equal(await get('left'), null);
  await set('expired');
  clock.time += 8 * DAY_MS;
  await touch('expired');
  assert.equal(await get('expired'), null);
});

test('use is written down at most once a minute', async (t) => {
  const { set, touch, content, clock } = await openStore(t);
  await set('busy');
  const before = content();
  clock.time += 59_000;
  await touch('busy');
  assert.equal(content(), before);
  clock.time += 1_000;
  await touch('busy');
  assert.notEqual(content(), before);
});

test('many are renewed at once, and those that are no sessions are left out', async (t) => {
  const { set, store, get, clock } = await openStore(t);
  await set('one');
  await set('two');
  clock.time += 6 * DAY_MS;
  const found = await store.renew([sessionHandle('one'), 'nonsense', sessionHandle('three')]);
  assert.deepEqual([...found.keys()], [sessionHandle('one')]);
  assert.equal(found.get(sessionHandle('one'))?.expiresAt, clock.time + LIFETIMES.idleMs);
  clock.time += 2 * DAY_MS;
  assert.ok(await get('one'));
  assert.equal(await get('two'), null);
});

test('what has expired is removed from the disk', async (t) => {
  const { set, store, rows, clock } = await openStore(t);
  await set('old');
  clock.time += 8 * DAY_MS;
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
