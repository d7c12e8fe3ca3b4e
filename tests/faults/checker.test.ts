/** The checker finds each kind of breach in a small made-up record, and nothing in a sound one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from './checker.ts';
import { emptyLog, type Log, type Row, type Saying, type Truth, type WireEvent, type Witness } from './record.ts';

const alice = { id: 'a', name: 'alice' };
const bob = { id: 'b', name: 'bob' };

const row = (seq: number, more: Partial<Row> = {}): Row => ({
  seq,
  kind: 'message',
  at: seq * 10,
  authorId: alice.id,
  authorName: alice.name,
  clientId: `c${seq}`,
  text: `word ${seq}`,
  target: null,
  emoji: null,
  on: null,
  ...more,
});

const event = (seq: number, more: Partial<WireEvent> = {}): WireEvent => {
  return { type: 'message', seq, at: seq * 10, author: alice, text: `word ${seq}`, ...more };
};

const saying = (seq: number, more: Partial<Saying> = {}): Saying => ({
  person: 'alice',
  client: 'client 1',
  clientId: `c${seq}`,
  change: 'message',
  text: `word ${seq}`,
  at: seq,
  tries: 1,
  answers: [{ at: seq, seq, epoch: 'e', again: false }],
  refusals: [],
  isGivenUp: false,
  ...more,
});

function witness(events: readonly WireEvent[], how: 'live' | 'resume' = 'live'): Witness {
  const afresh = { kind: 'afresh', at: 0, epoch: 'e', asOf: 0, messages: [] } as const;
  const shown = [afresh, ...events.map((one) => ({ kind: 'event', at: one.seq, epoch: 'e', event: one, how }) as const)];
  return { client: 'client 2', person: 'bob', shown, reads: [], connections: 1, staysToTheEnd: true };
}

const three = [1, 2, 3];
const soundTruth = (): Truth => ({ epoch: 'e', rows: three.map((seq) => row(seq)), reads: [{ userId: bob.id, seq: 2 }] });
const soundLog = (): Log => ({
  ...emptyLog(),
  sayings: three.map((seq) => saying(seq)),
  witnesses: [witness(three.map((seq) => event(seq)))],
  welcomes: [{ person: 'bob', userId: bob.id, read: 2, unread: 1 }],
});

const foundIn = (log: Log, truth: Truth = soundTruth()) => check(log, truth).map(({ promise, what }) => `${promise} ${what}`);

test('a sound record breaks nothing', () => assert.deepEqual(foundIn(soundLog()), []));

test('a client that misses, doubles or never gets something breaks D1, and D3 when it resumed', () => {
  const shows = (...given: Parameters<typeof witness>) => foundIn({ ...soundLog(), witnesses: [witness(...given)] });
  assert.deepEqual(shows([event(1), event(3)]), ['D1 there is a gap in what a client was shown (live)']);
  assert.deepEqual(shows([event(1), event(3)], 'resume'), ['D3 there is a gap in what a client was shown (resume)']);
  assert.deepEqual(shows([event(1), event(2), event(2), event(3)]), ['D1 an event was shown twice']);
  assert.deepEqual(shows([event(1), event(2)]), ['D1 what was acknowledged never reached a client']);
  assert.ok(shows([event(1), event(2), event(3), event(4)]).includes('D1 an event was shown that is not in the database'));
});

test('a v1 client hears every message once, but for one that was deleted before it could be read to it', () => {
  const hears = (lines: string[], truth?: Truth) => {
    const heard = lines.map((text, at) => ({ at, text: `alice: ${text}` }));
    return foundIn(
      { ...soundLog(), lines: [{ client: 'v1', person: 'bob', openedAt: 0, lines: heard, isOpenAtTheEnd: true }] },
      truth,
    );
  };
  assert.deepEqual(hears(['word 1', 'word 2', 'word 3']), []);
  assert.deepEqual(hears(['word 1', 'word 3']), ['D1 a v1 client missed something']);
  assert.deepEqual(hears(['word 1', 'word 2']), ['D1 a v1 client did not hear the last words']);
  assert.deepEqual(hears(['word 1', 'word 1', 'word 2', 'word 3']), ['D1 a v1 client heard something twice']);
  const rows = [row(1), row(2, { text: null }), row(3), row(4, { kind: 'deleted', clientId: 'd', target: 2, text: null })];
  const found = hears(['word 1', 'word 3'], { ...soundTruth(), rows });
  assert.ok(!found.some((what) => what.includes('v1')), found.join());
});

test('an acknowledged word that is not stored breaks D1, one stored twice D2', () => {
  assert.ok(
    foundIn({ ...soundLog(), sayings: [...soundLog().sayings, saying(4)] }).includes(
      'D1 an acknowledged change is not in the database',
    ),
  );
  const twice = { ...soundTruth(), rows: [...soundTruth().rows, row(4, { clientId: 'c3', text: 'word 3' })] };
  assert.ok(foundIn(soundLog(), twice).includes('D2 one clientId is stored twice'));
  const answers = [1, 2].map((seq) => ({ at: seq, seq, epoch: 'e', again: false }));
  const sayings = [saying(1, { answers }), saying(2), saying(3)];
  assert.ok(foundIn({ ...soundLog(), sayings }).includes('D2 one clientId was answered with two numbers'));
});

test('a hole in the numbers breaks D1, words that outlive their deletion and changes after it D3', () => {
  assert.ok(foundIn(emptyLog(), { ...soundTruth(), rows: [row(1), row(3)] }).includes('D1 the numbers have a hole'));
  const deletion = row(2, { kind: 'deleted', target: 1, text: null });
  const edit = row(3, { kind: 'edited', target: 1 });
  const found = foundIn(emptyLog(), { ...soundTruth(), rows: [row(1, { text: null }), deletion, edit] });
  assert.deepEqual(found, ['D3 a message was changed after its deletion', 'D3 words outlived their deletion']);
});

test('words that overtake each other break D4', () => {
  const sayings = [saying(2), saying(1), saying(3)];
  assert.deepEqual(foundIn({ ...soundLog(), sayings }), ['D4 words overtook each other']);
});

test('what an older copy lacks is lost without blame, but two events under one number break D6', () => {
  const sayings = [...soundLog().sayings, saying(4)];
  assert.deepEqual(foundIn({ ...soundLog(), sayings, restores: [{ at: 5, head: 3 }] }), []);
  const other = witness([event(1), event(2), event(3, { author: bob })]);
  assert.ok(foundIn({ ...soundLog(), witnesses: [...soundLog().witnesses, other] }).includes('D6 two events under one number'));
});

test('a mark that shrinks and an unread count that is not what SQL counts break D7', () => {
  const marks = [3, 2].map((seq, at) => ({ at, epoch: 'e', userId: bob.id, seq }));
  assert.deepEqual(foundIn({ ...soundLog(), marks }), ['D7 a read mark shrank']);
  const welcomes = [{ person: 'bob', userId: bob.id, read: 2, unread: 2 }];
  assert.deepEqual(foundIn({ ...soundLog(), welcomes }), ['D7 unread is not what SQL counts']);
  const told = (seq: number) => ({ at: seq, connection: 1, epoch: 'e', seq, unread: 0 });
  const reading = (...seqs: number[]) => {
    const [one] = soundLog().witnesses as [Witness];
    return foundIn({ ...soundLog(), witnesses: [{ ...one, reads: seqs.map(told) }] });
  };
  assert.deepEqual(reading(1, 2), []);
  assert.deepEqual(reading(2, 1), [], 'a device takes the furthest');
  assert.deepEqual(reading(1), ['D7 a device was not told how far its person has read']);
});

test('acknowledging before the disk has it breaks D1, and what never heals D5', () => {
  assert.deepEqual(foundIn({ ...soundLog(), syncs: [{ acknowledged: 8, synced: 0 }] }), [
    'D1 acknowledged before it was on the disk',
  ]);
  assert.deepEqual(foundIn({ ...soundLog(), unhealed: [{ client: 'client 1', what: 'is not let in again' }] }), [
    'D5 client 1: is not let in again',
  ]);
});
