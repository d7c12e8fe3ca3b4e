/**
 * What a person said and the server has not been heard to store. Every entry keeps its clientId until it is seen back, so
 * that sending it again, after whatever happened in between, never says it twice.
 *
 * It lies on the device before it is sent. All tabs of a person show the same entries; the one whose turn it is sends for
 * all. One entry at a time is on its way: two would overtake each other when the first is refused and the second is not.
 */
import type { ClientMessageOf, Refused, RoomEvent } from '@securechat/shared/protocol';
import type { Clock } from './clock.ts';
import type { Tabs } from './tabs.ts';

export type Request = ClientMessageOf<'send' | 'edit' | 'delete' | 'react'>;

export type Entry = {
  request: Request;
  /** When the person said it, by this computer's clock (ms since 1970); no two entries of a tab have the same. */
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

/** Where entries outlive the tab. Nothing here throws. */
export type Ledger = {
  /** All entries in the order they were said, as they wait or failed; undefined when they cannot be read. */
  read: () => Promise<Entry[] | undefined>;
  /** Puts an entry, or its new state. Resolves once it is durable, to false when it could not be kept. */
  write: (entry: Entry) => Promise<boolean>;
  erase: (clientId: string) => void;
};

/** What the tabs of a person tell each other. */
export type News =
  | { is: 'entry'; entry: Entry; isKept: boolean }
  | { is: 'gone'; clientId: string }
  | { is: 'halt'; halt: Halt }
  | { is: 'refused' }
  | { is: 'cleared' };

/** What the outbox shares with other tabs and other days. */
export type Shared = { ledger: Ledger; tabs: Tabs<News>; entries: readonly Entry[] };

/** A reply takes at most 5 s on a healthy connection; after this the connection is doubted. */
const ANSWER_WITHIN_MS = 8_000;
const RETRY_FIRST_MS = 2_000;
const RETRY_LONGEST_MS = 15_000;
/** A tab in the background may sleep, or have lost its connection: one that sees no progress for so long takes the turn. */
const PROGRESS_WITHIN_MS = 12_000;
/** Ids remembered as done, so that news and ledgers that are late do not bring them back. */
const MAX_DONE = 1_000;

/**
 * Creates the outbox of one person in one tab.
 *
 * @param shared what the tabs of this person share; undefined when this browser keeps nothing: then it lives as long as the tab
 * @param transmit gives one request to the connection; false when there is none
 * @param onSilence called when a request was not answered in time
 * @param onChange called after every change
 */
export function createOutbox(deps: {
  shared: Shared | undefined;
  clock: Clock;
  transmit: (request: Request) => boolean;
  onSilence: () => void;
  onChange: (state: OutboxState) => void;
}) {
  const { shared, clock, transmit } = deps;
  let state: OutboxState = { entries: shared?.entries ?? [] };
  const kept = new Set(state.entries.map(idOf));
  const beingKept = new Set<string>();
  const done = new Set<string>();
  let isOurTurn = shared === undefined;
  let isOpen = false;
  /** The clientId of the request that this tab gave to the connection and that was not answered yet. */
  let inFlight: string | undefined;
  let failures = 0;
  let callOff = () => {};
  let callOffHalt = () => {};
  let callOffWatch: (() => void) | undefined;

  shared?.tabs.join({ hear, turn });

  function change(next: OutboxState) {
    state = next;
    deps.onChange(state);
  }

  function find(clientId: string | undefined): Entry | undefined {
    return state.entries.find((entry) => idOf(entry) === clientId);
  }

  function update(clientId: string, entryState: Entry['state']) {
    const entries = state.entries.map((entry) => (idOf(entry) === clientId ? { ...entry, state: entryState } : entry));
    change({ ...state, entries });
  }

  /** As {@link update}, and the other tabs show it too. */
  function announce(clientId: string, entryState: Entry['state']) {
    update(clientId, entryState);
    const entry = find(clientId);
    if (entry) shared?.tabs.tell({ is: 'entry', entry, isKept: kept.has(clientId) });
  }

  function remove(clientId: string) {
    change({ ...state, entries: state.entries.filter((entry) => idOf(entry) !== clientId) });
  }

  function markDone(clientId: string) {
    if (done.size >= MAX_DONE) done.clear();
    done.add(clientId);
    kept.delete(clientId);
    shared?.ledger.erase(clientId);
  }

  function sendNext() {
    if (!isOurTurn) return watchProgress();
    if (!isOpen || state.halt || inFlight !== undefined) return;
    const next = state.entries.find(isUnsent);
    if (!next || beingKept.has(idOf(next)) || !transmit(next.request)) return;
    inFlight = idOf(next);
    announce(inFlight, { is: 'sending' });
    later(ANSWER_WITHIN_MS, deps.onSilence);
  }

  function later(ms: number, run: () => void) {
    callOff();
    callOff = clock.after(ms, run);
  }

  function halt(next: Halt) {
    change({ ...state, halt: next });
    // Another tab may have been told so while an answer is awaited here, or a next try: these go on.
    callOffHalt();
    callOffHalt = clock.after(next.until - clock.now(), () => {
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

  // ---- what people do ----------------------------------------------------------------------------------------------

  /** Takes up a request; it goes out as soon as it can, after those before it, and not before it lies on the device. */
  function put(request: Request) {
    const at = Math.max(clock.now(), (state.entries.at(-1)?.at ?? 0) + 1);
    const entry: Entry = { request, at, state: { is: 'waiting' } };
    change({ ...state, entries: [...state.entries, entry] });
    if (shared) void keepAndShare(entry, shared);
    else sendNext();
  }

  async function keepAndShare(entry: Entry, { ledger, tabs }: Shared) {
    beingKept.add(idOf(entry));
    const isKept = await ledger.write(entry);
    beingKept.delete(idOf(entry));
    if (!find(idOf(entry))) return ledger.erase(idOf(entry));
    if (isKept) kept.add(idOf(entry));
    tabs.tell({ is: 'entry', entry, isKept });
    sendNext();
  }

  /** Takes an entry out that is not on its way; returns it, so that its words can be used again. */
  function discard(clientId: string): Entry | undefined {
    const entry = find(clientId);
    if (!entry || isSending(entry)) return undefined;
    remove(clientId);
    markDone(clientId);
    shared?.tabs.tell({ is: 'gone', clientId });
    return entry;
  }

  /** Forgets everything, on this device and in the other tabs too. */
  function clear() {
    forget();
    shared?.tabs.tell({ is: 'cleared' });
  }

  function forget() {
    callOff();
    inFlight = undefined;
    for (const entry of state.entries) markDone(idOf(entry));
    change({ entries: [] });
  }

  // ---- what the connection says ------------------------------------------------------------------------------------

  /** The room is open: what waits goes out, one by one. */
  function open() {
    isOpen = true;
    failures = 0;
    sendNext();
    if (shared) void reconcile(shared.ledger);
  }

  /** The connection is gone: what was on its way will be sent again with the same clientId. */
  function close() {
    isOpen = false;
    callOff();
    if (inFlight === undefined) return;
    const clientId = inFlight;
    inFlight = undefined;
    announce(clientId, { is: 'waiting' });
  }

  /** An event of the room was heard; if it is ours, it is the acknowledgement. */
  function acknowledge(event: Pick<RoomEvent, 'seq' | 'clientId'>) {
    const { clientId } = event;
    if (clientId === undefined) return;
    if (find(clientId)) {
      update(clientId, { is: 'stored', seq: event.seq });
      markDone(clientId);
    }
    if (state.isRefused) change({ ...state, isRefused: false });
    if (clientId !== inFlight) return;
    inFlight = undefined;
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
    const entry = find(inFlight);
    if (!entry || !isAbout(refusal, entry)) return;
    callOff();
    inFlight = undefined;
    switch (refusal.code) {
      case 'slow_down':
        announce(idOf(entry), { is: 'waiting' });
        return haltAll(refusal);
      case 'unavailable':
      case 'not_open':
        announce(idOf(entry), { is: 'waiting' });
        if (refusal.code === 'unavailable') {
          change({ ...state, isRefused: true });
          shared?.tabs.tell({ is: 'refused' });
        }
        return retrySoon();
      default:
        fail(entry, refusal);
        sendNext();
    }
  }

  function haltAll(refusal: Refused) {
    const retryAfterMs = Math.max(refusal.retryAfterMs ?? RETRY_FIRST_MS, 0);
    const next: Halt = { until: clock.now() + retryAfterMs, sentence: refusal.message };
    halt(next);
    shared?.tabs.tell({ is: 'halt', halt: next });
  }

  function fail(entry: Entry, refusal: Refused) {
    announce(idOf(entry), { is: 'failed', refusal });
    const failed = find(idOf(entry));
    if (failed) void shared?.ledger.write(failed);
  }

  // ---- the other tabs ----------------------------------------------------------------------------------------------

  function hear(news: News) {
    switch (news.is) {
      case 'entry':
        hearEntry(news.entry, news.isKept);
        break;
      case 'gone':
        markDone(news.clientId);
        remove(news.clientId);
        break;
      case 'halt':
        halt(news.halt);
        break;
      case 'refused':
        change({ ...state, isRefused: true });
        break;
      case 'cleared':
        forget();
    }
    sendNext();
  }

  function hearEntry(entry: Entry, isKept: boolean) {
    const clientId = idOf(entry);
    if (done.has(clientId) || clientId === inFlight) return;
    if (isKept) kept.add(clientId);
    if (find(clientId)) update(clientId, entry.state);
    else change({ ...state, entries: inOrder([...state.entries, entry]) });
  }

  /** This tab's turn to send begins, or another tab took it. */
  function turn(isOurs: boolean) {
    isOurTurn = isOurs;
    if (!isOurs) return;
    stopWatching();
    // Whether what the last tab had sent arrived is unknown; the clientId makes it safe to send it again.
    change({ ...state, entries: state.entries.map((entry) => (idOf(entry) === inFlight ? entry : afresh(entry))) });
    if (shared) void reconcile(shared.ledger);
  }

  /** Takes over what other tabs wrote, and drops what they saw stored; then what waits goes out. */
  async function reconcile(ledger: Ledger) {
    const keptBefore = new Set(kept);
    const read = await ledger.read();
    if (read) takeOver(read, keptBefore);
    sendNext();
  }

  function takeOver(read: readonly Entry[], keptBefore: ReadonlySet<string>) {
    const known = new Set(state.entries.map(idOf));
    const readIds = new Set(read.map(idOf));
    const added = read.filter((entry) => !known.has(idOf(entry)) && !done.has(idOf(entry)));
    const remain = state.entries.filter((entry) => isStored(entry) || readIds.has(idOf(entry)) || !keptBefore.has(idOf(entry)));
    for (const entry of added) kept.add(idOf(entry));
    if (added.length > 0 || remain.length < state.entries.length) change({ ...state, entries: inOrder([...remain, ...added]) });
  }

  /** Another tab sends for all. When the same entry is first in line for too long here, this tab takes the turn. */
  function watchProgress() {
    const first = state.entries.find(isUnsent);
    if (!first || callOffWatch || !shared) return;
    callOffWatch = clock.after(PROGRESS_WITHIN_MS, () => {
      callOffWatch = undefined;
      const isStuck = isOpen && !state.halt && idOf(first) === state.entries.filter(isUnsent).map(idOf)[0];
      if (isStuck) shared.tabs.seizeTurn();
      else watchProgress();
    });
  }

  function stopWatching() {
    callOffWatch?.();
    callOffWatch = undefined;
  }

  return { put, open, close, acknowledge, settle, refuse, discard, clear, state: () => state };
}

export const idOf = (entry: Entry) => entry.request.clientId;
export const isFailed = (entry: Entry) => entry.state.is === 'failed';
/** True while the words are not known to be stored and are still going to be sent. */
export const isUnsent = (entry: Entry) => entry.state.is === 'waiting' || entry.state.is === 'sending';
const isSending = (entry: Entry) => entry.state.is === 'sending';
const isStored = (entry: Entry) => entry.state.is === 'stored';

const inOrder = (entries: readonly Entry[]) => entries.toSorted((one, other) => one.at - other.at);

function isAbout(refusal: Refused, entry: Entry): boolean {
  return refusal.clientId === undefined ? refusal.for === entry.request.type : refusal.clientId === idOf(entry);
}

/** Whether it arrived before is unknown, so it is sent again; the clientId makes that safe. */
function afresh(entry: Entry): Entry {
  return isSending(entry) ? { ...entry, state: { is: 'waiting' } } : entry;
}
