import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deriveKey, internalToken, isInternal } from './secrets.ts';

test('a key is the same each time, and another for another purpose or secret', () => {
  assert.equal(deriveKey('secret', 'cookies'), deriveKey('secret', 'cookies'));
  assert.notEqual(deriveKey('secret', 'cookies'), deriveKey('secret', 'links'));
  assert.notEqual(deriveKey('secret', 'cookies'), deriveKey('secret2', 'cookies'));
});

test('a key has 256 bits and does not show the secret', () => {
  const key = deriveKey('secret', 'cookies');
  assert.equal(Buffer.from(key, 'base64url').length, 32);
  assert.ok(!key.includes('secret'));
});

test('the token of any listed secret is let in, so that a rotation shuts nobody out', () => {
  const secrets = ['new', 'old'];
  assert.ok(isInternal(`Bearer ${internalToken('new')}`, secrets));
  assert.ok(isInternal(`Bearer ${internalToken('old')}`, secrets));
  assert.ok(!isInternal(`Bearer ${internalToken('older')}`, secrets));
});

test('mallory tries without a token, with half a one, and with the secret itself', () => {
  const token = internalToken('secret');
  const tries = [
    undefined,
    '',
    'Bearer',
    'Bearer ',
    token,
    `bearer ${token}`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token} `,
    'Bearer secret',
  ];
  for (const given of tries) assert.ok(!isInternal(given, ['secret']), String(given));
  assert.ok(!isInternal(`Bearer ${token}`, []));
});
