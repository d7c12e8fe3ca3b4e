/** Parts of the distributed server end, freeze and come back while people talk, and nobody loses or doubles a word. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Person, stranger } from '../support/person.ts';
import { type Replicas, startReplicas } from '../support/replicas.ts';
import { assertNothingLostOrDoubled, createTalker, type Talker } from '../support/talker.ts';

const room = 'general';

let stack: Replicas;
let people: Person[];

before(async () => {
  stack = await startReplicas({ RATE_LIMIT_MESSAGES: '1000000' }, { chats: 2 });
  people = await stack.people('alice', 'bob', 'carol', 'dave');
});
after(() => stack.stop());

/** Lets everybody talk, makes something happen, and goes on when everybody is heard again. */
async function throughout(happening: (talkers: readonly Talker[]) => Promise<unknown>): Promise<readonly Talker[]> {
  const talkers = await Promise.all(people.map(createTalker));
  await Promise.all(talkers.map((talker) => talker.isHeard()));
  await happening(talkers);
  await Promise.all(talkers.map((talker) => talker.isHeard()));
  return talkers;
}

const send = (text: string) => ({ type: 'send', room, clientId: randomUUID(), text });

/** Asks again until something is so. */
async function until(look: () => Promise<boolean>, what: string) {
  for (const deadline = performance.now() + 20_000; !(await look()); await pause(100)) {
    assert.ok(performance.now() < deadline, `${what} did not come to pass`);
  }
}

async function takes<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now();
  return { result: await work, ms: performance.now() - startedAt };
}

test('a replica that is killed: its people are back on the other one and have everything once', async () => {
  const talkers = await throughout(async () => {
    await stack.chats[0]?.end('SIGKILL');
    await pause(500);
    await stack.chats[0]?.start();
  });
  await assertNothingLostOrDoubled(talkers);
  assert.ok(talkers.some(({ returns }) => returns > 0));
});

test('a replica that is told to end sends its people away with 1012 and a wait, one after another, and exits 0', async () => {
  const [alice, bob] = people;
  assert.ok(alice && bob);
  const sent = await Promise.all(
    [alice, alice, bob, bob, bob].map((person) => person.connects({ at: `ws://127.0.0.1:${stack.chats[1]?.port}/` })),
  );
  const line = await bob.connectsText({ at: `ws://127.0.0.1:${stack.chats[1]?.port}/` });
  const closings = [...sent, line].map(async (connection) => ({ ...(await connection.closes(20_000)), at: performance.now() }));
  const talkers = await throughout(async () => {
    const startedAt = performance.now();
    const ending = stack.chats[1]?.end('SIGTERM');
    await until(async () => !(await fetch(`${stack.chats[1]?.internalUrl}/readyz`)).ok, 'not being ready');
    const late = await bob.knocks('v2', { at: `ws://127.0.0.1:${stack.chats[1]?.port}/` }).catch(() => undefined);
    assert.ok(late === undefined || (!late.isOpen && late.status === 503), 'no new handshakes');
    assert.deepEqual(await ending, { code: 0, signal: null });
    assert.ok(performance.now() - startedAt < 10_000, 'drained within 10 s');
    const ends = await Promise.all(closings);
    for (const { code, reason } of ends) {
      assert.equal(code, 1012);
      assert.match(reason, /^\d{1,4}$/, 'the wait in ms');
    }
    const times = ends.map(({ at }) => at);
    assert.ok(Math.max(...times) - Math.min(...times) > 1_000, 'not all at once');
    await stack.chats[1]?.start();
  });
  await assertNothingLostOrDoubled(talkers);
});

test('Redis is restarted: talk goes on by itself, and everybody has everything once', async () => {
  const talkers = await throughout(async () => {
    await stack.redis.kill9();
    await pause(1_500);
    await stack.redis.start();
  });
  await assertNothingLostOrDoubled(talkers);
  assert.deepEqual(
    talkers.map(({ returns }) => returns),
    [0, 0, 0, 0],
    'open sockets stayed',
  );
});

test('Postgres is restarted: talk goes on by itself, and everybody has everything once', async () => {
  const talkers = await throughout(async () => {
    await stack.postgres.kill9();
    await pause(1_500);
    await stack.postgres.start();
  });
  await assertNothingLostOrDoubled(talkers);
});

test('Postgres is frozen: sends are unavailable at their deadline, the rest within 3 s, sockets stay; then it heals', async () => {
  const [alice, bob] = people;
  assert.ok(alice && bob);
  const [alices, line] = [await alice.connects(), await bob.connectsText()];
  await alices.opens();
  const frame = send('said while the database was frozen');
  stack.postgres.pause();
  try {
    const asked = [
      takes(alices.isRefused(frame)),
      takes(line.hears(/^Your last message was not delivered\. Please send it again\.$/)),
      takes(bob.get('/api/me')),
      takes(bob.knocks('v2')),
    ] as const;
    line.says('also said then');
    const [sending, saying, page, door] = await Promise.all(asked);
    assert.equal(sending.result.code, 'unavailable');
    for (const { ms } of [sending, saying]) assert.ok(ms > 3_000 && ms < 7_000, `${ms} ms`);
    assert.equal(page.result.status, 503);
    assert.ok(page.ms < 3_500, `${page.ms} ms`);
    assert.ok(!door.result.isOpen && door.result.status === 503);
    assert.ok(door.ms < 4_000, `${door.ms} ms`);
    const reading = await takes(alices.isRefused({ type: 'history', room, before: 10, limit: 5 }));
    assert.equal(reading.result.code, 'unavailable');
    assert.ok(reading.ms < 3_500, `${reading.ms} ms`);
    await once(alices.socket, 'ping');
  } finally {
    stack.postgres.resume();
  }
  await until(async () => (await bob.get('/api/me')).status === 200, 'being signed in');
  alices.sends(frame);
  const { seq } = await alices.hears({ type: 'message', clientId: frame.clientId });
  const again = await alices.opens();
  const times = again.events.filter((event) => event.type === 'message' && event.text === frame.text);
  assert.deepEqual(
    times.map((event) => event.seq),
    [seq],
  );
  for (const connection of [alices, line]) await connection.close();
});

