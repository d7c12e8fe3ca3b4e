import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import type { MessageEvent, MessageState } from '@securechat/shared/protocol';
import { type Stack, startStack } from '../support/anyStack.ts';
import type { Arrival, Connection, Person, TextConnection, Way } from '../support/person.ts';

const room = 'general';
const MOST_BYTES = 65_536;

let stack: Stack;
let alice: Person;
let bob: Person;
let carol: Person;
let dave: Person;
const connections = new Set<Connection | TextConnection>();

before(async () => {
  // Nobody is muted here: the budget has a file of its own.
  stack = await startStack({ RATE_LIMIT_MESSAGES: '1000000' });
  [alice, bob, carol, dave] = await stack.people('alice', 'bob', 'Carol', 'dave');
});
after(() => stack.stop());

/** Everybody says goodbye, so that the next story begins in an empty room. */
afterEach(async () => {
  for (const connection of connections) if (connection.socket.readyState < 2) await connection.close();
  connections.clear();
});

/** A v1 connection that is in the room. */
async function text(person: Person, way: Way = {}): Promise<TextConnection> {
  const connection = await person.connectsText(way);
  connections.add(connection);
  return connection;
}

/** A v2 connection that has been welcomed. */
async function json(person: Person): Promise<Connection> {
  const connection = await person.connects();
  connections.add(connection);
  return connection;
}

/** A v2 connection that has the room open. */
async function inRoom(person: Person): Promise<Connection> {
  const connection = await json(person);
  await connection.opens();
  return connection;
}

