/**
 * What a person said and the server has not been heard to store. Every entry keeps its clientId until it is seen back, so
 * that sending it again, after whatever happened in between, never says it twice.
 *
 * One entry at a time is on its way: two would overtake each other when the first is refused and the second is not.
 */
import type { ClientMessageOf, Refused, RoomEvent } from '@securechat/shared/protocol';
import type { Clock } from './clock.ts';

export type Request = ClientMessageOf<'send' | 'edit' | 'delete' | 'react'>;

export type Entry = {
  request: Request;
  /** When the person said it, by this computer's clock (ms since 1970). */
  at: number;
  state:
    | { is: 'waiting' }
    | { is: 'sending' }
    /** Seen back, but the events before it are still coming; shown until the room has reached `seq`. */
    | { is: 'stored'; seq: number }
    | { is: 'failed'; refusal: Refused };
};

/** The server's mute: nothing is sent until then. `sentence` is the server's, word for word. */
export type Halt = { until: number; sentence: string };

/** `isRefused`: the connection is there, but the server cannot store anything at the moment; it is tried again. */
export type OutboxState = { entries: readonly Entry[]; halt?: Halt; isRefused?: boolean };

/** The parts of the browser's Storage that keep the outbox over a reload. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** A reply takes at most 5 s on a healthy connection; after this the connection is doubted. */
const ANSWER_WITHIN_MS = 8_000;
const RETRY_FIRST_MS = 2_000;
const RETRY_LONGEST_MS = 15_000;

/**
 * Creates the outbox of one person in one tab.
 *
 * @param userId whose words these are: they are kept under this id and never sent as another
 * @param transmit gives one request to the connection; false when there is none
 * @param onSilence called when a request was not answered in time
 * @param onChange called after every change
 */
export function createOutbox(deps: {
  userId: string;
  shelf: Shelf | undefined;
  clock: Clock;
  transmit: (request: Request) => boolean;
  onSilence: () => void;
  onChange: (state: OutboxState) => void;
}) {
  const { shelf, clock, transmit } = deps;
  const shelfKey = `securechat:outbox:${deps.userId}`;
  let state: OutboxState = { entries: readShelf(shelf, shelfKey) };
  let isOpen = false;
  let failures = 0;
  let callOff = () => {};

  function change(next: OutboxState) {
    if (next.entries !== state.entries) writeShelf(shelf, shelfKey, next.entries);
    state = next;
    deps.onChange(state);
  }

  function update(clientId: string, entryState: Entry['state']) {
    const entries = state.entries.map((entry) => (idOf(entry) === clientId ? { ...entry, state: entryState } : entry));
    change({ ...state, entries });
  }

  function sendNext() {
    if (!isOpen || state.halt || state.entries.some(isSending)) return;
    const next = state.entries.find(isWaiting);
    if (!next || !transmit(next.request)) return;
    update(idOf(next), { is: 'sending' });
    later(ANSWER_WITHIN_MS, deps.onSilence);
  }

  function later(ms: number, run: () => void) {
    callOff();
    callOff = clock.after(ms, run);
  }

  function haltUntil(refusal: Refused) {
    const retryAfterMs = Math.max(refusal.retryAfterMs ?? RETRY_FIRST_MS, 0);
    change({ ...state, halt: { until: clock.now() + retryAfterMs, sentence: refusal.message } });
    later(retryAfterMs, () => {
      const { halt: _over, ...rest } = state;
      change(rest);
      sendNext();
    });
  }

  function retrySoon() {
    const delay = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_LONGEST_MS);
    failures++;
    isOpen = false;
    later(delay, () => {
      isOpen = true;
      sendNext();
    });
  }

  /** Takes up a request; it goes out as soon as it can, after those before it. */
  function put(request: Request) {
    change({ ...state, entries: [...state.entries, { request, at: clock.now(), state: { is: 'waiting' } }] });
    sendNext();
  }

  /** The room is open: what waits goes out, one by one. */
  function open() {
    isOpen = true;
    failures = 0;
    sendNext();
  }

  /** The connection is gone: what was on its way will be sent again with the same clientId. */
  function close() {
    isOpen = false;
    if (!state.halt) callOff();
    const entries = state.entries.map((entry) => (isSending(entry) ? { ...entry, state: { is: 'waiting' } as const } : entry));
    change({ ...state, entries });
  }

  /** An event of the room was heard; if it is ours, it is the acknowledgement. */
  function acknowledge(event: Pick<RoomEvent, 'seq' | 'clientId'>) {
    const entry = state.entries.find((candidate) => idOf(candidate) === event.clientId);
    if (!entry) return;
    const wasSending = isSending(entry);
    update(idOf(entry), { is: 'stored', seq: event.seq });
    if (state.isRefused) change({ ...state, isRefused: false });
    if (!wasSending) return;
    failures = 0;
    callOff();
    sendNext();
  }

  /** Forgets what was stored up to here: the room shows it now. */
  function settle(cursor: number) {
    const entries = state.entries.filter((entry) => entry.state.is !== 'stored' || entry.state.seq > cursor);
    if (entries.length < state.entries.length) change({ ...state, entries });
  }

  /** A request was refused: it waits, is tried again, or stays as failed with what the server said. */
  function refuse(refusal: Refused) {
    const entry = state.entries.find((candidate) => isSending(candidate) && isAbout(refusal, candidate));
    if (!entry) return;
    callOff();
    switch (refusal.code) {
      case 'slow_down':
        update(idOf(entry), { is: 'waiting' });
        return haltUntil(refusal);
      case 'unavailable':
      case 'not_open':
        update(idOf(entry), { is: 'waiting' });
        change({ ...state, isRefused: refusal.code === 'unavailable' });
        return retrySoon();
      default:
        update(idOf(entry), { is: 'failed', refusal });
        sendNext();
    }
  }

  /** Takes an entry out that is not on its way; returns it, so that its words can be used again. */
  function discard(clientId: string): Entry | undefined {
    const entry = state.entries.find((candidate) => idOf(candidate) === clientId);
    if (!entry || isSending(entry)) return undefined;
    change({ ...state, entries: state.entries.filter((other) => other !== entry) });
    return entry;
  }

  /** Forgets everything, on this computer too. */
  function clear() {
    callOff();
    change({ entries: [] });
  }

  return { put, open, close, acknowledge, settle, refuse, discard, clear, state: () => state };
}

