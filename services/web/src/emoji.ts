/** All emoji with their names. It is loaded when somebody opens the picker or types the name of one. */
import { EMOJI_TABLE } from './emojiTable.ts';

export type Group = keyof typeof EMOJI_TABLE;

/** `names` are short names as in `:tada:`, the first one is shown; `words` is all that it is found by, folded. */
export type Emoji = { emoji: string; names: readonly string[]; words: readonly string[]; hasTones: boolean };

/** From as it comes (0) over light to dark (5); the modifiers of Unicode Technical Standard 51. */
export type Tone = 0 | 1 | 2 | 3 | 4 | 5;

const MODIFIERS = ['', '\u{1f3fb}', '\u{1f3fc}', '\u{1f3fd}', '\u{1f3fe}', '\u{1f3ff}'] as const;
/** These groups of people have tones in few fonts, or none. */
const BASE = /[\p{Emoji_Modifier_Base}--[👪👯🤼]]/v;
const FLAG = /^\p{RGI_Emoji_Flag_Sequence}$/v;

/** The emoji of each group, in the order in which they are shown. */
export const EMOJI: Readonly<Record<Group, readonly Emoji[]>> = readTable();

const all = Object.values(EMOJI).flat();
const byName = new Map(all.flatMap((entry) => entry.names.map((name) => [name, entry])));
const bySign = new Map(all.map((entry) => [entry.emoji, entry]));

/** The emoji that goes by exactly this short name. */
export const emojiNamed = (name: string): Emoji | undefined => byName.get(name.toLowerCase());

/** What is known of an emoji, whatever its skin tone. */
export const aboutEmoji = (emoji: string): Emoji | undefined => bySign.get(emoji) ?? bySign.get(withoutTone(emoji));

/** The emoji in a skin tone, or as it is where it has none. */
export function inTone({ emoji, hasTones }: Emoji, tone: Tone): string {
  return hasTones && tone > 0 ? toned(emoji, tone) : emoji;
}

/**
 * The emoji that every typed word is the beginning of a name or word of; short names that begin with it come
 * first, the shortest of them before the others.
 * Case, accents and underscores do not matter.
 */
export function findEmoji(typed: string, limit: number): Emoji[] {
  const wanted = folded(typed)
    .split(/[\s_]+/)
    .filter(Boolean);
  if (wanted.length === 0) return [];
  const found = all.filter(({ words }) => wanted.every((each) => words.some((word) => word.startsWith(each))));
  const begin = wanted.join('_');
  const rank = ({ names }: Emoji) =>
    Math.min(...names.filter((name) => name.startsWith(begin)).map((name) => name.length), 1_000);
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, limit);
}

function readTable(): Record<Group, Emoji[]> {
  const groups = Object.fromEntries(
    Object.entries(EMOJI_TABLE).map(([group, rows]) => [group, rows.trim().split('\n').map(readRow)]),
  );
  return { ...groups, flags: [...(groups.flags ?? []), ...countryFlags()] } as Record<Group, Emoji[]>;
}

/** A flag is the code of a country in letters of its own (UTS 51, 1.4.5); which ones there are, the browser knows. */
function countryFlags(): Emoji[] {
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  const countries = ['en', 'es'].map((language) => new Intl.DisplayNames(language, { type: 'region' }));
  return codes.flatMap((code) => {
    const emoji = String.fromCodePoint(...[...code].map((letter) => 0x1f1a5 + letter.charCodeAt(0)));
    if (!FLAG.test(emoji)) return [];
    const words = countries.map((country) => country.of(code) ?? code);
    return [readRow(`${emoji} flag_${code.toLowerCase()}|${words.join(' ')}`)];
  });
}

/** "🎉 tada party_popper|celebration|fiesta": the emoji and its names, then other words for it. */
function readRow(row: string): Emoji {
  const [signAndNames = '', ...others] = row.split('|');
  const [emoji = '', ...names] = signAndNames.split(' ');
  const words = [...names, ...others].flatMap((part) => folded(part).split(/[\s_]+/));
  return { emoji, names, words: [...new Set(words)], hasTones: BASE.test(emoji) };
}

/** The modifier follows the person in it, in place of the mark that asks for colour. */
function toned(emoji: string, tone: Tone): string {
  return emoji.replace(/(\p{Emoji_Modifier_Base})\ufe0f?/u, `$1${MODIFIERS[tone]}`);
}

function withoutTone(emoji: string): string {
  const plain = emoji.replace(/\p{Emoji_Modifier}/u, '');
  return bySign.has(plain) || !BASE.test(plain) ? plain : plain.replace(BASE, '$&\ufe0f');
}

function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
