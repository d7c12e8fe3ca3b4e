import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mock, type TestContext, test } from 'node:test';
import type { Bus } from '@securechat/shared/bus';
import { createMemoryBus } from '@securechat/shared/bus.memory';
import {
  type ClientMessage,
  DEFAULT_ROOM,
  type Page,
  type Refused,
  type ServerMessage,
  type User,
} from '@securechat/shared/protocol';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { createEventLog } from './eventLog.ts';
import type { Draft, EventStore } from './eventStore.ts';
import { createHub } from './hub.ts';
import {
  alice,
  bob,
  carol,
  emptyConversation,
  type ListeningGuest,
  listeningGuest,
  mallory,
  saying,
  settled,
} from './people.fixture.ts';
import { createMemoryPresence } from './presence.memory.ts';
import { createRooms } from './rooms.ts';
import { shareReads } from './sharedReads.ts';

const room = DEFAULT_ROOM;
const SENTENCE = 'Rate limit exceeded! Please wait 10 seconds before sending more messages.';

// ---- coming and going ----------------------------------------------------------------------------------------------

test('a newcomer is welcomed with everything it needs, and hears nothing of the room before it opens it', async (t) => {
  const house = await start(t);
  await house.stores(bob, 'one', 'two');
  const hers = await house.arrives(alice);
  const { type, ...welcome } = hers.messages[0] as Extract<ServerMessage, { type: 'welcome' }>;
  assert.equal(type, 'welcome');
  const epoch = welcome.rooms[0]?.epoch ?? '';
  assert.deepEqual(welcome, {
    user: alice,
    server: { version: '1.2.3' },
    heartbeat: { intervalMs: 10_000, timeoutMs: 5_000 },
    limits: { textLength: 20, messages: 5, windowMs: 10_000, muteMs: 10_000 },
    rooms: [{ id: room, name: room, epoch, head: 2, read: 2, unread: 0 }],
  });
  assert.ok(epoch.length > 0);
  const his = await house.arrives(bob);
  await house.opens(his);
  await house.sends(his, 'three');
  assert.equal(hers.messages.length, 1);
});

test('somebody who cannot be welcomed has not come, and is not said to have left', async (t) => {
  const house = await start(t);
  const his = await house.arrives(bob, 'v1');
  const hers = listeningGuest(alice);
  house.setAway(true);
  await assert.rejects(house.rooms.arrive(hers));
  await house.rooms.depart(hers, false);
  await house.pass(10_000);
  assert.deepEqual(his.lines, ['bob has joined the chat!']);
});

test('v1: everybody hears who has joined, the newcomer first of all, once', async (t) => {
  const house = await start(t);
  const his = await house.arrives(bob, 'v1');
  await settled();
  const hers = await house.arrives(alice, 'v1');
  await settled();
  assert.deepEqual(his.lines, ['bob has joined the chat!', 'alice has joined the chat!']);
  assert.deepEqual(hers.lines, ['alice has joined the chat!']);
  const second = await house.arrives(alice, 'v1');
  await settled();
  assert.deepEqual(second.lines, ['alice has joined the chat!']);
  assert.equal(hers.lines.length, 1);
  assert.equal(his.lines.length, 2);
});

test('v2: joined and left are told to whoever has the room open', async (t) => {
  const house = await start(t);
  const his = await house.arrives(bob);
  const opened = await house.opens(his);
  assert.deepEqual(opened.people, [bob]);
  const hers = await house.arrives(alice, 'v1');
  await settled();
  assert.deepEqual(his.messages.at(-1), { type: 'joined', room, user: alice });
  await house.rooms.depart(hers, true);
  await settled();
  assert.deepEqual(his.messages.at(-1), { type: 'left', room, user: alice });
});

test('a goodbye is told at once, and only when the last connection ends', async (t) => {
  const house = await start(t);
  const his = await house.arrives(bob, 'v1');
  const [first, second] = [await house.arrives(alice, 'v1'), await house.arrives(alice, 'v1')];
  await house.rooms.depart(first, true);
  await house.pass(20_000);
  assert.ok(!his.lines.includes('alice has left the chat!'));
  await house.rooms.depart(second, true);
  await settled();
  assert.equal(his.lines.at(-1), 'alice has left the chat!');
});

test('a connection that breaks is a departure only when nobody is back within five seconds', async (t) => {
  const house = await start(t);
  const his = await house.arrives(bob, 'v1');
  await house.rooms.depart(await house.arrives(alice, 'v1'), false);
  await house.pass(4_900);
  const back = await house.arrives(alice, 'v1');
  await house.pass(20_000);
  assert.deepEqual(back.lines, ['alice has joined the chat!']);
  assert.deepEqual(his.lines, ['bob has joined the chat!', 'alice has joined the chat!']);
  await house.rooms.depart(back, false);
  await house.pass(4_900);
  assert.equal(his.lines.length, 2);
  await house.pass(1_200);
  assert.equal(his.lines.at(-1), 'alice has left the chat!');
});

test('a connection that ends while it is being welcomed leaves nobody behind', async (t) => {
  const house = await start(t);
  const his = await house.arrives(bob, 'v1');
  const hers = listeningGuest(alice);
  const arriving = house.rooms.arrive(hers);
  await house.rooms.depart(hers, true);
  await arriving;
  await settled();
  assert.deepEqual(hers.lines, []);
  assert.equal((await house.presence.list(room, 10)).count, 1);
  assert.equal(his.lines.at(-1)?.startsWith('alice has joined'), false);
});

