import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryAt, wholeEmojiAt } from './completion.ts';

/** The caret stands where the bar is. */
const at = (drawn: string) => ({ text: drawn.replace('|', ''), caret: drawn.indexOf('|') });

test('a name after @ is a query for people, up to the caret', () => {
  assert.deepEqual(queryAt(at('hi @|')), { is: 'mention', typed: '', start: 3 });
  assert.deepEqual(queryAt(at('hi (@Ana.m|aria)')), { is: 'mention', typed: 'Ana.m', start: 4 });
  for (const drawn of ['mail@exa|', '@@|', 'hi @ana |', `@${'a'.repeat(33)}|`])
    assert.equal(queryAt(at(drawn)), undefined, drawn);
});

test('a name after a colon is a query for emoji, from two letters on', () => {
  assert.deepEqual(queryAt(at('so :tad|')), { is: 'emoji', typed: 'tad', start: 3 });
  assert.deepEqual(queryAt(at(':+1|')), { is: 'emoji', typed: '+1', start: 0 });
  for (const drawn of [':|', ':)|', ':D|', '10:30|', 'a:bc|', 'https://a|', '::ab|', ': ab|']) {
    assert.equal(queryAt(at(drawn)), undefined, drawn);
  }
});

test('a name between two colons is whole', () => {
  assert.deepEqual(wholeEmojiAt(at('so :tada:|')), { is: 'emoji', typed: 'tada', start: 3 });
  for (const drawn of ['12:30:|', ':tada|:', ': a:|', '::|', 'a:b:|']) assert.equal(wholeEmojiAt(at(drawn)), undefined, drawn);
});

test('a key in the longest text is answered at once', () => {
  const text = '@'.repeat(10_000);
  const begin = performance.now();
  for (let caret = text.length; caret > text.length - 100; caret--) queryAt({ text, caret });
  assert.ok(performance.now() - begin < 50);
});
