import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { AccountNews } from '@securechat/shared/announcements';
import { createMemoryAnnouncements } from '@securechat/shared/announcements.memory';
import { createMemoryBus } from '@securechat/shared/bus.memory';
import { CloseCode, type User } from '@securechat/shared/protocol';
import type { Connection } from './connection.ts';
import { alice, bob, mallory, settled } from './people.fixture.ts';
import { watchSessions } from './sessions.ts';

const NEVER = 1e15;

test('when a session ends all its connections do, and nobody else’s', async (t) => {
  const { sessions, announce } = await start(t);
  const [first, second, other, his] = [
    connectionOf(alice, 's1'),
    connectionOf(alice, 's1'),
    connectionOf(alice, 's2'),
    connectionOf(bob, 's3'),
  ];
  for (const one of [first, second, other, his]) sessions.register(one.connection);
  await announce({ kind: 'session_ended', session: 's1' });
  assert.deepEqual(
    [first, second, other, his].map(({ ended }) => ended),
    [[4401], [4401], [], []],
  );
});

test('a session that ends between auth’s yes and the registration is noticed at the registration', async (t) => {
  const { sessions, announce } = await start(t);
  await announce({ kind: 'session_ended', session: 's1' });
  const [hers, his] = [connectionOf(alice, 's1'), connectionOf(bob, 's2')];
  sessions.register(hers.connection);
  sessions.register(his.connection);
  assert.deepEqual([hers.ended, his.ended], [[4401], []]);
});

test('an ended session is remembered for two minutes', async (t) => {
  const { sessions, announce, pass } = await start(t);
  await announce({ kind: 'session_ended', session: 's1' });
  await pass(115_000);
  const soon = connectionOf(alice, 's1');
  sessions.register(soon.connection);
  assert.deepEqual(soon.ended, [4401]);
});

test('when an account changed, its sessions are asked about at once, and those that ended are closed', async (t) => {
  const { sessions, announce, alive, asked } = await start(t);
  const [first, second, his] = [connectionOf(alice, 's1'), connectionOf(alice, 's2'), connectionOf(bob, 's3')];
  for (const one of [first, second, his]) sessions.register(one.connection);
  alive.delete('s1');
  await announce({ kind: 'account_changed', user: alice.id });
  assert.deepEqual(asked, [['s1', 's2']]);
  assert.deepEqual([first.ended, second.ended, his.ended], [[4401], [], []]);
});

test('every minute all sessions are asked about, five hundred at a time: a lost announcement is made up for', async (t) => {
  const { sessions, alive, asked, pass } = await start(t);
  const crowd = Array.from({ length: 1_200 }, (_, n) => connectionOf({ id: `u${n}`, name: `u${n}` }, `s${n}`));
  for (const { connection } of crowd) {
    alive.set(connection.identity.session, NEVER);
    sessions.register(connection);
  }
  alive.delete('s700');
  await pass(60_000);
  assert.deepEqual(
    asked.map(({ length }) => length),
    [500, 500, 200],
  );
  assert.deepEqual(
    crowd.flatMap(({ ended }, n) => (ended.length > 0 ? [n] : [])),
    [700],
  );
});

test('a session that is over ends its connections within ten seconds, one that was prolonged does not', async (t) => {
  const { sessions, alive, pass } = await start(t);
  const [hers, his] = [connectionOf(alice, 's1', 100_000), connectionOf(bob, 's2', 100_000)];
  for (const one of [hers, his]) sessions.register(one.connection);
  alive.set('s1', 100_000);
  alive.set('s2', 500_000);
  await pass(99_000);
  assert.deepEqual([hers.ended, his.ended], [[], []]);
  await pass(11_000);
  assert.deepEqual([hers.ended, his.ended], [[4401], []]);
});

test('while auth does not answer connections live on, for ten minutes; then they are sent away to come back', async (t) => {
  const { sessions, setAway, errors, pass } = await start(t);
  const hers = connectionOf(alice, 's1');
  sessions.register(hers.connection);
  await pass(60_000);
  setAway(true);
  await pass(590_000);
  assert.deepEqual(hers.ended, []);
  assert.ok(errors.length >= 9);
  await pass(20_000);
  assert.equal(hers.ended[0], CloseCode.Restarting);
});

test('auth comes back within ten minutes: nobody noticed', async (t) => {
  const { sessions, setAway, pass } = await start(t);
  const hers = connectionOf(alice, 's1');
  sessions.register(hers.connection);
  setAway(true);
  await pass(480_000);
  setAway(false);
  await pass(600_000);
  assert.deepEqual(hers.ended, []);
});

test('the clock of the machine jumps an hour: nobody is cut off', async (t) => {
  const { sessions, pass, jump } = await start(t);
  const hers = connectionOf(alice, 's1');
  sessions.register(hers.connection);
  for (const ms of [3_600_000, -7_200_000]) {
    jump(ms);
    await pass(30_000);
  }
  assert.deepEqual(hers.ended, []);
});

test('a connection that ended by itself is not watched any more, its companion is', async (t) => {
  const { sessions, announce } = await start(t);
  const [first, second] = [connectionOf(mallory, 's1'), connectionOf(mallory, 's1')];
  for (const one of [first, second]) sessions.register(one.connection);
  sessions.unregister(first.connection);
  await announce({ kind: 'session_ended', session: 's1' });
  assert.deepEqual([first.ended, second.ended], [[], [4401]]);
});

test('after the close nothing is heard any more', async (t) => {
  const { sessions, announce } = await start(t);
  const hers = connectionOf(alice, 's1');
  sessions.register(hers.connection);
  await sessions.close();
  await announce({ kind: 'session_ended', session: 's1' });
  assert.deepEqual(hers.ended, []);
});

/** Sessions watched beside an auth of the test's own; time goes by when the test says so. */
async function start(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const alive = new Map(['s1', 's2', 's3'].map((session) => [session, NEVER]));
  const asked: string[][] = [];
  const errors: unknown[] = [];
  let [time, jumped] = [0, 0];
  let isAway = false;
  const announcements = createMemoryAnnouncements(createMemoryBus());
  const sessions = await watchSessions({
    announcements,
    identities: {
      async stillAlive(ids) {
        if (isAway) throw new Error('auth does not answer');
        asked.push(ids);
        return Object.fromEntries(ids.flatMap((id) => (alive.has(id) ? [[id, alive.get(id) ?? 0]] : [])));
      },
    },
    onError: (error) => errors.push(error),
    now: () => time + jumped,
    uptime: () => time,
  });
  return {
    sessions,
    alive,
    asked,
    errors,
    setAway: (is: boolean) => {
      isAway = is;
    },
    jump: (ms: number) => {
      jumped += ms;
    },
    async announce(news: AccountNews) {
      await announcements.announce(news);
      await settled(5);
    },
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 5_000) {
        time += Math.min(5_000, ms - passed);
        t.mock.timers.tick(Math.min(5_000, ms - passed));
        await settled(3);
      }
    },
  };
}

/** A connection that remembers with which codes it was ended. */
function connectionOf(user: User, session: string, expiresAt = NEVER) {
  const ended: number[] = [];
  const connection: Connection = {
    id: `${session} ${user.id}`,
    identity: { user, session, expiresAt },
    version: 'v2',
    // Ending twice is ending once.
    end: (code) => void (ended.length === 0 && ended.push(code)),
    cut: () => {},
    unreadBytes: () => 0,
  };
  return { connection, ended };
}
