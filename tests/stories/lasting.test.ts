import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { copyFileSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { administer } from '../support/keeper.ts';
import type { Connection } from '../support/person.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';
import { assertNothingLostOrDoubled, createTalker } from '../support/talker.ts';

const room = 'general';

async function start(t: TestContext, settings: Record<string, string> = {}): Promise<SingleNode> {
  const stack = await startSingleNode(settings);
  t.after(() => stack.stop());
  return stack;
}

const summary = (connection: Connection) => {
  const [general] = connection.welcome.rooms;
  assert.ok(general !== undefined);
  return general;
};

test('a restart by SIGTERM tells everybody when to come back, and keeps people, sessions, messages and marks (D2, D3, D5)', async (t) => {
  const stack = await start(t);
  const [alice, bob] = await stack.people('alice', 'bob');
  const [alices, bobs, line, unnamed] = [
    await alice.connects(),
    await bob.connects(),
    await bob.connectsText(),
    await alice.knocks('v2'),
  ];
  for (const connection of [alices, bobs]) await connection.opens();
  const clientId = randomUUID();
  const first = await alices.says('before', { clientId });
  const second = await bobs.says('seen by both');
  await alices.hears({ type: 'message', seq: second.seq });
  const { epoch } = summary(alices);
  alices.sends({ type: 'read', room, seq: second.seq });
  await alices.hears({ type: 'read', seq: second.seq });

  assert.ok(unnamed.isOpen);
  const closings = [alices, bobs, line, unnamed].map((connection) => connection.closes());
  assert.deepEqual(await stack.end(), { code: 0, signal: null });
  for (const { code, reason } of await Promise.all(closings)) {
    assert.equal(code, 1001);
    assert.match(reason, /^\d+$/, 'the wait in ms before coming back');
    assert.ok(Number(reason) <= 10_000);
  }
  await stack.start();

  assert.equal((await alice.get('/api/me')).status, 200, 'alice is still signed in');
  const again = await alice.connects();
  assert.deepEqual(summary(again), { id: room, name: room, epoch, head: second.seq, read: second.seq, unread: 0 });
  const nothingMissed = await again.opens({ since: second.seq, sinceAt: second.at, epoch });
  assert.deepEqual([nothingMissed.events, nothingMissed.opened.complete], [[], true]);
  const missedOne = await again.opens({ since: first.seq, sinceAt: first.at, epoch });
  const { clientId: _, ...asOthersSeeIt } = second;
  assert.deepEqual([missedOne.events, missedOne.opened.complete], [[asOthersSeeIt], true]);
  again.sends({ type: 'send', room, clientId, text: 'before' });
  assert.deepEqual(await again.hears({ type: 'message', again: true }), { ...first, again: true });
  assert.equal((await again.isRefused({ type: 'send', room, clientId, text: 'other words' })).code, 'conflict');
  assert.equal((await again.says('after')).seq, second.seq + 1);
  await bob.logsIn();
});

test('kill -9 right after two messages: whoever said them has read up to there (D7)', async (t) => {
  const stack = await start(t);
  const [alice, bob] = await stack.people('alice', 'bob');
  const [alices, bobs] = [await alice.connects(), await bob.connects()];
  for (const connection of [alices, bobs]) await connection.opens();
  await bobs.says('read by nobody yet');
  // The first moves the mark at once, the second would a second later.
  await alices.says('one');
  const { seq } = await alices.says('two');
  await stack.kill9();
  await stack.start();
  const { read, unread } = summary(await alice.connects());
  assert.deepEqual({ read, unread }, { read: seq, unread: 0 });
});

// ---- kill -9 -------------------------------------------------------------------------------------------------------

const ROUNDS = 4;

test('kill -9 while three people talk loses nothing that its author saw, doubles nothing, leaves no hole (D1, D2, D3, D5)', async (t) => {
  const seed = Number(process.env.SEED) || randomInt(1, 2 ** 31);
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const stack = await start(t, { RATE_LIMIT_MESSAGES: '1000000' });
  const talkers = await Promise.all((await stack.people('alice', 'bob', 'carol')).map(createTalker));
  for (let round = 0; round < ROUNDS; round++) {
    await pause(50 + random() * 700);
    await stack.kill9();
    await stack.start();
    await Promise.all(talkers.map((talker) => talker.isHeard()));
  }
  const said = await assertNothingLostOrDoubled(talkers);
  for (const { returns } of talkers) assert.equal(returns, ROUNDS);
  t.diagnostic(`${said} messages`);
  assert.ok(said > 50);
});

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// ---- an older copy -------------------------------------------------------------------------------------------------

test('an older database file put back is noticed: a new epoch, complete: false, and no number means two things (D6)', async (t) => {
  const stack = await start(t);
  const alice = await stack.person('alice');
  const before = await alice.connects();
  await before.opens();
  await before.says('in the copy');
  const { epoch } = summary(before);
  await stack.end();
  const copy = mkdtempSync(join(tmpdir(), 'securechat-copy-'));
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  copyDatabase(stack.dataDir, copy);

  await stack.start();
  const lost = await alice.connects();
  await lost.opens();
  const { seq, at } = await lost.says('not in the copy');
  await stack.end();
  copyDatabase(copy, stack.dataDir);
  await stack.start();

  const after = await alice.connects();
  assert.notEqual(summary(after).epoch, epoch);
  const arrival = await after.opens({ since: seq, sinceAt: at, epoch });
  assert.equal(arrival.opened.complete, false);
  assert.deepEqual(
    arrival.events.map((event) => event.type === 'message' && event.text),
    ['in the copy'],
  );
  const next = await after.says('a new life');
  assert.equal(next.seq, seq);
  assert.equal((await after.opens({ since: seq, sinceAt: at, epoch })).opened.complete, false);

  // The same by hand, while everybody is connected.
  assert.equal((await administer(stack, 'restored')).code, 0);
  const { code, reason } = await after.closes();
  assert.equal(code, 1012);
  assert.match(reason, /^\d+$/);
  const once = await (await alice.connects()).opens({ since: seq, sinceAt: next.at, epoch: summary(after).epoch });
  assert.equal(once.opened.complete, false);
  assert.notEqual(once.opened.epoch, summary(after).epoch);
});

function copyDatabase(from: string, to: string) {
  for (const file of globSync(join(to, 'securechat.db*'))) rmSync(file);
  for (const file of globSync(join(from, 'securechat.db*'))) copyFileSync(file, join(to, basename(file)));
}
