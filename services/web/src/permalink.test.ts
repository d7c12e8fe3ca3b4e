import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fragmentOf, parseFragment } from './permalink.ts';

test('a fragment names a message of the room', () => {
  assert.equal(parseFragment(fragmentOf(123)), 123);
  assert.equal(parseFragment('#general/1'), 1);
});

test('what is no address of a message names none', () => {
  for (const fragment of [
    '',
    '#',
    '#left',
    '#general',
    '#general/',
    '#general/0',
    '#general/-1',
    '#general/1e3',
    '#general/01',
  ]) {
    assert.equal(parseFragment(fragment), undefined, fragment);
  }
  assert.equal(parseFragment('#other/1'), undefined, 'another room');
  assert.equal(parseFragment(`#general/${'9'.repeat(40)}`), undefined, 'a number that none of ours can be');
});
