import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { testBus } from './bus.contract.ts';
import { type BusTiming, createRedisBus, type RedisBus } from './bus.redis.ts';
import { fromPayload, toPayload } from './bus.ts';
import { ConfigError } from './config.ts';
import { startRedis, type TestRedis } from './redis.fixture.ts';
import { connectRedis, untilRedisAnswers } from './redis.ts';

const hasty: Partial<BusTiming> = { probeEveryMs: 50, deafAfterMs: 300 };

let server: TestRedis;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

testBus(() => createRedisBus({ url: server.url, onError: () => {} }));

test('two replicas hear each other and themselves, each once and in order', async (t) => {
  const [here, there] = [await openBus(t, server.url), await openBus(t, server.url)];
  const channel = randomUUID();
  const [alice, bob] = [await listen(here.bus, channel), await listen(there.bus, channel)];
  for (let n = 0; n < 500; n++) here.bus.publish(channel, toPayload(n));
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  await until(() => bob.heard.length === 500);
  there.bus.publish(channel, toPayload('bob too'));
  await until(() => alice.heard.includes('bob too'));
  assert.deepEqual(bob.heard, [...numbers, 'bob too']);
  assert.deepEqual(alice.heard, [...numbers, 'bob too']);
  assert.deepEqual(here.errors, []);
});

test('bytes that are no publication of ours are nothing', async (t) => {
  const { bus } = await openBus(t, server.url);
  const channel = randomUUID();
  const alice = await listen(bus, channel);
  const raw = connectRedis(server.url, { name: 'mallory', onError: () => {} });
  t.after(() => raw.disconnect());
  await untilRedisAnswers(raw, server.url, 5_000);
  await raw.publish(channel, 'short');
  const { bus: other } = await openBus(t, server.url);
  other.publish(channel, toPayload('after it'));
  await until(() => alice.heard.length > 0);
  assert.deepEqual(alice.heard, ['after it']);
});

test('killed and started again: everything is heard as before, and whoever listens is told to look, after that', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const [here, there] = [await openBus(t, own.url), await openBus(t, own.url)];
  const channels = [randomUUID(), randomUUID()];
  const first = await listen(here.bus, channels[0] ?? '');
  const second = await listen(here.bus, channels[1] ?? '');
  assert.deepEqual(here.interruptions, []);
  await own.kill9();
  await until(() => !here.bus.isConnected() && !there.bus.isConnected());
  await own.start();
  await until(() => here.interruptions.length > 0);
  assert.deepEqual([...(here.interruptions[0] ?? [])].sort(), [...channels].sort());
  await until(() => there.bus.isConnected());
  // The interruption was told when the channels were heard again, so this cannot be missed.
  there.bus.publish(channels[0] ?? '', toPayload('one'));
  there.bus.publish(channels[1] ?? '', toPayload('two'));
  await until(() => first.heard.length === 1 && second.heard.length === 1);
  assert.deepEqual([first.heard, second.heard], [['one'], ['two']]);
});

test('while Redis is away one hears oneself, publishing neither throws nor waits, and nothing late comes twice', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const { bus, errors, interruptions } = await openBus(t, own.url);
  const channel = randomUUID();
  const alice = await listen(bus, channel);
  await own.kill9();
  for (let n = 0; n < 3; n++) bus.publish(channel, toPayload(n));
  await until(() => alice.heard.length === 3);
  await until(() => errors.length > 0);
  await own.start();
  await until(() => interruptions.length > 0);
  bus.publish(channel, toPayload('back'));
  await until(() => alice.heard.includes('back'));
  assert.deepEqual(alice.heard, [0, 1, 2, 'back']);
});

test('a frozen Redis stops nobody here, and when it wakes all are told to look', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const [here, there] = [await openBus(t, own.url, hasty), await openBus(t, own.url, hasty)];
  const channel = randomUUID();
  const [alice, bob] = [await listen(here.bus, channel), await listen(there.bus, channel)];
  own.pause();
  const startedAt = performance.now();
  for (let n = 0; n < 100; n++) here.bus.publish(channel, toPayload(n));
  assert.ok(performance.now() - startedAt < 500);
  await until(() => alice.heard.length === 100);
  await until(() => !here.bus.isConnected() && !there.bus.isConnected());
  own.resume();
  await until(() => here.interruptions.length > 0 && there.interruptions.length > 0);
  await until(() => here.bus.isConnected() && there.bus.isConnected());
  here.bus.publish(channel, toPayload('awake'));
  await until(() => bob.heard.includes('awake'));
  assert.equal(alice.heard.length, 101);
});

test('what cannot be sent is dropped above a bound, and said', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const { bus, errors } = await openBus(t, own.url);
  const channel = randomUUID();
  const alice = await listen(bus, channel);
  own.pause();
  const megabyte = toPayload('x'.repeat(1024 * 1024));
  for (let n = 0; n < 20; n++) bus.publish(channel, megabyte);
  await until(() => errors.some((error) => /dropped/.test(`${error}`)));
  await until(() => alice.heard.length === 20);
  own.resume();
});