test('above twenty notices a second people get a list instead, and newcomers still hear of themselves', async (t) => {
  const house = await start(t);
  const line = await house.arrives(bob, 'v1');
  const his = await house.arrives(carol);
  await house.opens(his);
  await house.pass(1_000);
  const before = { lines: line.lines.length, messages: his.messages.length };
  const crowd = Array.from({ length: 30 }, (_, n) => ({ id: `n${n}`, name: `newcomer${n}` }));
  for (const user of crowd) assert.deepEqual((await house.arrives(user, 'v1')).lines, [`${user.name} has joined the chat!`]);
  await settled();
  assert.equal(line.lines.length - before.lines, 20);
  assert.equal(his.messages.length - before.messages, 20);
  await house.pass(1_100);
  const snapshot = his.messages.at(-1);
  assert.ok(snapshot?.type === 'people' && snapshot.peopleCount === 32 && snapshot.people.length === 32);
  assert.equal(his.messages.length - before.messages, 21);
  await house.arrives({ id: 'late', name: 'late' }, 'v1');
  await settled();
  assert.deepEqual(his.messages.at(-1), { type: 'joined', room, user: { id: 'late', name: 'late' } });
});

// ---- opening -------------------------------------------------------------------------------------------------------

test('open without a position: the latest 50 messages in their present state, complete, then live', async (t) => {
  const house = await start(t);
  await house.stores(bob, ...Array.from({ length: 60 }, (_, n) => `${n + 1}`));
  const hers = await house.arrives(alice);
  const opened = await house.opens(hers);
  const [page] = pagesOf(hers);
  assert.deepEqual(
    { more: page?.more, asOf: page?.asOf, first: page?.events[0]?.seq, count: page?.events.length },
    { more: false, asOf: 60, first: 11, count: 50 },
  );
  assert.ok(page?.events.every((event) => 'reactions' in event));
  assert.deepEqual([opened.head, opened.complete, opened.peopleCount], [60, true, 1]);
  await house.stores(bob, 'live');
  await settled();
  assert.deepEqual(seqsAfterOpened(hers), [61]);
});

for (const from of ['memory', 'the store alone']) {
  test(`open with a position: everything since, as it happened, in pages of 100 from ${from}, then live`, async (t) => {
    const house = await start(t);
    if (from === 'memory') await house.arrives(bob);
    await house.stores(bob, ...Array.from({ length: 640 }, (_, n) => `${n + 1}`));
    const hers = await house.arrives(alice);
    const opened = await house.opens(hers, { since: 10, sinceAt: await house.timeOf(10), epoch: house.epoch() });
    const pages = pagesOf(hers);
    assert.deepEqual(
      pages.flatMap(({ events }) => events.map(({ seq }) => seq)),
      range(11, 640),
    );
    assert.ok(pages.every(({ events, since }) => events.length <= 100 && since === 10));
    assert.equal(pages.at(-1)?.events.length, from === 'memory' ? 30 : 0);
    assert.deepEqual(
      pages.map(({ more }) => more),
      [...Array(pages.length - 1).fill(true), false],
    );
    assert.deepEqual(
      pages.map(({ asOf }) => asOf),
      pages.map(({ events }) => events.at(-1)?.seq ?? 640),
    );
    assert.deepEqual([opened.head, opened.complete], [640, true]);
    await house.stores(bob, 'live');
    await settled();
    assert.deepEqual(seqsAfterOpened(hers), [641]);
  });
}

test('a resume of 5,000 mixed changes gives way to everybody else after every page that is read', async (t) => {
  const house = await start(t);
  const made = await Promise.all(range(1, 5_000).map((n) => house.log.append(room, mixed(n))));
  await settled();
  assert.ok(made.every(({ kind }) => kind === 'stored'));
  const hers = await house.arrives(alice);
  let turns = 0;
  const over = new AbortController();
  const count = () => {
    turns += 1;
    if (!over.signal.aborted) setImmediate(count);
  };
  count();
  const sentIn: number[] = [];
  const send = hers.send;
  hers.send = (frames) => {
    sentIn.push(turns);
    send(frames);
  };
  await house.opens(hers, { since: 0, epoch: house.epoch() });
  over.abort();
  const pages = pagesOf(hers);
  assert.deepEqual(
    pages.flatMap(({ events }) => events.map(({ seq }) => seq)),
    range(1, 5_000),
  );
  assert.ok(pages.every(({ events }) => events.length <= 100));
  // What is in memory anyway, and "opened", are written in one turn; before that each page has a turn of its own.
  const together = Map.groupBy(sentIn, (turn) => turn);
  assert.ok([...together.values()].every((sent) => sent.length <= 5));
  assert.ok(together.size >= 45);
});

test('three thousand who come back at once are few questions to the store', async (t) => {
  const house = await start(t, { isShared: true });
  await house.stores(bob, ...range(1, 400).map(String));
  const people = range(1, 3_000).map((n) => ({ id: `p${n}`, name: `person ${n}` }));
  // They were here before, and have marks.
  for (const { id } of people) await house.store.markRead(room, id, 100);
  const since = { since: 130, sinceAt: await house.timeOf(130), epoch: house.epoch() };
  house.asked.length = 0;
  const guests = await Promise.all(people.map((one) => house.arrives(one)));
  let opened = 0;
  for (const guest of guests) {
    guest.send = (frames) => {
      if (frames.includes('"complete":true')) opened += 1;
    };
  }
  await Promise.all(guests.map((guest) => house.rooms.handle(guest, { type: 'open', room, ...since })));
  assert.equal(opened, people.length);
  const counted = Object.fromEntries([...Map.groupBy(house.asked, (name) => name)].map(([name, all]) => [name, all.length]));
  assert.ok(house.asked.length <= 30, JSON.stringify(counted));
});

