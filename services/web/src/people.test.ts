import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { User } from '@securechat/shared/protocol';
import { acquaintance, everybody, findPeople } from './people.ts';
import type { Message, RoomNotice } from './roomState.ts';

const alice: User = { id: 'a', name: 'alice' };
const bob: User = { id: 'b', name: 'Bob' };
const carol: User = { id: 'c', name: 'carol' };
const said = (seq: number, author: User, text?: string): Message => ({
  seq,
  at: seq * 1000,
  author,
  deleted: text === undefined,
  ...(text !== undefined && { text }),
  reactions: {},
  asOf: seq,
});
const notice = (kind: RoomNotice['kind'], user: User, at: number): RoomNotice => ({ id: at, kind, user, at, afterSeq: 0 });
const names = (people: readonly User[]) => people.map(({ name }) => name);

test('everybody who is here or said something is known once, in the order of names', () => {
  const room = { people: [carol, alice], messages: [said(1, bob, 'hi'), said(2, alice, 'hello'), said(3, bob)] };
  assert.deepEqual(names(everybody(room)), ['alice', 'Bob', 'carol']);
});

test('people are found by what their name holds, those first whose name begins with it', () => {
  const ana: User = { id: 'd', name: 'Ána' };
  const joana: User = { id: 'e', name: 'joana' };
  assert.deepEqual(names(findPeople([joana, ana, bob], 'ana')), ['Ána', 'joana']);
  assert.deepEqual(names(findPeople([joana, ana, bob], ' @BOB ')), ['Bob']);
  assert.deepEqual(names(findPeople([joana, ana], '')), ['joana', 'Ána']);
  assert.deepEqual(names(findPeople([joana, ana], '.*')), []);
});

test('a card tells since when somebody is here, but only when they were seen to come', () => {
  const notices = [
    notice('joined', bob, 5000),
    notice('left', bob, 6000),
    notice('joined', bob, 7000),
    notice('left', carol, 8000),
  ];
  const room = { people: [alice, bob], messages: [], notices };
  assert.deepEqual(acquaintance(room, 'b'), { user: bob, isHere: true, since: 7000 });
  assert.deepEqual(acquaintance(room, 'a'), { user: alice, isHere: true });
  assert.equal(acquaintance(room, 'nobody'), undefined);
});

test('who has gone is known by their last words that were not deleted', () => {
  const room = { people: [alice], messages: [said(1, carol, 'see you'), said(2, carol)], notices: [notice('left', carol, 9000)] };
  const known = acquaintance(room, 'c');
  assert.equal(known?.isHere, false);
  assert.equal(known?.since, undefined);
  assert.equal(known?.lastWords?.text, 'see you');
});
