import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, encodeEvent, holdsTextOf, type StoredEvent, toWire, withoutText } from './event.ts';
import { alice, bob, readFrames } from './people.fixture.ts';

const head = { room: 'general', seq: 7, at: 1_700_000_000_000, author: alice };
const event = (change: Change): StoredEvent => ({ ...head, clientId: 'id', change });
const message = event({ kind: 'message', text: 'hello' });
const edited = event({ kind: 'edited', target: 3, text: 'hallo' });

test('the clientId goes to the author and to nobody else', () => {
  for (const change of [message.change, edited.change, { kind: 'deleted', target: 3 } as const]) {
    assert.equal(toWire(event(change), alice).clientId, 'id');
    assert.ok(!('clientId' in toWire(event(change), bob)));
    assert.ok(
      !readFrames(encodeEvent(event(change)).v2())
        .join()
        .includes('clientId'),
    );
    assert.match(readFrames(encodeEvent(event(change)).v2ForAuthor()).join(), /"clientId":"id"/);
  }
});

test('each kind of change has its own words', () => {
  assert.deepEqual(toWire(message, bob), { type: 'message', ...head, text: 'hello' });
  assert.deepEqual(toWire(event({ kind: 'message', text: 'hi', replyTo: 2 }), bob), {
    type: 'message',
    ...head,
    text: 'hi',
    replyTo: 2,
  });
  assert.deepEqual(toWire(edited, bob), { type: 'edited', ...head, target: 3, text: 'hallo' });
  assert.deepEqual(toWire(event({ kind: 'deleted', target: 3 }), bob), { type: 'deleted', ...head, target: 3 });
  const reacted = { kind: 'reacted', target: 3, emoji: '👍', on: false } as const;
  assert.deepEqual(toWire(event(reacted), bob), { type: 'reacted', ...head, target: 3, emoji: '👍', on: false });
});

test('erased words are gone, and it is said that they are', () => {
  assert.deepEqual(toWire(withoutText(message), bob), { type: 'message', ...head, deleted: true });
  assert.deepEqual(toWire(withoutText(edited), bob), { type: 'edited', ...head, target: 3, deleted: true });
  const reply = withoutText(event({ kind: 'message', text: 'secret', replyTo: 2 }));
  assert.deepEqual(toWire(reply, bob), { type: 'message', ...head, deleted: true, replyTo: 2 });
  const deletion = event({ kind: 'deleted', target: 3 });
  assert.equal(withoutText(deletion), deletion);
});

test('the words of a message are in the message and in its edits alone', () => {
  assert.ok(holdsTextOf(message, 7));
  assert.ok(!holdsTextOf(message, 3));
  assert.ok(holdsTextOf(edited, 3));
  assert.ok(!holdsTextOf(edited, 7));
  assert.ok(!holdsTextOf(event({ kind: 'reacted', target: 3, emoji: '👍', on: true }), 3));
  assert.ok(!holdsTextOf(event({ kind: 'deleted', target: 3 }), 3));
});

test('v1 hears messages and nothing else', () => {
  assert.deepEqual(readFrames(encodeEvent(message).v1() ?? Buffer.alloc(0)), ['alice: hello']);
  assert.equal(encodeEvent(edited).v1(), undefined);
  assert.equal(encodeEvent(event({ kind: 'deleted', target: 3 })).v1(), undefined);
  assert.equal(encodeEvent(event({ kind: 'reacted', target: 3, emoji: '👍', on: true })).v1(), undefined);
  assert.equal(encodeEvent(withoutText(message)).v1(), undefined);
});

test('a frame is made once, however many get it', () => {
  const encoded = encodeEvent(message);
  assert.equal(encoded.v1(), encoded.v1());
  assert.equal(encoded.v2(), encoded.v2());
  assert.equal(encoded.v2ForAuthor(), encoded.v2ForAuthor());
});