test('open at the head: one empty page, and complete', async (t) => {
  const house = await start(t);
  await house.stores(bob, 'one');
  const hers = await house.arrives(alice);
  const opened = await house.opens(hers, { since: 1, epoch: house.epoch() });
  assert.deepEqual(
    pagesOf(hers).map(({ events, more }) => [events, more]),
    [[[], false]],
  );
  assert.deepEqual([opened.head, opened.complete], [1, true]);
});

test('a resume shows what was deleted as deleted, and the author the own clientIds', async (t) => {
  const house = await start(t);
  await house.stores(alice, 'secret', 'mine');
  await house.appends(alice, { kind: 'edited', target: 1, text: 'secret too' });
  await house.appends(alice, { kind: 'deleted', target: 1 });
  const [hers, his] = [await house.arrives(alice), await house.arrives(bob)];
  for (const guest of [hers, his]) await house.opens(guest, { since: 0, epoch: house.epoch() });
  const events = pagesOf(his)[0]?.events ?? [];
  assert.deepEqual(
    events.map(({ type, seq }) => [type, seq]),
    [
      ['message', 1],
      ['message', 2],
      ['edited', 3],
      ['deleted', 4],
    ],
  );
  assert.ok(!his.lines.join().includes('secret') && !his.lines.join().includes('clientId'));
  assert.deepEqual(
    events.map((event) => 'deleted' in event),
    [true, false, true, false],
  );
  assert.ok(pagesOf(hers)[0]?.events.every(({ clientId }) => clientId !== undefined));
});

test('whoever cannot prove to have seen this room’s past gets the latest, not complete', async (t) => {
  const house = await start(t);
  await house.stores(bob, 'one', 'two', 'three');
  const epoch = house.epoch();
  const positions = [
    { since: 2 },
    { since: 2, epoch: 'another' },
    { since: 4, epoch },
    { since: 2, sinceAt: 1, epoch },
    { since: 0, sinceAt: 1, epoch },
  ];
  for (const position of positions) {
    const hers = await house.arrives(alice);
    const opened = await house.opens(hers, position);
    assert.equal(opened.complete, false, JSON.stringify(position));
    assert.deepEqual(
      pagesOf(hers)[0]?.events.map(({ seq }) => seq),
      [1, 2, 3],
    );
  }
  const honest = await house.arrives(alice);
  assert.equal((await house.opens(honest, { since: 2, sinceAt: await house.timeOf(2), epoch })).complete, true);
});

test('more than 5,000 events or 2 MiB behind: the latest, not complete; exactly 5,000: all of them', async (t) => {
  const house = await start(t, { textLength: 10_000 });
  await house.stores(bob, ...Array.from({ length: 5_001 }, () => 'x'));
  const hers = await house.arrives(alice);
  assert.equal((await house.opens(hers, { since: 0, epoch: house.epoch() })).complete, false);
  hers.messages.length = 0;
  assert.equal((await house.opens(hers, { since: 1, epoch: house.epoch() })).complete, true);
  assert.equal(pagesOf(hers).flatMap(({ events }) => events).length, 5_000);
  await house.stores(bob, ...Array.from({ length: 300 }, () => 'x'.repeat(7_200)));
  const his = await house.arrives(bob);
  assert.equal((await house.opens(his, { since: 5_001, epoch: house.epoch() })).complete, false);
});

test('whoever opens a room that is in another life by now is told so, also when nobody here has noticed', async (t) => {
  const house = await start(t);
  await house.stores(bob, ...range(1, 400).map(String));
  const positions = [{}, { since: 10, epoch: house.epoch() }, { since: 400, epoch: house.epoch() }];
  for (const position of positions) {
    const [before] = await house.store.heads([room]);
    await house.store.renewEpoch(room, before?.epoch ?? '');
    const hers = await house.arrives(alice);
    const opened = await house.opens(hers, position);
    assert.notEqual(opened.epoch, before?.epoch);
    assert.deepEqual([opened.complete, opened.head], [!('since' in position), 400]);
  }
});

test('open on an open room resumes it: what is said meanwhile comes once', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  await house.stores(bob, 'one');
  await settled();
  const again = house.opens(hers, { since: 0, epoch: house.epoch() });
  await house.stores(bob, 'two');
  await again;
  await settled();
  const last = hers.messages.findLastIndex(({ type }) => type === 'opened');
  const firstPage = hers.messages.findIndex((message) => message.type === 'page' && message.since === 0);
  const shown = hers.messages.slice(firstPage).flatMap((m) => (m.type === 'page' ? m.events : m.type === 'message' ? [m] : []));
  assert.deepEqual(
    shown.map(({ seq }) => seq),
    [1, 2],
  );
  assert.ok(last > firstPage);
});

test('what is not there is not found, what is not open is not open', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  assert.equal((await house.asks(hers, { type: 'open', room: 'attic' })).code, 'not_found');
  assert.equal((await house.asks(hers, { type: 'typing', room: 'attic' })).code, 'not_found');
  const early: ClientMessage[] = [
    { type: 'send', room, clientId: randomUUID(), text: 'hello' },
    { type: 'history', room, before: 5, limit: 5 },
    { type: 'read', room, seq: 1 },
    { type: 'typing', room },
  ];
  for (const message of early) {
    const refusal = await house.asks(hers, message);
    assert.deepEqual([refusal.code, refusal.for, refusal.room], ['not_open', message.type, room]);
  }
});

