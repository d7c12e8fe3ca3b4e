/** Which emoji a person used lately and the skin tone they chose, in this browser. */
import type { Tone } from './emoji.ts';

export type EmojiMemory = { recent: readonly string[]; tone: Tone };

const MOST_RECENT = 24;
const keyOf = (userId: string) => `securechat:emoji:${userId}`;

/** What is remembered; nothing where the browser keeps nothing or something else is found there. */
export function readEmojiMemory(userId: string): EmojiMemory {
  try {
    return toMemory(JSON.parse(localStorage.getItem(keyOf(userId)) ?? '{}'));
  } catch {
    return { recent: [], tone: 0 };
  }
}

export function keepEmojiMemory(userId: string, memory: EmojiMemory): void {
  try {
    localStorage.setItem(keyOf(userId), JSON.stringify(memory));
  } catch {
    // A browser that keeps nothing asks for the tone again, no more.
  }
}

/** The memory after somebody used an emoji. */
export function afterUsing(memory: EmojiMemory, emoji: string): EmojiMemory {
  return { ...memory, recent: [emoji, ...memory.recent.filter((other) => other !== emoji)].slice(0, MOST_RECENT) };
}

/** Whatever was stored, as a memory. */
export function toMemory(stored: unknown): EmojiMemory {
  const { recent, tone } = (stored ?? {}) as { recent?: unknown; tone?: unknown };
  const isEmoji = (each: unknown) => typeof each === 'string' && /^\p{RGI_Emoji}$/v.test(each);
  return {
    recent: Array.isArray(recent) ? recent.filter(isEmoji).slice(0, MOST_RECENT) : [],
    tone: ([1, 2, 3, 4, 5] as const).find((each) => each === tone) ?? 0,
  };
}
