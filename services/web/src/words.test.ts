import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hueOf, initials, isEmojiOnly } from './words.ts';

test('a text of emoji alone is told from one with words', () => {
  for (const text of ['👍', '👍🎉', '❤️ 👩‍👩‍👧', '🇩🇪']) assert.equal(isEmojiOnly(text), true, text);
  for (const text of ['', ' ', 'ok 👍', '12', '#', '*', '👍👍👍👍👍👍👍']) assert.equal(isEmojiOnly(text), false, text);
});

test('initials come from the parts of a name, whole characters only', () => {
  assert.equal(initials('alice'), 'A');
  assert.equal(initials('ana.maria'), 'AM');
  assert.equal(initials('_bob_'), 'B');
  assert.equal(initials('𝒶lice'), '𝒶');
});

test('a person’s hue is a colour, always the same one, and neighbours differ', () => {
  assert.equal(hueOf('17'), hueOf('17'));
  assert.notEqual(hueOf('17'), hueOf('18'));
  for (const id of ['', '1', 'a-long-id-of-somebody']) assert.ok(hueOf(id) >= 0 && hueOf(id) < 360);
});
