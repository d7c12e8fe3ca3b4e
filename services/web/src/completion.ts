/** What is being named in the field before the caret: a person after `@`, an emoji after `:`. */
export type Query = { is: 'mention' | 'emoji'; typed: string; start: number };

/** A text and where the caret stands in it. */
export type Written = { text: string; caret: number };

/** Longer names there are none, so no key waits for a long text. */
const LOOKS_BACK = 40;
const PERSON = /(?<![\p{L}\p{N}@])@([\p{L}\p{M}\p{N}._-]{0,32})$/u;
/** Two letters at least: `:)` and `:D` are no names, and neither is 10:30. */
const EMOJI = /(?<![\p{L}\p{N}:]):([\p{L}+][\p{L}\p{M}\p{N}_+-]+)$/u;
const WHOLE_EMOJI = /(?<![\p{L}\p{N}:]):([\p{L}+-][\p{L}\p{M}\p{N}_+-]*):$/u;

/** What is being named at the caret, if anything is. */
export function queryAt({ text, caret }: Written): Query | undefined {
  const before = text.slice(Math.max(0, caret - LOOKS_BACK), caret);
  const person = PERSON.exec(before)?.[1];
  if (person !== undefined) return { is: 'mention', typed: person, start: caret - person.length - 1 };
  const emoji = EMOJI.exec(before)?.[1];
  return emoji === undefined ? undefined : { is: 'emoji', typed: emoji, start: caret - emoji.length - 1 };
}

/** The name between two colons, when the second one was typed just now. */
export function wholeEmojiAt({ text, caret }: Written): Query | undefined {
  const name = WHOLE_EMOJI.exec(text.slice(Math.max(0, caret - LOOKS_BACK), caret))?.[1];
  return name === undefined ? undefined : { is: 'emoji', typed: name, start: caret - name.length - 2 };
}