async function elapsed(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

const textsOf = ({ events }: Arrival) => events.map((event) => (event.type === 'message' ? event.text : event.type));
const states = ({ events }: Arrival) => events as MessageState[];
const change = (type: 'edit' | 'delete' | 'react', target: number, fields: object = {}) => ({
  type,
  room,
  clientId: randomUUID(),
  target,
  ...fields,
});

// ---- coming and going ----------------------------------------------------------------------------------------------

test('a first connection is announced to everybody, the newcomer included; a further one gets its own line alone', async () => {
  const bobs = await text(bob);
  const carols = await inRoom(carol);
  await bobs.hears('Carol has joined the chat!');
  const alices = await text(alice);
  assert.deepEqual(alices.heard, ['alice has joined the chat!']);
  await bobs.hearsNothingBut('alice has joined the chat!');
  const { user } = await carols.hears({ type: 'joined', room });
  assert.equal(user.name, 'alice');

  const second = await text(alice);
  assert.deepEqual(second.heard, ['alice has joined the chat!']);
  await json(alice);
  alices.says('only once');
  for (const connection of [bobs, alices, second]) await connection.hearsNothingBut('alice: only once');
  const next = await carols.receives(({ type }) => type === 'message' || type === 'joined');
  assert.equal(next.type, 'message', 'v2 is not told of a further connection either');
});

test('after close 1000 somebody has left at once, but only with the last connection', async () => {
  const bobs = await text(bob);
  const carols = await inRoom(carol);
  const [first, second] = [await text(alice), await text(alice)];
  await bobs.hears('alice has joined the chat!');
  await first.close(1000);
  second.says('still here');
  await bobs.hearsNothingBut('alice: still here');
  await second.close(1000);
  assert.ok((await elapsed(bobs.hearsNothingBut('alice has left the chat!'))) < 3_000);
  assert.equal((await carols.hears({ type: 'left', room })).user.name, 'alice');
});

test('after an unclean end somebody has left only when not back within 5 s; a reload is silent', async () => {
  const bobs = await text(bob);
  const [carols, daves, alices] = [await text(carol), await json(dave), await text(alice)];
  await bobs.hears('alice has joined the chat!');

  // A tab's reload closes with 1001, a lost network with nothing at all.
  await carols.close(1001);
  daves.cut();
  const carolsAgain = await text(carol);
  assert.deepEqual(carolsAgain.heard, ['Carol has joined the chat!'], 'who returns is told to be in');
  await json(dave);
  const cutAt = performance.now();
  alices.cut();
  await bobs.hearsNothingBut('alice has left the chat!');
  const tookMs = performance.now() - cutAt;
  assert.ok(tookMs >= 4_900 && tookMs < 8_000, `alice had left after ${tookMs} ms`);
  bobs.says('and the others never left');
  await bobs.hearsNothingBut('bob: and the others never left');
});

test('opened names who is here at that moment, and joined and left keep that list true', async () => {
  const bobs = await text(bob);
  const alices = await json(alice);
  await bobs.hears('alice has joined the chat!');
  const { opened } = await alices.opens();
  const ids = new Map(opened.people.map(({ id, name }) => [name, id]));
  assert.deepEqual(new Set(ids.keys()), new Set(['alice', 'bob']));
  assert.equal(opened.peopleCount, 2);
  assert.deepEqual([opened.room, opened.complete], [room, true]);
  const carols = await text(carol);
  assert.equal((await alices.hears({ type: 'joined' })).user.name, 'Carol');
  await carols.close();
  await alices.hears({ type: 'left' });
  await bobs.close();
  assert.deepEqual((await alices.hears({ type: 'left' })).user, { id: ids.get('bob'), name: 'bob' });
});

test('people who are here already stay for the stories that follow', async () => {
  for (const person of [alice, bob, carol, dave]) await person.connects();
});

// ---- texts ---------------------------------------------------------------------------------------------------------

const texts = {
  'one line': 'hello, world',
  'several lines': 'first\nsecond\r\n\n\tindented',
  'blanks around it': '  kept as they are \n',
  emoji: '👩‍👩‍👧‍👦 🇺🇦 👍🏽 🏴󠁧󠁢󠁳󠁣󠁴󠁿',
  'right to left': 'שלום \u202Eevil\u202C العالم',
  'combining marks, not normalized': 'e\u0301 é \u1E9B\u0323',
  'markup and code': '<script>alert("&amp;")</script> `code` %s \\n {"type":"send"}',
  'what looks like a notice': 'mallory has joined the chat!',
  'control characters other than U+0000': '\u0001\u001b[31m\u007f\u0085\u2028\ufeff\uffff',
  '4000 ASCII characters': 'x'.repeat(4000),
  '4000 characters outside the BMP': '🦀'.repeat(4000),
};

test('every text passes exactly as sent, from v1 to v2 and from v2 to v1', async () => {
  const [alices, bobs, carols] = [await text(alice), await inRoom(bob), await text(carol)];
  for (const [what, said] of Object.entries(texts)) {
    alices.says(said);
    assert.equal((await bobs.hears({ type: 'message' })).text, said, what);
    await carols.hearsNothingBut(`alice: ${said}`);
    assert.equal((await bobs.says(said)).text, said, what);
    await carols.hearsNothingBut(`bob: ${said}`);
    await alices.hearsNothingBut(`alice: ${said}`, `bob: ${said}`);
  }
});

test('a newcomer on v1 hears nothing older than itself', async () => {
  const alices = await text(alice);
  alices.says('before bob');
  await alices.hears('alice: before bob');
  const bobs = await text(bob);
  alices.says('after bob');
  await bobs.hears('alice: after bob');
  assert.deepEqual(bobs.heard, ['bob has joined the chat!', 'alice: after bob']);
});

test('blank texts are ignored on v1 and refused as empty on v2', async () => {
  const [alices, bobs] = [await text(alice), await inRoom(bob)];
  for (const blank of ['', ' ', '\n\t ', '\u00a0\u3000\ufeff']) {
    alices.says(blank);
    const clientId = randomUUID();
    const refused = await bobs.isRefused({ type: 'send', room, clientId, text: blank });
    assert.deepEqual([refused.code, refused.clientId, refused.room], ['empty', clientId, room]);
  }
  alices.says('not blank');
  await alices.hearsNothingBut('alice: not blank');
});

test('4001 characters are refused, on v1 with one line, and nobody else hears of it', async () => {
  const [alices, bobs, carols] = [await text(alice), await inRoom(bob), await text(carol)];
  for (const tooLong of ['x'.repeat(4001), '🦀'.repeat(4001)]) {
    alices.says(tooLong);
    assert.match(await alices.hears(/^(?!alice: )/), /4000 characters/);
    const refused = await bobs.isRefused({ type: 'send', room, clientId: randomUUID(), text: tooLong });
    assert.equal(refused.code, 'too_long');
  }
  const { seq } = await bobs.says('short');
  assert.equal((await bobs.isRefused(change('edit', seq, { text: 'y'.repeat(4001) }))).code, 'too_long');
  await alices.hearsNothingBut('bob: short');
  await carols.hearsNothingBut('bob: short');
});

test('U+0000 and lone surrogates are refused on both versions and never spoil what others say', async () => {
  const [alices, bobs, carols] = [await text(alice), await inRoom(bob), await inRoom(carol)];
  const { seq } = await bobs.says('to be edited');
  await alices.hears('bob: to be edited');
  for (const escaped of ['\\u0000', 'a\\ud800', '\\udc00b', '\\ude00\\ud83d']) {
    const clientId = randomUUID();
    // Sent in one go with an innocent's text, so that both may share a commit.
    bobs.send(`{"type":"send","room":"general","clientId":"${clientId}","text":"${escaped}"}`);
    carols.sends({ type: 'send', room, clientId: randomUUID(), text: `beside ${escaped}` });
    const refused = await bobs.hears({ type: 'refused', for: 'send', clientId });
    assert.equal(refused.code, 'malformed');
    await alices.hearsNothingBut(`Carol: beside ${escaped}`);
    bobs.send(`{"type":"edit","room":"general","clientId":"${clientId}","target":${seq},"text":"${escaped}"}`);
    assert.equal((await bobs.hears({ type: 'refused', for: 'edit', clientId })).code, 'malformed');
    assert.equal(
      (await bobs.says(`again ${escaped}`, { clientId })).text,
      `again ${escaped}`,
      'a refused clientId is still free',
    );
    await alices.hearsNothingBut(`bob: again ${escaped}`);
  }
  alices.says('a\u0000b');
  assert.match(await alices.hears(/.*/s), /not sent/);
  alices.says('clean');
  await alices.hearsNothingBut('alice: clean');
});

test('a frame of 65,536 bytes passes, one of 65,537 closes with 1009, on both versions', async () => {
  const [alices, bobs] = [await text(alice), await inRoom(bob)];
  alices.says('x'.repeat(MOST_BYTES));
  await alices.hears(/4000 characters/);
  const frame = (bytes: number, said: string) => {
    const given = JSON.stringify({ type: 'send', room, clientId: randomUUID(), text: said, padding: '' });
    return given.replace('"padding":""', `"padding":"${'p'.repeat(bytes - given.length)}"`);
  };
  assert.equal(Buffer.byteLength(frame(MOST_BYTES, 'just fits')), MOST_BYTES);
  bobs.send(frame(MOST_BYTES, 'just fits'));
  await bobs.hears({ type: 'message', text: 'just fits' });
  alices.says('x'.repeat(MOST_BYTES + 1));
  bobs.send(frame(MOST_BYTES + 1, 'does not'));
  assert.equal((await alices.closes()).code, 1009);
  assert.equal((await bobs.closes()).code, 1009);
});

test('a binary frame closes with 1003', async () => {
  const [alices, bobs] = [await text(alice), await json(bob)];
  alices.send(Buffer.from('hello'));
  bobs.send(Buffer.from('{"type":"open","room":"general"}'));
  assert.equal((await alices.closes()).code, 1003);
  assert.equal((await bobs.closes()).code, 1003);
});

// ---- welcome, open, people -----------------------------------------------------------------------------------------

test('welcome says who one is, what holds here, and where each room stands, and opens nothing', async () => {
  const alices = await json(alice);
  const { user } = (await alice.get('/api/me')).json<{ user: { id: string; name: string } }>();
  const { server, rooms, ...rest } = alices.welcome;
  assert.deepEqual(rest, {
    type: 'welcome',
    user,
    heartbeat: { intervalMs: 10_000, timeoutMs: 5_000 },
    limits: { textLength: 4_000, messages: 1_000_000, windowMs: 10_000, muteMs: 10_000 },
  });
  assert.match(server.version, /^\d+\.\d+\.\d+/);
  const [general] = rooms;
  assert.ok(general !== undefined && rooms.length === 1);
  assert.deepEqual(new Set(Object.keys(general)), new Set(['epoch', 'head', 'id', 'name', 'read', 'unread']));
  assert.deepEqual([general.id, general.name], ['general', 'general']);

  const bobs = await inRoom(bob);
  await bobs.says('alice has no room open');
  alices.sends({ type: 'open', room });
  const next = await alices.receives(() => true);
  assert.equal(next.type, 'page', 'before it opens the room nothing of it reaches the connection');
});

test('typing is shown to others on v2, at most once in 2 s, and never to oneself or v1', async () => {
  const [alices, bobs, carols] = [await inRoom(alice), await inRoom(bob), await text(carol)];
  const alicesOther = await inRoom(alice);
  for (let times = 0; times < 3; times++) alices.sends({ type: 'typing', room });
  await alices.says('typed');
  const heard = await bobs.receives(({ type }) => type === 'typing' || type === 'message');
  assert.deepEqual(heard, { type: 'typing', room, user: alices.welcome.user });
  assert.equal((await bobs.receives(({ type }) => type === 'typing' || type === 'message')).type, 'message');
  assert.equal((await alicesOther.receives(({ type }) => type === 'typing' || type === 'message')).type, 'message');
  await carols.hearsNothingBut('alice: typed');
});

// ---- reading -------------------------------------------------------------------------------------------------------

test("unread counts others' undeleted messages after the mark; the mark only grows; all devices agree (D7)", async () => {
  const bobs = await inRoom(bob);
  const erin = await stack.person('erin');
  await bobs.says('before erin was a member');
  const phone = await inRoom(erin);
  const [atFirst] = phone.welcome.rooms;
  assert.ok(atFirst !== undefined);
  assert.deepEqual([atFirst.read, atFirst.unread], [atFirst.head, 0], 'a new member starts at the head');

  const [one, two, three] = [await bobs.says('one'), await bobs.says('two'), await bobs.says('three')];
  bobs.sends(change('delete', two.seq));
  bobs.sends(change('react', three.seq, { emoji: '👍', on: true }));
  await phone.hears({ type: 'reacted' });
  const laptop = await inRoom(erin);
  assert.deepEqual(laptop.welcome.rooms[0]?.unread, 2, 'neither the deleted one nor changes count');

  phone.sends({ type: 'read', room, seq: one.seq });
  for (const device of [phone, laptop]) {
    assert.ok((await elapsed(device.hears({ type: 'read', room, seq: one.seq, unread: 1 }))) < 2_000);
  }
  phone.sends({ type: 'read', room, seq: one.seq - 1 });
  laptop.sends({ type: 'read', room, seq: 999_999_999 });
  const head = three.seq + 2;
  for (const device of [phone, laptop]) {
    const mark = await device.receives((message) => message.type === 'read' && message.seq !== one.seq);
    assert.deepEqual(mark, { type: 'read', room, seq: head, unread: 0 }, 'never back, never past the head');
  }
  const own = await phone.says('my own');
  for (const device of [phone, laptop]) await device.hears({ type: 'read', seq: own.seq, unread: 0 });
  await bobs.says('for later');
  const later = await json(erin);
  assert.deepEqual([later.welcome.rooms[0]?.read, later.welcome.rooms[0]?.unread], [own.seq, 1]);
});

test('history goes back page by page, each page in its present state', async () => {
  const alices = await inRoom(alice);
  const said: MessageEvent[] = [];
  for (let number = 0; number < 7; number++) said.push(await alices.says(`line ${number}`));
  const last = said.at(-1)?.seq ?? 0;
  alices.sends({ type: 'history', room, before: last, limit: 4 });
  const page = await alices.hears({ type: 'page' });
  assert.deepEqual(
    page.events.map(({ seq }) => seq),
    [last - 4, last - 3, last - 2, last - 1],
    'before is exclusive, events ascend',
  );
  assert.deepEqual([page.before, page.more, page.asOf, page.room], [last, true, last, room]);
  assert.deepEqual(page.events[0], { ...said[2], reactions: {} });
  alices.sends({ type: 'history', room, before: 2, limit: 100 });
  const first = await alices.hears({ type: 'page', before: 2 });
  assert.deepEqual([first.events.length, first.more], [1, false]);
  for (const fields of [{ limit: 101 }, { limit: 0 }, { limit: 1.5 }, { limit: 5, before: 0 }, { limit: 5, before: '9' }]) {
    assert.equal((await alices.isRefused({ type: 'history', room, before: last, ...fields })).code, 'malformed');
  }
});

// ---- resuming ------------------------------------------------------------------------------------------------------

test('who resumes gets every event as it happened, edits and deletions of the meantime included (D3)', async () => {
  const [alices, bobs] = [await inRoom(alice), await inRoom(bob)];
  const [kept, edited, deleted] = [await alices.says('kept'), await alices.says('first words'), await alices.says('secret')];
  const { seq: since, at: sinceAt } = await bobs.hears({ type: 'message', seq: deleted.seq });
  const epoch = bobs.welcome.rooms[0]?.epoch ?? '';
  bobs.cut();

  alices.sends(change('edit', edited.seq, { text: 'better words' }));
  alices.sends(change('edit', deleted.seq, { text: 'secret too' }));
  alices.sends(change('delete', deleted.seq));
  alices.sends(change('react', kept.seq, { emoji: '🎉', on: true }));
  const reply = await alices.says('a reply', { replyTo: kept.seq });

  const again = await json(bob);
  const arrival = await again.opens({ since, sinceAt, epoch });
  assert.deepEqual([arrival.opened.complete, arrival.opened.head, arrival.opened.epoch], [true, reply.seq, epoch]);
  assert.deepEqual(
    arrival.events.map(({ type, seq }) => [type, seq - since]),
    [
      ['edited', 1],
      ['edited', 2],
      ['deleted', 3],
      ['reacted', 4],
      ['message', 5],
    ],
  );
  const [first, erased, , , replied] = arrival.events;
  assert.ok(first?.type === 'edited' && first.text === 'better words' && first.target === edited.seq);
  assert.ok(erased?.type === 'edited' && erased.deleted === true && !('text' in erased), 'erased words are not resent');
  assert.ok(replied?.type === 'message' && replied.replyTo === kept.seq && replied.clientId === undefined);
  assert.ok(arrival.pages.every((page) => page.since === since));

  // Resuming from before the deletion: the number stays, the words do not.
  const fromBefore = await again.opens({ since: edited.seq, sinceAt: edited.at, epoch });
  const [gone] = fromBefore.events;
  assert.ok(gone?.type === 'message' && gone.seq === deleted.seq && gone.deleted === true && !('text' in gone));
  // An arrival shows the present state instead.
  const now = states(await again.opens());
  const stateOf = (seq: number) => now.find((one) => one.seq === seq);
  assert.equal(stateOf(edited.seq)?.text, 'better words');
  assert.ok((stateOf(edited.seq)?.editedAt ?? 0) >= edited.at);
  assert.deepEqual(stateOf(kept.seq)?.reactions, { '🎉': [alices.welcome.user.id] });
  assert.ok(stateOf(deleted.seq)?.deleted === true && stateOf(deleted.seq)?.text === undefined);
});

test('open on an open room resumes it, and everything arrives once', async () => {
  const [alices, bobs] = [await inRoom(alice), await inRoom(bob)];
  const { seq, at } = await alices.says('seen');
  await bobs.hears({ type: 'message', seq });
  const epoch = bobs.welcome.rooms[0]?.epoch ?? '';
  for (let number = 1; number <= 60; number++) {
    alices.sends({ type: 'send', room, clientId: randomUUID(), text: `${number}` });
    if (number % 20 === 0) bobs.sends({ type: 'open', room, since: seq, sinceAt: at, epoch });
  }
  await alices.says('the end');
  await bobs.hears({ type: 'message', text: 'the end' });
  // After the last "opened" the numbers go on from its head without hole or double.
  const frames = bobs.heard.map((frame) => JSON.parse(frame));
  const last = frames.findLastIndex(({ type }) => type === 'opened');
  const live = frames.slice(last + 1).filter(({ type }) => type === 'message');
  assert.deepEqual(
    live.map((event) => event.seq),
    live.map((_, index) => frames[last].head + 1 + index),
  );
});

test('without a usable position there are the latest 50 messages: complete without since, else not', async () => {
  const alices = await inRoom(alice);
  let said: MessageEvent | undefined;
  for (let number = 0; number < 55; number++) said = await alices.says(`message ${number}`);
  assert.ok(said !== undefined);
  const { seq, at } = said;
  const epoch = alices.welcome.rooms[0]?.epoch ?? '';
  const fresh = await alices.opens();
  assert.deepEqual([fresh.opened.complete, fresh.opened.head, fresh.events.length], [true, seq, 50]);
  assert.deepEqual(textsOf(fresh).slice(-2), ['message 53', 'message 54']);
  const unusable = {
    'no epoch': { since: seq },
    'another epoch': { since: seq, sinceAt: at, epoch: randomUUID() },
    'a position beyond the head': { since: seq + 1, epoch },
    "another event's time": { since: seq, sinceAt: at + 1, epoch },
  };
  for (const [why, position] of Object.entries(unusable)) {
    const { opened, events, pages } = await alices.opens(position);
    assert.deepEqual([opened.complete, opened.head, events.length], [false, seq, 50], why);
    assert.equal(pages[0]?.asOf, seq);
  }
  for (const position of [
    { since: seq, epoch },
    { since: seq, sinceAt: at, epoch },
  ]) {
    const { opened, events } = await alices.opens(position);
    assert.deepEqual([opened.complete, opened.head, events], [true, seq, []]);
  }
  for (const position of [
    { since: -1, epoch },
    { since: '1' as unknown as number, epoch },
    { since: 0.5, epoch },
  ]) {
    assert.equal((await alices.isRefused({ type: 'open', room, ...position })).code, 'malformed');
  }
});

test('5,000 events behind everything is resent in pages of 100, one more and one starts anew', async () => {
  const writers = await Promise.all(Array.from({ length: 6 }, () => inRoom(dave)));
  const bulk = Array.from({ length: 5_002 }, (_, index) => `bulk ${index}`);
  bulk.forEach((said, index) => {
    writers[index % writers.length]?.sends({ type: 'send', room, clientId: randomUUID(), text: said });
  });
  const reader = await json(alice);
  let count = 0;
  await writers[0]?.receives(({ type }) => type === 'message' && ++count === bulk.length, 'all that was said');
  const { head = 0, epoch = '' } = (await json(bob)).welcome.rooms[0] ?? {};
  const resumed = await reader.opens({ since: head - 5_000, epoch });
  assert.equal(resumed.opened.complete, true);
  assert.deepEqual(
    resumed.events.map(({ seq }) => seq),
    Array.from({ length: 5_000 }, (_, index) => head - 4_999 + index),
  );
  assert.ok(resumed.pages.every(({ events, more }, index) => events.length <= 100 && more === index < resumed.pages.length - 1));
  const tooFar = await reader.opens({ since: head - 5_001, epoch });
  assert.deepEqual([tooFar.opened.complete, tooFar.events.length], [false, 50]);
});

test('more than 2 MiB of text behind one starts anew', async () => {
  const [daves, alices] = [await inRoom(dave), await inRoom(alice)];
  const { seq: since } = await daves.says('from here');
  const epoch = daves.welcome.rooms[0]?.epoch ?? '';
  const long = '🦀'.repeat(4_000);
  for (let number = 0; number < 131; number++) daves.sends({ type: 'send', room, clientId: randomUUID(), text: long });
  await daves.says('131 × 16,000 bytes are less than 2 MiB');
  const near = await alices.opens({ since, epoch });
  assert.deepEqual([near.opened.complete, near.events.length], [true, 132]);
  await daves.says(long);
  const far = await alices.opens({ since, epoch });
  assert.deepEqual([far.opened.complete, far.events.length], [false, 50]);
});

// ---- changing ------------------------------------------------------------------------------------------------------

test('authors alone edit and delete, everybody reacts, what is deleted is gone; v1 is shown nothing of it', async () => {
  const [alices, bobs, carols] = [await inRoom(alice), await inRoom(bob), await text(carol)];
  const { seq } = await alices.says('mine');
  await carols.hears('alice: mine');
  assert.equal((await bobs.isRefused(change('edit', seq, { text: 'yours' }))).code, 'forbidden');
  assert.equal((await bobs.isRefused(change('delete', seq))).code, 'forbidden');

  const edit = change('edit', seq, { text: 'ours' });
  alices.sends(edit);
  const edited = await bobs.hears({ type: 'edited', target: seq, text: 'ours' });
  assert.equal(edited.seq, seq + 1, 'refused changes use no number');
  assert.equal(edited.clientId, undefined, 'the clientId goes to the author alone');
  assert.equal((await alices.hears({ type: 'edited', seq: edited.seq })).clientId, edit.clientId);

  bobs.sends(change('react', seq, { emoji: '👩🏽‍🚀', on: true }));
  bobs.sends(change('react', seq, { emoji: '👩🏽‍🚀', on: true }));
  assert.equal((await alices.hears({ type: 'reacted', on: true })).seq, seq + 2);
  assert.equal((await alices.hears({ type: 'reacted', on: true })).seq, seq + 3, 'one that changes nothing is an event too');
  const [state] = states(await alices.opens()).slice(-1);
  assert.deepEqual(state?.reactions, { '👩🏽‍🚀': [bobs.welcome.user.id] }, 'one per person and emoji');

  alices.sends(change('delete', seq));
  await bobs.hears({ type: 'deleted', target: seq });
  for (const [connection, frame] of [
    [alices, change('edit', seq, { text: 'back' })],
    [alices, change('delete', seq)],
    [bobs, change('react', seq, { emoji: '👍', on: true })],
  ] as const) {
    assert.equal((await connection.isRefused(frame)).code, 'gone', frame.type);
  }
  await bobs.says('the end');
  await carols.hearsNothingBut('bob: the end');
});

test('what is no message can be neither changed nor answered; an emoji is one grapheme of at most 32 bytes', async () => {
  const [alices, bobs] = [await inRoom(alice), await inRoom(bob)];
  const { seq } = await alices.says('a message');
  alices.sends(change('react', seq, { emoji: '👍', on: true }));
  const reaction = await alices.hears({ type: 'reacted' });
  for (const target of [reaction.seq, 999_999]) {
    assert.equal((await alices.isRefused(change('edit', target, { text: 'x' }))).code, 'not_found');
    assert.equal((await alices.isRefused(change('delete', target))).code, 'not_found');
    assert.equal((await bobs.isRefused(change('react', target, { emoji: '👍', on: true }))).code, 'not_found');
    const reply = { type: 'send', room, clientId: randomUUID(), text: 'to what?', replyTo: target };
    assert.equal((await bobs.isRefused(reply)).code, 'not_found');
  }
  for (const emoji of ['', ' ', 'ab', '👍👍', '\u0000', `e${'\u0301'.repeat(16)}`]) {
    const refused = await bobs.isRefused(change('react', seq, { emoji, on: true }));
    assert.equal(refused.code, 'malformed', emoji);
  }
  const reply = await bobs.says('an answer', { replyTo: seq });
  assert.equal(reply.replyTo, seq);
  assert.equal(reply.seq, reaction.seq + 1);
});

// ---- refusals ------------------------------------------------------------------------------------------------------

test('before a room is open, and for rooms that are not there, everything is refused and the connection lives', async () => {
  const alices = await json(alice);
  const frames = [
    { type: 'send', clientId: randomUUID(), text: 'hello' },
    change('edit', 1, { text: 'x' }),
    change('delete', 1),
    change('react', 1, { emoji: '👍', on: true }),
    { type: 'history', before: 5, limit: 5 },
    { type: 'typing' },
    { type: 'read', seq: 1 },
  ];
  for (const frame of frames) {
    const refused = await alices.isRefused({ ...frame, room });
    assert.deepEqual([refused.code, refused.room], ['not_open', room], frame.type);
    assert.equal((await alices.isRefused({ ...frame, room: 'attic' })).code, 'not_found', frame.type);
  }
  assert.equal((await alices.isRefused({ type: 'open', room: 'attic' })).code, 'not_found');
  await alices.opens();
  await alices.says('in the end it works');
});

test('unknown types and wrong fields are refused politely, unknown fields ignored', async () => {
  const alices = await inRoom(alice);
  const clientId = randomUUID();
  for (const type of ['dance', '', '__proto__', 'constructor', 'message', 'toString']) {
    const refused = await alices.isRefused({ type, room, clientId });
    assert.deepEqual([refused.code, refused.clientId], ['unknown_type', clientId]);
  }
  const wrong = [
    { type: 'send', room, clientId },
    { type: 'send', room, clientId, text: 5 },
    { type: 'send', room, clientId: 'no uuid', text: 'x' },
    { type: 'send', room, text: 'x' },
    { type: 'send', clientId, text: 'x' },
    { type: 'send', room: 7, clientId, text: 'x' },
    { type: 'send', room, clientId, text: 'x', replyTo: 'first' },
    { type: 'edit', room, clientId, text: 'x' },
    { type: 'react', room, clientId, target: 1, emoji: '👍', on: 'yes' },
    { type: 'read', room, seq: -1 },
    { type: 'open' },
  ];
  for (const frame of wrong) {
    const refused = await alices.isRefused(frame);
    assert.equal(refused.code, 'malformed', JSON.stringify(frame));
    assert.ok(refused.message.length > 0);
  }
  alices.sends({ type: 'send', room, clientId, text: 'with extras', colour: 'red', __proto__: { on: true } });
  await alices.hears({ type: 'message', text: 'with extras' });
});

for (const nonsense of [
  'hello',
  '',
  '[]',
  'null',
  '"send"',
  '42',
  '{}',
  '{"type":5}',
  '{"type":"typing"',
  '[{"type":"typing"}]',
]) {
  test(`v2 closes with 4400 at ${nonsense || 'an empty frame'}`, async () => {
    const alices = await json(alice);
    alices.send(nonsense);
    assert.equal((await alices.closes()).code, 4400);
  });
}

// ---- clientIds -----------------------------------------------------------------------------------------------------

test('a re-sent clientId never makes a second message: the first comes again, to that connection alone (D2)', async () => {
  const [alices, bobs, carols] = [await inRoom(alice), await inRoom(bob), await text(carol)];
  const other = await inRoom(alice);
  const clientId = randomUUID();
  const first = await alices.says('once', { clientId });
  await carols.hears('alice: once');
  for (const device of [alices, other]) {
    for (const written of [clientId, clientId.toUpperCase()]) {
      device.sends({ type: 'send', room, clientId: written, text: 'once' });
      assert.deepEqual(await device.hears({ type: 'message', again: true }), { ...first, again: true });
    }
  }
  const changed = await alices.isRefused({ type: 'send', room, clientId, text: 'twice' });
  assert.deepEqual([changed.code, changed.clientId], ['conflict', clientId]);
  assert.equal((await alices.isRefused({ ...change('edit', first.seq, { text: 'once' }), clientId })).code, 'conflict');
  const bobsOwn = await bobs.says("bob's own", { clientId });
  assert.equal(bobsOwn.seq, first.seq + 1, 'the id is unique per author, and the re-sent ones used no number');
  await carols.hearsNothingBut("bob: bob's own");
  const heardByBob = bobs.heard.filter((frame) => frame.includes('"once"'));
  assert.equal(heardByBob.length, 1);
});

test('sent many times at once on two connections, one clientId is one message (D2)', async () => {
  const [alices, other, bobs] = [await inRoom(alice), await inRoom(alice), await inRoom(bob)];
  const clientId = randomUUID();
  const frame = { type: 'send', room, clientId, text: 'in haste' };
  for (let times = 0; times < 20; times++) for (const device of [alices, other]) device.sends(frame);
  const { seq } = await bobs.hears({ type: 'message', text: 'in haste' });
  assert.equal((await alices.says('next')).seq, seq + 1);
});

test('edits, deletions and reactions have clientIds too, and a deleted text is compared no more (D2)', async () => {
  const alices = await inRoom(alice);
  const clientId = randomUUID();
  const { seq } = await alices.says('first', { clientId });
  const changes = [
    [change('edit', seq, { text: 'second' }), 'edited'],
    [change('react', seq, { emoji: '👍', on: true }), 'reacted'],
    [change('delete', seq), 'deleted'],
  ] as const;
  for (const [frame, type] of changes) {
    alices.sends(frame);
    const event = await alices.hears({ type, clientId: frame.clientId });
    alices.sends(frame);
    assert.deepEqual(await alices.hears({ type, again: true }), { ...event, again: true });
  }
  assert.equal((await alices.isRefused({ ...changes[2][0], target: seq + 1 })).code, 'conflict');
  alices.sends({ type: 'send', room, clientId, text: 'other words' });
  const again = await alices.hears({ type: 'message', again: true });
  assert.ok(again.seq === seq && again.deleted === true && again.text === undefined);
});
