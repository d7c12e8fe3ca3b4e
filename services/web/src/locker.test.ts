import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { createFakeClock } from './clock.fixture.ts';
import { createMemoryDevice } from './device.memory.ts';
import type { Device } from './device.ts';
import { takeLegacy } from './legacy.ts';
import { openLocker } from './locker.ts';
import type { Entry } from './outbox.ts';
import { emptyRoom, openRequest, type RoomState } from './roomState.ts';

const ROOM = 'general';
const alone = { join: () => {}, tell: () => {}, seizeTurn: () => {} };
const said = (clientId: string, text: string, at = 1): Entry => ({
  request: { type: 'send', room: ROOM, clientId, text },
  at,
  state: { is: 'waiting' },
});

async function open(device: Device, { userId = 'alice', legacy = takeLegacy(undefined, 'alice') } = {}) {
  const clock = createFakeClock();
  const keepsNothing = signal(false);
  let shellsDropped = 0;
  const dropShell = async () => {
    shellsDropped++;
  };
  const locker = await openLocker({ device, userId, clock, tabs: alone, legacy, keepsNothing, dropShell });
  return { ...locker, clock, shellsDropped: () => shellsDropped };
}

function aRoom(messages: number): RoomState {
  const author = { id: 'bob', name: 'bob' };
  const all = Array.from({ length: messages }, (_, i) => i + 1).map((seq) => ({
    ...{ seq, at: seq, author, text: `message ${seq}` },
    ...{ deleted: false, reactions: {}, asOf: seq },
  }));
  return { ...emptyRoom, epoch: 'e', cursor: messages, cursorAt: messages, messages: all, beginning: true, phase: 'open' };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('what is being written is kept within half a second, under steady typing too, and found by the next page', async () => {
  const device = createMemoryDevice();
  const alice = await open(device);
  for (const text of ['h', 'he', 'hel', 'hell']) {
    alice.drafts.keep({ text, replyTo: 7 });
    alice.clock.pass(140);
  }
  assert.deepEqual((await open(device)).drafts.read(), { text: 'hel', replyTo: 7 });
  alice.flush();
  assert.deepEqual((await open(device)).drafts.read(), { text: 'hell', replyTo: 7 });
});

test('a draft that becomes a message goes in the same step, and only that one', async () => {
  const device = createMemoryDevice();
  const alice = await open(device);
  alice.drafts.keep({ text: 'hello' });
  alice.flush();
  await alice.shared?.ledger.write(said('1', 'something said again'));
  assert.equal((await device.belongings('alice', ROOM)).draft?.text, 'hello');
  await alice.shared?.ledger.write(said('2', 'hello'));
  assert.equal((await device.belongings('alice', ROOM)).draft, undefined);
});

test('what was found and is sent does not come back, however quickly it was changed and sent', async () => {
  const device = createMemoryDevice();
  const before = await open(device);
  before.drafts.keep({ text: 'hello' });
  const alice = await open(device);
  await alice.shared?.ledger.write(said('1', 'hello'));
  assert.equal((await device.belongings('alice', ROOM)).draft, undefined);
  alice.drafts.keep({ text: 'a' });
  alice.drafts.keep({ text: 'and more' });
  await alice.shared?.ledger.write(said('2', 'and more'));
  assert.equal((await device.belongings('alice', ROOM)).draft, undefined);
});

test('a found draft that is emptied is empty on the next page too', async () => {
  const device = createMemoryDevice();
  (await open(device)).drafts.keep({ text: 'never mind' });
  const alice = await open(device);
  alice.drafts.keep({ text: '' });
  await settled();
  assert.equal((await device.belongings('alice', ROOM)).draft, undefined);
});

test('a message that was refused takes no draft with it, though it has the same words', async () => {
  const device = createMemoryDevice();
  const alice = await open(device);
  alice.drafts.keep({ text: 'hello' });
  const refusal = { type: 'refused', code: 'too_long', for: 'send', message: 'No.' } as const;
  await alice.shared?.ledger.write({ ...said('1', 'hello'), state: { is: 'failed', refusal } });
  assert.equal((await device.belongings('alice', ROOM)).draft?.text, 'hello');
});

test('words after a pause are kept at once, as the first ones were', async () => {
  const device = createMemoryDevice();
  const alice = await open(device);
  for (const text of ['one', 'one two', 'one two three']) {
    alice.drafts.keep({ text });
    assert.equal((await open(device)).drafts.read().text, text);
    alice.clock.pass(1_000);
  }
});

test('a tab in which nothing was typed overwrites nothing that was typed in another', async () => {
  const device = createMemoryDevice();
  (await open(device)).drafts.keep({ text: 'hello' });
  const [idle, busy] = [await open(device), await open(device)];
  busy.drafts.keep({ text: 'hello world' });
  idle.flush();
  await settled();
  assert.equal((await open(device)).drafts.read().text, 'hello world');
});

test('what is answered is kept with the words, and nothing is written while nothing changes', async () => {
  const device = createMemoryDevice();
  let writes = 0;
  const putDraft: Device['putDraft'] = (...draft) => device.putDraft(...draft).then(() => void writes++);
  const alice = await open({ ...device, putDraft });
  alice.drafts.keep({ text: 'yes' });
  alice.drafts.keep({ text: 'yes', replyTo: 7 });
  for (let i = 0; i < 10; i++) {
    alice.drafts.keep({ text: 'yes', replyTo: 7 });
    alice.clock.pass(1_000);
  }
  alice.flush();
  await settled();
  assert.equal(writes, 2);
  assert.deepEqual((await open(device)).drafts.read(), { text: 'yes', replyTo: 7 });
});

test('words typed just before leaving stay theirs', async () => {
  const device = createMemoryDevice();
  const alice = await open(device);
  alice.drafts.keep({ text: 'h' });
  alice.drafts.keep({ text: 'half a thought' });
  await alice.forget();
  assert.equal((await open(device)).drafts.read().text, 'half a thought');
});

test('the room is kept once a second, again and again, and at once before the page goes', async () => {
  const device = createMemoryDevice();
  const kept: number[] = [];
  const putRoom: Device['putRoom'] = async (_userId, _room, { cursor }) => void kept.push(cursor);
  const alice = await open({ ...device, putRoom });
  for (const messages of [1, 2, 3, 4]) {
    alice.keepRoom(aRoom(messages));
    alice.clock.pass(500);
  }
  assert.deepEqual(kept, [2, 4]);
  alice.keepRoom(aRoom(5));
  alice.flush();
  assert.deepEqual(kept, [2, 4, 5]);
  alice.clock.pass(10_000);
  assert.equal(kept.length, 3);
});

test('sending in one tab leaves alone what was written in another meanwhile', async () => {
  const device = createMemoryDevice();
  const [one, other] = [await open(device), await open(device)];
  one.drafts.keep({ text: 'from one' });
  one.flush();
  other.drafts.keep({ text: 'from the other' });
  other.flush();
  await one.shared?.ledger.write(said('1', 'from one'));
  one.drafts.keep({ text: '' });
  one.flush();
  await settled();
  assert.equal((await open(device)).drafts.read().text, 'from the other');
});

test('what waits is found by its own person only', async () => {
  const device = createMemoryDevice();
  await (await open(device)).shared?.ledger.write(said('1', 'for later'));
  assert.deepEqual((await open(device, { userId: 'bob' })).shared?.entries, []);
  const alice = await open(device);
  assert.deepEqual(alice.shared?.entries, [said('1', 'for later')]);
  assert.deepEqual(await alice.shared?.ledger.read(), [said('1', 'for later')]);
  alice.shared?.ledger.erase('1');
  await settled();
  assert.deepEqual(await device.entries('alice'), []);
});

test('of a long conversation the last 200 messages are kept, and a resume goes on after them', async () => {
  const device = createMemoryDevice();
  const alice = await open(device);
  alice.keepRoom(aRoom(250));
  alice.clock.pass(1_000);
  const { room } = await open(device);
  assert.deepEqual([room.messages.length, room.messages[0]?.seq, room.beginning, room.phase], [200, 51, false, 'away']);
  assert.deepEqual(openRequest(room), { type: 'open', room: ROOM, since: 250, epoch: 'e', sinceAt: 250 });
});

test('a room that was never opened is not kept', async () => {
  const device = createMemoryDevice();
  const alice = await open(device);
  alice.keepRoom(emptyRoom);
  alice.flush();
  assert.equal((await device.belongings('alice', ROOM)).room, undefined);
});

test('who leaves is forgotten with all messages, and nothing heard afterwards is kept; unsent words stay theirs', async () => {
  const device = createMemoryDevice();
  await device.remember({ id: 'alice', name: 'alice' });
  const alice = await open(device);
  await alice.shared?.ledger.write(said('1', 'for later'));
  alice.keepRoom(aRoom(3));
  alice.flush();
  await alice.forget();
  alice.keepRoom(aRoom(4));
  alice.flush();
  const left = await device.belongings('alice', ROOM);
  assert.deepEqual([await device.lastPerson(), left.room, left.entries.length], [undefined, undefined, 1]);
  assert.equal(alice.shellsDropped(), 1);
});

test('a browser that hangs keeps nobody from leaving', async () => {
  const alice = await open({ ...createMemoryDevice(), forget: () => new Promise(() => {}) });
  const forgetting = alice.forget();
  alice.clock.pass(1_000);
  await forgetting;
});

test('a browser that refuses everything is noticed, and nothing throws', async () => {
  const refusing = () => Promise.reject(new DOMException('No space.', 'QuotaExceededError'));
  const device = { ...createMemoryDevice(), belongings: refusing, entries: refusing, putEntry: refusing, putDraft: refusing };
  const alice = await open({ ...device, eraseEntry: refusing, eraseDraft: refusing, putRoom: refusing, forget: refusing });
  assert.equal(alice.keepsNothing.value, true);
  alice.drafts.keep({ text: 'hello' });
  alice.keepRoom(aRoom(1));
  alice.flush();
  assert.equal(await alice.shared?.ledger.write(said('1', 'hello')), false);
  assert.equal(await alice.shared?.ledger.read(), undefined);
  alice.shared?.ledger.erase('1');
  await alice.forget();
  await settled();
});

test('what an older page kept for its tab moves to the device, and nonsense is left behind', async () => {
  const shelf = new Map([
    [
      'securechat:outbox:alice',
      JSON.stringify([{ ...said('1', 'from before'), state: { is: 'sending' } }, 3, { request: null }]),
    ],
    ['securechat:draft:alice', 'half a thou'],
    ['securechat:outbox:bob', '{"'],
  ]);
  const storage = { getItem: (key: string) => shelf.get(key) ?? null, removeItem: (key: string) => void shelf.delete(key) };
  const device = createMemoryDevice();
  const alice = await open(device, { legacy: takeLegacy(storage, 'alice') });
  assert.equal(alice.drafts.read().text, 'half a thou');
  assert.deepEqual(alice.shared?.entries, [said('1', 'from before')]);
  assert.deepEqual(await device.entries('alice'), [said('1', 'from before')]);
  assert.equal((await device.belongings('alice', ROOM)).draft?.text, 'half a thou');
  assert.deepEqual([...shelf.keys()], ['securechat:outbox:bob']);
  const older = { entries: [], draft: { text: 'older still' } };
  assert.equal((await open(device, { legacy: older })).drafts.read().text, 'half a thou', 'the device knows better');
  assert.equal((await device.belongings('alice', ROOM)).draft?.text, 'half a thou');
  assert.deepEqual(takeLegacy(storage, 'bob'), { entries: [], draft: undefined });
});
