import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import { knownNames } from './knownNames.ts';
import { emptyRoom, type RoomState } from './roomState.ts';

const me = { id: '1', name: 'Alice' };
const bob = { id: '2', name: 'Bob' };

test('whoever was here can be meant, oneself included, also after they left', () => {
  const room = signal<RoomState>({ ...emptyRoom, people: [bob] });
  const names = knownNames({ room, me });
  assert.deepEqual([...names.value], ['alice', 'bob']);
  room.value = emptyRoom;
  assert.ok(names.value.has('bob'));
});

test('while nobody new comes, the names are the same object, so nothing is drawn anew', () => {
  const room = signal<RoomState>({ ...emptyRoom, people: [bob] });
  const before = knownNames({ room, me }).value;
  room.value = { ...emptyRoom, cursor: 7, people: [bob] };
  assert.equal(knownNames({ room, me }).value, before);
});
