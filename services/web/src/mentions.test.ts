import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mentions } from './mentions.ts';

const names = new Set(['alice', 'bob', 'ana.maria']);
const mentioned = (text: string) => [...mentions(text, names)];

test('alice and bob are mentioned by their names, however these are written', () => {
  assert.deepEqual(mentioned('@alice and @BOB, please'), ['alice', 'bob']);
  assert.deepEqual(mentioned('- **@ana.maria**: > @alice\n> @bob'), ['ana.maria', 'alice', 'bob']);
  assert.deepEqual(mentioned('@bob @bob @bob'), ['bob']);
});

test('code, addresses and longer names mention nobody', () => {
  for (const text of ['`@bob`', '```\n@bob\n```', 'mail@bob', 'https://a.example/@bob', '@bobby', 'bob', '']) {
    assert.deepEqual(mentioned(text), [], text);
  }
});
