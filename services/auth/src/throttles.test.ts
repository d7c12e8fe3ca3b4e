import assert from 'node:assert/strict';
import test from 'node:test';
import { createMemoryRateLimiter } from '@securechat/shared/rateLimiter.memory';
import { createThrottles } from './throttles.ts';

const MINUTE_MS = 60_000;

function start() {
  const clock = { time: 0 };
  const throttles = createThrottles((_name, budget) => createMemoryRateLimiter(budget, () => clock.time), {
    attempts: 5,
    windowMs: 5 * MINUTE_MS,
    signUpsPerHour: 3,
  });
  /** One wrong guess; resolves to whether it was looked at. */
  const guess = async (folded: string, network: string, device?: string) =>
    (await throttles.logIn({ folded, network, device })).ok;
  const guesses = async (times: number, folded: string, network: string | ((i: number) => string), device?: string) => {
    let allowed = 0;
    for (let i = 0; i < times; i++) {
      if (await guess(folded, typeof network === 'string' ? network : network(i), device)) allowed++;
    }
    return allowed;
  };
  return { clock, throttles, guess, guesses };
}

test('the sixth guess at one name from one network waits, until the window has passed', async () => {
  const { clock, throttles, guesses } = start();
  assert.equal(await guesses(20, 'alice', '192.0.2.1'), 5);
  const refused = await throttles.logIn({ folded: 'alice', network: '192.0.2.1', device: undefined });
  assert.deepEqual(refused, { ok: false, retryAfterMs: 5 * MINUTE_MS });
  clock.time += 5 * MINUTE_MS;
  assert.equal(await guesses(20, 'alice', '192.0.2.1'), 5);
});

test('a hundred guesses at the same time are no way around', async () => {
  const { guess } = start();
  const results = await Promise.all(Array.from({ length: 100 }, () => guess('alice', '192.0.2.1')));
  assert.equal(results.filter(Boolean).length, 5);
});

test('one name is guessed at most twenty times from everywhere, and others are not touched by that', async () => {
  const { guesses, guess } = start();
  assert.equal(await guesses(100, 'alice', (i) => `192.0.2.${i}`), 20);
  assert.equal(await guess('bob', '192.0.2.1'), true);
});

test('one network guesses at most a hundred times over all names, and other networks are not touched by that', async () => {
  const { throttles, guess } = start();
  let allowed = 0;
  for (let i = 0; i < 300; i++) {
    if ((await throttles.logIn({ folded: `name${i}`, network: '192.0.2.1', device: undefined })).ok) allowed++;
  }
  assert.equal(allowed, 100);
  assert.equal(await guess('name1', '192.0.2.2'), true);
});

test('mallory cannot lock alice out of the browser that she logged in from', async () => {
  const { guesses, guess } = start();
  await guesses(100, 'alice', (i) => `192.0.2.${i}`);
  await guesses(100, 'alice', '198.51.100.7');
  assert.equal(await guess('alice', '198.51.100.7'), false);
  assert.equal(await guess('alice', '198.51.100.7', 'browser of alice'), true);
});

test('a stolen browser guesses five times, too', async () => {
  const { guesses } = start();
  assert.equal(await guesses(20, 'alice', (i) => `192.0.2.${i}`, 'stolen'), 5);
});

test('a refusal is not counted: the name is not used up by guesses that nobody looked at', async () => {
  const { guesses } = start();
  await guesses(500, 'alice', '192.0.2.1');
  assert.equal(await guesses(50, 'alice', (i) => `198.51.100.${i}`), 15);
});

test('a network that may guess no more uses up no budget of others by trying', async () => {
  const { guesses, guess } = start();
  for (let i = 0; i < 100; i++) await guess(`name${i}`, '192.0.2.1');
  assert.equal(await guesses(50, 'alice', '192.0.2.1'), 0);
  assert.equal(await guesses(50, 'alice', (i) => `198.51.100.${i}`), 20);
});

test('a success forgets the failures before it and counts as nothing itself', async () => {
  const { guesses, throttles } = start();
  for (let round = 0; round < 4; round++) {
    assert.equal(await guesses(4, 'alice', '192.0.2.1'), 4);
    const permission = await throttles.logIn({ folded: 'alice', network: '192.0.2.1', device: undefined });
    assert.ok(permission.ok, `round ${round}`);
    await permission.succeed();
  }
});

test('what is given back was never asked for', async () => {
  const { throttles, guesses } = start();
  for (let i = 0; i < 50; i++) {
    const permission = await throttles.logIn({ folded: 'alice', network: '192.0.2.1', device: undefined });
    assert.ok(permission.ok);
    await permission.giveBack();
  }
  assert.equal(await guesses(20, 'alice', '192.0.2.1'), 5);
});

test('sign-ups are counted by network and hour', async () => {
  const { throttles, clock } = start();
  for (let i = 0; i < 3; i++) assert.equal((await throttles.signUp('192.0.2.1')).ok, true);
  assert.equal((await throttles.signUp('192.0.2.1')).ok, false);
  assert.equal((await throttles.signUp('192.0.2.2')).ok, true);
  clock.time += 60 * MINUTE_MS;
  assert.equal((await throttles.signUp('192.0.2.1')).ok, true);
});
