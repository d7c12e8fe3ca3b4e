import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Refused } from '@securechat/shared/protocol';
import { Sentence } from '@securechat/shared/protocol';
import { createFakeClock } from './clock.fixture.ts';
import type { Entry, News, OutboxState, Request, Shared } from './outbox.ts';
import { createOutbox, idOf } from './outbox.ts';

function alicesOutbox({ shared = undefined as Shared | undefined } = {}) {
  const clock = createFakeClock();
  const sent: Request[] = [];
  let silences = 0;
  let state: OutboxState = { entries: [] };
  const outbox = createOutbox({
    shared,
    clock,
    transmit: (request) => sent.push(request) > 0,
    onSilence: () => silences++,
    onChange: (next) => {
      state = next;
    },
  });
  let ids = 0;
  const says = (text: string) => {
    const clientId = `alice-${++ids}`;
    outbox.put({ type: 'send', room: 'general', clientId, text });
    return clientId;
  };
  const texts = () => sent.map((request) => ('text' in request ? request.text : request.type));
  const states = () => outbox.state().entries.map((entry) => entry.state.is);
  return { outbox, clock, sent, says, texts, states, silences: () => silences, shown: () => state };
}

const refusal = (code: Refused['code'], clientId: string, more: Partial<Refused> = {}): Refused => ({
  type: 'refused',
  code,
  message: `refused: ${code}`,
  for: 'send',
  clientId,
  ...more,
});

test('what alice says before the room is open waits, and goes out when it opens', () => {
  const alice = alicesOutbox();
  alice.says('hello');
  assert.deepEqual(alice.sent, []);
  assert.deepEqual(alice.states(), ['waiting']);
  alice.outbox.open();
  assert.deepEqual(alice.texts(), ['hello']);
  assert.deepEqual(alice.states(), ['sending']);
});

test('only one message is on its way; the next follows when the first was seen back', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const first = alice.says('one');
  alice.says('two');
  assert.deepEqual(alice.texts(), ['one']);
  alice.outbox.acknowledge({ seq: 7, clientId: first });
  assert.deepEqual(alice.texts(), ['one', 'two']);
});

test('a stored message stays in sight until the room has reached it', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const id = alice.says('one');
  alice.outbox.acknowledge({ seq: 7, clientId: id });
  alice.outbox.settle(6);
  assert.deepEqual(alice.states(), ['stored']);
  alice.outbox.settle(7);
  assert.deepEqual(alice.states(), []);
});

test('after a lost connection the same message goes out again with the same clientId', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const id = alice.says('hello');
  alice.outbox.close();
  assert.deepEqual(alice.states(), ['waiting']);
  alice.says('and more');
  assert.equal(alice.sent.length, 1);
  alice.outbox.open();
  assert.deepEqual(
    alice.sent.map(({ clientId }) => clientId),
    [id, id],
  );
});

test('a message that was seen in the resume is not sent again', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const id = alice.says('hello');
  alice.outbox.close();
  alice.outbox.acknowledge({ seq: 3, clientId: id });
  alice.outbox.open();
  assert.deepEqual(alice.texts(), ['hello']);
});

test('too fast: everything halts with the server’s sentence, then goes out by itself and in order', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const first = alice.says('one');
  alice.says('two');
  const sentence = Sentence.rateLimited(10);
  alice.outbox.refuse(refusal('slow_down', first, { retryAfterMs: 9_500, message: sentence }));
  alice.says('three');
  assert.deepEqual(alice.states(), ['waiting', 'waiting', 'waiting']);
  assert.equal(alice.shown().halt?.sentence, sentence);
  assert.equal(alice.shown().halt?.until, alice.clock.now() + 9_500);
  alice.clock.pass(9_499);
  assert.deepEqual(alice.texts(), ['one']);
  alice.clock.pass(1);
  assert.equal(alice.shown().halt, undefined);
  for (const { clientId } of [...alice.shown().entries.map(({ request }) => request)]) {
    alice.outbox.acknowledge({ seq: 1, clientId });
  }
  assert.deepEqual(alice.texts(), ['one', 'one', 'two', 'three']);
});

