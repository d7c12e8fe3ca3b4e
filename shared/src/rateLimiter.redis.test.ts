import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { testRateLimiter } from './rateLimiter.contract.ts';
import { createRedisRateLimiter } from './rateLimiter.redis.ts';
import { startRedis, type TestRedis } from './redis.fixture.ts';
import { connectRedis, type Redis, untilRedisAnswers } from './redis.ts';

const chat = { limit: 5, windowMs: 10_000, muteMs: 10_000 };

let server: TestRedis;
let one: Redis;
let other: Redis;
before(async () => {
  server = await startRedis();
  one = await connected(server);
  other = await connected(server);
});
after(async () => {
  one.disconnect();
  other.disconnect();
  await server.stop();
});

testRateLimiter((budget) => {
  let time = 0;
  const limiter = createRedisRateLimiter(one, randomUUID(), budget, () => time);
  const pass = (ms: number) => {
    time += ms;
  };
  return { limiter, pass };
});

test('two replicas share one budget, whatever comes at once', async () => {
  const limiters = [createRedisRateLimiter(one, 'shared', chat), createRedisRateLimiter(other, 'shared', chat)];
  for (const person of ['alice', 'bob', 'carol']) {
    const verdicts = await Promise.all(Array.from({ length: 50 }, (_, n) => limiters[n % 2]?.take(person, `${n}`)));
    assert.equal(verdicts.filter((verdict) => verdict?.ok).length, 5, person);
    assert.equal(verdicts.filter((verdict) => verdict?.ok === false && verdict.began).length, 1, person);
  }
});

test('a repetition on the other replica costs nothing', async () => {
  const [here, there] = [createRedisRateLimiter(one, 'repeated', chat), createRedisRateLimiter(other, 'repeated', chat)];
  for (let n = 0; n < 6; n++) await here.take('alice', `${n}`);
  assert.deepEqual(await there.take('alice', '0'), { ok: true });
  const late = await there.take('alice', 'late');
  assert.ok(!late.ok && !late.began && late.retryAfterMs > 0 && late.retryAfterMs <= 10_000);
});

test('names of budgets and of people do not mix, and every key ends by itself', async () => {
  await one.flushdb();
  const [messages, changes] = [createRedisRateLimiter(one, 'message', chat), createRedisRateLimiter(one, 'change', chat)];
  for (const person of ['alice', 'a}b{c', '', '{}']) {
    for (let n = 0; n < 6; n++) await messages.take(person, `${n}`);
    assert.deepEqual(await changes.take(person), { ok: true }, person);
  }
  const keys = await one.keys('*');
  const ofAlice = ['limit:{alice}:change', 'limit:{alice}:change:more', 'limit:{alice}:message', 'limit:{alice}:message:more'];
  assert.deepEqual(keys.filter((key) => key.includes('alice')).sort(), ofAlice);
  assert.equal(keys.length, 16);
  for (const key of keys) assert.ok((await one.pttl(key)) > 10_000, key);
});

test('a take that was given back leaves no key behind', async () => {
  const limiter = createRedisRateLimiter(one, 'back', chat);
  await limiter.take('alice', 'one');
  await limiter.giveBack('alice', 'one');
  assert.equal(await one.exists('limit:{alice}:back', 'limit:{alice}:back:more'), 0);
});

test('a clock that is set back neither mutes for ever nor counts what is in the future', async () => {
  let time = 86_400_000;
  const limiter = createRedisRateLimiter(one, 'back in time', chat, () => time);
  for (let n = 0; n < 6; n++) await limiter.take('mallory');
  for (let n = 0; n < 5; n++) await limiter.take('alice', `${n}`);
  time -= 3_600_000;
  for (let n = 0; n < 5; n++) {
    assert.deepEqual(await limiter.take('mallory'), { ok: true });
    assert.deepEqual(await limiter.take('alice', `${n}`), { ok: true });
  }
  assert.deepEqual(await limiter.take('alice'), { ok: false, retryAfterMs: 10_000, began: true });
});

test('while Redis is away or frozen nobody passes and nobody waits; afterwards it works by itself', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const redis = await connected(own);
  t.after(() => redis.disconnect());
  const limiter = createRedisRateLimiter(redis, 'away', chat);
  await limiter.take('alice');
  own.pause();
  await failsSoon(limiter.take('alice'));
  own.resume();
  await until(() => limiter.take('bob'));
  await own.kill9();
  await failsSoon(limiter.take('alice'));
  await failsSoon(limiter.giveBack('alice', 'one'));
  await own.start();
  await until(() => limiter.take('carol'));
});

async function connected({ url }: TestRedis): Promise<Redis> {
  const redis = connectRedis(url, { name: 'test', onError: () => {} });
  await untilRedisAnswers(redis, url, 5_000);
  return redis;
}

async function failsSoon(asking: Promise<unknown>): Promise<void> {
  const startedAt = performance.now();
  await assert.rejects(asking);
  assert.ok(performance.now() - startedAt < 2_000);
}

async function until(ask: () => Promise<unknown>): Promise<void> {
  while (!(await ask().catch(() => false))) await new Promise((resolve) => setImmediate(resolve));
}
