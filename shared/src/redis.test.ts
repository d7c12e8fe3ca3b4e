import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { ConfigError } from './config.ts';
import { startRedis, type TestRedis } from './redis.fixture.ts';
import { connectRedis, defineScript, untilRedisAnswers } from './redis.ts';

let server: TestRedis;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

test('a Redis that is there answers', async (t) => {
  const { redis } = connect(t, server.url);
  await untilRedisAnswers(redis, server.url, 5_000);
  await untilRedisAnswers(redis, server.url, 5_000);
  assert.equal(await redis.ping(), 'PONG');
});

test('a wrong password, or none, is told at once in one line that does not show it', async (t) => {
  for (const url of [`redis://:mistaken@127.0.0.1:${server.port}`, `redis://127.0.0.1:${server.port}`]) {
    const { redis } = connect(t, url);
    const problem = await problemOf(untilRedisAnswers(redis, url, 3_600_000));
    assert.match(problem, new RegExp(`^REDIS_URL.*127\\.0\\.0\\.1:${server.port} refuses the password`));
    assert.doesNotMatch(problem, /mistaken|\n/);
  }
});

test('where no Redis is, one line says so and names the place, not the password', async (t) => {
  const web = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => {
    web.close();
    web.closeAllConnections();
  });
  for (const port of [(web.address() as AddressInfo).port, 1]) {
    const url = `redis://:hidden@127.0.0.1:${port}`;
    const { redis } = connect(t, url);
    const problem = await problemOf(untilRedisAnswers(redis, url, 300));
    assert.match(problem, new RegExp(`^REDIS_URL: no Redis answers at 127\\.0\\.0\\.1:${port} \\(.+\\)`));
    assert.doesNotMatch(problem, /hidden|\n/);
  }
});

test('what is told of a failed connection or command holds neither the password nor the words', async (t) => {
  const { redis, errors } = connect(t, `redis://:mistaken@127.0.0.1:${server.port}`);
  await once(redis, 'error');
  assert.ok(errors.length > 0);
  assert.ok(errors.every((error) => !JSON.stringify({ ...(error as Error) }).includes('mistaken')));

  const { redis: other } = connect(t, server.url);
  await untilRedisAnswers(other, server.url, 5_000);
  const fail = defineScript(other, 'failing', "return redis.error_reply('ERR no')");
  await assert.rejects(fail([], ['secret words']), (error) => !JSON.stringify({ ...(error as Error) }).includes('secret words'));
});

test('while Redis is away commands fail soon, and work again by themselves; what was kept on disk is there', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const { redis } = connect(t, own.url);
  await untilRedisAnswers(redis, own.url, 5_000);
  await redis.set('kept', 'yes');
  await own.end();
  const startedAt = performance.now();
  await assert.rejects(redis.ping());
  assert.ok(performance.now() - startedAt < 2_000);
  await own.start();
  if (redis.status !== 'ready') await once(redis, 'ready');
  assert.equal(await redis.get('kept'), 'yes');
});

test('a frozen Redis fails soon and is used again as soon as it wakes', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const { redis } = connect(t, own.url);
  await untilRedisAnswers(redis, own.url, 5_000);
  own.pause();
  const startedAt = performance.now();
  await assert.rejects(redis.ping());
  assert.ok(performance.now() - startedAt < 2_000);
  own.resume();
  await until(() => redis.ping().catch(() => false));
});

function connect(t: TestContext, url: string) {
  const errors: unknown[] = [];
  const redis = connectRedis(url, { name: 'test', onError: (err) => errors.push(err) });
  t.after(() => redis.disconnect());
  return { redis, errors };
}

async function problemOf(failing: Promise<unknown>): Promise<string> {
  try {
    await failing;
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('it should have failed');
}

async function until(look: () => Promise<unknown>): Promise<void> {
  while (!(await look())) await new Promise((resolve) => setImmediate(resolve));
}
