/** True for one to six emoji and nothing else: they are shown larger. */
export function isEmojiOnly(text: string): boolean {
  // The list of all emoji takes its time; hardly any text has to be compared with it.
  if (text.length > 100 || !/^[\s\p{Emoji}\p{Emoji_Component}]+$/u.test(text)) return false;
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

function firstCharacter(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) ?? 0x20);
}
