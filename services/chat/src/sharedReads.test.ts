import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { StoredEvent } from './event.ts';
import type { EventStore } from './eventStore.ts';
import { alice, settled } from './people.fixture.ts';
import { shareReads } from './sharedReads.ts';

const room = 'general';

/** A store of so many messages that answers only when it is told to, and counts what it was asked. */
function slowStore(count: number) {
  const events: StoredEvent[] = Array.from({ length: count }, (_, index) => said(index + 1));
  const asked: string[] = [];
  let isAway = false;
  const waiting: (() => void)[] = [];
  const answer = <T>(what: string, read: () => T) => {
    asked.push(what);
    return new Promise<T>((resolve) => {
      // Read when the question arrives, as a database does, told later.
      const result = read();
      waiting.push(() => resolve(result));
    });
  };
  const store = {
    heads: () => answer('heads', () => [{ room, name: room, epoch: 'e', head: events.length }]),
    since: (_room: string, since: number, limit: number) =>
      answer(`since ${since}`, () => events.filter(({ seq }) => seq > since).slice(0, limit)),
    bytesSince: (_room: string, since: number) => answer(`bytes ${since}`, () => events.length - since),
    timeOf: (_room: string, seq: number) => answer(`time ${seq}`, () => events[seq - 1]?.at),
    readMarks: (_room: string, users: string[]) =>
      answer(`marks of ${users.length}`, () => {
        if (isAway) throw new Error('the store is away');
        return new Map(users.filter((user) => user !== 'new').map((user) => [user, { read: Number(user), unread: 0 }]));
      }),
    readMark: (_room: string, user: string) => answer(`mark of ${user}`, () => ({ read: -1, unread: 0 })),
  } as unknown as EventStore;
  return {
    reads: shareReads(store),
    events,
    asked,
    setAway: (is: boolean) => {
      isAway = is;
    },
    /** Answers everything that was asked, and what is asked because of that. */
    async answers() {
      for (let round = 0; round < 10; round++) {
        for (const tell of waiting.splice(0)) tell();
        await settled(2);
      }
    },
  };
}

const said = (seq: number): StoredEvent => ({
  room,
  seq,
  at: seq,
  author: alice,
  clientId: randomUUID(),
  change: { kind: 'message', text: `text ${seq}` },
});

const numbers = (events: readonly StoredEvent[]) => events.map(({ seq }) => seq);

test('three thousand who come back at once are two looks at the heads, and one block of events each', async () => {
  const { reads, asked, answers } = slowStore(350);
  const heads = Array.from({ length: 3_000 }, () => reads.heads([room]));
  const pages = Array.from({ length: 3_000 }, (_, index) => reads.since(room, 200 + (index % 100), 100));
  await answers();
  assert.deepEqual(new Set((await Promise.all(heads)).map(([one]) => one?.head)), new Set([350]));
  const all = await Promise.all(pages);
  for (const [index, page] of all.entries()) {
    assert.deepEqual(
      numbers(page),
      Array.from({ length: 100 - (index % 100) }, (_, n) => 201 + (index % 100) + n),
    );
  }
  assert.deepEqual(asked, ['heads', 'since 200', 'heads', 'since 200']);
  await reads.since(room, 250, 100);
  assert.equal(asked.length, 4, 'a whole block is remembered');
});

test('the read marks of three thousand who come back at once are six questions, and everybody gets their own', async () => {
  const { reads, asked, answers } = slowStore(10);
  const marks = Array.from({ length: 3_000 }, (_, index) => reads.readMark(room, String(index)));
  await answers();
  assert.deepEqual(
    (await Promise.all(marks)).map(({ read }) => read),
    Array.from({ length: 3_000 }, (_, index) => index),
  );
  assert.deepEqual(asked, Array(6).fill('marks of 500'));
});

test('somebody who was never here gets a mark of their own; a store that fails is asked again by the next', async () => {
  const { reads, asked, answers, setAway } = slowStore(10);
  const both = [reads.readMark(room, 'new'), reads.readMark(room, '7')];
  await answers();
  assert.deepEqual(
    (await Promise.all(both)).map(({ read }) => read),
    [-1, 7],
  );
  assert.deepEqual(asked, ['marks of 2', 'mark of new']);
  setAway(true);
  await assert.rejects(reads.readMark(room, '7'));
  setAway(false);
  const again = reads.readMark(room, '7');
  await answers();
  assert.equal((await again).read, 7);
});

test('an answer is never older than its question', async () => {
  const { reads, events, answers } = slowStore(10);
  const before = reads.heads([room]);
  const tailBefore = reads.since(room, 5, 100);
  events.push(said(11));
  const after = reads.heads([room]);
  const tailAfter = reads.since(room, 5, 100);
  await answers();
  assert.equal((await before)[0]?.head, 10);
  assert.equal((await after)[0]?.head, 11);
  assert.deepEqual(numbers(await tailBefore), [6, 7, 8, 9, 10]);
  assert.deepEqual(numbers(await tailAfter), [6, 7, 8, 9, 10, 11]);
});

test('erased words are told from memory no more, also when they were erased while the block was read', async () => {
  const { reads, answers, asked } = slowStore(200);
  const first = reads.since(room, 0, 100);
  await answers();
  assert.deepEqual((await first)[6]?.change, { kind: 'message', text: 'text 7' });
  reads.forgetText(room, 7);
  assert.deepEqual((await reads.since(room, 0, 100))[6]?.change, { kind: 'message', text: null });
  assert.deepEqual((await reads.since(room, 0, 100))[7]?.change, { kind: 'message', text: 'text 8' });

  const second = reads.since(room, 100, 100);
  reads.forgetText(room, 150);
  await answers();
  await second;
  void reads.since(room, 100, 100);
  assert.deepEqual(asked, ['since 0', 'since 100', 'since 100'], 'what may hold erased words was not kept');
});

test('a store that fails is asked again by the next who ask', async () => {
  let fault: Error | undefined = new Error('away');
  const store = {
    heads: () => (fault ? Promise.reject(fault) : Promise.resolve([])),
  } as unknown as EventStore;
  const reads = shareReads(store);
  const [first, second] = [reads.heads([room]), reads.heads([room])];
  await assert.rejects(first);
  await assert.rejects(second);
  fault = undefined;
  assert.deepEqual(await reads.heads([room]), []);
});

test('memory is bounded: the block that nobody asked for longest goes first', async () => {
  const { reads, asked, answers } = slowStore(100 * 402);
  for (let from = 0; from <= 40_000; from += 100) {
    const page = reads.since(room, from, 100);
    await answers();
    await page;
  }
  const count = asked.length;
  await reads.since(room, 40_000, 100);
  assert.equal(asked.length, count);
  void reads.since(room, 0, 100);
  assert.equal(asked.length, count + 1);
});
