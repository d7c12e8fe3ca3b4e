/** The device's memory in IndexedDB. */
import type { User } from '@securechat/shared/protocol';
import { type DBSchema, type IDBPDatabase, type IDBPObjectStore, openDB } from 'idb';
import type { Device, Draft } from './device.ts';
import type { Entry } from './outbox.ts';
import type { KeptRoom } from './roomState.kept.ts';

type Place = [userId: string, room: string];

interface Schema extends DBSchema {
  people: { key: 'last'; value: User };
  outbox: { key: [userId: string, clientId: string]; value: Entry };
  drafts: { key: Place; value: Draft };
  rooms: { key: Place; value: KeptRoom };
}

type Writable<Name extends 'drafts' | 'rooms'> = IDBPObjectStore<Schema, [Name], Name, 'readwrite'>;

const DATABASE = 'securechat';
const VERSION = 1;
/** Another tab with older code may hold the database; nobody waits for it. */
const OPEN_WITHIN_MS = 2_000;
/** Written through to the disk before it counts. */
const DURABLE = { durability: 'strict' } as const;

/**
 * Opens the database; rejects where the browser keeps nothing, where a newer version of us made it, and when it takes too long.
 *
 * @param onLost called when the browser took it away later
 */
export async function openDevice(onLost: () => void): Promise<Device> {
  const opening = openDB<Schema>(DATABASE, VERSION, {
    upgrade(database) {
      for (const store of ['people', 'outbox', 'drafts', 'rooms'] as const) database.createObjectStore(store);
    },
    // A newer version of the page wants to change the database: it waits for nobody.
    blocking: (_version, _blocked, event) => {
      (event.target as IDBDatabase).close();
      onLost();
    },
    terminated: onLost,
  });
  return deviceOf(await inTime(opening));
}

function deviceOf(database: IDBPDatabase<Schema>): Device {
  const entriesOf = async (userId: string) => {
    const entries = await database.getAll('outbox', everythingOf(userId));
    return entries.sort((one, other) => one.at - other.at);
  };

  /** Without waiting for the answer: a page that is about to go gets none, and what it did not commit would be taken back. */
  async function commit<Name extends 'drafts' | 'rooms'>(name: Name, write: (store: Writable<Name>) => Promise<unknown>) {
    const step = database.transaction(name, 'readwrite');
    const written = write(step.store);
    step.commit();
    await Promise.all([written, step.done]);
  }

  return {
    lastPerson: () => database.get('people', 'last'),
    async remember(person) {
      await database.put('people', person, 'last');
    },
    async belongings(userId, room) {
      const [entries, draft, kept] = await Promise.all([
        entriesOf(userId),
        database.get('drafts', [userId, room]),
        database.get('rooms', [userId, room]),
      ]);
      return { entries, draft, room: kept };
    },
    entries: entriesOf,
    async putEntry(userId, entry, written) {
      const step = database.transaction(['outbox', 'drafts'], 'readwrite', DURABLE);
      const drafts = step.objectStore('drafts');
      const place: Place = [userId, entry.request.room];
      await step.objectStore('outbox').put(entry, [userId, entry.request.clientId]);
      if (written !== undefined && (await drafts.get(place))?.text === written) await drafts.delete(place);
      await step.done;
    },
    eraseEntry: (userId, clientId) => database.delete('outbox', [userId, clientId]),
    async putDraft(userId, room, draft) {
      await commit('drafts', (store) => store.put(draft, [userId, room]));
    },
    async eraseDraft(userId, room, written) {
      const step = database.transaction('drafts', 'readwrite');
      const draft = await step.store.get([userId, room]);
      if (draft?.text === written) await step.store.delete([userId, room]);
      await step.done;
    },
    async putRoom(userId, room, kept) {
      await commit('rooms', (store) => store.put(kept, [userId, room]));
    },
    async forget() {
      const step = database.transaction(['people', 'rooms'], 'readwrite');
      await Promise.all([step.objectStore('people').clear(), step.objectStore('rooms').clear(), step.done]);
    },
  };
}

const everythingOf = (userId: string) => IDBKeyRange.bound([userId], [userId, []]);

function inTime<T>(work: Promise<T>): Promise<T> {
  const tooLate = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('The database did not open in time.')), OPEN_WITHIN_MS);
  });
  return Promise.race([work, tooLate]);
}