test('history goes back page by page', async (t) => {
  const house = await start(t);
  await house.stores(bob, ...Array.from({ length: 8 }, (_, n) => `${n + 1}`));
  const hers = await house.arrives(alice);
  await house.opens(hers);
  await house.rooms.handle(hers, { type: 'history', room, before: 6, limit: 3 });
  await house.rooms.handle(hers, { type: 'history', room, before: 3, limit: 3 });
  const [, first, second] = pagesOf(hers);
  assert.deepEqual([first?.before, first?.more, first?.asOf, first?.events.map(({ seq }) => seq)], [6, true, 8, [3, 4, 5]]);
  assert.deepEqual([second?.before, second?.more, second?.events.map(({ seq }) => seq)], [3, false, [1, 2]]);
});

test('a page of history waits for a reader that has not taken the one before', async (t) => {
  const house = await start(t);
  await house.stores(bob, 'one');
  const gate = Promise.withResolvers<void>();
  const hers = await house.arrives(alice);
  await house.opens(hers);
  hers.drained = () => gate.promise;
  const asking = house.rooms.handle(hers, { type: 'history', room, before: 2, limit: 1 });
  await settled();
  assert.equal(pagesOf(hers).length, 1);
  gate.resolve();
  await asking;
  assert.equal(pagesOf(hers).length, 2);
});

// ---- sending -------------------------------------------------------------------------------------------------------

test('a message comes back to everybody, to its author with the clientId', async (t) => {
  const house = await start(t);
  const [hers, second, his, line] = [
    await house.arrives(alice),
    await house.arrives(alice),
    await house.arrives(bob),
    await house.arrives(carol, 'v1'),
  ];
  for (const guest of [hers, second, his]) await house.opens(guest);
  const clientId = randomUUID();
  await house.sends(hers, 'hello', { clientId });
  for (const guest of [hers, second])
    assert.deepEqual(
      messagesOf(guest).map((m) => [m.seq, m.text, m.clientId]),
      [[1, 'hello', clientId]],
    );
  assert.deepEqual(
    messagesOf(his).map((m) => [m.seq, m.author, m.text, m.clientId]),
    [[1, alice, 'hello', undefined]],
  );
  assert.equal(line.lines.at(-1), 'alice: hello');
});

test('the same clientId again is the first event again, to this connection alone, and costs nothing', async (t) => {
  const house = await start(t);
  const [hers, second] = [await house.arrives(alice), await house.arrives(alice)];
  for (const guest of [hers, second]) await house.opens(guest);
  const clientId = randomUUID();
  await house.sends(hers, 'hello', { clientId });
  for (let n = 0; n < 10; n++) await house.sends(hers, 'hello', { clientId });
  house.log.forgetAll();
  for (let n = 0; n < 10; n++) await house.sends(hers, 'hello', { clientId });
  assert.deepEqual(
    messagesOf(hers).map(({ seq, again }) => [seq, again]),
    [[1, undefined], ...Array(20).fill([1, true])],
  );
  assert.equal(messagesOf(second).length, 1);
  for (let n = 0; n < 4; n++) await house.sends(hers, `${n}`);
  assert.equal(house.refusalsTo(hers).length, 0);
});

test('a stored clientId is answered even while muted, and begins no mute', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  const clientId = randomUUID();
  await house.sends(hers, 'first', { clientId });
  await house.pass(20_000);
  house.log.forgetAll();
  for (let n = 0; n < 5; n++) await house.sends(hers, `${n}`);
  await house.sends(hers, 'first', { clientId });
  assert.equal(messagesOf(hers).at(-1)?.again, true);
  await house.pass(5_000);
  await house.sends(hers, 'too many');
  assert.equal(house.refusalsTo(hers)[0]?.retryAfterMs, 10_000);
  house.log.forgetAll();
  await house.sends(hers, 'first', { clientId });
  assert.equal(messagesOf(hers).at(-1)?.again, true);
  assert.equal(house.refusalsTo(hers).length, 1);
});

test('a room that begins a new life while it is looked whether somebody can resume resumes nothing', async (t) => {
  const house = await start(t);
  await house.stores(bob, 'one', 'two', 'three');
  const hers = await house.arrives(alice);
  house.during('bytesSince', async () => {
    await house.store.renewEpoch(room, house.epoch());
    await house.checkHeads();
  });
  const opened = await house.opens(hers, { since: 1, epoch: house.epoch() });
  assert.notEqual(opened.epoch, house.epoch());
  assert.equal(opened.complete, false);
});

test('a clientId with other content is a conflict, and what was said first stands', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  const clientId = randomUUID();
  await house.sends(hers, 'hello', { clientId });
  await house.sends(hers, 'goodbye', { clientId });
  house.log.forgetAll();
  await house.sends(hers, 'goodbye', { clientId });
  await house.rooms.handle(hers, { type: 'delete', room, clientId, target: 1 });
  await settled();
  assert.deepEqual(
    house.refusalsTo(hers).map((r) => [r.code, r.clientId]),
    Array(3).fill(['conflict', clientId]),
  );
  assert.deepEqual((await house.store.since(room, 0, 10)).length, 1);
});

test('an erased message that is sent again is answered as deleted', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  const clientId = randomUUID();
  await house.sends(hers, 'secret', { clientId });
  await house.rooms.handle(hers, { type: 'delete', room, clientId: randomUUID(), target: 1 });
  await settled();
  for (const text of ['secret', 'other']) {
    await house.sends(hers, text, { clientId });
    const last = messagesOf(hers).at(-1);
    assert.deepEqual([last?.again, last?.deleted, last?.text], [true, true, undefined]);
    house.log.forgetAll();
  }
});

