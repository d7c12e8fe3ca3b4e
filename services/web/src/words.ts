/** A text in the pieces that are drawn differently. Nothing else in it has a meaning. */
export type Piece = { is: 'words'; text: string } | { is: 'link'; text: string; href: string };

const ADDRESS = /https?:\/\/[^\s<>"'`\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/giu;
const CLOSING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/**
 * Splits a text into words and http(s) addresses. Joined together the pieces are the text again, unchanged.
 * Punctuation that ends a sentence is not part of an address, nor is a bracket that was opened before it.
 */
export function splitLinks(text: string): Piece[] {
  const pieces: Piece[] = [];
  let rest = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = withoutTail(match[0]);
    const href = toHref(address);
    if (!href) continue;
    if (match.index > rest) pieces.push({ is: 'words', text: text.slice(rest, match.index) });
    pieces.push({ is: 'link', text: address, href });
    rest = match.index + address.length;
  }
  if (rest < text.length) pieces.push({ is: 'words', text: text.slice(rest) });
  return pieces;
}

/** True for one to six emoji and nothing else: they are shown larger. */
export function isEmojiOnly(text: string): boolean {
  if (text.length > 100) return false;
  return /^(?:\s*(?:\p{RGI_Emoji}|\p{Emoji_Presentation})){1,6}\s*$/v.test(text);
}

/** One or two letters that stand for a person. */
export function initials(name: string): string {
  const [first = '', second] = name.split(/[._-]+/).filter(Boolean);
  const letters = second ? firstCharacter(first) + firstCharacter(second) : firstCharacter(first);
  return letters.toLocaleUpperCase();
}

/** A hue (0–359) that is the same for an id wherever and whenever it is shown. */
export function hueOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0;
  // Ids may be consecutive numbers; this spreads neighbours over the whole circle.
  return (Math.imul(hash, 0x9e3779b1) >>> 0) % 360;
}

function withoutTail(address: string): string {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1] ?? '';
    const opening = CLOSING[last];
    const isStray = opening !== undefined && count(address, last, end) > count(address, opening, end);
    if (!isStray && !'.,;:!?…*_~'.includes(last)) break;
    end--;
  }
  return address.slice(0, end);
}

function toHref(address: string): string | undefined {
  const url = URL.parse(address);
  return url && (url.protocol === 'https:' || url.protocol === 'http:') && url.hostname !== '' ? url.href : undefined;
}

function count(text: string, character: string, end: number): number {
  return text.slice(0, end).split(character).length - 1;
}

function firstCharacter(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) ?? 0x20);
}
