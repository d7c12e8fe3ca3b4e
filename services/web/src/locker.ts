/**
 * One person's place on this device: what they wrote and did not send, and the latest messages of the room. Whatever the
 * browser refuses, the page goes on with what it has in its own memory and says once that it will not last.
 */
import { type Signal, signal } from '@preact/signals';
import { DEFAULT_ROOM } from '@securechat/shared/protocol';
import type { Clock } from './clock.ts';
import type { Belongings, Device } from './device.ts';
import type { Drafts } from './drafts.ts';
import { createDrafts } from './drafts.ts';
import type { Entry, Ledger, News, Shared } from './outbox.ts';
import { keptRoom, roomOf } from './roomState.kept.ts';
import { emptyRoom, type RoomState } from './roomState.ts';
import type { Tabs } from './tabs.ts';

const KEEP_ROOM_EVERY_MS = 1_000;
const FORGET_WITHIN_MS = 1_000;

export type Locker = {
  /** What the outbox shares with other tabs and other days; undefined where nothing is shared. */
  shared: Shared | undefined;
  drafts: Drafts;
  /** The room as it was kept. */
  room: RoomState;
  /** Whether words that were not sent are lost when the page is closed. */
  keepsNothing: Signal<boolean>;
  /** Takes a new state of the room, to be kept soon. */
  keepRoom: (room: RoomState) => void;
  /** Writes at once what was to be written soon: before the page goes. */
  flush: () => void;
  /** Forgets who was here and all messages, and keeps none from now on. A browser that hangs keeps nobody from leaving. */
  forget: () => Promise<unknown>;
};

/** A locker that forgets with the page. */
export function createLooseLocker(clock: Clock): Locker {
  return {
    shared: undefined,
    drafts: createDrafts({ kept: undefined, clock, write: () => {}, erase: () => {} }),
    room: emptyRoom,
    keepsNothing: signal(false),
    keepRoom: () => {},
    flush: () => {},
    forget: () => Promise.resolve(),
  };
}

/**
 * Opens the locker of a person.
 *
 * @param legacy words that an older version of the page kept for this tab; they move
 * @param keepsNothing becomes true when the browser refuses to keep something
 * @param dropShell makes the next visit ask the server who is there
 */
export async function openLocker(deps: {
  device: Device;
  userId: string;
  clock: Clock;
  tabs: Tabs<News>;
  legacy: Pick<Belongings, 'entries' | 'draft'>;
  keepsNothing: Signal<boolean>;
  dropShell: () => Promise<void>;
}): Promise<Locker> {
  const { device, userId, clock, keepsNothing } = deps;
  const kept = await device.belongings(userId, DEFAULT_ROOM).catch(refused);
  const { entries, draft, room } = kept ?? { entries: [], draft: undefined, room: undefined };
  let latest: RoomState | undefined;
  let callOffKeeping: (() => void) | undefined;
  let isForgotten = false;

  const drafts = createDrafts({
    kept: draft ?? deps.legacy.draft,
    clock,
    write: (next) => void device.putDraft(userId, DEFAULT_ROOM, next).catch(refused),
    erase: (written) => void device.eraseDraft(userId, DEFAULT_ROOM, written).catch(refused),
  });
  const ledger: Ledger = {
    read: () => device.entries(userId).catch(refused),
    write: (entry) => device.putEntry(userId, entry, draftOf(entry)).then(succeeded, failed),
    erase: (clientId) => void device.eraseEntry(userId, clientId).catch(refused),
  };
  for (const entry of deps.legacy.entries) await ledger.write(entry);
  if (!draft && deps.legacy.draft) await device.putDraft(userId, DEFAULT_ROOM, deps.legacy.draft).catch(refused);

  function refused(): undefined {
    keepsNothing.value = true;
  }

  function failed(): false {
    keepsNothing.value = true;
    return false;
  }

  /** The draft that becomes this entry. */
  function draftOf({ request, state }: Entry): string | undefined {
    const isFromDraft = request.type === 'send' && state.is === 'waiting' && request.text === drafts.read().text;
    return isFromDraft ? drafts.written() : undefined;
  }

  function keepRoom(next: RoomState) {
    latest = next;
    callOffKeeping ??= clock.after(KEEP_ROOM_EVERY_MS, flushRoom);
  }

  function flushRoom() {
    callOffKeeping?.();
    callOffKeeping = undefined;
    const worthKeeping = latest && keptRoom(latest);
    // A room that cannot be kept is only fetched again: nothing that a person would have to know.
    if (worthKeeping && !isForgotten) device.putRoom(userId, DEFAULT_ROOM, worthKeeping).catch(() => {});
  }

  return {
    shared: { ledger, tabs: deps.tabs, entries: [...deps.legacy.entries, ...entries] },
    drafts,
    room: roomOf(room),
    keepsNothing,
    keepRoom,
    flush: () => {
      drafts.flush();
      if (callOffKeeping) flushRoom();
    },
    forget: () => {
      isForgotten = true;
      drafts.flush();
      const patience = new Promise<void>((resolve) => clock.after(FORGET_WITHIN_MS, resolve));
      return Promise.race([Promise.all([device.forget().catch(refused), deps.dropShell()]), patience]);
    },
  };
}

const succeeded = () => true;