test('the sixth message in ten seconds is told to slow down, in the words of v1, until the end of the mute', async (t) => {
  const house = await start(t);
  const [hers, his] = [await house.arrives(mallory), await house.arrives(bob)];
  for (const guest of [hers, his]) await house.opens(guest);
  for (let n = 0; n < 5; n++) await house.sends(hers, `${n}`);
  const clientId = randomUUID();
  await house.sends(hers, 'six', { clientId });
  await house.pass(4_000);
  await house.sends(hers, 'seven');
  const [six, seven] = house.refusalsTo(hers);
  assert.deepEqual(six, {
    type: 'refused',
    code: 'slow_down',
    message: SENTENCE,
    for: 'send',
    room,
    clientId,
    retryAfterMs: 10_000,
  });
  assert.ok(seven?.message === SENTENCE && (seven.retryAfterMs ?? 0) <= 6_000 && (seven.retryAfterMs ?? 0) >= 5_900);
  await house.sends(his, 'and I?');
  assert.equal(house.refusalsTo(his).length, 0);
  await house.pass(6_000);
  await house.sends(hers, 'six', { clientId });
  assert.equal(messagesOf(hers).at(-1)?.text, 'six');
});

test('mallory sends a copy that must be refused beside each message: the limit holds for what is stored', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(mallory);
  await house.opens(hers);
  for (let n = 0; n < 10; n++) {
    const clientId = randomUUID();
    await house.rooms.handle(hers, { type: 'send', room, clientId, text: `${n}`, replyTo: 999 });
    await house.sends(hers, `${n}`, { clientId });
  }
  assert.deepEqual(
    messagesOf(hers).map(({ text }) => text),
    ['0', '1', '2', '3', '4'],
  );
});

test('the limit is one over all connections of a person, v1 and v2 together', async (t) => {
  const house = await start(t);
  const [screen, line] = [await house.arrives(mallory), await house.arrives(mallory, 'v1')];
  await house.opens(screen);
  for (let n = 0; n < 3; n++) await house.sends(screen, `${n}`);
  for (let n = 0; n < 2; n++) await house.rooms.say(line, `${n}`);
  await house.sends(screen, 'six');
  assert.equal(house.refusalsTo(screen)[0]?.code, 'slow_down');
});

test('edits, deletions and reactions have a budget of their own: 20 in 10 s', async (t) => {
  const house = await start(t);
  await house.stores(bob, 'hello');
  const hers = await house.arrives(alice);
  await house.opens(hers);
  const react = () => house.rooms.handle(hers, { type: 'react', room, clientId: randomUUID(), target: 1, emoji: '👍', on: true });
  for (let n = 0; n < 20; n++) await react();
  assert.equal(house.refusalsTo(hers).length, 0);
  await react();
  const [refusal] = house.refusalsTo(hers);
  assert.ok(refusal?.code === 'slow_down' && refusal.for === 'react' && (refusal.retryAfterMs ?? 0) <= 10_000);
  await house.sends(hers, 'counted apart');
  assert.deepEqual(house.refusalsTo(hers), [refusal]);
});

test('questions have a budget of their own: 60 in 10 s', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  for (let n = 0; n < 59; n++) await house.rooms.handle(hers, { type: 'history', room, before: 1, limit: 1 });
  assert.equal(house.refusalsTo(hers).length, 0);
  assert.equal((await house.asks(hers, { type: 'read', room, seq: 1 })).code, 'slow_down');
});

test('what was refused by its content costs nothing', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  for (let n = 0; n < 10; n++) {
    await house.sends(hers, ' \n ');
    await house.sends(hers, 'x'.repeat(21));
    await house.sends(hers, 'to nobody', { replyTo: 99 });
  }
  assert.deepEqual([...new Set(house.refusalsTo(hers).map(({ code }) => code))].sort(), ['empty', 'not_found', 'too_long']);
  for (let n = 0; n < 5; n++) await house.sends(hers, '👍'.repeat(20));
  assert.equal(messagesOf(hers).length, 5);
});

test('others may not edit or delete, everybody may react; all of it is told', async (t) => {
  const house = await start(t);
  const [hers, his] = [await house.arrives(alice), await house.arrives(mallory)];
  for (const guest of [hers, his]) await house.opens(guest);
  await house.sends(hers, 'mine');
  const attempt = (guest: ListeningGuest, message: { type: string; [field: string]: unknown }) =>
    house.rooms.handle(guest, { room, clientId: randomUUID(), target: 1, ...message } as ClientMessage);
  await attempt(his, { type: 'edit', text: 'yours' });
  await attempt(his, { type: 'delete' });
  await attempt(his, { type: 'react', emoji: '👎', on: true });
  await attempt(hers, { type: 'edit', text: 'mine!' });
  await attempt(hers, { type: 'delete' });
  await settled();
  await attempt(hers, { type: 'delete' });
  await settled();
  assert.deepEqual(
    house.refusalsTo(his).map(({ code }) => code),
    ['forbidden', 'forbidden'],
  );
  assert.deepEqual(
    house.refusalsTo(hers).map(({ code }) => code),
    ['gone'],
  );
  assert.deepEqual(
    his.messages.filter((m) => 'seq' in m && 'author' in m).map(({ type }) => type),
    ['message', 'reacted', 'edited', 'deleted'],
  );
});

test('a store that is away: unavailable within five seconds, the clientId to be sent again', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  house.setAway(true);
  const clientId = randomUUID();
  await house.sends(hers, 'hello', { clientId });
  assert.equal((await house.asks(hers, { type: 'history', room, before: 1, limit: 1 })).code, 'unavailable');
  await house.pass(5_200);
  assert.deepEqual(
    house.refusalsTo(hers).map((r) => [r.code, r.for, r.clientId]),
    [
      ['unavailable', 'history', undefined],
      ['unavailable', 'send', clientId],
    ],
  );
  house.setAway(false);
  await house.sends(hers, 'hello', { clientId });
  assert.deepEqual(
    messagesOf(hers).map(({ text }) => text),
    ['hello'],
  );
});

