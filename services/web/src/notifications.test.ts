import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { User } from '@securechat/shared/protocol';
import type { Desktop } from './notifications.ts';
import { browserDesktop, chooseWish, readWish, tell, worthTelling } from './notifications.ts';
import type { Message } from './roomState.ts';

const alice: User = { id: 'a', name: 'alice' };
const bob: User = { id: 'b', name: 'bob' };
const said = (seq: number, author: User, text?: string): Message => ({
  seq,
  at: seq,
  author,
  deleted: text === undefined,
  ...(text !== undefined && { text }),
  reactions: {},
  asOf: seq,
});
const speaksToAlice = (text: string) => text.includes('@alice');
const seqs = (messages: readonly Message[]) => messages.map(({ seq }) => seq);

/** A desktop that several tabs share, as one browser's do. */
function desktop({ isWatched = false } = {}) {
  const shown: { title: string; body: string }[] = [];
  const claimed = new Set<string>();
  const shared: Desktop = {
    claim: (epoch, seq) => Promise.resolve(!claimed.has(`${epoch} ${seq}`) && claimed.add(`${epoch} ${seq}`).size > 0),
    isWatched: () => Promise.resolve(isWatched),
    show: ({ title, body }) => shown.push({ title, body }),
  };
  return { ...shared, shown };
}

test('who wants all is told of what others said since', () => {
  const messages = [said(1, bob, 'old'), said(2, bob, 'new'), said(3, alice, 'my own'), said(4, bob)];
  assert.deepEqual(seqs(worthTelling(messages, 1, alice, 'all', speaksToAlice)), [2]);
});

test('who wants mentions is told of nothing else', () => {
  const messages = [said(1, bob, 'hello'), said(2, bob, 'hello @alice')];
  assert.deepEqual(seqs(worthTelling(messages, 0, alice, 'mentions', speaksToAlice)), [2]);
});

test('who wants nothing is told of nothing', () => {
  assert.deepEqual(worthTelling([said(1, bob, '@alice')], 0, alice, 'none', speaksToAlice), []);
});

test('after a long time away the last messages are enough', () => {
  const messages = Array.from({ length: 200 }, (_, i) => said(i + 1, bob, 'hello'));
  assert.deepEqual(seqs(worthTelling(messages, 0, alice, 'all', speaksToAlice)), [198, 199, 200]);
});

test('many tabs tell of a message once', async () => {
  const tabs = desktop();
  await Promise.all([1, 2, 3].map(() => tell(tabs, said(1, bob, 'hello'), 'e')));
  assert.deepEqual(tabs.shown, [{ title: 'bob', body: 'hello' }]);
});

test('nobody is told of what they can see', async () => {
  const tabs = desktop({ isWatched: true });
  await tell(tabs, said(1, bob, 'hello'), 'e');
  assert.deepEqual(tabs.shown, []);
});

test('a long text is told by its beginning, and no character is cut in two', async () => {
  const tabs = desktop();
  await tell(tabs, said(1, bob, '🌻'.repeat(300)), 'e');
  assert.equal(tabs.shown[0]?.body, `${'🌻'.repeat(200)}…`);
});

/** As much of a browser as notices need: tabs share its locks and its storage, and all are hidden or in sight at once. */
function aBrowser(t: TestContext, { remembers = true } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const kept = new Map<string, string>();
  const looks: (() => void)[] = [];
  const held = new Set<{ name: string }>();
  const document = { hidden: false, addEventListener: (_type: string, look: () => void) => void looks.push(look) };
  const localStorage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void (remembers && kept.set(key, value)),
  };
  const locks = {
    async request(name: string, options: LockOptions, run: (lock: { name: string } | null) => Promise<unknown>) {
      if (options.ifAvailable && [...held].some((lock) => lock.name === name)) return run(null);
      const lock = { name };
      held.add(lock);
      await run(lock);
      held.delete(lock);
    },
    query: async () => ({ held: [...held] }),
  } as unknown as LockManager;
  Object.assign(globalThis, { document, localStorage });
  t.after(() => {
    for (const name of ['document', 'localStorage', 'Notification']) Reflect.deleteProperty(globalThis, name);
  });
  return { document, locks, looks, pass: (ms: number) => t.mock.timers.tick(ms) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a message is told by one tab, also when another one hears of it much later; one of another store is another', async (t) => {
  const { locks, pass } = aBrowser(t);
  const [one, other] = [browserDesktop('a', locks), browserDesktop('a', locks)];
  assert.deepEqual(await Promise.all([one.claim('e', 7), other.claim('e', 7)]), [true, false]);
  pass(30_000);
  await settled();
  assert.deepEqual([await other.claim('e', 7), await other.claim('e', 6)], [false, false]);
  assert.deepEqual([await other.claim('e', 8), await other.claim('restored', 1)], [true, true]);
});

test('while the storage has not told the other tabs yet, the lock keeps them from telling too', async (t) => {
  const { locks } = aBrowser(t, { remembers: false });
  const [one, other] = [browserDesktop('a', locks), browserDesktop('a', locks)];
  assert.deepEqual(await Promise.all([one.claim('e', 7), other.claim('e', 7)]), [true, false]);
});

test('somebody looks as long as any tab of theirs is in sight, whatever other people do', async (t) => {
  const { document, locks, looks } = aBrowser(t);
  assert.equal(await browserDesktop('alone', undefined).isWatched(), true);
  browserDesktop('b', locks);
  const [inSight] = [browserDesktop('a', locks)];
  const [, , look] = looks;
  document.hidden = true;
  const hidden = browserDesktop('a', locks);
  assert.deepEqual([await hidden.isWatched(), await inSight.isWatched()], [true, true]);
  look?.();
  await settled();
  assert.equal(await hidden.isWatched(), false);
});

test('permission is asked for when something is wanted, and a browser that keeps nothing remembers the wish for the page', async (t) => {
  void aBrowser(t, { remembers: false });
  let asked = 0;
  Object.assign(globalThis, { Notification: { permission: 'default', requestPermission: async () => void asked++ } });
  await chooseWish('none');
  assert.equal(asked, 0);
  await chooseWish('mentions');
  assert.deepEqual([asked, readWish()], [1, 'mentions']);
});
