import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterUsing, toMemory } from './emojiMemory.ts';

test('what was used last comes first, once, and the oldest is forgotten', () => {
  let memory = toMemory(undefined);
  for (const emoji of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '👍', '🎉', '👍']) memory = afterUsing(memory, emoji);
  assert.deepEqual(memory.recent.slice(0, 3), ['👍', '🎉', 'Z']);
  assert.equal(memory.recent.length, 24);
});

test('whatever another program left there, only emoji and a tone are taken from it', () => {
  assert.deepEqual(toMemory({ recent: ['👍', 'x', 7, '<b>', '👍🏽'], tone: 3 }), { recent: ['👍', '👍🏽'], tone: 3 });
  for (const odd of [null, 7, 'x', [], { recent: 'x', tone: 9 }, { tone: '3' }])
    assert.deepEqual(toMemory(odd), { recent: [], tone: 0 });
});