// ---- v1 ------------------------------------------------------------------------------------------------------------

test('v1: blank is ignored, too long and unspeakable get one line each, and none of it counts', async (t) => {
  const house = await start(t);
  const line = await house.arrives(alice, 'v1');
  for (const text of ['', ' ', '\n\t']) await house.rooms.say(line, text);
  for (let n = 0; n < 6; n++) await house.rooms.say(line, 'x'.repeat(21));
  await house.rooms.say(line, 'a\u0000b');
  await house.rooms.say(line, '👍'.repeat(20));
  await settled();
  assert.equal(line.lines.length, 1 + 6 + 1 + 1);
  assert.match(line.lines[1] ?? '', /longer than 20 characters/);
  assert.match(line.lines[7] ?? '', /cannot be sent/);
  assert.equal(line.lines[8], `alice: ${'👍'.repeat(20)}`);
});

test('v1: the warning comes once per mute, to the connection that sent it; what is said meanwhile is ignored', async (t) => {
  const house = await start(t);
  const [line, other, his] = [
    await house.arrives(mallory, 'v1'),
    await house.arrives(mallory, 'v1'),
    await house.arrives(bob, 'v1'),
  ];
  await settled();
  const before = his.lines.length;
  for (let n = 0; n < 9; n++) await house.rooms.say(line, `${n}`);
  await house.rooms.say(other, 'from here?');
  await settled();
  const heard = ['0', '1', '2', '3', '4'].map((n) => `mallory: ${n}`);
  assert.deepEqual(his.lines.slice(before), heard);
  assert.deepEqual(
    line.lines.filter((one) => one === SENTENCE),
    [SENTENCE],
  );
  assert.ok(!other.lines.includes(SENTENCE));
  await house.pass(9_900);
  await house.rooms.say(line, 'still muted');
  await house.pass(200);
  await house.rooms.say(line, 'free again');
  await settled();
  assert.equal(his.lines.at(-1), 'mallory: free again');
  assert.ok(!his.lines.includes('mallory: still muted'));
  for (let n = 0; n < 5; n++) await house.rooms.say(line, `${n}`);
  assert.equal(line.lines.filter((one) => one === SENTENCE).length, 2);
});

test('v1: in a crowd, too, the warning comes after the messages that were accepted', async (t) => {
  const house = await start(t);
  for (let n = 0; n < 20; n++) await house.arrives(bob, 'v1');
  const line = await house.arrives(mallory, 'v1');
  for (let n = 0; n < 6; n++) {
    await house.rooms.say(line, `${n}`);
    await settled(3);
  }
  assert.deepEqual(line.lines.slice(-6), [...['0', '1', '2', '3', '4'].map((n) => `mallory: ${n}`), SENTENCE]);
});

test('v1: what is not known to be stored within five seconds is told so', async (t) => {
  const house = await start(t);
  const line = await house.arrives(alice, 'v1');
  house.setAway(true);
  await house.rooms.say(line, 'hello?');
  await house.pass(5_200);
  assert.equal(line.lines.at(-1), 'Your last message was not delivered. Please send it again.');
});

test('v1: a message whose commit was only heard of later was delivered, and is said once', async (t) => {
  const house = await start(t);
  const line = await house.arrives(alice, 'v1');
  house.loseNextAnswer();
  await house.rooms.say(line, 'hello');
  await house.pass(1_000);
  assert.deepEqual(line.lines, ['alice has joined the chat!', 'alice: hello']);
});

test('v1: edits, deletions, reactions, typing and read marks are not shown', async (t) => {
  const house = await start(t);
  const [line, hers] = [await house.arrives(bob, 'v1'), await house.arrives(alice)];
  await house.opens(hers);
  await house.sends(hers, 'hello');
  const before = line.lines.length;
  for (const message of [{ type: 'edit', text: 'x' }, { type: 'react', emoji: '👍', on: true }, { type: 'delete' }]) {
    await house.rooms.handle(hers, { room, clientId: randomUUID(), target: 1, ...message } as ClientMessage);
  }
  await house.rooms.handle(hers, { type: 'typing', room });
  await house.rooms.handle(hers, { type: 'read', room, seq: 4 });
  await settled();
  assert.equal(line.lines.length, before);
});

// ---- read marks and typing -----------------------------------------------------------------------------------------

test('typing is told to others, once in two seconds', async (t) => {
  const house = await start(t);
  const [hers, second, his] = [await house.arrives(alice), await house.arrives(alice), await house.arrives(bob)];
  for (const guest of [hers, second, his]) await house.opens(guest);
  const typings = (guest: ListeningGuest) => guest.messages.filter(({ type }) => type === 'typing').length;
  for (let n = 0; n < 10; n++) await house.rooms.handle(hers, { type: 'typing', room });
  await house.pass(1_900);
  await house.rooms.handle(hers, { type: 'typing', room });
  await settled();
  assert.deepEqual([typings(his), typings(second), typings(hers)], [1, 0, 0]);
  await house.pass(100);
  await house.rooms.handle(hers, { type: 'typing', room });
  await settled();
  assert.equal(typings(his), 2);
});

