import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testRateLimiter } from './rateLimiter.contract.ts';
import { createMemoryRateLimiter } from './rateLimiter.memory.ts';

testRateLimiter((budget) => {
  let time = 0;
  const limiter = createMemoryRateLimiter(budget, () => time);
  const pass = (ms: number) => {
    time += ms;
  };
  return { limiter, pass };
});

test('mallory invents names without end: the oldest are forgotten, and whoever speaks now is counted', async () => {
  const limiter = createMemoryRateLimiter({ limit: 1, windowMs: 1e9, muteMs: 0 }, () => 0);
  await limiter.take('alice');
  for (let n = 0; n < 100_000; n++) await limiter.take(`mallory ${n}`);
  assert.equal((await limiter.take('mallory 99999')).ok, false);
  assert.equal((await limiter.take('alice')).ok, true);
});
