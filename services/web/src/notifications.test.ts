import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { User } from '@securechat/shared/protocol';
import type { Desktop } from './notifications.ts';
import { tell, worthTelling } from './notifications.ts';
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
