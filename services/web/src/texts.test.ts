import assert from 'node:assert/strict';
import { test } from 'node:test';
import { english } from './texts.en.ts';
import { spanish } from './texts.es.ts';
import { preferred } from './texts.ts';

test('the first language that we know is spoken', () => {
  assert.equal(preferred(['es-MX', 'en']), 'es');
  assert.equal(preferred(['de-DE', 'ES', 'en']), 'es');
  assert.equal(preferred(['en-GB', 'es']), 'en');
});

test('who reads none of our languages reads English', () => {
  assert.equal(preferred(['de', 'constructor', '']), 'en');
  assert.equal(preferred([]), 'en');
});

test('what the protocol fixes is the same in every language', () => {
  assert.equal(spanish.joined('alice'), 'alice has joined the chat!');
  assert.equal(spanish.left('alice'), 'alice has left the chat!');
});

test('no word is missing in Spanish, nor left in English by mistake', () => {
  const same = ['product', 'roomName', 'emoji'];
  for (const [key, words] of Object.entries(english)) {
    const translated: unknown = Reflect.get(spanish, key);
    assert.ok(translated !== undefined && translated !== '', key);
    if (typeof words === 'string' && !same.includes(key)) assert.notEqual(translated, words, key);
  }
});
