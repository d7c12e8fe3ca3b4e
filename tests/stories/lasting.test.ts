import assert from 'node:assert/strict';
import { randomInt, randomUUID } from 'node:crypto';
import { copyFileSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { MessageEvent, RoomEvent, ServerMessage } from '@securechat/shared/protocol';
import { administer } from '../support/keeper.ts';
import type { Connection, Person } from '../support/person.ts';
import { type Stack, startStack } from '../support/stack.ts';

const room = 'general';

async function start(t: TestContext, settings: Record<string, string> = {}): Promise<Stack> {
  const stack = await startStack(settings);
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

// ---- kill -9 -------------------------------------------------------------------------------------------------------

const ROUNDS = 4;
const IN_FLIGHT = 3;
/** Fewer frames than the server takes from one connection at once. */
const MOST_PER_ROUND = 250;

/** What one person's client knows: what it said, what came back, and everything that it saw. */
type Memory = {
  person: Person;
  unacknowledged: Map<string, string>;
  acknowledged: Map<string, MessageEvent>;
  seen: Map<number, RoomEvent>;
  cursor: { since: number; sinceAt?: number };
  numbers: number;
};

test('kill -9 while three people talk loses nothing that its author saw, doubles nothing, leaves no hole (D1, D2, D3, D5)', async (t) => {
  const seed = Number(process.env.SEED) || randomInt(1, 2 ** 31);
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const stack = await start(t, { RATE_LIMIT_MESSAGES: '1000000' });
  const people = await stack.people('alice', 'bob', 'carol');
  const memories = people.map(remember);
  let epoch = '';

  for (let round = 0; round <= ROUNDS; round++) {
    const connections = await Promise.all(memories.map((memory) => comesBack(memory, epoch)));
    epoch = summary(connections[0] as Connection).epoch;
    await Promise.all(memories.map((memory, index) => resends(memory, connections[index] as Connection)));
    if (round === ROUNDS) break;
    const talking = memories.map((memory, index) => talks(memory, connections[index] as Connection, random));
    await pause(50 + random() * 700);
    await stack.kill9();
    await Promise.all(talking);
    await stack.start();
  }

  const truth = await everything(people[0], epoch);
  assert.deepEqual(
    truth.map(({ seq }) => seq),
    truth.map((_, index) => index + 1),
    'numbers without holes',
  );
  for (const { person, acknowledged, seen } of memories) {
    for (const [clientId, said] of acknowledged) {
      const stored = truth.filter((event) => event.type === 'message' && event.text === said.text);
      assert.deepEqual([clientId, stored.map(({ seq }) => seq)], [clientId, [said.seq]], `${said.text} is there once`);
    }
    for (const [seq, event] of seen) {
      const { clientId: _, ...stored } = truth[seq - 1] as RoomEvent;
      assert.deepEqual(event, stored, `${person.name} saw what is stored`);
    }
  }
  const said = memories.flatMap(({ acknowledged }) => [...acknowledged]);
  assert.equal(truth.length, said.length, 'nothing is there that nobody said');
  t.diagnostic(`${said.length} messages`);
  assert.ok(said.length > 50);
});

function remember(person: Person): Memory {
  return { person, unacknowledged: new Map(), acknowledged: new Map(), seen: new Map(), cursor: { since: 0 }, numbers: 0 };
}

/** Resumes where it was and takes in what it missed, which must go on from there without hole or double. */
async function comesBack(memory: Memory, epoch: string): Promise<Connection> {
  const connection = await memory.person.connects();
  const { opened, events } = await connection.opens({ ...memory.cursor, epoch: epoch || summary(connection).epoch });
  assert.equal(opened.complete, true);
  for (const event of events) take(memory, event);
  assert.equal(memory.cursor.since, opened.head);
  return connection;
}

function take(memory: Memory, { clientId, ...event }: RoomEvent) {
  assert.equal(event.seq, memory.cursor.since + 1, `${memory.person.name} sees every number once, in order`);
  memory.cursor = { since: event.seq, sinceAt: event.at };
  memory.seen.set(event.seq, event);
  if (event.type === 'message' && clientId !== undefined) acknowledge(memory, clientId, event);
}

function acknowledge(memory: Memory, clientId: string, event: MessageEvent) {
  const before = memory.acknowledged.get(clientId);
  assert.equal(before?.seq ?? event.seq, event.seq, 'one clientId, one number');
  memory.acknowledged.set(clientId, event);
  memory.unacknowledged.delete(clientId);
}

/** Sends again what nobody acknowledged, and one acknowledged message, under the same ids. */
async function resends(memory: Memory, connection: Connection) {
  const [known] = memory.acknowledged;
  const again = new Map(memory.unacknowledged);
  if (known !== undefined) again.set(known[0], known[1].text ?? '');
  for (const [clientId, text] of again) connection.sends({ type: 'send', room, clientId, text });
  if (again.size === 0) return;
  await listen(memory, connection, (message) => {
    if (message.type === 'message' && message.clientId !== undefined) again.delete(message.clientId);
    return again.size === 0;
  });
}

/** Says one thing after the other, a few at a time, until the connection breaks. */
async function talks(memory: Memory, connection: Connection, random: () => number) {
  const say = () => {
    memory.numbers += 1;
    const [clientId, text] = [randomUUID(), `${memory.person.name} ${memory.numbers} ${'x'.repeat(random() * 200)}`];
    memory.unacknowledged.set(clientId, text);
    connection.sends({ type: 'send', room, clientId, text });
  };
  for (let count = 0; count < IN_FLIGHT; count++) say();
  let own = IN_FLIGHT;
  await listen(memory, connection, (message) => {
    if (message.type === 'message' && message.clientId !== undefined && own++ < MOST_PER_ROUND) say();
    return false;
  }).catch(async (error: unknown) => {
    if (error instanceof assert.AssertionError) throw error;
    assert.equal((await connection.closes()).code, 1006);
  });
}

/** Takes in all that comes until `isEnough`, or until the connection breaks, which is an error. */
async function listen(memory: Memory, connection: Connection, isEnough: (message: ServerMessage) => boolean) {
  for (let isOver = false; !isOver; ) {
    const message = await connection.receives(() => true, 'news');
    if (message.type === 'message') {
      const { again, clientId, ...event } = message;
      if (again) acknowledge(memory, clientId ?? '', event);
      else take(memory, message);
    }
    isOver = isEnough(message);
  }
}

/** Everything that ever happened, in order. */
async function everything(reader: Person, epoch: string): Promise<RoomEvent[]> {
  const { opened, events } = await (await reader.connects()).opens({ since: 0, epoch });
  assert.equal(opened.complete, true);
  return events;
}

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