test('a lost connection does not shorten the halt', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const id = alice.says('one');
  alice.outbox.refuse(refusal('slow_down', id, { retryAfterMs: 10_000 }));
  alice.outbox.close();
  alice.outbox.open();
  alice.clock.pass(9_999);
  assert.deepEqual(alice.texts(), ['one']);
  alice.clock.pass(1);
  assert.deepEqual(alice.texts(), ['one', 'one']);
});

test('when the server cannot say whether it was stored, the same clientId is asked again, ever more slowly', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const id = alice.says('hello');
  const waits = [2_000, 4_000, 8_000, 15_000, 15_000];
  for (const [round, wait] of waits.entries()) {
    alice.outbox.refuse(refusal('unavailable', id));
    alice.clock.pass(wait - 1);
    assert.equal(alice.sent.length, round + 1);
    alice.clock.pass(1);
    assert.equal(alice.sent.length, round + 2);
  }
  assert.ok(alice.sent.every(({ clientId }) => clientId === id));
  assert.equal(alice.outbox.state().isRefused, true, 'which is told');
  alice.outbox.acknowledge({ seq: 1, clientId: id });
  assert.equal(alice.outbox.state().isRefused, false, 'until something is stored');
});

test('the next trouble is met with short waits again, after something was stored and after a new connection', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const first = alice.says('one');
  for (const wait of [2_000, 4_000]) {
    alice.outbox.refuse(refusal('unavailable', first));
    alice.clock.pass(wait);
  }
  alice.outbox.acknowledge({ seq: 1, clientId: first });
  const second = alice.says('two');
  for (const wait of [2_000, 4_000]) {
    alice.outbox.refuse(refusal('unavailable', second));
    alice.clock.pass(wait);
  }
  assert.deepEqual(alice.texts(), ['one', 'one', 'one', 'two', 'two', 'two']);
  alice.outbox.close();
  alice.outbox.open();
  alice.outbox.refuse(refusal('unavailable', second));
  alice.clock.pass(2_000);
  assert.equal(alice.texts().length, 8);
});

test('while the server is given time, nothing else that alice says goes out either', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  alice.outbox.refuse(refusal('unavailable', alice.says('one')));
  alice.says('two');
  alice.clock.pass(1_999);
  assert.deepEqual(alice.texts(), ['one']);
  alice.clock.pass(1);
  assert.deepEqual(alice.texts(), ['one', 'one']);
});

test('a message that came before the room was open is not lost: it is sent again', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  alice.outbox.refuse(refusal('not_open', alice.says('hello')));
  assert.deepEqual(alice.states(), ['waiting']);
  alice.clock.pass(2_000);
  assert.deepEqual(alice.texts(), ['hello', 'hello']);
});

test('a text that can never be accepted stays with its reason, and what stands behind it goes on', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const id = alice.says('far too long');
  alice.says('short');
  alice.outbox.refuse(refusal('too_long', id));
  assert.deepEqual(alice.states(), ['failed', 'sending']);
  assert.deepEqual(alice.texts(), ['far too long', 'short']);
  assert.equal(alice.outbox.discard(id)?.request.clientId, id);
  assert.deepEqual(alice.states(), ['sending']);
});

test('a refusal without a clientId concerns the request that is on its way', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  alice.says('hello');
  const { clientId: _none, ...anonymous } = refusal('malformed', '');
  alice.outbox.refuse({ ...anonymous, for: 'typing' });
  assert.deepEqual(alice.states(), ['sending'], 'if it is of that kind');
  alice.outbox.refuse(anonymous);
  assert.deepEqual(alice.states(), ['failed']);
});

test('somebody else’s refusal or event changes nothing', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  alice.says('hello');
  alice.says('and more');
  alice.outbox.refuse(refusal('too_long', 'another-id'));
  alice.outbox.acknowledge({ seq: 4 });
  alice.outbox.acknowledge({ seq: 5, clientId: 'said-on-another-device' });
  assert.deepEqual(alice.states(), ['sending', 'waiting']);
  assert.deepEqual(alice.texts(), ['hello']);
});

test('what is on its way cannot be taken back, what waits can', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const first = alice.says('one');
  const second = alice.says('two');
  assert.equal(alice.outbox.discard(first), undefined);
  assert.ok(alice.outbox.discard(second));
});

