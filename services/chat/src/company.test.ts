import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import type { ServerMessage, User } from '@securechat/shared/protocol';
import { createCompany } from './company.ts';
import type { HubRoom, RoomNotice } from './hub.ts';
import { alice, bob, carol, type ListeningGuest, listeningGuest, settled } from './people.fixture.ts';
import { createMemoryPresence } from './presence.memory.ts';
import type { Presence } from './presence.ts';

const room: HubRoom = { id: 'general', name: 'general', epoch: 'e', head: 0 };

test('every five seconds the presence is told who is still here: those who entered and have not gone', async (t) => {
  const house = open(t);
  const hers = await house.enters(alice);
  await house.enters(alice);
  await house.enters(bob);
  // Counted, but nobody has answered yet that carol joined: touched, she never would have.
  house.company.count(listeningGuest(carol));
  await house.pass(5_000);
  assert.deepEqual(house.touches, [[alice, bob]]);
  await house.company.depart(hers, true);
  await house.pass(5_000);
  assert.deepEqual(house.touches[1], [alice, bob]);
  for (const guest of house.guestsOf(bob)) await house.company.depart(guest, false);
  await house.pass(5_000);
  assert.deepEqual(house.touches[2], [alice]);
});

test('whoever goes while it is asked whether they joined is not touched for ever after', async (t) => {
  const house = open(t);
  const hers = listeningGuest(alice);
  house.company.count(hers);
  const entering = house.company.enter(hers);
  await house.company.depart(hers, true);
  await entering;
  await house.pass(5_000);
  assert.deepEqual(house.touches, []);
});

test('somebody whom the presence forgot while connected is here again, and nobody is told that they came', async (t) => {
  const house = open(t);
  await house.enters(alice);
  house.forget();
  assert.equal((await house.company.whoIsHere()).peopleCount, 0);
  await house.pass(5_000);
  assert.deepEqual((await house.company.whoIsHere()).people, [alice]);
  assert.deepEqual(house.published, []);
});

test('after an interruption the presence is told at once, and everybody gets the list anew', async (t) => {
  const house = open(t);
  await house.enters(alice);
  await house.enters(bob);
  house.forget();
  house.interrupt();
  assert.deepEqual(house.touches, [[alice, bob]]);
  await house.pass(1_000);
  assert.deepEqual(house.told, [{ type: 'people', room: room.id, people: [alice, bob], peopleCount: 2 }]);
});

test('while the presence is away rooms open with the last list that was known and whoever is connected here', async (t) => {
  const house = open(t);
  await house.enters(alice);
  house.setAway(true);
  const alone = await house.company.whoIsHere();
  assert.deepEqual([alone.people, alone.peopleCount, alone.isCurrent()], [[alice], 1, true]);
  house.setAway(false);
  await house.presence.enter(room.id, carol);
  await house.company.whoIsHere();
  await house.enters(bob);
  house.setAway(true);
  const { people, peopleCount } = await house.company.whoIsHere();
  assert.deepEqual([people, peopleCount], [[alice, bob, carol], 3]);
});

test('while the presence is away errors are told, nobody has left, and it goes on by itself', async (t) => {
  const house = open(t);
  const hers = await house.enters(alice);
  house.setAway(true);
  await assert.rejects(house.company.depart(hers, false));
  await house.enters(bob).catch(() => {});
  await house.pass(20_000);
  assert.ok(house.errors.length >= 20);
  assert.deepEqual(house.published, []);
  house.setAway(false);
  await house.presence.fade(room.id, alice, 0);
  await house.pass(1_000);
  assert.deepEqual(house.published, [{ kind: 'left', user: alice }]);
});

test('whoever is sent away by a server that ends has fifteen seconds to be back, a goodbye is still one', async (t) => {
  const house = open(t);
  const [hers, his] = [await house.enters(alice), await house.enters(bob)];
  house.company.beginDraining();
  await house.company.depart(hers, false);
  await house.company.depart(his, true);
  assert.deepEqual(house.published, [{ kind: 'left', user: bob }]);
  await house.pass(14_900);
  assert.equal(house.published.length, 1);
  await house.pass(1_100);
  assert.deepEqual(house.published[1], { kind: 'left', user: alice });
});

/** The company of one room, with a clock that the test moves. */
function open(t: TestContext) {
  mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  let [time, isAway] = [0, false];
  const now = () => time;
  const errors: unknown[] = [];
  const touches: User[][] = [];
  const published: RoomNotice[] = [];
  const told: ServerMessage[] = [];
  const guests: ListeningGuest[] = [];
  let interrupt: (channels: string[]) => void = () => {};
  let memory = createMemoryPresence(now);

  const unlessAway = <A extends unknown[], R>(ask: (...args: A) => Promise<R>) => {
    return (...args: A): Promise<R> => (isAway ? Promise.reject(new Error('the presence is away')) : ask(...args));
  };
  const presence: Presence = {
    enter: unlessAway((...args) => memory.enter(...args)),
    touch: unlessAway((id, users) => {
      touches.push(users);
      return memory.touch(id, users);
    }),
    fade: unlessAway((...args) => memory.fade(...args)),
    leave: unlessAway((...args) => memory.leave(...args)),
    sweep: unlessAway((...args) => memory.sweep(...args)),
    list: unlessAway((...args) => memory.list(...args)),
  };
  const company = createCompany({
    room: room.id,
    hub: { rooms: () => [room], tell: (_room, message) => void told.push(message), tellLine: () => {} },
    bus: {
      publish: (_channel, payload) => void published.push(JSON.parse(Buffer.from(payload).toString())),
      onInterrupted(listener) {
        interrupt = listener;
      },
    },
    presence,
    onError: (err) => errors.push(err),
    now,
  });
  t.after(() => {
    company.close();
    mock.timers.reset();
  });

  return {
    company,
    presence,
    errors,
    touches,
    published,
    told,
    guestsOf: (user: User) => guests.filter((guest) => guest.user === user),
    setAway(is: boolean) {
      isAway = is;
    },
    forget() {
      memory = createMemoryPresence(now);
    },
    interrupt: () => interrupt([room.id]),
    async enters(user: User) {
      const guest = listeningGuest(user);
      guests.push(guest);
      company.count(guest);
      await company.enter(guest);
      return guest;
    },
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 100) {
        time += 100;
        mock.timers.tick(100);
        await settled(2);
      }
    },
  };
}