export const idOf = (entry: Entry) => entry.request.clientId;
export const isFailed = (entry: Entry) => entry.state.is === 'failed';
/** True while the words are not known to be stored and are still going to be sent. */
export const isUnsent = (entry: Entry) => entry.state.is === 'waiting' || entry.state.is === 'sending';
const isSending = (entry: Entry) => entry.state.is === 'sending';
const isWaiting = (entry: Entry) => entry.state.is === 'waiting';

function isAbout(refusal: Refused, entry: Entry): boolean {
  return refusal.clientId === undefined ? refusal.for === entry.request.type : refusal.clientId === idOf(entry);
}

/** A private window or a full disk may refuse storage; the chat works without, it only forgets on reload. */
function readShelf(shelf: Shelf | undefined, key: string): Entry[] {
  try {
    const entries: unknown = JSON.parse(shelf?.getItem(key) ?? '[]');
    return Array.isArray(entries) ? entries.filter(isEntry).map(afresh) : [];
  } catch {
    return [];
  }
}

function writeShelf(shelf: Shelf | undefined, key: string, entries: readonly Entry[]) {
  try {
    const unsettled = entries.filter((entry) => entry.state.is !== 'stored');
    if (unsettled.length === 0) shelf?.removeItem(key);
    else shelf?.setItem(key, JSON.stringify(unsettled));
  } catch {
    // Nothing to do: see readShelf.
  }
}

function isEntry(candidate: unknown): candidate is Entry {
  const entry = candidate as Partial<Entry> | null;
  return typeof entry?.request?.clientId === 'string' && typeof entry.at === 'number' && typeof entry.state?.is === 'string';
}

/** Whether it arrived before the reload is unknown, so it is sent again; the clientId makes that safe. */
function afresh(entry: Entry): Entry {
  return isFailed(entry) ? entry : { ...entry, state: { is: 'waiting' } };
}
