/**
 * What people read, in their language. English comes with the page; another language is fetched when somebody reads it.
 * The sentences that the protocol fixes, and what the server says, are the same in every language.
 */
import type { Texts } from './texts.en.ts';
import { english } from './texts.en.ts';

export type Language = 'en' | 'es';

/** The languages by their own names. */
export const LANGUAGES: Readonly<Record<Language, string>> = { en: 'English', es: 'Español' };

const KEY = 'securechat:language';

/** The dictionary. {@link speak} puts the words of another language into this very object, so it may be imported as it is. */
export const texts: Texts = { ...english };

let spoken: Language = 'en';
const listeners = new Set<() => void>();

/** The language that is spoken now. */
export const language = (): Language => spoken;

/** Calls back after every change of the language: what was drawn from `texts` has to be drawn anew. */
export function onLanguage(listener: () => void): void {
  listeners.add(listener);
}

/** Speaks the language that was chosen in this browser, or else the first of the browser's languages that we know. */
export function speakAsChosen(): Promise<void> {
  return speak(readLanguage() ?? preferred(navigator.languages));
}

/** Speaks a language from now on and remembers it. */
export async function chooseLanguage(chosen: Language): Promise<void> {
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // A browser that keeps nothing speaks it until the page is closed.
  }
  await speak(chosen);
}

/** The first known language among BCP 47 tags such as `es-MX`; English when there is none. */
export function preferred(tags: readonly string[]): Language {
  return tags.map(languageOf).find((known) => known !== undefined) ?? 'en';
}

/** What Intl writes times and numbers in: as the person's region does, if the browser's language is the one spoken. */
export function locale(): string {
  return navigator.languages.find((tag) => languageOf(tag) === spoken) ?? spoken;
}

/** English stays when the words of another language cannot be fetched: a page in it is better than none. */
async function speak(next: Language): Promise<void> {
  const words = next === 'en' ? english : await fetchWords();
  Object.assign(texts, words ?? english);
  spoken = words ? next : 'en';
  document.documentElement.lang = spoken;
  for (const listener of listeners) listener();
}

async function fetchWords(): Promise<Texts | undefined> {
  const page = document.documentElement;
  page.dataset.words = 'coming';
  try {
    return (await import('./texts.es.ts')).spanish;
  } catch {
    return undefined;
  } finally {
    delete page.dataset.words;
  }
}

function readLanguage(): Language | undefined {
  try {
    return languageOf(localStorage.getItem(KEY) ?? '');
  } catch {
    return undefined;
  }
}

function languageOf(tag: string): Language | undefined {
  const [primary = ''] = tag.toLowerCase().split('-');
  return Object.hasOwn(LANGUAGES, primary) ? (primary as Language) : undefined;
}
