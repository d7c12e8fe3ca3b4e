/** Words that an older version of the page kept for one tab, in sessionStorage. */
import type { Belongings } from './device.ts';
import type { Entry } from './outbox.ts';

type Shelf = Pick<Storage, 'getItem' | 'removeItem'>;

/** Takes what lies there for a person; afterwards it is gone from there. */
export function takeLegacy(shelf: Shelf | undefined, userId: string): Pick<Belongings, 'entries' | 'draft'> {
  const draft = take(shelf, `securechat:draft:${userId}`);
  return { entries: parse(take(shelf, `securechat:outbox:${userId}`)), draft: draft ? { text: draft } : undefined };
}

function take(shelf: Shelf | undefined, key: string): string | undefined {
  try {
    const value = shelf?.getItem(key) ?? undefined;
    shelf?.removeItem(key);
    return value;
  } catch {
    return undefined;
  }
}

function parse(json = '[]'): Entry[] {
  try {
    const entries: unknown = JSON.parse(json);
    return Array.isArray(entries) ? entries.filter(isEntry).map(afresh) : [];
  } catch {
    return [];
  }
}

function isEntry(candidate: unknown): candidate is Entry {
  const entry = candidate as Partial<Entry> | null;
  return typeof entry?.request?.clientId === 'string' && typeof entry.at === 'number' && typeof entry.state?.is === 'string';
}

function afresh(entry: Entry): Entry {
  return entry.state.is === 'failed' ? entry : { ...entry, state: { is: 'waiting' } };
}
