import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from './outbox.ts';
import { meantReactions } from './reactions.ts';

const message = {
  seq: 7,
  at: 0,
  author: { id: 'bob', name: 'bob' },
  deleted: false,
  text: 'hi',
  reactions: { '🎉': ['bob'] },
  asOf: 7,
};
const waiting = { is: 'waiting' } as const;
const pressed = (emoji: string, on: boolean, state: Entry['state'] = waiting, target = 7): Entry => ({
  request: { type: 'react', room: 'general', clientId: crypto.randomUUID(), target, emoji, on },
  at: 0,
  state,
});
const meant = (...entries: Entry[]) => meantReactions(message, entries, 'alice');

test('what alice pressed counts before the server has it, in the order she pressed it', () => {
  assert.deepEqual(meant(pressed('🎉', true), pressed('👍', true)), { '🎉': ['bob', 'alice'], '👍': ['alice'] });
  assert.deepEqual(meant(pressed('🎉', true), pressed('🎉', false)), { '🎉': ['bob'] });
  assert.deepEqual(meant(pressed('👍', true), pressed('👍', false)), { '🎉': ['bob'] });
  assert.deepEqual(meant(pressed('🎉', true), pressed('🎉', true, { is: 'stored', seq: 9 })), { '🎉': ['bob', 'alice'] });
});

test('what she pressed elsewhere, or what was refused, does not count', () => {
  const refusal = { type: 'refused', for: 'react', code: 'gone', message: 'This message was deleted.' } as const;
  assert.deepEqual(meant(pressed('👍', true, waiting, 8), pressed('👍', true, { is: 'failed', refusal })), { '🎉': ['bob'] });
});
