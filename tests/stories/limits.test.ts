import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Refused, ServerMessage } from '@securechat/shared/protocol';
import { type Stack, startStack } from '../support/anyStack.ts';
import type { Connection, Person, TextConnection } from '../support/person.ts';
import type { OpenSocket } from '../support/socket.ts';

const room = 'general';
const sentence = 'Rate limit exceeded! Please wait 10 seconds before sending more messages.';
const CONNECTIONS_PER_ADDRESS = 40;
const HANDSHAKE_BURST = 200;

let stack: Stack;
let alice: Person;
let bob: Person;
let carol: Person;
let mallory: Person;
const sockets = new Set<Pick<OpenSocket, 'cut'>>();

before(async () => {
  stack = await startStack({
    CONNECTIONS_PER_ADDRESS: String(CONNECTIONS_PER_ADDRESS),
    HANDSHAKES_PER_ADDRESS_PER_SECOND: '1',
  });
  [alice, bob, carol, mallory] = await stack.people('alice', 'bob', 'carol', 'mallory');
});
after(() => stack.stop());
afterEach(() => {
  for (const socket of sockets) socket.cut();
  sockets.clear();
});

async function text(person: Person): Promise<TextConnection> {
  const connection = await person.connectsText();
  sockets.add(connection);
  return connection;
}

async function inRoom(person: Person): Promise<Connection> {
  const connection = await person.connects();
  sockets.add(connection);
  await connection.opens();
  return connection;
}

const send = (said: string, clientId = randomUUID()) => ({ type: 'send', room, clientId, text: said });
const isSlowDown = (message: ServerMessage): message is Refused => message.type === 'refused' && message.code === 'slow_down';

test('more than 5 messages in 10 s: one exact sentence, then 10 s in which everything is ignored and nothing prolongs it', async () => {
  const [alices, bobs, carols] = [await text(alice), await text(bob), await inRoom(carol)];
  await alices.hears('bob has joined the chat!');
  const lines = ['one', 'two', 'three', 'four', 'five'];
  const before = performance.now();
  for (const line of lines) alices.says(line);
  // What is no message does not count.
  alices.says('  ');
  alices.says('six');
  alices.says('seven');
  const heard = await alices.receiveUntil((line) => line === sentence, 'the sentence');
  const mutedAt = performance.now();
  assert.deepEqual(
    heard.filter((line) => !line.includes(' has ')),
    [...lines.map((line) => `alice: ${line}`), sentence],
  );
  await bobs.hears('alice: five');

  // The mute is the person's: other connections and versions are in it, and the sentence is said once.
  const [phone, tablet] = [await text(alice), await inRoom(alice)];
  phone.says('eight');
  alices.says('nine');
  const clientId = randomUUID();
  const refused = await tablet.isRefused(send('ten', clientId));
  assert.deepEqual([refused.code, refused.message, refused.clientId, refused.room], ['slow_down', sentence, clientId, room]);
  assert.ok(refused.retryAfterMs !== undefined && refused.retryAfterMs > 5_000 && refused.retryAfterMs <= 10_000);

  // The innocent: bob speaks as before.
  bobs.says('not muted');
  await bobs.hearsNothingBut('bob: not muted');
  await phone.hearsNothingBut('bob: not muted');
  await alices.hearsNothingBut('bob: not muted');
  await carols.hears({ type: 'message', text: 'not muted' });

  // She keeps trying, which must not prolong it, and waits at last as long as she is told.
  let retryAfterMs = refused.retryAfterMs;
  for (let times = 0; times < 4; times++) {
    const again = await tablet.isRefused(send(`try ${times}`));
    assert.ok(
      again.retryAfterMs !== undefined && again.retryAfterMs <= retryAfterMs,
      'what is ignored does not prolong the mute',
    );
    retryAfterMs = again.retryAfterMs;
  }
  await pause(retryAfterMs - 300);
  assert.equal((await tablet.isRefused(send('too early'))).code, 'slow_down');
  await pause(350);
  alices.says('free again');
  await alices.hears('alice: free again');
  const now = performance.now();
  assert.ok(now - before >= 10_000, 'not before 10 s');
  assert.ok(now - mutedAt <= 12_000, 'and soon after');
  await bobs.hearsNothingBut('alice: free again');
});

