/** What the accounts must keep on every database; each database's test runs all of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkUsername, type Username } from './usernames.ts';
import type { Account, UserStore } from './userStore.ts';

/** Makes an empty store with this clock, in milliseconds since 1970. */
export type CreateUsers = (now: () => number) => Promise<{ users: UserStore; close: () => Promise<void> }>;

const YEAR_MS = 365 * 86_400_000;

/** @param create makes an empty store; called once per test */
export function testUserStore(create: CreateUsers): void {
  const story = (name: string, tell: (users: UserStore, clock: { now: number }) => Promise<void>) =>
    test(name, async () => {
      const clock = { now: 1_764_000_000_000 };
      const { users, close } = await create(() => clock.now);
      try {
        await tell(users, clock);
      } finally {
        await close();
      }
    });

  story('an account is found by its folded name, and shows the name as it was typed', async (users) => {
    const id = await users.add(nameOf('Alice'), 'a hash');
    assert.deepEqual(await users.find('alice'), { id, name: 'Alice', passwordHash: 'a hash', isDisabled: false, generation: 1 });
    assert.equal(await users.find('bob'), undefined);
    assert.equal(await users.find('Alice'), undefined);
  });

  story('a name, and one that looks the same, is taken once', async (users) => {
    assert.equal(await users.isTaken(nameOf('alice')), false);
    assert.notEqual(await users.add(nameOf('alice'), 'a hash'), undefined);
    for (const same of [nameOf('alice'), nameOf('ALICE'), { ...nameOf('another'), twin: nameOf('alice').twin }]) {
      assert.equal(await users.isTaken(same), true);
      assert.equal(await users.add(same, 'another hash'), undefined);
    }
    assert.equal((await users.find('alice'))?.passwordHash, 'a hash');
    assert.notEqual(await users.add(nameOf('bob'), 'a hash'), undefined);
  });

  story('of twelve who sign up with one name at once exactly one gets it', async (users) => {
    const spellings = ['alice', 'Alice', 'ALICE'];
    const adding = Array.from({ length: 12 }, (_, n) => users.add(nameOf(spellings[n % 3] ?? ''), `hash ${n}`));
    const ids = (await Promise.all(adding)).filter((id) => id !== undefined);
    assert.equal(ids.length, 1);
    assert.equal((await users.find('alice'))?.id, ids[0]);
  });

  story('generations are told of enabled accounts; disabling and enabling again leaves sessions ended', async (users) => {
    const [alice, bob] = await Promise.all([users.add(nameOf('alice'), 'h'), users.add(nameOf('bob'), 'h')]);
    const both = [alice ?? '', bob ?? '', 'nobody'];
    assert.deepEqual(await users.generations(both), new Map([alice, bob].map((id) => [id ?? '', 1])));
    assert.deepEqual(await users.generations([]), new Map());
    assert.equal(await users.setDisabled('bob', true), bob);
    assert.deepEqual([...(await users.generations(both)).keys()], [alice]);
    assert.equal((await users.find('bob'))?.isDisabled, true);
    await users.setDisabled('bob', false);
    assert.equal((await users.generations(both)).get(bob ?? ''), 2);
    assert.equal(await users.setDisabled('nobody', true), undefined);
  });

  story('a token sets one password once, until it expires', async (users, clock) => {
    const id = await users.add(nameOf('alice'), 'forgotten');
    assert.equal(await users.allowReset('alice', 'token', clock.now + 1_000), id);
    assert.equal((await users.findByReset('token'))?.id, id);
    assert.equal(await users.findByReset('another'), undefined);
    const resets = await Promise.all(Array.from({ length: 6 }, (_, n) => users.reset('token', `new ${n}`)));
    assert.deepEqual(
      resets.filter((one) => one !== undefined),
      [id],
    );
    assert.match((await users.find('alice'))?.passwordHash ?? '', /^new \d$/);
    assert.equal((await users.find('alice'))?.generation, 3);
    assert.equal(await users.findByReset('token'), undefined);
    await users.allowReset('alice', 'late', clock.now + 1_000);
    clock.now += 1_000;
    assert.equal(await users.reset('late', 'too late'), undefined);
  });

  story('a disabled person cannot use a token', async (users, clock) => {
    await users.add(nameOf('mallory'), 'h');
    await users.allowReset('mallory', 'token', clock.now + 1_000);
    await users.setDisabled('mallory', true);
    assert.equal(await users.findByReset('token'), undefined);
    assert.equal(await users.reset('token', 'mine again'), undefined);
  });

  story('a browser is known to whom it belongs, until something ends that or a year has passed', async (users, clock) => {
    const alice = await account(users, 'alice');
    const bob = await account(users, 'bob');
    await Promise.all(Array.from({ length: 4 }, () => users.rememberDevice(alice, 'browser')));
    assert.equal(await users.knowsDevice(alice, 'browser'), true);
    assert.equal(await users.knowsDevice(bob, 'browser'), false);
    assert.deepEqual([await users.isDevice('browser'), await users.isDevice('made up')], [true, false]);
    await users.setDisabled('alice', true);
    await users.setDisabled('alice', false);
    assert.equal(await users.knowsDevice((await users.find('alice')) ?? alice, 'browser'), false);
    await users.rememberDevice((await users.find('alice')) ?? alice, 'browser');
    assert.equal(await users.knowsDevice((await users.find('alice')) ?? alice, 'browser'), true);
    clock.now += YEAR_MS;
    assert.equal(await users.knowsDevice((await users.find('alice')) ?? alice, 'browser'), false);
  });

  story('browsers that nobody used for a year are forgotten, others are not', async (users, clock) => {
    const alice = await account(users, 'alice');
    await users.rememberDevice(alice, 'old');
    clock.now += YEAR_MS / 2;
    await users.rememberDevice(alice, 'new');
    clock.now += YEAR_MS / 2;
    await users.purgeDevices();
    assert.deepEqual([await users.isDevice('old'), await users.isDevice('new')], [false, true]);
  });
}

function nameOf(name: string): Username {
  const verdict = checkUsername(name);
  assert.ok(verdict.ok);
  return { name: verdict.name, folded: verdict.folded, twin: verdict.twin };
}

async function account(users: UserStore, name: string): Promise<Account> {
  await users.add(nameOf(name), 'a hash');
  const found = await users.find(name);
  assert.ok(found);
  return found;
}