test('Redis is away: sockets stay, reading works, sends are unavailable, doors and pages say 503, no limit is gone; then it heals', async () => {
  const [alice, bob] = people;
  assert.ok(alice && bob);
  const [alices, line] = [await alice.connects(), await bob.connectsText()];
  await alices.opens();
  await alices.says('before');
  await stack.redis.end();
  try {
    assert.equal((await alices.isRefused(send('during'))).code, 'unavailable');
    line.says('during');
    await line.hears('Your last message was not delivered. Please send it again.');
    const { opened, events } = await alices.opens();
    assert.ok(events.length > 0 && opened.complete);
    alices.sends({ type: 'history', room, before: 10, limit: 5 });
    await alices.hears({ type: 'page', before: 10 });
    const door = await bob.knocks('v2');
    assert.ok(!door.isOpen && door.status === 503);
    for (const path of ['/chat', '/api/me', '/leave']) assert.equal((await bob.get(path)).status, 503, path);
    const login = await bob.post('/home', { username: 'bob', password: 'a guess of mallory', action: 'login' });
    assert.equal(login.status, 503, 'a limit that cannot be asked lets nobody in');
    assert.ok(!line.heard.includes('bob: during'));
  } finally {
    await stack.redis.start();
  }
  await until(async () => (await bob.get('/api/me')).status === 200, 'being signed in');
  await until(async () => {
    alices.sends(send('after'));
    return alices.receives((message) => 'clientId' in message).then(({ type }) => type === 'message');
  }, 'sending');
  await line.hears('alice: after');
  for (const connection of [alices, line]) await connection.close();
});

test('Redis is frozen: pages and doors say 503, and whoever asked meanwhile is still signed in afterwards', async () => {
  const [alice, bob] = people;
  assert.ok(alice && bob);
  const bobs = await bob.connects();
  await bobs.opens();
  stack.redis.pause();
  try {
    const [page, door] = await Promise.all([alice.get('/api/me'), alice.knocks('v2')]);
    assert.equal(page.status, 503);
    assert.ok(!door.isOpen && door.status === 503);
  } finally {
    stack.redis.resume();
  }
  await until(async () => (await alice.get('/api/me')).status !== 503, 'an answer');
  assert.equal((await alice.get('/api/me')).status, 200);
  const alices = await alice.connects();
  await alices.opens();
  await alices.says('still here');
  await bobs.hears({ type: 'message', text: 'still here' });
  for (const connection of [alices, bobs]) await connection.close();
});

test('a bus that is deaf for a while loses nothing: what was missed comes from the store within 5 s', async () => {
  const [alice, bob] = [await stack.deviceAt(0, people[0] as Person), await stack.deviceAt(1, people[1] as Person)];
  const [alices, bobs] = [await alice.connects(), await bob.connects()];
  for (const connection of [alices, bobs]) await connection.opens();
  const redis = new Redis(stack.redis.url);
  // Nobody hears anything by way of the bus while this goes on.
  const deafening = setInterval(() => void redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub'), 50);
  const said = [];
  for (let number = 1; number <= 5; number++) said.push(await alices.says(`number ${number}`));
  const spoken = performance.now();
  for (const { seq } of said) await bobs.hears({ type: 'message', seq });
  clearInterval(deafening);
  redis.disconnect();
  assert.ok(performance.now() - spoken < 5_000, `${performance.now() - spoken} ms`);
  for (const connection of [alices, bobs]) await connection.close();
});

test('the proxy is restarted: everybody is back; reloaded: nobody notices', async () => {
  const talkers = await throughout(async () => {
    await stack.proxy.kill9();
    await stack.proxy.start();
  });
  const before = talkers.map(({ returns }) => returns);
  await stack.proxy.reload();
  await Promise.all(talkers.map((talker) => talker.isHeard()));
  assert.deepEqual(
    talkers.map(({ returns }) => returns),
    before,
  );
  await assertNothingLostOrDoubled(talkers);
});

test('auth is told to end in the middle of a login: the login is answered, and talk goes on without auth', async () => {
  const [, bob] = people;
  assert.ok(bob);
  const talkers = await throughout(async (all) => {
    // On another device: a login in place of a session ends that session's sockets.
    const login = stranger(stack, 'bob', bob.password).post('/home', {
      username: 'bob',
      password: bob.password,
      action: 'login',
    });
    await pause(50);
    const ending = stack.auths[0]?.end('SIGTERM');
    assert.equal((await login).status, 200);
    assert.deepEqual(await ending, { code: 0, signal: null });
    assert.equal((await bob.get('/home')).status, 503);
    await Promise.all(all.map((talker) => talker.isHeard()));
    await stack.auths[0]?.start();
  });
  await assertNothingLostOrDoubled(talkers);
});
