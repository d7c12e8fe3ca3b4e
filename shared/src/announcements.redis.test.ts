import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, type TestContext, test } from 'node:test';
import { hearing, testAnnouncements } from './announcements.contract.ts';
import { createRedisAnnouncements } from './announcements.redis.ts';
import type { AccountNews } from './announcements.ts';
import { createMemoryBus } from './bus.memory.ts';
import { createRedisBus } from './bus.redis.ts';
import { startRedis, type TestRedis } from './redis.fixture.ts';
import { connectRedis, untilRedisAnswers } from './redis.ts';

const ignore = () => {};
let server: TestRedis;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

async function connect(t: TestContext) {
  const redis = connectRedis(server.url, { onError: ignore, name: 'test' });
  t.after(() => redis.disconnect());
  await untilRedisAnswers(redis, server.url, 5_000);
  return redis;
}

async function create(t: TestContext) {
  const redis = await connect(t);
  const bus = await createRedisBus({ url: server.url, onError: ignore });
  t.after(bus.close);
  return createRedisAnnouncements(redis, bus, ignore);
}

/** Its bus ends nowhere, as one that has lost every message. */
const createDeaf = async (t: TestContext) => createRedisAnnouncements(await connect(t), createMemoryBus(), ignore);

testAnnouncements(create);

test('a server whose bus lost the news hears them from the list, about a second later, and once', async (t) => {
  const [auth, chat] = [await create(t), await createDeaf(t)];
  const listener = await hearing(t, chat);
  const [first, second]: AccountNews[] = [
    { kind: 'session_ended', session: randomUUID() },
    { kind: 'session_ended', session: randomUUID() },
  ];
  assert.ok(first && second);
  await auth.announce(first);
  await listener.hears(first);
  await auth.announce(second);
  await listener.hears(second);
  assert.equal(listener.heard.filter((one) => one.kind === 'session_ended' && one.session === first.session).length, 1);
});

test('one that begins to listen hears what was announced in the last minutes', async (t) => {
  const news: AccountNews = { kind: 'session_ended', session: randomUUID() };
  await (await create(t)).announce(news);
  await (await hearing(t, await createDeaf(t))).hears(news);
});

test('the same news again are told again', async (t) => {
  const [auth, chat] = [await create(t), await createDeaf(t)];
  const listener = await hearing(t, chat);
  const news: AccountNews = { kind: 'account_changed', user: randomUUID() };
  await auth.announce(news);
  await listener.hears(news);
  listener.heard.length = 0;
  await auth.announce(news);
  await listener.hears(news);
});

test('while Redis is away nobody is told that it was announced; who listens goes on when it is back', async (t) => {
  const own = await startRedis();
  t.after(() => own.stop());
  const redis = connectRedis(own.url, { onError: ignore, name: 'test' });
  t.after(() => redis.disconnect());
  await untilRedisAnswers(redis, own.url, 5_000);
  const announcements = createRedisAnnouncements(redis, createMemoryBus(), ignore);
  const listener = await hearing(t, createRedisAnnouncements(redis, createMemoryBus(), ignore));
  await own.end();
  await assert.rejects(announcements.announce({ kind: 'session_ended', session: 'x' }));
  await own.start();
  await untilRedisAnswers(redis, own.url, 5_000);
  const news: AccountNews = { kind: 'session_ended', session: randomUUID() };
  await announcements.announce(news);
  await listener.hears(news);
});