test('read marks: all devices of a person are told, others are not; one write a second, the last one always', async (t) => {
  const house = await start(t);
  await house.stores(bob, '1', '2', '3', '4', '5');
  const [hers, second, his] = [await house.arrives(alice), await house.arrives(alice), await house.arrives(bob)];
  for (const guest of [hers, second, his]) await house.opens(guest);
  await house.stores(bob, '6', '7', '8', '9');
  for (const seq of [6, 7, 8]) await house.rooms.handle(hers, { type: 'read', room, seq });
  await settled();
  assert.deepEqual(readsTo(second), [[6, 3]]);
  await house.pass(1_100);
  assert.deepEqual(readsTo(second), [
    [6, 3],
    [8, 1],
  ]);
  assert.deepEqual(readsTo(hers), readsTo(second));
  assert.deepEqual(readsTo(his), [[9, 0]], 'what he said himself');
  await house.pass(1_100);
  await house.rooms.handle(hers, { type: 'read', room, seq: 2 });
  await settled();
  assert.deepEqual(readsTo(hers).at(-1), [8, 1]);
});

test('a mark far beyond the head does not swallow the next one', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  await house.stores(bob, '1');
  await house.rooms.handle(hers, { type: 'read', room, seq: 1_000_000 });
  await house.stores(bob, '2', '3');
  await house.rooms.handle(hers, { type: 'read', room, seq: 2 });
  await house.pass(1_100);
  assert.deepEqual(readsTo(hers), [
    [1, 0],
    [2, 1],
  ]);
});

test('sending moves one’s own read mark', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  await house.stores(bob, '1', '2');
  await house.sends(hers, 'three');
  assert.deepEqual(readsTo(hers), [[3, 0]]);
});

test('a mark that moved while the bus was interrupted is told to all devices when it is back, also when the store is not yet', async (t) => {
  const house = await start(t);
  const [hers, second] = [await house.arrives(alice), await house.arrives(alice)];
  for (const guest of [hers, second]) await house.opens(guest);
  await house.stores(bob, '1', '2');
  house.deafen();
  await house.rooms.handle(hers, { type: 'read', room, seq: 2 });
  await settled();
  assert.deepEqual(readsTo(second), []);
  house.setAway(true);
  house.interruptBus();
  await settled();
  assert.deepEqual(readsTo(second), []);
  house.setAway(false);
  await house.pass(2_000);
  assert.deepEqual(readsTo(second).at(-1), [2, 0]);
});

test('a mark that moves between the welcome and the opening is told after the opening', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  await house.stores(bob, '1', '2');
  const second = await house.arrives(alice);
  await house.rooms.handle(hers, { type: 'read', room, seq: 1 });
  await settled();
  assert.deepEqual(readsTo(second), [], 'before opened nothing of the room reaches the connection');
  await house.opens(second);
  assert.deepEqual(readsTo(second), [[1, 1]]);
  assert.equal(second.messages.at(-1)?.type, 'read');
});

test('what somebody says on one device while another is opening moves the mark of both', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  const second = await house.arrives(alice);
  await house.sends(hers, 'one');
  await house.stores(bob, 'two', 'three');
  await house.opens(second);
  assert.deepEqual([readsTo(hers), readsTo(second)], [[[1, 0]], [[1, 2]]]);
});

test('a mark that cannot be written is written when the store is back', async (t) => {
  const house = await start(t);
  const [hers, second] = [await house.arrives(alice), await house.arrives(alice)];
  for (const guest of [hers, second]) await house.opens(guest);
  await house.stores(bob, '1', '2', '3');
  house.setAway(true);
  assert.equal((await house.asks(hers, { type: 'read', room, seq: 2 })).code, 'unavailable');
  await house.pass(3_000);
  house.setAway(false);
  await house.pass(2_000);
  assert.deepEqual(readsTo(second), [[2, 1]]);
  assert.deepEqual(await house.store.readMark(room, alice.id), { read: 2, unread: 1 });
});

test('a mark that waits for its second to pass is written when the rooms close', async (t) => {
  const house = await start(t);
  const hers = await house.arrives(alice);
  await house.opens(hers);
  await house.stores(bob, '1', '2', '3');
  for (const seq of [1, 3]) await house.rooms.handle(hers, { type: 'read', room, seq });
  assert.equal((await house.store.readMark(room, alice.id)).read, 1);
  await house.rooms.close();
  assert.equal((await house.store.readMark(room, alice.id)).read, 3);
});

// ---- the house -----------------------------------------------------------------------------------------------------

type Ask = (...given: unknown[]) => unknown;

