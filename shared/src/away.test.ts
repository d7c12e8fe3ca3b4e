import assert from 'node:assert/strict';
import test from 'node:test';
import { isAway } from './away.ts';

const withCode = (code: string, message = 'something') => Object.assign(new Error(message), { code });

test('a store that refuses, does not answer, starts or ends is away', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '08006', '57P01', '57P03', '57014', '53300', '53100']) {
    assert.equal(isAway(withCode(code)), true, code);
  }
  for (const words of [
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Command timed out',
    "Stream isn't writeable and enableOfflineQueue options is false",
    'Connection is closed.',
    'Reached the max retries per request limit (which is 1).',
    'The client is closed',
    'LOADING Redis is loading the dataset in memory',
    'MISCONF Errors writing to the AOF file: No space left on device',
  ]) {
    assert.equal(isAway(new Error(words)), true, words);
  }
  assert.equal(isAway(new Error('wrapped', { cause: withCode('ECONNREFUSED') })), true);
  assert.equal(isAway(new AggregateError([new Error('x'), withCode('ECONNREFUSED')])), true);
});

test('a mistake of our own is not', () => {
  for (const error of [
    withCode('42P01', 'relation "users" does not exist'),
    withCode('23505'),
    new TypeError('x is undefined'),
  ]) {
    assert.equal(isAway(error), false);
  }
  assert.equal(isAway('ECONNREFUSED'), false);
});