test('subscribing while Redis is away fails within a bound and leaves nothing registered', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const { bus, interruptions } = await openBus(t, own.url, { ...hasty, subscribeWithinMs: 200 });
  const [kept, refused] = [randomUUID(), randomUUID()];
  await listen(bus, kept);
  await own.end();
  const heard: unknown[] = [];
  await assert.rejects(bus.subscribe(refused, (payload) => heard.push(payload)));
  bus.publish(refused, toPayload('anybody?'));
  await own.start();
  await until(() => interruptions.length > 0);
  assert.deepEqual(interruptions[0], [kept]);
  assert.deepEqual(heard, []);
});

test('subscribing waits for a Redis that is just coming back', async (t) => {
  const own = await startRedis();
  t.after(own.stop);
  const [here, there] = [await openBus(t, own.url, { subscribeWithinMs: 60_000 }), await openBus(t, own.url)];
  await own.end();
  const channel = randomUUID();
  const listening = listen(here.bus, channel);
  await own.start();
  const alice = await listening;
  await until(() => there.bus.isConnected());
  await until(() => {
    there.bus.publish(channel, toPayload('hello'));
    return alice.heard.length > 0;
  });
});

test('connections that the server cuts are opened again, and whoever listens is told to look', async (t) => {
  const { bus, interruptions } = await openBus(t, server.url);
  const channel = randomUUID();
  const alice = await listen(bus, channel);
  const raw = connectRedis(server.url, { name: 'operator', onError: () => {} });
  t.after(() => raw.disconnect());
  await untilRedisAnswers(raw, server.url, 5_000);
  await raw.call('CLIENT', 'KILL', 'TYPE', 'PUBSUB');
  await until(() => interruptions.length > 0);
  const { bus: other } = await openBus(t, server.url);
  other.publish(channel, toPayload('still here'));
  await until(() => alice.heard.length === 1);
});

test('a subscription that has become deaf without an end is noticed and taken up again', async (t) => {
  const proxy = await startProxy(t, server.port);
  let deaf = 0;
  const { bus, interruptions } = await openBus(t, proxy.url(server.url), hasty, () => {
    deaf += 1;
  });
  const { bus: other } = await openBus(t, server.url);
  const channel = randomUUID();
  const alice = await listen(bus, channel);
  proxy.swallowForSubscribers();
  await until(() => interruptions.length > 0);
  assert.deepEqual(interruptions[0], [channel]);
  assert.ok(deaf >= 1);
  other.publish(channel, toPayload('heard again'));
  await until(() => alice.heard.length === 1);
  assert.deepEqual(alice.heard, ['heard again']);
});

test('a quiet bus is not taken for a deaf one', async (t) => {
  let deaf = 0;
  const { bus, interruptions } = await openBus(t, server.url, { probeEveryMs: 10, deafAfterMs: 2_000 }, () => {
    deaf += 1;
  });
  await listen(bus, randomUUID());
  const raw = connectRedis(server.url, { name: 'observer', onError: () => {} });
  t.after(() => raw.disconnect());
  let probes = 0;
  raw.on('pmessage', () => {
    probes += 1;
  });
  await untilRedisAnswers(raw, server.url, 5_000);
  await raw.psubscribe('probe:*');
  await until(() => probes > 30);
  assert.deepEqual([deaf, interruptions], [0, []]);
});

test('there is no bus without a Redis, and the reason is told in one line', async () => {
  const url = 'redis://:secret@127.0.0.1:1';
  const opening = createRedisBus({ url, onError: () => {}, timing: { startWithinMs: 200 } });
  await assert.rejects(opening, (error) => error instanceof ConfigError && /^REDIS_URL: no Redis answers/.test(error.message));
});

// ---- what the stories need -----------------------------------------------------------------------------------------

async function openBus(t: TestContext, url: string, timing: Partial<BusTiming> = {}, onDeaf = () => {}) {
  const errors: unknown[] = [];
  const interruptions: string[][] = [];
  const bus = await createRedisBus({ url, onError: (err) => errors.push(err), onDeaf, timing: { probeEveryMs: 100, ...timing } });
  bus.onInterrupted((channels) => interruptions.push(channels));
  t.after(() => bus.close());
  return { bus, errors, interruptions };
}

async function listen(bus: RedisBus, channel: string) {
  const heard: unknown[] = [];
  await bus.subscribe(channel, (payload) => heard.push(fromPayload(payload)));
  return { heard };
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setImmediate(resolve));
}

type ProxiedPair = { isSubscriber: boolean; isSwallowed: boolean; sockets: Socket[] };

/** Stands between a client and Redis, and can lose what Redis says to connections that subscribed up to then. */
async function startProxy(t: TestContext, port: number) {
  const open = new Set<ProxiedPair>();
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const pair: ProxiedPair = { isSubscriber: false, isSwallowed: false, sockets: [client, upstream] };
    open.add(pair);
    client.on('data', (chunk) => {
      pair.isSubscriber ||= chunk.includes('subscribe');
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!pair.isSwallowed) client.write(chunk);
    });
    for (const socket of pair.sockets) {
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(pair);
        for (const each of pair.sockets) each.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => {
    proxy.close();
    for (const { sockets } of open) for (const socket of sockets) socket.destroy();
  });
  return {
    url: (direct: string) => direct.replace(`:${port}`, `:${(proxy.address() as AddressInfo).port}`),
    swallowForSubscribers() {
      for (const pair of open) pair.isSwallowed = pair.isSubscriber;
    },
  };
}