test('no answer within eight seconds makes the connection doubtful; an answer in time does not', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  const id = alice.says('one');
  alice.clock.pass(7_999);
  alice.outbox.acknowledge({ seq: 1, clientId: id });
  alice.clock.pass(60_000);
  assert.equal(alice.silences(), 0);
  alice.says('two');
  alice.clock.pass(8_000);
  assert.equal(alice.silences(), 1);
});

test('a refusal is an answer too, and a connection that is gone need not be doubted', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  alice.outbox.refuse(refusal('too_long', alice.says('far too long')));
  alice.says('hello');
  alice.outbox.close();
  alice.clock.pass(60_000);
  assert.equal(alice.silences(), 0);
});

test('who discarded everything can speak again, also when something was on its way or halted', () => {
  const alice = alicesOutbox();
  alice.outbox.open();
  alice.says('on its way');
  alice.outbox.clear();
  alice.clock.pass(60_000);
  assert.equal(alice.silences(), 0);
  alice.outbox.refuse(refusal('slow_down', alice.says('too fast'), { retryAfterMs: 10_000 }));
  alice.outbox.clear();
  const hello = alice.says('hello');
  assert.deepEqual(alice.texts(), ['on its way', 'too fast', 'hello']);
  alice.outbox.refuse(refusal('slow_down', hello, { retryAfterMs: 20_000 }));
  alice.clock.pass(19_999);
  assert.equal(alice.texts().length, 3, 'and what halted before ends no later halt');
});

// ---- other tabs and the device, which do as the test says --------------------------------------------------------------

async function settled() {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setImmediate(resolve));
}

const waiting = (clientId: string, at: number): Entry => ({
  request: { type: 'send', room: 'general', clientId, text: clientId },
  at,
  state: { is: 'waiting' },
});

/** @param entries what lies on the device */
function alicesTab(entries: readonly Entry[] = [], { isReadable = true, isFull = false, readsLate = false } = {}) {
  const lying = new Map(entries.map((entry) => [idOf(entry), entry]));
  let tab: { hear: (news: News) => void; turn: (isOurs: boolean) => void } | undefined;
  const shared: Shared = {
    entries: [...entries],
    ledger: {
      read: async () => {
        const found = [...lying.values()];
        await new Promise((resolve) => setImmediate(resolve));
        if (!isReadable) return undefined;
        return readsLate ? [...lying.values()] : found;
      },
      write: async (entry) => !isFull && lying.set(idOf(entry), entry).size > 0,
      erase: (clientId) => lying.delete(clientId),
    },
    tabs: { join: (member) => (tab = member), tell: () => {}, seizeTurn: () => {} },
  };
  const alice = alicesOutbox({ shared });
  const shows = () => alice.outbox.state().entries.map(idOf);
  return { ...alice, lying, shows, hears: (news: News) => tab?.hear(news), turn: (isOurs: boolean) => tab?.turn(isOurs) };
}

test('what another tab saw stored is dropped, however this one came to know it', async () => {
  const alice = alicesTab([waiting('found at first', 1)]);
  alice.says('said here');
  alice.lying.set('heard', waiting('heard', 2));
  alice.hears({ is: 'entry', entry: waiting('heard', 2), isKept: true });
  await settled();
  alice.lying.set('found later', waiting('found later', 3));
  alice.outbox.open();
  await settled();
  assert.equal(alice.shows().length, 4);
  alice.lying.clear();
  alice.outbox.open();
  await settled();
  assert.deepEqual(alice.shows(), []);
});

test('what never got to the device is not taken for stored because it is not there', async () => {
  const alice = alicesTab([], { isFull: true });
  alice.says('said here');
  alice.hears({ is: 'entry', entry: waiting('heard', 2), isKept: false });
  await settled();
  alice.outbox.open();
  await settled();
  assert.equal(alice.shows().length, 2);
});

test('a stored message stays in sight also when the device has forgotten it', async () => {
  const alice = alicesTab([waiting('hello', 1)], { readsLate: true });
  alice.outbox.open();
  alice.outbox.acknowledge({ seq: 7, clientId: 'hello' });
  await settled();
  assert.deepEqual(alice.states(), ['stored']);
});

