/** What every rate limiter must keep; each adapter's test runs all of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Budget, RateLimiter, Verdict } from './rateLimiter.ts';

/** A limiter for one test, forgetful of all others, whose clock the test moves. */
export type LimiterOnTrial = { limiter: RateLimiter; pass: (ms: number) => void | Promise<void> };

const chat: Budget = { limit: 5, windowMs: 10_000, muteMs: 10_000 };
const changes: Budget = { limit: 3, windowMs: 1_000, muteMs: 0 };

/** @param create makes a limiter for a budget; called once per test, and once per case of a property */
export function testRateLimiter(create: (budget: Budget) => LimiterOnTrial | Promise<LimiterOnTrial>): void {
  test('five pass, the sixth begins the mute, the seventh is muted only', async () => {
    const { limiter } = await create(chat);
    await spend(limiter, 'mallory', 5);
    assert.deepEqual(await limiter.take('mallory'), { ok: false, retryAfterMs: 10_000, began: true });
    assert.equal(beganBy(await limiter.take('mallory')), false);
  });

  test('while mallory is muted, alice and bob speak', async () => {
    const { limiter } = await create(chat);
    await spend(limiter, 'mallory', 6);
    await spend(limiter, 'alice', 5);
    assert.deepEqual(await limiter.take('bob'), { ok: true });
    assert.equal((await limiter.take('mallory')).ok, false);
  });

  test('a mute ends when it was said to end, neither sooner nor later, however often one tries', async () => {
    const { limiter, pass } = await create(chat);
    await spend(limiter, 'mallory', 6);
    for (let passed = 0; passed < 9_000; passed += 1_000) {
      await pass(1_000);
      assert.equal(retryAfter(await limiter.take('mallory')), 10_000 - passed - 1_000);
    }
    await pass(999);
    assert.equal(retryAfter(await limiter.take('mallory')), 1);
    await pass(1);
    assert.deepEqual(await limiter.take('mallory'), { ok: true });
  });

  test('a window slides: each take is free again when its own time is over', async () => {
    const { limiter, pass } = await create(changes);
    await limiter.take('alice');
    await pass(600);
    await spend(limiter, 'alice', 2);
    assert.equal(retryAfter(await limiter.take('alice')), 400);
    await pass(400);
    assert.equal((await limiter.take('alice')).ok, true);
    assert.equal(retryAfter(await limiter.take('alice')), 600);
  });

  test('without a mute a refusal lasts only until the window has room, and never begins one', async () => {
    const { limiter, pass } = await create(changes);
    await spend(limiter, 'alice', 3);
    assert.deepEqual(await limiter.take('alice'), { ok: false, retryAfterMs: 1_000, began: false });
    await pass(1_000);
    await spend(limiter, 'alice', 3);
    assert.equal((await limiter.take('alice')).ok, false);
  });

  test('the same id costs once, also when the budget is spent and during a mute', async () => {
    const { limiter } = await create(chat);
    assert.deepEqual(await limiter.take('alice', 'one'), { ok: true });
    for (let again = 0; again < 10; again++) assert.deepEqual(await limiter.take('alice', 'one'), { ok: true });
    await spend(limiter, 'alice', 4);
    assert.equal((await limiter.take('alice', 'six')).ok, false);
    assert.deepEqual(await limiter.take('alice', 'one'), { ok: true });
    assert.deepEqual(await limiter.take('alice', 'one', true), { ok: true });
  });

  test('an id counts anew when its window is over, and only for its own person', async () => {
    const { limiter, pass } = await create(chat);
    await limiter.take('alice', 'one');
    assert.deepEqual(await limiter.take('bob', 'one'), { ok: true });
    await pass(10_000);
    assert.deepEqual(await limiter.take('alice', 'one'), { ok: true });
  });

  test('an id that was refused has not been counted', async () => {
    const { limiter, pass } = await create(chat);
    await spend(limiter, 'alice', 5);
    assert.equal((await limiter.take('alice', 'late')).ok, false);
    assert.equal((await limiter.take('alice', 'late')).ok, false);
    await pass(10_000);
    assert.deepEqual(await limiter.take('alice', 'late'), { ok: true });
  });

  test('a trial that is refused begins no mute, one that passes is a take', async () => {
    const { limiter, pass } = await create(chat);
    for (let n = 0; n < 5; n++) assert.equal((await limiter.take('alice', `${n}`, true)).ok, true);
    assert.equal(beganBy(await limiter.take('alice', 'x', true)), false);
    await pass(1_000);
    assert.deepEqual(await limiter.take('alice', 'x'), { ok: false, retryAfterMs: 10_000, began: true });
    assert.equal(retryAfter(await limiter.take('alice', 'y', true)), 10_000);
  });

  test('a trial alone never keeps anybody quiet for longer', async () => {
    const { limiter, pass } = await create(chat);
    await spend(limiter, 'alice', 5);
    await limiter.take('alice', 'x', true);
    await pass(10_000);
    assert.equal((await limiter.take('alice', 'x')).ok, true);
  });

  test('what is given back can be spent again, once', async () => {
    const { limiter } = await create(chat);
    await limiter.take('alice', 'one');
    await spend(limiter, 'alice', 4);
    await limiter.giveBack('alice', 'one');
    await limiter.giveBack('alice', 'one');
    assert.deepEqual(await limiter.take('alice', 'two'), { ok: true });
    assert.equal((await limiter.take('alice', 'three')).ok, false);
  });

  test('of two copies under way at once the failure of one gives nothing back, the failure of both does', async () => {
    const { limiter } = await create(chat);
    await limiter.take('mallory', 'one');
    await limiter.take('mallory', 'one');
    await spend(limiter, 'mallory', 4);
    await limiter.giveBack('mallory', 'one');
    assert.equal((await limiter.take('mallory', 'two', true)).ok, false);
    await limiter.giveBack('mallory', 'one');
    assert.equal((await limiter.take('mallory', 'two', true)).ok, true);
    assert.equal((await limiter.take('mallory', 'three', true)).ok, false);
  });

  test('giving back what was never taken gives nothing', async () => {
    const { limiter } = await create(chat);
    await limiter.giveBack('alice', 'nothing');
    await spend(limiter, 'alice', 5);
    await limiter.giveBack('alice', 'nothing');
    await limiter.giveBack('bob', 'nothing');
    assert.equal((await limiter.take('alice')).ok, false);
  });

  test('a key that is cleared has its whole budget and no mute, the others theirs as before', async () => {
    const { limiter } = await create(chat);
    await spend(limiter, 'alice', 6);
    await spend(limiter, 'mallory', 6);
    await limiter.clear('alice');
    await spend(limiter, 'alice', 5);
    assert.equal((await limiter.take('mallory')).ok, false);
  });

  test('names that objects are made of are names like any other', async () => {
    const { limiter } = await create(chat);
    for (const key of ['__proto__', 'constructor', '', 'toString']) assert.equal((await limiter.take(key, key)).ok, true);
  });

  test('of many takes at once exactly the limit passes', async () => {
    const { limiter } = await create(chat);
    const verdicts = await Promise.all(Array.from({ length: 20 }, (_, n) => limiter.take('mallory', `${n}`)));
    assert.equal(verdicts.filter(({ ok }) => ok).length, 5);
    assert.equal(verdicts.filter(beganBy).length, 1);
  });

  test('whatever anybody does, no window ever holds more than the limit, and the innocent is not touched', async () => {
    const step = fc.record({
      wait: fc.constantFrom(0, 0, 0, 1, 99, 100, 101, 350),
      id: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { nil: undefined }),
      isTrial: fc.boolean(),
    });
    const property = fc.asyncProperty(
      fc.constantFrom(0, 150, 400),
      fc.array(step, { minLength: 5, maxLength: 40 }),
      async (muteMs, steps) => {
        const { limiter, pass } = await create({ limit: 3, windowMs: 300, muteMs });
        const counted: { at: number; id: string | undefined }[] = [];
        const inWindow = (time: number) => counted.filter(({ at }) => at > time - 300);
        let [time, lastOfAlice] = [0, Number.NEGATIVE_INFINITY];
        for (const { wait, id, isTrial } of steps) {
          await pass(wait);
          time += wait;
          const verdict = await limiter.take('mallory', id, isTrial);
          const isRepeated = id !== undefined && inWindow(time).some((one) => one.id === id);
          if (verdict.ok && !isRepeated) counted.push({ at: time, id });
          if (!verdict.ok) assert.ok(verdict.retryAfterMs > 0 && verdict.retryAfterMs <= Math.max(300, muteMs));
          assert.ok(inWindow(time).length <= 3, `${JSON.stringify(counted)} at ${time}`);
          if (time - lastOfAlice >= 100) {
            assert.equal((await limiter.take('alice')).ok, true);
            lastOfAlice = time;
          }
        }
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
}

async function spend(limiter: RateLimiter, key: string, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await limiter.take(key);
}

const beganBy = (verdict: Verdict) => !verdict.ok && verdict.began;
const retryAfter = (verdict: Verdict) => (verdict.ok ? 0 : verdict.retryAfterMs);