test('on v2 every refused send is answered slow_down until the mute ends; a new connection does not evade it', async () => {
  const mallorys = await inRoom(mallory);
  const carols = await inRoom(carol);
  for (let number = 1; number <= 5; number++) await mallorys.says(`${number}`);
  for (const said of ['6', '7']) {
    const refused = await mallorys.isRefused(send(said));
    assert.deepEqual([refused.code, refused.message], ['slow_down', sentence]);
  }
  mallorys.cut();
  const again = await inRoom(mallory);
  assert.equal((await again.isRefused(send('8'))).code, 'slow_down');
  const line = await text(mallory);
  line.says('9');
  const { seq } = await carols.says('carol is not mallory');
  await line.hears('carol: carol is not mallory');
  assert.deepEqual(
    line.heard,
    ['mallory has joined the chat!', 'carol: carol is not mallory'],
    'the sentence came once per mute',
  );
  assert.equal((await carols.says('and speaks on')).seq, seq + 1);
});

test('1,000 re-sends of one clientId cost nothing: no mute, no 4429, and they are answered even during a mute', async () => {
  const dave = await stack.person('dave');
  const daves = await inRoom(dave);
  const bobs = await inRoom(bob);
  const clientId = randomUUID();
  for (let times = 0; times < 1_000; times++) daves.sends(send('did you get this?', clientId));
  const { seq } = await daves.hears({ type: 'message', clientId });
  let answers = 1;
  await daves.receives((message) => message.type === 'message' && message.clientId === clientId && ++answers === 1_000);
  // That was the whole burst of frames; 200 a second come back, and eight more are needed.
  await pause(200);
  for (let number = 2; number <= 5; number++) {
    assert.equal((await daves.says(`message ${number}`)).seq, seq + number - 1, 'the re-sends counted for nothing');
  }
  assert.equal((await daves.isRefused(send('the sixth'))).code, 'slow_down');
  daves.sends(send('did you get this?', clientId));
  assert.equal((await daves.hears({ type: 'message', again: true })).seq, seq);
  assert.equal((await daves.isRefused(send('something else', clientId))).code, 'conflict');
  await bobs.hears({ type: 'message', text: 'message 5' });
  assert.equal(bobs.heard.filter((frame) => frame.includes('did you get this?')).length, 1);
});

test('edits, deletions and reactions: 20 in 10 s per person, over all connections; others and messages are untouched', async () => {
  const erin = await stack.person('erin');
  const [erins, phone, bobs] = [await inRoom(erin), await inRoom(erin), await inRoom(bob)];
  const { seq } = await erins.says('change me');
  const edit = (said: string) => ({ type: 'edit', room, clientId: randomUUID(), target: seq, text: said });
  const react = (on: boolean) => ({ type: 'react', room, clientId: randomUUID(), target: seq, emoji: '👍', on });
  for (let number = 1; number <= 10; number++) {
    erins.sends(edit(`text ${number}`));
    phone.sends(react(number % 2 === 1));
  }
  await bobs.receives((message) => 'seq' in message && message.seq === seq + 20, 'all twenty');
  for (const frame of [edit('one too many'), react(true), { type: 'delete', room, clientId: randomUUID(), target: seq }]) {
    const refused = await phone.isRefused(frame);
    assert.deepEqual([refused.code, refused.clientId], ['slow_down', frame.clientId]);
    assert.ok(refused.retryAfterMs !== undefined && refused.retryAfterMs > 0 && refused.retryAfterMs <= 10_000);
  }
  bobs.sends(react(true));
  await erins.hears({ type: 'reacted', author: bobs.welcome.user });
  await erins.says('messages have a budget of their own');
});

