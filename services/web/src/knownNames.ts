import { computed, type ReadonlySignal } from '@preact/signals';
import type { Conversation } from './conversation.ts';
import { foldName, type Names } from './names.ts';
import type { RoomState } from './roomState.ts';

const MAX_KNOWN = 2_000;
const byConversation = new WeakMap<object, ReadonlySignal<Names>>();

/**
 * The folded names of all who were met while this page is open: who leaves is still somebody that can be meant. The very
 * same set until somebody new comes, so that nothing is drawn anew for less.
 */
export function knownNames({ room, me }: Pick<Conversation, 'room' | 'me'>): ReadonlySignal<Names> {
  const known = byConversation.get(room) ?? namesOver(room, me.name);
  byConversation.set(room, known);
  return known;
}

function namesOver(room: Conversation['room'], myName: string): ReadonlySignal<Names> {
  let met: Names = new Set([foldName(myName)]);
  return computed(() => {
    const strangers = namesIn(room.value).filter((name) => !met.has(name));
    if (strangers.length > 0 && met.size < MAX_KNOWN) met = new Set([...met, ...strangers]);
    return met;
  });
}

function namesIn({ people, messages }: RoomState): string[] {
  return [...people.map(({ name }) => foldName(name)), ...messages.map(({ author }) => foldName(author.name))];
}
