import { useSignal } from '@preact/signals';
import type { User } from '@securechat/shared/protocol';
import type { RefObject } from 'preact';
import { useMemo } from 'preact/hooks';
import { type Query, queryAt, wholeEmojiAt } from '../completion.ts';
import type { Conversation } from '../conversation.ts';
import { afterUsing, keepEmojiMemory, readEmojiMemory } from '../emojiMemory.ts';
import { foldName } from '../names.ts';
import { everybody, findPeople } from '../people.ts';
import { insertText } from './insertText.ts';

/** One way to complete what is being typed; `insert` takes the place of the query. */
export type Suggestion = { insert: string } & ({ is: 'mention'; user: User } | { is: 'emoji'; name: string });

/** `current` is the one that Enter takes; -1 while Enter sends. */
export type Suggestions = { query: Query; all: readonly Suggestion[]; current: number };

export type Completion = ReturnType<typeof useCompletion>;

const MOST_SHOWN = 8;

let emojis: typeof import('../emoji.ts') | undefined;

/** Completes the names of people and emoji in a field while they are typed. */
export function useCompletion(conversation: Conversation, field: RefObject<HTMLTextAreaElement | null>) {
  const suggestions = useSignal<Suggestions | undefined>(undefined);
  return useMemo(() => {
    /** Where a query begins that the person does not want to be completed. */
    let refusedAt: number | undefined;

    function close() {
      suggestions.value = undefined;
    }

    function refuse() {
      refusedAt = suggestions.value?.query.start;
      close();
    }

    /** Looks at what stands before the caret now. */
    function look() {
      const query = queryIn(field.current);
      if (query?.start !== refusedAt) refusedAt = undefined;
      const all = query && refusedAt === undefined ? suggest(query) : [];
      suggestions.value = query && all.length > 0 ? { query, all, current: firstOf(query, all) } : undefined;
    }

    function suggest(query: Query): Suggestion[] {
      if (query.is === 'mention') return suggestPeople(conversation, query.typed);
      if (emojis) return suggestEmoji(emojis, query.typed, conversation.me.id);
      // Without the names of emoji, such as offline, there is nothing to complete.
      void loadEmoji().then(look, () => {});
      return [];
    }

    /** Something was typed. The second colon of `:tada:` makes an emoji of it at once; undo brings the letters back. */
    function typed(event: InputEvent) {
      if (event.isComposing) return close();
      const whole = event.data === ':' && field.current && wholeEmojiAt(writtenIn(field.current));
      const emoji = whole && emojis?.emojiNamed(whole.typed);
      if (whole && emoji) replace(whole.start, toneOf(emoji));
      else look();
    }

    function toneOf(emoji: NonNullable<ReturnType<typeof import('../emoji.ts')['emojiNamed']>>): string {
      return emojis?.inTone(emoji, readEmojiMemory(conversation.me.id).tone) ?? emoji.emoji;
    }

    function replace(start: number, words: string) {
      const element = field.current;
      if (element) insertText(element, words, start, element.selectionStart);
    }

    function choose(suggestion: Suggestion) {
      const { query } = suggestions.value ?? {};
      close();
      if (!query) return;
      if (suggestion.is === 'emoji') remember(conversation.me.id, suggestion.insert);
      replace(query.start, `${suggestion.insert} `);
    }

    /** True when the key was for the suggestions. */
    function pressed(key: string): boolean {
      const shown = suggestions.value;
      if (!shown) return false;
      const { all, current } = shown;
      const chosen = all[key === 'Tab' ? Math.max(current, 0) : current];
      if (key === 'Escape') refuse();
      else if (key === 'ArrowDown') suggestions.value = { ...shown, current: (current + 1) % all.length };
      else if (key === 'ArrowUp') suggestions.value = { ...shown, current: (Math.max(current, 0) - 1 + all.length) % all.length };
      else if ((key === 'Enter' || key === 'Tab') && chosen) choose(chosen);
      else return false;
      return true;
    }

    return { suggestions, look, typed, pressed, choose, close };
  }, [conversation]);
}

/** Whole names need no completion: with them Enter sends, and so it does after a lone @. */
function firstOf({ is, typed }: Query, all: readonly Suggestion[]): number {
  const isWhole = all.some((each) => each.is === 'mention' && foldName(each.user.name) === foldName(typed));
  return is === 'mention' && (typed === '' || isWhole) ? -1 : 0;
}

function suggestPeople({ room, me }: Conversation, typed: string): Suggestion[] {
  const { people } = room.peek();
  const isHere = (user: User) => people.some(({ id }) => id === user.id);
  const found = findPeople(everybody(room.peek()), typed).filter(({ id }) => id !== me.id);
  return [...found.filter(isHere), ...found.filter((user) => !isHere(user))]
    .slice(0, MOST_SHOWN)
    .map((user) => ({ is: 'mention', user, insert: `@${user.name}` }));
}

function suggestEmoji({ findEmoji, inTone }: typeof import('../emoji.ts'), typed: string, userId: string): Suggestion[] {
  const { tone } = readEmojiMemory(userId);
  return findEmoji(typed, MOST_SHOWN).map((emoji) => ({ is: 'emoji', name: emoji.names[0] ?? '', insert: inTone(emoji, tone) }));
}

async function loadEmoji() {
  emojis = await import('../emoji.ts');
}

function remember(userId: string, emoji: string) {
  keepEmojiMemory(userId, afterUsing(readEmojiMemory(userId), emoji));
}

function queryIn(field: HTMLTextAreaElement | null): Query | undefined {
  return field && field.selectionStart === field.selectionEnd ? queryAt(writtenIn(field)) : undefined;
}

function writtenIn({ value, selectionStart }: HTMLTextAreaElement) {
  return { text: value, caret: selectionStart };
}
