import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Stack, startStack } from '../support/anyStack.ts';
import type { Person } from '../support/person.ts';
import type { OpenSocket } from '../support/socket.ts';

let stack: Stack;
let alice: Person;
let bob: Person;
let mallory: Person;

before(async () => {
  stack = await startStack();
  [alice, bob, mallory] = await stack.people('alice', 'bob', 'mallory');
});
after(() => stack.stop());

const since = (startedAt: number) => (performance.now() - startedAt) / 1_000;

function assertAbout(seconds: number, wanted: number, tolerance: number, what: string) {
  assert.ok(Math.abs(seconds - wanted) <= tolerance, `${what} after ${seconds} s and not after ${wanted} ± ${tolerance} s`);
}

/** Resolves with the seconds from now to the next two pings. */
async function twoPings({ socket }: Pick<OpenSocket, 'socket'>): Promise<[number, number]> {
  const startedAt = performance.now();
  await once(socket, 'ping');
  const first = since(startedAt);
  await once(socket, 'ping');
  return [first, since(startedAt)];
}

// Side by side: each is about seconds that nobody can shorten.
describe('the heartbeat, as it is when nothing else is configured', { concurrency: true }, () => {
  for (const version of ['v1', 'v2'] as const) {
    test(`${version}: a silent client is gone 15 s after it was accepted, each counted for itself`, async () => {
      const silent = { autoPong: false };
      const connect = () => (version === 'v1' ? mallory.connectsText(silent) : mallory.connects(silent));
      const first = await connect();
      const firstAt = performance.now();
      const firstEnd = first.closes(20_000).then(({ code }) => ({ code, seconds: since(firstAt) }));
      await pause(4_000);
      const second = await connect();
      const secondAt = performance.now();
      const secondEnd = second.closes(20_000).then(({ code }) => ({ code, seconds: since(secondAt) }));
      for (const { code, seconds } of await Promise.all([firstEnd, secondEnd])) {
        assertAbout(seconds, 15, 1.5, 'gone');
        assert.equal(code, 1006, 'cut, not closed: a dead peer reads no close frame');
      }
    });
  }

  test('who answers hears a ping after 10 and 20 s and stays', async () => {
    const [alices, bobs] = [await alice.connectsText(), await bob.connects()];
    for (const pings of await Promise.all([alices, bobs].map(twoPings))) {
      assertAbout(pings[0], 10, 1, 'the first ping');
      assertAbout(pings[1], 20, 1, 'the second ping');
    }
    await bobs.opens();
    alices.says('still here');
    await bobs.hears({ type: 'message', text: 'still here' });
  });

  for (const version of ['v1', 'v2'] as const) {
    test(`${version}: without a name within 5 s the socket is closed with 4408, however lively it is`, async () => {
      const door = await mallory.knocks(version);
      const openedAt = performance.now();
      assert.ok(door.isOpen);
      const lively = setInterval(() => door.socket.ping(), 500);
      const { code } = await door.closes().finally(() => clearInterval(lively));
      assert.equal(code, 4408);
      assertAbout(since(openedAt), 5, 1, 'closed');
      assert.deepEqual(door.heard, [], 'who has not said a name hears nothing');
    });
  }

  test('a name that comes after 4 s is in time', async () => {
    const door = await bob.knocks('v1');
    assert.ok(door.isOpen);
    await pause(4_000);
    door.send('bob');
    await door.receive((line) => line === 'bob has joined the chat!' || undefined, 'to be let in');
    await pause(1_500);
    assert.equal(door.socket.readyState, 1, 'the deadline is over for good');
    door.cut();
  });
});
