import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { connectRedis, type Redis, untilRedisAnswers } from '@securechat/shared/redis';
import { startRedis, type TestRedis } from '@securechat/shared/redis.fixture';
import { alice, bob, carol } from './people.fixture.ts';
import { testPresence } from './presence.contract.ts';
import { createRedisPresence } from './presence.redis.ts';
import { TOUCH_EVERY_MS } from './presence.ts';

let server: TestRedis;
let redis: Redis;
before(async () => {
  server = await startRedis();
  redis = connectRedis(server.url, { name: 'test', onError: () => {} });
  await untilRedisAnswers(redis, server.url, 5_000);
});
after(async () => {
  redis.disconnect();
  await server.stop();
});

testPresence((room) => {
  const { pass, replica } = openRoom(room);
  return { presence: replica('one'), pass };
});

test('two replicas are one company: who is on both joins once and leaves once', async () => {
  const { room, here, there, pass } = openTwo();
  assert.equal(await here.enter(room, alice), true);
  assert.equal(await there.enter(room, alice), false);
  assert.equal(await here.leave(room, alice), false);
  assert.deepEqual(await here.list(room, 10), { people: [alice], count: 1 });
  assert.equal(await there.leave(room, alice), true);
  assert.equal(await there.enter(room, bob), true);
  assert.equal(await here.enter(room, bob), false);
  await here.fade(room, bob, 5_000);
  await pass(6_000);
  await there.touch(room, [bob]);
  assert.deepEqual(await here.sweep(room), []);
  assert.equal((await there.list(room, 10)).count, 1);
});

test('of many who enter on both at once exactly one hears that they joined, of many sweeps one that they left', async () => {
  const { room, here, there, pass } = openTwo();
  const both = [here, there];
  const entered = await Promise.all(Array.from({ length: 20 }, (_, n) => both[n % 2]?.enter(room, alice)));
  assert.deepEqual(entered.filter(Boolean), [true]);
  await Promise.all(both.map((replica) => replica.fade(room, alice, 1_000)));
  await pass(1_000);
  const swept = await Promise.all(Array.from({ length: 20 }, (_, n) => both[n % 2]?.sweep(room)));
  assert.deepEqual(swept.flat(), [alice]);
});

test('the people of a replica that was killed have left when their time is over, the others have not', async () => {
  const { room, here, there, pass } = openTwo();
  for (const user of [alice, bob]) await here.enter(room, user);
  for (const user of [bob, carol]) await there.enter(room, user);
  for (let passed = 0; passed < 15_000; passed += TOUCH_EVERY_MS) {
    assert.deepEqual(await there.sweep(room), []);
    await pass(TOUCH_EVERY_MS);
    await there.touch(room, [bob, carol]);
  }
  assert.deepEqual(await there.sweep(room), [alice]);
  assert.deepEqual(await there.list(room, 10), { people: [bob, carol], count: 2 });
});

test('a goodbye counts though another replica that had the person was killed and is not swept yet', async () => {
  const { room, here, there, pass } = openTwo();
  await here.enter(room, alice);
  for (let passed = 0; passed < 15_000; passed += TOUCH_EVERY_MS) {
    await pass(TOUCH_EVERY_MS);
    await there.touch(room, [bob]);
  }
  await there.enter(room, alice);
  assert.equal(await there.leave(room, alice), true);
  assert.deepEqual(await there.sweep(room), []);
});

test('a replica that was frozen and wakes has its people back in silence', async () => {
  const { room, here, there, pass } = openTwo();
  await here.enter(room, alice);
  for (let passed = 0; passed < 20_000; passed += TOUCH_EVERY_MS) {
    await pass(TOUCH_EVERY_MS);
    await there.touch(room, [bob]);
  }
  assert.deepEqual(await there.sweep(room), [alice]);
  await here.touch(room, [alice]);
  assert.deepEqual(await there.list(room, 10), { people: [bob, alice], count: 2 });
  assert.equal(await there.enter(room, alice), false);
});

test('when Redis has forgotten everything all are here again in silence, and for fifteen seconds nobody has left', async () => {
  const { room, here, there, pass } = openTwo();
  await here.enter(room, alice);
  await there.enter(room, bob);
  await redis.del(...(await redis.keys(`*${room}*`)));
  assert.deepEqual(await here.sweep(room), []);
  await here.touch(room, [alice]);
  await there.touch(room, [bob]);
  await here.fade(room, alice, 1_000);
  await pass(5_000);
  assert.deepEqual(await here.sweep(room), []);
  assert.equal((await here.list(room, 10)).count, 2);
  for (let passed = 5_000; passed < 15_000; passed += TOUCH_EVERY_MS) {
    await there.touch(room, [bob]);
    await pass(TOUCH_EVERY_MS);
  }
  assert.deepEqual(await here.sweep(room), [alice]);
});

test('when Redis was away for a minute and has forgotten nothing, whoever is still here has not left', async () => {
  const { room, here, there, pass } = openTwo();
  await here.enter(room, alice);
  await there.enter(room, bob);
  await pass(60_000);
  assert.deepEqual(await there.sweep(room), []);
  await there.touch(room, [bob]);
  await here.touch(room, [alice]);
  for (let passed = 0; passed < 15_000; passed += TOUCH_EVERY_MS) {
    await pass(TOUCH_EVERY_MS);
    await there.touch(room, [bob]);
    await here.touch(room, [alice]);
  }
  assert.deepEqual(await here.sweep(room), []);
  assert.equal((await here.list(room, 10)).count, 2);
});

test('by Redis own clock people come, fade and go too', async () => {
  const room = randomUUID();
  const presence = createRedisPresence(redis, 'one');
  assert.equal(await presence.enter(room, alice), true);
  await presence.enter(room, bob);
  await presence.fade(room, alice, 20);
  const gone = [];
  while (gone.length === 0) gone.push(...(await presence.sweep(room)));
  assert.deepEqual(gone, [alice]);
  assert.deepEqual(await presence.list(room, 10), { people: [bob], count: 1 });
});

test('names in any script and ids that objects are made of pass unchanged', async () => {
  const { room, here } = openTwo();
  const people = [
    { id: '__proto__', name: 'алиса' },
    { id: 'constructor', name: '𝒷ob"\\' },
    { id: '', name: '李' },
  ];
  for (const user of people) assert.equal(await here.enter(room, user), true);
  assert.deepEqual(await here.list(room, 10), { people, count: 3 });
});

test('while Redis is away nobody waits, and it works again by itself', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const connection = connectRedis(own.url, { name: 'test', onError: () => {} });
  t.after(() => connection.disconnect());
  await untilRedisAnswers(connection, own.url, 5_000);
  const presence = createRedisPresence(connection, 'one');
  await presence.enter('room', alice);
  await own.kill9();
  const startedAt = performance.now();
  await assert.rejects(presence.list('room', 10));
  await assert.rejects(presence.touch('room', [alice]));
  assert.ok(performance.now() - startedAt < 2_000);
  await own.start();
  while (
    !(await presence.touch('room', [alice]).then(
      () => true,
      () => false,
    ))
  ) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await presence.list('room', 10), { people: [alice], count: 1 });
});

function openRoom(room: string) {
  let time = 1_764_000_000_000;
  const replica = (name: string) => createRedisPresence(redis, name, () => time);
  const pass = (ms: number) => {
    time += ms;
  };
  return { room, replica, pass };
}

function openTwo() {
  const { room, replica, pass } = openRoom(randomUUID());
  return { room, here: replica('one'), there: replica('two'), pass };
}