test('open, history and read: 60 in 10 s per person, over all connections; others and messages are untouched', async () => {
  const frank = await stack.person('frank');
  const [franks, phone, bobs] = [await inRoom(frank), await inRoom(frank), await inRoom(bob)];
  for (let times = 0; times < 29; times++) {
    franks.sends({ type: 'history', room, before: 1_000 + times, limit: 1 });
    phone.sends({ type: 'open', room });
  }
  await franks.hears({ type: 'page', before: 1_028 });
  let opened = 0;
  await phone.receives(({ type }) => type === 'opened' && ++opened === 29);
  for (const frame of [{ type: 'history', before: 5, limit: 1 }, { type: 'open' }, { type: 'read', seq: 1 }]) {
    const refused = await franks.isRefused({ ...frame, room });
    assert.deepEqual([refused.code, refused.room], ['slow_down', room]);
    assert.ok(refused.retryAfterMs !== undefined && refused.retryAfterMs > 0 && refused.retryAfterMs <= 10_000);
  }
  assert.equal(franks.heard.map((frame) => JSON.parse(frame) as ServerMessage).filter(isSlowDown).length, 3);
  await bobs.opens();
  await franks.says('messages have a budget of their own');
});

test('more frames than 200 a second after a burst of 1,000 end with 4429, pings included; others talk on', async () => {
  const carols = await inRoom(carol);
  const [blanks, notices, pings, patient] = [
    await text(mallory),
    await inRoom(mallory),
    await text(mallory),
    await text(mallory),
  ];
  for (let times = 0; times < 4_000; times++) {
    if (blanks.socket.readyState === 1) blanks.says(' ');
    if (notices.socket.readyState === 1) notices.sends({ type: 'typing', room });
    if (pings.socket.readyState === 1) pings.socket.ping();
    if (times < 900) patient.says(' ');
  }
  for (const flood of [blanks, notices, pings]) assert.equal((await flood.closes()).code, 4429);
  await carols.says('unmoved');
  await patient.hears('carol: unmoved');
});

test('the 21st connection of a person is refused with 429 before the upgrade; the open ones stay', async () => {
  const carols = [await inRoom(carol)];
  for (let number = 2; number <= 20; number++) carols.push(await inRoom(carol));
  const refused = await carol.knocks('v2');
  assert.ok(!refused.isOpen);
  assert.equal(refused.status, 429);
  assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/);
  await inRoom(bob);
  const [first, ...others] = carols;
  assert.ok(first !== undefined);
  const { seq } = await first.says('we are twenty');
  for (const other of others) await other.hears({ type: 'message', seq });
  await others[0]?.close();
  await inRoom(carol);
});

test('one address has so many connections and no more; people elsewhere and the open ones are untouched', async () => {
  const crowded = { localAddress: '127.0.0.9' };
  const doors: OpenSocket[] = [];
  for (let number = 0; number < CONNECTIONS_PER_ADDRESS; number++) {
    const door = await (number % 2 === 0 ? mallory : bob).knocks('v1', crowded);
    assert.ok(door.isOpen, `connection ${number + 1}`);
    doors.push(door);
    sockets.add(door);
  }
  const refused = await alice.knocks('v1', crowded);
  assert.ok(!refused.isOpen);
  assert.equal(refused.status, 429);
  assert.match(refused.headers['retry-after'] ?? '', /^[1-9]\d*$/);
  await text(alice);
  const last = doors.at(-1);
  last?.send('bob');
  await last?.receive((line) => line === 'bob has joined the chat!' || undefined, 'to be let in');
});

test('handshakes of one address come from a bucket of 200; who is refused is told when to come back, others are let in', async () => {
  const crowded = { localAddress: '127.0.0.7', cookie: '' };
  const startedAt = performance.now();
  let accepted = 0;
  let retryAfter: string | undefined;
  while (retryAfter === undefined && accepted <= 2 * HANDSHAKE_BURST) {
    const doors = await Promise.all(Array.from({ length: 20 }, () => mallory.knocks('v1', crowded)));
    for (const door of doors) {
      if (door.isOpen) accepted += 1;
      else assert.equal(door.status, 429);
      if (!door.isOpen) retryAfter = door.headers['retry-after'];
    }
    await Promise.all(doors.map((door) => door.isOpen && door.closes()));
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  assert.ok(accepted >= HANDSHAKE_BURST && accepted <= HANDSHAKE_BURST + seconds + 1, `${accepted} in ${seconds} s`);
  const neighbour = await alice.connectsText({ localAddress: '127.0.0.8' });
  sockets.add(neighbour);
  assert.match(retryAfter ?? '', /^[1-9]\d*$/);
  await pause(Number(retryAfter) * 1_000 + 100);
  assert.ok((await mallory.knocks('v1', crowded)).isOpen, 'what was refused took nothing from the bucket');
});
