import assert from 'node:assert/strict';
import test, { after, before, type TestContext } from 'node:test';
import { startRedis, type TestRedis } from '@securechat/shared/redis.fixture';
import { testSessionStore, usedBy } from './sessionStore.contract.ts';
import { connectSessionRedis, createRedisSessionStore } from './sessionStore.redis.ts';
import { sessionHandle } from './sessionStore.ts';

let redis: TestRedis;
before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

const ignore = () => {};

async function openStore(t: TestContext) {
  const client = await connectSessionRedis(redis.url, ignore);
  t.after(() => client.destroy());
  await client.flushAll();
  let time = Date.UTC(2026, 10, 1);
  const now = () => time;
  const store = createRedisSessionStore(client, now);
  const keys = async () => (await client.keys('*')).map(String);
  return {
    store,
    client,
    ...usedBy(store, now),
    now,
    /** Redis has a clock of its own: what is moved are the ends of what it keeps. */
    async pass(ms: number) {
      time += ms;
      for (const key of await keys()) await client.pExpire(key, (await client.pTTL(key)) - ms);
    },
    content: async () => JSON.stringify(await Promise.all((await keys()).map(async (key) => [key, await client.get(key)]))),
    restart: () => createRedisSessionStore(client, now),
  };
}

testSessionStore(openStore);

test('two servers share the sessions: what one ends is over for the other', async (t) => {
  const [here, there] = [await openStore(t), await openStore(t)];
  await here.set('shared');
  assert.ok(await there.get('shared'));
  await there.destroy('shared');
  assert.equal(await here.get('shared'), null);
});

test('Redis itself forgets what nobody uses: every session has an end', async (t) => {
  const { set, client } = await openStore(t);
  await set('forgotten');
  const left = await client.ttl(`session:${sessionHandle('forgotten')}`);
  assert.ok(left > 7 * 86_400 - 60 && left <= 7 * 86_400, `${left} s`);
});

test('sessions survive a restart of Redis; while it is away nobody is told that there is none', async (t) => {
  const own = await startRedis();
  t.after(() => own.stop());
  const client = await connectSessionRedis(own.url, ignore);
  t.after(() => client.destroy());
  const { set, get } = usedBy(createRedisSessionStore(client), Date.now);
  await set('kept');
  await own.end();
  await assert.rejects(get('kept'));
  await own.start();
  assert.ok(await until(() => get('kept')));
});

test('a frozen Redis is given up after two seconds, and asked again when it is back', async (t) => {
  const own = await startRedis();
  t.after(() => own.stop());
  const client = await connectSessionRedis(own.url, ignore);
  t.after(() => client.destroy());
  const { set, get } = usedBy(createRedisSessionStore(client), Date.now);
  await set('kept');
  own.pause();
  const askedAt = performance.now();
  await assert.rejects(get('kept'), /timed out/);
  assert.ok(performance.now() - askedAt < 4_000);
  own.resume();
  assert.ok(await until(() => get('kept')));
});

/** Resolves with what is found once Redis answers again. */
async function until<T>(look: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
