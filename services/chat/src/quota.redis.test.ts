import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import { connectRedis, untilRedisAnswers } from '@securechat/shared/redis';
import { startRedis, type TestRedis } from '@securechat/shared/redis.fixture';
import { testQuota } from './quota.contract.ts';
import { createRedisQuota } from './quota.redis.ts';

const ignore = () => {};
let server: TestRedis;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

async function create(t: TestContext, limit: number, replica = randomUUID()) {
  const redis = connectRedis(server.url, { onError: ignore, name: 'test' });
  t.after(() => redis.disconnect());
  await untilRedisAnswers(redis, server.url, 5_000);
  const quota = createRedisQuota(redis, replica, limit, ignore);
  t.after(quota.close);
  return Object.assign(quota, { redis });
}

testQuota(create);

test('three replicas share one quota, also of those who ask at once', async (t) => {
  const replicas = [await create(t, 20), await create(t, 20), await create(t, 20)];
  const mallory = randomUUID();
  const answers = await Promise.all(replicas.flatMap((quota) => Array.from({ length: 15 }, () => quota.take(mallory))));
  assert.equal(answers.filter(Boolean).length, 20);
});

test('the places of a replica that died are free again when its lease is over', async (t) => {
  const [dead, living] = [await create(t, 2), await create(t, 2)];
  const alice = randomUUID();
  assert.deepEqual([await dead.take(alice), await dead.take(alice), await living.take(alice)], [true, true, false]);
  dead.close();
  const key = `connections:{${alice}}`;
  for (const [replica, lease] of Object.entries(await living.redis.hgetall(key))) {
    const [count = '', expiry = ''] = lease.split(':');
    await living.redis.hset(key, replica, `${count}:${Number(expiry) - 30_000}`);
  }
  assert.equal(await living.take(alice), true);
});

test('a lease from the future, as after a clock that was set back, holds no place', async (t) => {
  const quota = await create(t, 1);
  const alice = randomUUID();
  await quota.redis.hset(`connections:{${alice}}`, 'another replica', `5:${Date.now() + 3_600_000}`);
  assert.equal(await quota.take(alice), true);
});

test('while Redis is away nobody gets a place, and nobody is told that there is none', async (t) => {
  const own = await startRedis();
  t.after(() => own.stop());
  const redis = connectRedis(own.url, { onError: ignore, name: 'test' });
  t.after(() => redis.disconnect());
  await untilRedisAnswers(redis, own.url, 5_000);
  const quota = createRedisQuota(redis, 'here', 1, ignore);
  t.after(quota.close);
  await own.end();
  await assert.rejects(quota.take('alice'));
  await own.start();
  await untilRedisAnswers(redis, own.url, 5_000);
  assert.equal(await quota.take('alice'), true);
});
