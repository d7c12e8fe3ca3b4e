/** What every session store must keep; each adapter's test runs all of it. */
import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import session, { type SessionData } from 'express-session';
import { LIFETIMES, type SessionStore, sessionHandle } from './sessionStore.ts';

const DAY_MS = 86_400_000;
export const alice = { id: 'id of alice', name: 'alice', generation: 1 };

/** A store for one test, whose clock the test moves. */
export type StoreOnTrial = {
  store: SessionStore;
  now: () => number;
  pass: (ms: number) => void | Promise<void>;
  /** The store as the next process finds it. */
  restart: () => SessionStore | Promise<SessionStore>;
  /** Everything that whoever reads the store's files or memory sees. */
  content: () => string | Promise<string>;
};

/** A store as awaited calls. */
export const usedBy = (store: SessionStore, now: () => number) => ({
  get: (id: string) =>
    new Promise<SessionData | null | undefined>((resolve, reject) =>
      store.get(id, (error, found) => (error ? reject(error as Error) : resolve(found))),
    ),
  set: (id: string) => promised((done) => store.set(id, { cookie: new session.Cookie(), user: alice, createdAt: now() }, done)),
  touch: (id: string, createdAt = now()) =>
    promised((done) => store.touch?.(id, { cookie: new session.Cookie(), user: alice, createdAt }, done)),
  destroy: (id: string) => promised((done) => store.destroy(id, done)),
});

function promised(work: (done: (error?: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => work((error) => (error ? reject(error as Error) : resolve())));
}

/** @param create makes an empty store; called once per test */
export function testSessionStore(create: (t: TestContext) => StoreOnTrial | Promise<StoreOnTrial>): void {
  async function open(t: TestContext) {
    const trial = await create(t);
    return { ...trial, ...usedBy(trial.store, trial.now) };
  }

  test('a session is found again after a restart, and nothing that is kept holds its id', async (t) => {
    const { set, restart, now, content } = await open(t);
    await set('planet');
    const { get } = usedBy(await restart(), now);
    assert.deepEqual((await get('planet'))?.user, alice);
    assert.equal((await get('neighbour')) ?? null, null);
    assert.doesNotMatch(await content(), /planet/);
  });

  test('a destroyed session is gone, and its neighbour is not', async (t) => {
    const { set, destroy, get } = await open(t);
    await set('one');
    await set('two');
    await destroy('one');
    assert.equal(await get('one'), null);
    assert.deepEqual((await get('two'))?.user, alice);
    await destroy('one');
  });

  test('a session ends after a week without use, and use prolongs it', async (t) => {
    const { set, touch, get, now, pass } = await open(t);
    const begun = now();
    await set('idle');
    await set('used');
    await pass(6 * DAY_MS);
    await touch('used', begun);
    await pass(DAY_MS);
    assert.equal(await get('idle'), null);
    assert.deepEqual((await get('used'))?.user, alice);
  });

  test('a session ends after thirty days, however much it is used', async (t) => {
    const { set, touch, get, store, now, pass } = await open(t);
    const begun = now();
    await set('old');
    for (let day = 1; day < 30; day++) {
      await pass(DAY_MS);
      await touch('old', begun);
      assert.ok(await get('old'), `day ${day}`);
    }
    await pass(DAY_MS - 1_000);
    assert.ok(await get('old'));
    const handle = sessionHandle('old');
    assert.equal((await store.renew([handle])).get(handle)?.expiresAt, begun + LIFETIMES.absoluteMs);
    await pass(1_000);
    assert.equal(await get('old'), null);
  });

  test('touching an ended session does not bring it back', async (t) => {
    const { set, touch, destroy, get, pass } = await open(t);
    await set('left');
    await destroy('left');
    await touch('left');
    assert.equal(await get('left'), null);
    await set('expired');
    await pass(8 * DAY_MS);
    await touch('expired');
    assert.equal(await get('expired'), null);
  });

  test('many are renewed at once, and those that are no sessions are left out', async (t) => {
    const { set, store, get, now, pass } = await open(t);
    await set('one');
    await set('two');
    await pass(6 * DAY_MS);
    const found = await store.renew([sessionHandle('one'), 'nonsense', sessionHandle('three')]);
    assert.deepEqual([...found.keys()], [sessionHandle('one')]);
    assert.equal(found.get(sessionHandle('one'))?.expiresAt, now() + LIFETIMES.idleMs);
    assert.deepEqual(found.get(sessionHandle('one'))?.user, alice);
    await pass(2 * DAY_MS);
    assert.ok(await get('one'));
    assert.equal(await get('two'), null);
  });
}
