import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asPlainText } from './copied.ts';

test('what is copied over several messages tells who said what when, once for words of one breath', () => {
  const text = asPlainText([
    { seq: 1, name: 'alice', time: '21:40', text: 'Hello\nand welcome' },
    { seq: 2, name: 'alice', time: '21:40', text: 'How are you?' },
    { seq: 3, name: 'bob', time: '21:41', text: 'Fine' },
  ]);
  assert.equal(text, 'alice, 21:40\nHello\nand welcome\nHow are you?\n\nbob, 21:41\nFine');
});

test('nothing copied is nothing', () => {
  assert.equal(asPlainText([]), '');
});
