/** A device that forgets with the page: for browsers that keep nothing, and for tests. */
import type { User } from '@securechat/shared/protocol';
import type { Device, Draft } from './device.ts';
import { type Entry, idOf } from './outbox.ts';
import type { KeptRoom } from './roomState.kept.ts';

/** Creates an empty device. */
export function createMemoryDevice(): Device {
  let last: User | undefined;
  const outbox = new Map<string, Map<string, Entry>>();
  const drafts = new Map<string, Draft>();
  const rooms = new Map<string, KeptRoom>();
  const placeOf = (userId: string, room: string) => `${userId} ${room}`;
  const entriesOf = (userId: string) => [...(outbox.get(userId)?.values() ?? [])].sort((one, other) => one.at - other.at);

  return {
    lastPerson: () => Promise.resolve(last),
    async remember(person) {
      last = person;
    },
    belongings: async (userId, room) => ({
      entries: entriesOf(userId),
      draft: drafts.get(placeOf(userId, room)),
      room: rooms.get(placeOf(userId, room)),
    }),
    entries: async (userId) => entriesOf(userId),
    async putEntry(userId, entry, written) {
      outbox.set(userId, (outbox.get(userId) ?? new Map<string, Entry>()).set(idOf(entry), entry));
      const place = placeOf(userId, entry.request.room);
      if (written !== undefined && drafts.get(place)?.text === written) drafts.delete(place);
    },
    async eraseEntry(userId, clientId) {
      outbox.get(userId)?.delete(clientId);
    },
    async putDraft(userId, room, draft) {
      drafts.set(placeOf(userId, room), draft);
    },
    async eraseDraft(userId, room, written) {
      if (drafts.get(placeOf(userId, room))?.text === written) drafts.delete(placeOf(userId, room));
    },
    async putRoom(userId, room, kept) {
      rooms.set(placeOf(userId, room), kept);
    },
    async forget() {
      last = undefined;
      rooms.clear();
    },
  };
}
