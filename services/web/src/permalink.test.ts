import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signal } from '@preact/signals';
import type { Conversation } from './conversation.ts';
import { followTheAddress, fragmentOf, parseFragment, visit } from './permalink.ts';

test('a fragment names a message of the room', () => {
  assert.equal(parseFragment(fragmentOf(123)), 123);
  assert.equal(parseFragment('#general/1'), 1);
});

test('what is no address of a message names none', () => {
  for (const fragment of [
    '',
    '#',
    '#left',
    '#general',
    '#general/',
    '#general/0',
    '#general/-1',
    '#general/1e3',
    '#general/01',
    '#general/1?',
  ]) {
    assert.equal(parseFragment(fragment), undefined, fragment);
  }
  assert.equal(parseFragment('#other/1'), undefined, 'another room');
  assert.equal(parseFragment(`#general/${'9'.repeat(40)}`), undefined, 'a number that none of ours can be');
});

/** A tab's history, and a conversation that goes where it is told. */
function aTab() {
  let entries: { state: unknown; url: string }[] = [{ state: null, url: '/chat' }];
  let at = 0;
  const listeners = new Map<string, () => void>();
  const urlOf = () => new URL(entries[at]?.url ?? '', 'https://chat.example');
  const history = {
    get state() {
      return entries[at]?.state;
    },
    replaceState: (state: unknown, _title: string, url = entries[at]?.url ?? '') => void entries.splice(at, 1, { state, url }),
    pushState(state: unknown, _title: string, url: string) {
      const { pathname, hash } = new URL(url, urlOf());
      entries = [...entries.slice(0, ++at), { state, url: pathname + hash }];
    },
  };
  const location = {
    get hash() {
      return urlOf().hash;
    },
    get pathname() {
      return urlOf().pathname;
    },
  };
  Object.assign(globalThis, { history, location, addEventListener: (type: string, run: () => void) => listeners.set(type, run) });
  const spot = signal<Conversation['spot']['value']>(undefined);
  const following = signal<Conversation['following']['value']>({ is: 'at_latest' });
  const went: (number | 'latest')[] = [];
  let reading: number | 'latest' = 'latest';
  const goes = (seq: number) => {
    went.push(seq);
    spot.value = { seq, is: 'looked_for' };
    reading = seq;
    following.value = { is: 'away', since: 1 };
    spot.value = { seq, is: 'found' };
  };
  const goToLatest = () => {
    went.push('latest');
    reading = 'latest';
    spot.value = undefined;
    following.value = { is: 'at_latest' };
  };
  const conversation = { spot, following, visit: goes, reading: () => reading, goToLatest } as unknown as Conversation;
  /** Browsers tell of both, in this order. */
  const tell = () => {
    for (const type of ['popstate', 'hashchange']) listeners.get(type)?.();
  };
  return {
    conversation,
    went: () => went.splice(0),
    length: () => entries.length,
    url: () => entries[at]?.url,
    reads: (seq: number) => {
      reading = seq;
      spot.value = undefined;
      following.value = { is: 'away', since: 1 };
    },
    steps: (by: number) => {
      at += by;
      tell();
    },
    types: (url: string) => {
      history.pushState(null, '', url);
      tell();
    },
    opensPeople: () => history.pushState({ panel: 'people' }, '', entries[at]?.url ?? ''),
    goesToLatest: goToLatest,
  };
}

test('"back" returns to what was being read, and each step is taken once', () => {
  const tab = aTab();
  followTheAddress(tab.conversation);
  assert.deepEqual(tab.went(), [], 'who comes without an address stays at the latest, or where they were');
  visit(tab.conversation, 7);
  tab.reads(42);
  visit(tab.conversation, 9);
  visit(tab.conversation, 9);
  assert.deepEqual([tab.went(), tab.length(), tab.url()], [[7, 9, 9], 3, '/chat#general/9']);
  tab.steps(-1);
  tab.steps(-1);
  tab.steps(1);
  assert.deepEqual(tab.went(), [7, 'latest', 7]);
  tab.types('/chat#general/5');
  assert.deepEqual(tab.went(), [5]);
  tab.opensPeople();
  tab.steps(-1);
  tab.steps(1);
  tab.steps(-1);
  assert.deepEqual(tab.went(), [], 'a panel that closes moves nothing');
  tab.reads(6);
  assert.equal(tab.url(), '/chat#general/5');
  tab.goesToLatest();
  assert.equal(tab.url(), '/chat', 'who goes to the latest leaves the address of a message');
  tab.went();
  tab.steps(-1);
  tab.steps(1);
  assert.deepEqual(tab.went(), [7, 'latest']);
});

test('"back" to a place without an address of its own returns to the message that was read there', () => {
  const tab = aTab();
  followTheAddress(tab.conversation);
  tab.reads(42);
  visit(tab.conversation, 7);
  tab.went();
  tab.steps(-1);
  assert.deepEqual([tab.went(), tab.url()], [[42], '/chat']);
});
