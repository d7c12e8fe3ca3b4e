/** The username rule: whom a name may belong to is decided by how it looks, not by its code points. */

import { countCharacters } from '@securechat/shared/protocol';

/** The name as typed, which is what others see, and the two forms that have to be unique. */
export type Username = { name: string; folded: string; twin: string };
export type UsernameVerdict = ({ ok: true } & Username) | { ok: false; message: string };

/**
 * Checks a name that somebody wants to sign up with. Never throws, whatever the text.
 *
 * @param name as typed; it is not trimmed or changed
 * @returns the name's three forms, or a sentence that says what to change
 */
export function checkUsername(name: string): UsernameVerdict {
  const message = findFault(name);
  if (message !== undefined) return { ok: false, message };
  const folded = foldUsername(name);
  const twin = twinOf(folded);
  if (RESERVED.has(twin)) return { ok: false, message: 'This username is reserved. Please choose another one.' };
  return { ok: true, name, folded, twin };
}

/**
 * The form in which names are compared: the same for all spellings that differ by case, width or composition.
 * Through upper case and back (Unicode default case conversion), because lower-casing alone keeps ß apart from ss,
 * the two sigmas apart, and ı apart from i; twice, because ẞ becomes ß first. Idempotent; any text is taken.
 */
export function foldUsername(name: string): string {
  return foldOnce(foldOnce(name));
}

const foldOnce = (text: string) => text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');

/** The folded form as the eye reads it: letters of other scripts that look like Latin ones are written as those. */
export function twinOf(folded: string): string {
  return [...folded.normalize('NFD')]
    .map((letter) => LOOKALIKES.get(letter) ?? letter)
    .join('')
    .normalize('NFC');
}

// ---- the rule ------------------------------------------------------------------------------------------------------

const LENGTH = { least: 2, most: 32 };
const WRONG_LENGTH = `Please choose a username of ${LENGTH.least} to ${LENGTH.most} characters.`;
const ALLOWED = /^[\p{L}\p{M}\p{Nd}._-]*$/u;
// Hangul fillers and variation selectors are letters and marks to Unicode, and nothing at all to the eye.
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
const PILE_OF_MARKS = /\p{M}{4}/u;
const DIGIT = /\p{Nd}/u;

function findFault(name: string): string | undefined {
  if (!name.isWellFormed()) return 'This username contains a broken character. Please type it again.';
  // As typed first: composing 64 KiB of ligatures is work that nobody should get for free.
  if (!hasGoodLength(name)) return WRONG_LENGTH;
  const composed = name.normalize('NFKC');
  // Both forms: one typed ligature may stand for eighteen characters, some of them spaces.
  const forms = [name, composed];
  if (!hasGoodLength(composed)) return WRONG_LENGTH;
  if (!forms.every((form) => ALLOWED.test(form)) || forms.some((form) => INVISIBLE.test(form))) {
    return 'A username may contain letters, digits, dots, underscores and hyphens, and nothing else. Please change it.';
  }
  if (forms.some((form) => PILE_OF_MARKS.test(form))) {
    return 'This username has too many accents on one letter. Please use at most three.';
  }
  if (!forms.every(isOfOneWritingSystem)) {
    return 'This username mixes letters of different alphabets. Please use one alphabet.';
  }
  if (!hasOneKindOfDigits(composed)) return 'This username mixes digits of different scripts. Please use one kind of digits.';
  return undefined;
}

function hasGoodLength(form: string): boolean {
  const characters = countCharacters(form);
  return characters >= LENGTH.least && characters <= LENGTH.most;
}

/** UTS #39 §5.1: all characters share a script by Script_Extensions; characters common to all scripts go with any. */
const isOfOneWritingSystem = (form: string) => WRITING_SYSTEMS.some((system) => system.test(form));

/** UTS #39 §5.3. The ten digits of a system follow each other, so the start of their run names the system. */
function hasOneKindOfDigits(form: string): boolean {
  const systems = [...form].filter((character) => DIGIT.test(character)).map(startOfDigits);
  return new Set(systems).size <= 1;
}

function startOfDigits(digit: string): number {
  let start = digit.codePointAt(0) ?? 0;
  while (DIGIT.test(String.fromCodePoint(start - 1))) start--;
  return start;
}

// ---- tables --------------------------------------------------------------------------------------------------------

/** In Latin letters, so each is its own twin. */
const RESERVED = new Set('system server admin administrator moderator support root securechat everyone here all'.split(' '));

/** ISO 15924 codes of the scripts of Unicode 17; one writing system each, but for the combinations of UTS #39 §5.1. */
const SCRIPTS = `Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Berf Bhks Bopo Brah Bugi Buhd Cakm Cans Cari Cham
  Cher Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Gara Geor Glag Gong Gonm Goth Gran Grek Gujr Gukh
  Guru Hang Hani Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana Kawi Khar Khmr Khoj Kits Knda Krai Kthi Lana Laoo
  Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani Marc Medf Mend Merc Mero Mlym Modi Mong Mroo Mtei Mult Mymr Nagm
  Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh Orya Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg
  Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd Sidt Sind Sinh Sogd Sogo Sora Soyo Sund Sunu Sylo Syrc Tagb Takr Tale Talu Taml Tang
  Tavt Tayo Telu Tfng Tglg Thaa Thai Tibt Tirh Tnsa Todr Tols Toto Tutg Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb`;

const WRITING_SYSTEMS = [
  ['Hani', 'Hira', 'Kana'],
  ['Hani', 'Hang'],
  ['Hani', 'Bopo'],
  ...SCRIPTS.split(/\s+/).map((code) => [code]),
]
  .map(patternOf)
  .filter((pattern) => pattern !== undefined);

/** Undefined for a script that this runtime's Unicode version does not know yet; its letters are then refused. */
function patternOf(scripts: string[]): RegExp | undefined {
  const classes = [...scripts, 'Zyyy', 'Zinh'].map((code) => `\\p{scx=${code}}`).join('');
  try {
    return new RegExp(`^[${classes}]*$`, 'u');
  } catch {
    return undefined;
  }
}

/** Folded letters that read as a Latin one, in small letters or in capitals; each pair is theirs and ours. */
const LOOKALIKES = new Map(
  `аa вb еe кk мm нh оo рp сc тt уy хx іi јj ѕs һh ԁd ԛq ԝw ӏl ѵv ԍg ьb
   αa βb εe ζz ηn ιi κk μm νv οo ρp τt υu χx γy ωw
   օo ոn սu հh յj ցg զq`
    .split(/\s+/)
    .map(([theirs = '', ours = '']) => [theirs, ours] as const),
);
