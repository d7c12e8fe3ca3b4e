import type { User } from '@securechat/shared/protocol';
import type { Presence } from './presence.ts';

type Entry = { user: User /** Infinity while connected. */; until: number };

/**
 * Presence on a single node.
 *
 * @param now a clock in milliseconds that never goes back
 */
export function createMemoryPresence(now: () => number = () => performance.now()): Presence {
  const rooms = new Map<string, Map<string, Entry>>();

  function entriesOf(room: string): Map<string, Entry> {
    const entries = rooms.get(room) ?? new Map<string, Entry>();
    rooms.set(room, entries);
    return entries;
  }

  return {
    enter(room, user) {
      const entries = entriesOf(room);
      const entry = entries.get(user.id);
      // An entry whose time is over but which no sweep has announced yet is taken up again in silence.
      entries.set(user.id, { user, until: Number.POSITIVE_INFINITY });
      return Promise.resolve(entry === undefined);
    },
    touch(room, users) {
      const entries = entriesOf(room);
      for (const user of users) entries.set(user.id, { user, until: Number.POSITIVE_INFINITY });
      return Promise.resolve();
    },
    fade(room, user, graceMs) {
      const entry = entriesOf(room).get(user.id);
      if (entry !== undefined) entry.until = now() + graceMs;
      return Promise.resolve();
    },
    leave(room, user) {
      return Promise.resolve(entriesOf(room).delete(user.id));
    },
    sweep(room) {
      const entries = entriesOf(room);
      const gone = [...entries.values()].filter(({ until }) => until <= now()).map(({ user }) => user);
      for (const { id } of gone) entries.delete(id);
      return Promise.resolve(gone);
    },
    list(room, limit) {
      const entries = entriesOf(room);
      const people: User[] = [];
      for (const { user } of entries.values()) {
        if (people.length >= limit) break;
        people.push(user);
      }
      return Promise.resolve({ people, count: entries.size });
    },
  };
}
