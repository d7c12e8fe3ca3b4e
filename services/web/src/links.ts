/** An address that may be opened: where it leads, and the host (or mailbox) when the words shown do not begin with it. */
export type Target = { href: string; hidden: string | undefined };

const MAX_ADDRESS = 2_000;
/** Direction marks could turn the shown address round; quotes and angle brackets usually stand around one. */
const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"'`\p{Cc}\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/iuy;
const UNFIT = /[\s<>"'`\\\p{Cc}\p{Cf}]/u;
const CLOSING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/**
 * The web or mail address that begins exactly there. Punctuation that ends a sentence is not part of it, nor is a bracket
 * that was opened before it.
 *
 * @returns how many characters belong to it, and where it leads: nowhere if it is none after all
 */
export function addressAt(text: string, at: number): { length: number; target: Target | undefined } {
  ADDRESS.lastIndex = at;
  const [found] = ADDRESS.exec(text) ?? [];
  if (found === undefined) return { length: 0, target: undefined };
  const address = found.length > MAX_ADDRESS ? found : withoutTail(found);
  return { length: address.length, target: readTarget(address, address) };
}

/**
 * Where an address leads: to http, https or a mailbox, else nowhere.
 *
 * @param label the words that are shown for it
 */
export function readTarget(address: string, label: string): Target | undefined {
  if (address.length > MAX_ADDRESS || UNFIT.test(address)) return undefined;
  const url = URL.parse(address);
  const host = url && hostOf(url);
  return host ? { href: url.href, hidden: shownHost(label) === host ? undefined : host } : undefined;
}

/** Beside a host name it is the encoded form that tells look-alike letters apart. */
function hostOf(url: URL): string | undefined {
  if (url.protocol === 'https:' || url.protocol === 'http:') return url.hostname || undefined;
  if (url.protocol === 'mailto:' && /^[^@]+@[^@]+$/.test(url.pathname)) return url.pathname.toLowerCase();
  return undefined;
}

/** What a reader takes for the host. With `user@` before it, it is not what they think, so that does not count. */
function shownHost(label: string): string | undefined {
  return /^(?:https?:\/\/|mailto:)?([^/?#:]+)/.exec(label.trim().toLowerCase())?.[1];
}

function withoutTail(address: string): string {
  const counts = new Map<string, number>();
  for (const character of address) counts.set(character, (counts.get(character) ?? 0) + 1);
  const count = (character: string) => counts.get(character) ?? 0;
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1] ?? '';
    const opening = CLOSING[last];
    const isStray = opening !== undefined && count(last) > count(opening);
    if (!isStray && !'.,;:!?…*_~'.includes(last)) break;
    counts.set(last, count(last) - 1);
  }
  return address.slice(0, end);
}