/** Rooms on the adapters of a single node. Clocks and timers are the test's own; the store can be away. */
async function start(t: TestContext, { textLength = 20, isShared = false } = {}) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  let time = 0;
  let isAway = false;
  let losesAnswer = false;
  const now = () => time;
  const conversation = await emptyConversation(() => 1_700_000_000_000 + ++time);
  const asked: string[] = [];
  const meanwhile = new Map<string, () => Promise<void>>();
  const interrupted: (() => void)[] = [];
  let isDeaf = false;
  const memory = createMemoryBus();
  const bus: Bus = {
    ...memory,
    publish(...news) {
      if (!isDeaf) memory.publish(...news);
    },
    onInterrupted: (listener) => void interrupted.push(() => listener([])),
  };
  const store = new Proxy(conversation.store, {
    get(target, name: keyof EventStore) {
      return (...given: unknown[]) => {
        asked.push(name);
        // Those who share their reads share them with a database that is asked over a network.
        if (isShared)
          return new Promise((resolve) => setImmediate(resolve)).then(() => (target[name] as Ask).apply(target, given));
        if (isAway) return Promise.reject(new Error('the store is away'));
        const happens = meanwhile.get(name);
        meanwhile.delete(name);
        if (happens) return happens().then(() => (target[name] as Ask).apply(target, given));
        return (target[name] as Ask).apply(target, given);
      };
    },
  });
  const reads = shareReads(store);
  const hub = createHub({
    store,
    bus,
    onNews: (where, news) => rooms.onNews(where, news),
    onErased(where, target) {
      log.forgetText(where, target);
      reads.forgetText(where, target);
    },
    onNewEpoch: () => {},
    onHoleFilled: () => {},
    onDuplicate: () => {},
    onDelivered: (where, event) => rooms.onDelivered(where, event),
    onTold: () => {},
    onError: () => {},
  });
  const log = createEventLog({
    async append(...asked) {
      if (isAway) throw new Error('the store is away');
      const outcomes = await conversation.append(...asked);
      if (!losesAnswer) return outcomes;
      losesAnswer = false;
      throw new Error('the line was cut');
    },
    bus,
    floor: hub.floorOf,
    onOlder: () => {},
    onError: () => {},
    now,
  });
  const presence = createMemoryPresence(now);
  const limiter = (limit: number, muteMs: number, windowMs = 10_000) => createMemoryRateLimiter({ limit, windowMs, muteMs }, now);
  const rooms = createRooms({
    store: isShared ? reads : store,
    log,
    hub,
    bus,
    presence,
    budgets: { message: limiter(5, 10_000), change: limiter(20, 0), query: limiter(60, 0), lookUp: limiter(10, 0, 1_000) },
    rules: {
      version: '1.2.3',
      textLength,
      messages: 5,
      windowMs: 10_000,
      muteMs: 10_000,
      heartbeatMs: 10_000,
      heartbeatTimeoutMs: 5_000,
    },
    onAgain: () => {},
    onResume: () => {},
    onError: () => {},
    now,
  });
  const [head] = await store.heads([room]);
  t.after(async () => {
    isAway = false;
    await rooms.close();
    await hub.close();
    await conversation.close();
    mock.timers.reset();
  });

  return {
    rooms,
    store: conversation.store,
    /** What the store was asked so far, question by question. */
    asked,
    log,
    presence,
    epoch: () => head?.epoch ?? '',
    timeOf: async (seq: number) => (await conversation.store.timeOf(room, seq)) ?? 0,
    setAway: (is: boolean) => {
      isAway = is;
    },
    /** Something happens before the store answers the next question of this name. */
    during: (name: keyof EventStore, happens: () => Promise<void>) => void meanwhile.set(name, happens),
    checkHeads: hub.checkHeads,
    /** Nothing that is published arrives, until the bus says that it was interrupted. */
    deafen: () => {
      isDeaf = true;
    },
    interruptBus: () => {
      isDeaf = false;
      for (const tell of interrupted) tell();
    },
    loseNextAnswer: () => {
      losesAnswer = true;
    },
    async arrives(user: User, version: 'v1' | 'v2' = 'v2') {
      const guest = listeningGuest(user, version);
      await rooms.arrive(guest);
      return guest;
    },
    async opens(guest: ListeningGuest, position: { since?: number; sinceAt?: number; epoch?: string } = {}) {
      await rooms.handle(guest, { type: 'open', room, ...position });
      const opened = guest.messages.findLast((message) => message.type === 'opened');
      assert.ok(opened !== undefined);
      return opened;
    },
    async sends(guest: ListeningGuest, text: string, more: { clientId?: string; replyTo?: number } = {}) {
      await rooms.handle(guest, { type: 'send', room, clientId: randomUUID(), text, ...more });
      await settled();
    },
    /** What a message that is refused is answered. */
    async asks(guest: ListeningGuest, message: ClientMessage): Promise<Refused> {
      await rooms.handle(guest, message);
      const refusal = guest.messages.at(-1);
      assert.equal(refusal?.type, 'refused');
      return refusal as Refused;
    },
    refusalsTo: (guest: ListeningGuest) => guest.messages.filter((message) => message.type === 'refused'),
    /** Something is said by somebody who has no limits. */
    async stores(author: User, ...texts: string[]) {
      await Promise.all(texts.map((text) => log.append(room, saying(author, text))));
      await settled();
    },
    async appends(author: User, change: Parameters<typeof log.append>[1]['change']) {
      await log.append(room, { author, clientId: randomUUID(), change });
      await settled();
    },
    /** Lets time go by, and everything happen that was due. */
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 100) {
        time += Math.min(100, ms - passed);
        mock.timers.tick(Math.min(100, ms - passed));
        await settled(3);
      }
    },
  };
}

const pagesOf = ({ messages }: ListeningGuest) => messages.filter((message): message is Page => message.type === 'page');
const messagesOf = ({ messages }: ListeningGuest) => messages.filter((message) => message.type === 'message');
const readsTo = ({ messages }: ListeningGuest) => messages.flatMap((m) => (m.type === 'read' ? [[m.seq, m.unread]] : []));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

/** Messages, and edits, reactions and deletions of earlier ones, as the n-th event of a room. */
function mixed(n: number): Draft {
  const draft = { author: bob, clientId: randomUUID() };
  const target = n - (n % 10) - 9;
  if (n < 20 || n % 10 < 5) return { ...draft, change: { kind: 'message', text: `message ${n}` } };
  if (n % 10 < 7) return { ...draft, change: { kind: 'edited', target, text: `edited ${n}` } };
  if (n % 10 < 9) return { ...draft, change: { kind: 'reacted', target, emoji: '👍', on: n % 2 === 0 } };
  return { ...draft, change: { kind: 'deleted', target } };
}

function seqsAfterOpened({ messages }: ListeningGuest): number[] {
  const opened = messages.findLastIndex(({ type }) => type === 'opened');
  return messages.slice(opened + 1).flatMap((message) => (message.type === 'message' ? [message.seq] : []));
}
