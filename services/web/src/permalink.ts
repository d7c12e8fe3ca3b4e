/** The address of a message, such as `/chat#general/123`, and the page that follows its address. */
import { effect } from '@preact/signals';
import { DEFAULT_ROOM } from '@securechat/shared/protocol';
import type { Conversation } from './conversation.ts';

/**
 * What the browser keeps of an entry of the tab's history: which one it is, and what was being read when the reader went on.
 * Entries of other kinds, such as that of the people on a phone, have no place and stand for the one before them.
 */
type Entry = { place?: string; reading?: number | 'latest' };

/** The part of the address that names a message. */
export const fragmentOf = (seq: number) => `#${DEFAULT_ROOM}/${seq}`;

/** The whole address of a message, to be given to others who are members here. */
export const permalinkOf = (seq: number) => `${location.origin}/chat${fragmentOf(seq)}`;

/** The number of the message that a fragment names; undefined when it names none. */
export function parseFragment(fragment: string): number | undefined {
  const match = /^#([^/]+)\/([1-9]\d{0,14})$/.exec(fragment);
  return match?.[1] === DEFAULT_ROOM ? Number(match[2]) : undefined;
}

let current: string | undefined;

/** Goes to a message as to another page: the address follows, and "back" returns to what was being read. */
export function visit(conversation: Conversation, seq: number): void {
  history.replaceState({ ...entry(), reading: conversation.reading() }, '');
  if (location.hash !== fragmentOf(seq)) history.pushState(newEntry(), '', fragmentOf(seq));
  conversation.visit(seq);
}

/** Shows the message that the address names, now and whenever the address changes; who goes to the latest leaves it. */
export function followTheAddress(conversation: Conversation): void {
  const { spot, following } = conversation;
  const changed = () => look(conversation);
  changed();
  addEventListener('popstate', changed);
  addEventListener('hashchange', changed);
  effect(() => {
    const isElsewhere = spot.value === undefined && following.value.is === 'at_latest';
    if (isElsewhere && parseFragment(location.hash) !== undefined) history.replaceState(entry(), '', location.pathname);
  });
}

function look(conversation: Conversation) {
  const { place, reading } = entry();
  const seq = parseFragment(location.hash);
  if (place === undefined && history.state !== null) return;
  if (place !== undefined && place === current) return;
  const isFirst = current === undefined;
  if (place === undefined) history.replaceState(newEntry(), '');
  else current = place;
  if (seq !== undefined) conversation.visit(seq);
  else if (typeof reading === 'number') conversation.visit(reading);
  else if (!isFirst) conversation.goToLatest();
}

function newEntry(): Entry {
  current = crypto.randomUUID();
  return { place: current };
}

function entry(): Entry {
  return (history.state ?? {}) as Entry;
}