test('what was seen stored does not come back, neither by late news nor from a device that was read before', async () => {
  const alice = alicesTab([waiting('hello', 1), waiting('never mind', 2)]);
  alice.turn(true);
  alice.outbox.open();
  alice.outbox.acknowledge({ seq: 1, clientId: 'hello' });
  alice.outbox.settle(1);
  alice.hears({ is: 'gone', clientId: 'never mind' });
  await settled();
  for (const entry of [waiting('hello', 1), waiting('never mind', 2)]) alice.hears({ is: 'entry', entry, isKept: true });
  await settled();
  assert.deepEqual([alice.shows(), [...alice.lying]], [[], []]);
});

test('what alice takes back is not on the device any more', async () => {
  const alice = alicesTab();
  const id = alice.says('never mind');
  await settled();
  assert.equal(alice.lying.size, 1);
  assert.ok(alice.outbox.discard(id));
  assert.equal(alice.lying.size, 0);
});

test('nothing is shown twice or out of order, whether it was heard or found', async () => {
  const alice = alicesTab([waiting('5', 5)]);
  alice.hears({ is: 'entry', entry: waiting('3', 3), isKept: false });
  assert.deepEqual(alice.shows(), ['3', '5']);
  alice.lying.set('4', waiting('4', 4));
  alice.outbox.open();
  await settled();
  assert.deepEqual(alice.shows(), ['3', '4', '5']);
});

test('where the device cannot be read any more, the tab whose turn it is sends what it knows', async () => {
  const alice = alicesTab([waiting('hello', 1)], { isReadable: false });
  alice.outbox.open();
  alice.turn(true);
  await settled();
  assert.deepEqual(alice.texts(), ['hello']);
});

test('news of what is on its way from here do not make it wait, nor does the turn that comes back', async () => {
  const alice = alicesTab([waiting('hello', 1)]);
  alice.turn(true);
  alice.outbox.open();
  await settled();
  alice.hears({ is: 'entry', entry: waiting('hello', 1), isKept: true });
  assert.deepEqual(alice.states(), ['sending']);
  alice.turn(false);
  alice.turn(true);
  assert.deepEqual(alice.states(), ['sending']);
  assert.equal(alice.outbox.discard('hello'), undefined);
});

test('what a tab that went had on its way waits again, and can be taken back', () => {
  const alice = alicesTab();
  alice.hears({ is: 'entry', entry: { ...waiting('hello', 1), state: { is: 'sending' } }, isKept: true });
  assert.equal(alice.outbox.discard('hello'), undefined);
  alice.turn(true);
  assert.deepEqual(alice.states(), ['waiting']);
  assert.ok(alice.outbox.discard('hello'));
});

test('of two halts the later one counts', async () => {
  const alice = alicesTab([waiting('hello', 1)]);
  for (const ms of [1_000, 10_000]) {
    alice.hears({ is: 'halt', halt: { until: alice.clock.now() + ms, sentence: 'Slowly.' } });
  }
  alice.turn(true);
  alice.outbox.open();
  await settled();
  alice.clock.pass(9_999);
  assert.deepEqual(alice.texts(), []);
  alice.clock.pass(1);
  assert.deepEqual(alice.texts(), ['hello']);
});

test('a halt that another tab tells of ends in its time, whatever is answered meanwhile', async () => {
  const alice = alicesTab([waiting('one', 1), waiting('two', 2), waiting('three', 3)]);
  const isHalted = () => alice.hears({ is: 'halt', halt: { until: alice.clock.now() + 1_000, sentence: 'Slowly.' } });
  alice.turn(true);
  alice.outbox.open();
  await settled();
  isHalted();
  alice.outbox.acknowledge({ seq: 1, clientId: 'one' });
  assert.deepEqual(alice.texts(), ['one']);
  alice.clock.pass(1_000);
  assert.deepEqual(alice.texts(), ['one', 'two']);
  alice.outbox.refuse(refusal('unavailable', 'two'));
  isHalted();
  alice.clock.pass(2_000);
  assert.deepEqual(alice.texts(), ['one', 'two', 'two'], 'nor is a next try forgotten');
  isHalted();
  alice.clock.pass(8_000);
  assert.equal(alice.silences(), 1, 'nor that an answer is missing');
});
