import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClock } from './clock.fixture.ts';
import { createDeletions, type Deletions } from './deletions.ts';

function alicesDeletions() {
  const clock = createFakeClock();
  const sent: number[] = [];
  let shown: Deletions | undefined;
  const deletions = createDeletions({
    clock,
    send: (seq) => sent.push(seq),
    onChange: (next) => {
      shown = next;
    },
  });
  return { ...deletions, clock, sent, shown: () => shown };
}

test('a deletion is sent when the time to take it back is over, and not before', () => {
  const alice = alicesDeletions();
  alice.put(7);
  alice.clock.pass(4_999);
  assert.deepEqual(alice.sent, []);
  assert.deepEqual(alice.shown(), { seqs: [7], until: alice.clock.now() + 1 });
  alice.clock.pass(1);
  assert.deepEqual(alice.sent, [7]);
  assert.equal(alice.shown(), undefined);
});

test('a deletion that is hurried is sent at once, and only once', () => {
  const alice = alicesDeletions();
  alice.put(7);
  alice.put(9);
  alice.hurry();
  assert.deepEqual(alice.sent, [7, 9]);
  assert.equal(alice.shown(), undefined);
  alice.clock.pass(60_000);
  assert.deepEqual(alice.sent, [7, 9]);
});

test('a deletion that was taken back is never sent', () => {
  const alice = alicesDeletions();
  alice.put(7);
  alice.put(9);
  alice.undo();
  alice.clock.pass(60_000);
  assert.deepEqual(alice.sent, []);
  assert.equal(alice.shown(), undefined);
});

test('each of several deletions has its own time', () => {
  const alice = alicesDeletions();
  alice.put(7);
  alice.clock.pass(3_000);
  alice.put(9);
  alice.clock.pass(2_000);
  assert.deepEqual(alice.sent, [7]);
  assert.deepEqual(alice.shown()?.seqs, [9]);
  alice.undo();
  alice.clock.pass(60_000);
  assert.deepEqual(alice.sent, [7]);
});

test('asking twice for one deletion sends it once', () => {
  const alice = alicesDeletions();
  alice.put(7);
  alice.put(7);
  alice.clock.pass(60_000);
  assert.deepEqual(alice.sent, [7]);
});
