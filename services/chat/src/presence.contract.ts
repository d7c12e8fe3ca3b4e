/** What every presence must keep; each adapter's test runs all of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { alice, bob, carol, mallory } from './people.fixture.ts';
import { type Presence, TOUCH_EVERY_MS } from './presence.ts';

/** A presence for one test, with a clock that the test moves. */
export type PresenceOnTrial = { presence: Presence; pass: (ms: number) => void | Promise<void> };

const NOBODY = { people: [], count: 0 };

/** @param open makes a presence for a room where nobody has been; called once per test */
export function testPresence(open: (room: string) => PresenceOnTrial | Promise<PresenceOnTrial>): void {
  let room = '';
  const create = () => {
    room = randomUUID();
    return open(room);
  };

  test('who enters has joined, once, and is listed in the order they came', async () => {
    const { presence } = await create();
    assert.deepEqual(await presence.list(room, 10), NOBODY);
    assert.equal(await presence.enter(room, bob), true);
    assert.equal(await presence.enter(room, alice), true);
    assert.equal(await presence.enter(room, bob), false);
    assert.deepEqual(await presence.list(room, 10), { people: [bob, alice], count: 2 });
  });

  test('a long list is cut, the count is not', async () => {
    const { presence } = await create();
    for (const user of [alice, bob, carol]) await presence.enter(room, user);
    assert.deepEqual(await presence.list(room, 2), { people: [alice, bob], count: 3 });
  });

  test('of many who enter for one person at once, exactly one hears that they joined', async () => {
    const { presence } = await create();
    const answers = await Promise.all(Array.from({ length: 10 }, () => presence.enter(room, alice)));
    assert.deepEqual(answers.filter(Boolean), [true]);
  });

  test('a goodbye is at once, and only once', async () => {
    const { presence } = await create();
    await presence.enter(room, alice);
    await presence.enter(room, bob);
    assert.equal(await presence.leave(room, alice), true);
    assert.equal(await presence.leave(room, alice), false);
    assert.equal(await presence.leave(room, mallory), false);
    assert.deepEqual(await presence.list(room, 10), { people: [bob], count: 1 });
    assert.equal(await presence.enter(room, alice), true);
  });

  test('who fades is still here until the grace is over, and then one sweep tells it', async () => {
    const { presence, pass } = await create();
    await presence.enter(room, alice);
    await presence.enter(room, bob);
    await presence.fade(room, alice, 5_000);
    await pass(4_999);
    assert.deepEqual(await presence.sweep(room), []);
    assert.equal((await presence.list(room, 10)).count, 2);
    await pass(1);
    const sweeps = await Promise.all([presence.sweep(room), presence.sweep(room)]);
    assert.deepEqual(sweeps.flat(), [alice]);
    assert.deepEqual(await presence.list(room, 10), { people: [bob], count: 1 });
  });

  test('who is back within the grace was never gone', async () => {
    const { presence, pass } = await create();
    await presence.enter(room, alice);
    await presence.fade(room, alice, 5_000);
    await pass(4_000);
    assert.equal(await presence.enter(room, alice), false);
    for (let passed = 0; passed < 60_000; passed += TOUCH_EVERY_MS) {
      await pass(TOUCH_EVERY_MS);
      assert.deepEqual(await presence.sweep(room), []);
      await presence.touch(room, [alice]);
    }
    assert.equal((await presence.list(room, 10)).count, 1);
  });

  test('a goodbye of somebody who fades is a goodbye', async () => {
    const { presence, pass } = await create();
    await presence.enter(room, alice);
    await presence.fade(room, alice, 5_000);
    assert.equal(await presence.leave(room, alice), true);
    await pass(6_000);
    assert.deepEqual(await presence.sweep(room), []);
  });

  test('whose time is over but was not told yet, and who comes back, was never gone', async () => {
    const { presence, pass } = await create();
    await presence.enter(room, alice);
    await presence.fade(room, alice, 1_000);
    await pass(1_500);
    assert.equal(await presence.enter(room, alice), false);
    assert.deepEqual(await presence.sweep(room), []);
  });

  test('whoever was forgotten is here again by a touch, and has not joined', async () => {
    const { presence, pass } = await create();
    await presence.enter(room, bob);
    await presence.touch(room, [carol, bob, alice]);
    assert.deepEqual(await presence.list(room, 10), { people: [bob, carol, alice], count: 3 });
    assert.equal(await presence.enter(room, alice), false);
    await pass(TOUCH_EVERY_MS);
    await presence.touch(room, []);
    assert.deepEqual(await presence.sweep(room), []);
    assert.equal(await presence.leave(room, carol), true);
  });

  test('of very many people who are touched nobody is lost', async () => {
    const { presence } = await create();
    const crowd = Array.from({ length: 1_200 }, (_, n) => ({ id: `n${n}`, name: `newcomer${n}` }));
    await presence.touch(room, crowd);
    assert.deepEqual(await presence.list(room, 3), { people: crowd.slice(0, 3), count: 1_200 });
  });

  test('fading of somebody who is not here makes nobody appear', async () => {
    const { presence } = await create();
    await presence.fade(room, mallory, 5_000);
    assert.deepEqual(await presence.list(room, 10), NOBODY);
  });

  test('rooms know nothing of each other', async () => {
    const { presence } = await create();
    const other = randomUUID();
    await presence.enter(room, alice);
    assert.equal(await presence.enter(other, alice), true);
    await presence.leave(other, alice);
    assert.equal((await presence.list(room, 10)).count, 1);
  });
}
