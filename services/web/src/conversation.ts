/**
 * The conversation of one person in one tab: it ties the connection, the room and the outbox together and owns what the
 * screen is drawn from. The screen calls its verbs and reads its signals; it changes nothing by itself.
 */

import { batch, effect, signal } from '@preact/signals';
import type { ClientMessage, ServerMessage, User } from '@securechat/shared/protocol';
import { DEFAULT_ROOM, Limit } from '@securechat/shared/protocol';
import type { Clock } from './clock.ts';
import type { Deletions } from './deletions.ts';
import { createDeletions } from './deletions.ts';
import type { Locker } from './locker.ts';
import type { Entry, OutboxState } from './outbox.ts';
import { createOutbox, isFailed, isUnsent } from './outbox.ts';
import type { RoomState } from './roomState.ts';
import * as rooms from './roomState.ts';
import type { Identity, Link, SocketLike } from './socket.ts';
import { createSocket } from './socket.ts';

/** After a refusal that names no time. */
const ASK_AGAIN_AFTER_MS = 2_000;
const READ_EVERY_MS = 1_000;
/** Nobody who leaves waits longer for a server that does not answer. */
const LAST_WORDS_WITHIN_MS = 1_500;
/** No message stands below seq 1, so the answer is short, and it comes at once. */
const PROBE: ClientMessage = { type: 'history', room: DEFAULT_ROOM, before: 1, limit: 1 };

/** A message that was looked up by its number, and what became of that. */
export type Spot = { seq: number; is: 'looked_for' | 'found' | 'missing' };

export type Conversation = ReturnType<typeof createConversation>;

/**
 * Creates the conversation; nothing is connected before `start`.
 *
 * @param me whose page this is
 * @param url of the chat server, `wss://…`
 * @param locker what is kept on this device
 * @param newId makes a fresh clientId (UUID)
 * @param ended called once when the person left or is not signed in any more
 */
export function createConversation(deps: {
  me: User;
  url: string;
  WebSocket: new (url: string, protocol: string) => SocketLike;
  clock: Clock;
  random: () => number;
  locker: Locker;
  newId: () => string;
  whoAmI: () => Promise<Identity>;
  ended: (why: 'left' | 'session_over' | 'somebody_else') => void;
}) {
  const { me, clock, newId, locker } = deps;
  const room = signal<RoomState>(locker.room);
  const link = signal<Link>({ state: 'connecting', isFirst: true });
  const outgoing = signal<OutboxState>({ entries: [] });
  const serverVersion = signal('');
  /** What will be deleted unless it is taken back in time. */
  const deleting = signal<Deletions | undefined>(undefined);
  const roundTripMs = signal<number | undefined>(undefined);
  /** Messages of others above this seq are marked as new. */
  const newSince = signal<number | undefined>(undefined);
  /** Whether the reader is at the latest message and stays there, or the event after which they scrolled away. */
  const following = signal<{ is: 'at_latest' } | { is: 'away'; since: number }>({ is: 'at_latest' });
  /** The message that somebody wants to see by its number. */
  const spot = signal<Spot | undefined>(undefined);
  /** The seq of the message that stands first in sight, while the reader is away from the latest. */
  let reading = Infinity;
  let isArrival = true;
  let probedAt: number | undefined;
  let typedAt = 0;
  let seen = 0;
  let readSent = 0;
  let callOffRead: (() => void) | undefined;
  let callOffReopen = () => {};

  const socket = createSocket({
    ...deps,
    userName: me.name,
    probe: PROBE,
    hear: (message) => batch(() => hear(message)),
    change: (next) => batch(() => linkChanged(next)),
  });

  const outbox = createOutbox({
    shared: locker.shared,
    clock,
    transmit: socket.send,
    onSilence: socket.reconnect,
    onChange: (next) => {
      outgoing.value = next;
    },
  });
  outgoing.value = outbox.state();

  function hear(message: ServerMessage) {
    const before = room.value;
    room.value = rooms.hear(before, message, { me, now: clock.now() });
    acknowledge(message);
    switch (message.type) {
      case 'welcome':
        serverVersion.value = message.server.version;
        markUnreadOnce();
        return openRoom('resume');
      case 'opened':
        outbox.open();
        break;
      case 'refused':
        refused(message);
        break;
      case 'page':
        measureRoundTrip(message.before === 1);
        if (before.historyFor?.is === 'around' && !room.value.historyFor) spotAnswered(before.historyFor.seq);
        // The room did not take it: it was too old.
        if (message.before !== undefined && message.before === room.value.historyBefore) historyRefused(ASK_AGAIN_AFTER_MS);
        break;
      case 'typing':
        forgetTypingLater();
        break;
    }
    outbox.settle(room.value.cursor);
    if (room.value.needs !== 'nothing') openRoom(room.value.needs);
    lookForSpot();
    room.value = rooms.bound(room.value, isFollowing() ? 'latest' : reading);
  }

  function acknowledge(message: ServerMessage) {
    const events = message.type === 'page' ? message.events : 'seq' in message && 'author' in message ? [message] : [];
    for (const event of events) if (event.clientId !== undefined) outbox.acknowledge(event);
  }

  function refused(refusal: ServerMessage & { type: 'refused' }) {
    const askAgainMs = refusal.retryAfterMs ?? ASK_AGAIN_AFTER_MS;
    if (refusal.for === 'open') reopenLater(askAgainMs);
    else if (refusal.for !== 'history') outbox.refuse(refusal);
    else {
      measureRoundTrip(true);
      historyRefused(askAgainMs);
    }
  }

  function historyRefused(askAgainMs: number) {
    clock.after(askAgainMs, () => {
      room.value = rooms.withoutHistoryRequest(room.value);
      lookForSpot();
    });
  }

  function openRoom(how: 'resume' | 'arrival') {
    const request = rooms.openRequest(room.value, how);
    if (socket.send(request)) room.value = rooms.opening(room.value, request);
  }

  function reopenLater(ms: number) {
    callOffReopen();
    callOffReopen = clock.after(ms, () => openRoom('resume'));
  }

  function linkChanged(next: Link) {
    link.value = next;
    if (next.state === 'connected') return;
    callOffReopen();
    probedAt = undefined;
    readSent = 0;
    room.value = rooms.disconnected(room.value);
    outbox.close();
    if (next.state === 'ended') deps.ended(next.why);
  }

  function measureRoundTrip(isAnswer: boolean) {
    if (!isAnswer || probedAt === undefined) return;
    roundTripMs.value = clock.now() - probedAt;
    probedAt = undefined;
  }

  function markUnreadOnce() {
    if (!isArrival) return;
    isArrival = false;
    if (room.value.read > 0) newSince.value = room.value.read;
  }

  function forgetTypingLater() {
    clock.after(Limit.typingLastsMs, () => {
      room.value = rooms.withoutStaleTyping(room.value, clock.now());
    });
  }

  /** Says something; it is shown at once and sent as soon as it can be. */
  function say(text: string, replyTo?: number) {
    newSince.value = undefined;
    goToLatest();
    outbox.put({ type: 'send', room: DEFAULT_ROOM, clientId: newId(), text, ...(replyTo !== undefined && { replyTo }) });
  }

  function edit(target: number, text: string) {
    outbox.put({ type: 'edit', room: DEFAULT_ROOM, clientId: newId(), target, text });
  }

  const deletions = createDeletions({
    clock,
    send: (target) => outbox.put({ type: 'delete', room: DEFAULT_ROOM, clientId: newId(), target }),
    onChange: (next) => {
      deleting.value = next;
    },
  });

  function react(target: number, emoji: string, on: boolean) {
    outbox.put({ type: 'react', room: DEFAULT_ROOM, clientId: newId(), target, emoji, on });
  }

  /** Sends a failed entry once more, as something new. */
  function sayAgain(entry: Entry) {
    if (outbox.discard(entry.request.clientId)) outbox.put({ ...entry.request, clientId: newId() });
  }

  /** Tells the others that somebody types; at most once in 2 s. */
  function type() {
    if (clock.now() - typedAt < Limit.typingEveryMs) return;
    if (room.value.phase === 'open' && socket.send({ type: 'typing', room: DEFAULT_ROOM })) typedAt = clock.now();
  }

  /** The reader has seen everything up to here; told to the server at most once a second, the last one always. */
  function read() {
    seen = room.value.cursor;
    if (callOffRead) return;
    tellRead();
    callOffRead = clock.after(READ_EVERY_MS, () => {
      callOffRead = undefined;
      tellRead();
    });
  }

  function tellRead() {
    if (room.value.phase !== 'open' || seen <= readSent || rooms.countUnread(room.value, me).count === 0) return;
    if (socket.send({ type: 'read', room: DEFAULT_ROOM, seq: seen })) readSent = seen;
  }

  /** The reader came to the latest message and stays with it. */
  function follow() {
    if (isFollowing()) return;
    batch(() => {
      following.value = { is: 'at_latest' };
      room.value = rooms.bound(room.value, 'latest');
    });
  }

  /** The reader wants the latest message, whatever they look at now. */
  function goToLatest() {
    forgetSpot();
    follow();
  }

  /** The reader scrolled away from the latest message. */
  function unfollow() {
    if (isFollowing()) following.value = { is: 'away', since: room.value.cursor };
  }

  function isFollowing(): boolean {
    return following.value.is === 'at_latest';
  }

  /**
   * Shows one message by its number, with what was said around it. It may have to be fetched first, or it may turn out
   * that there is none: `spot` tells.
   */
  function visit(seq: number) {
    batch(() => {
      spot.value = { seq, is: 'looked_for' };
      lookForSpot();
    });
  }

  /** The reader has seen what became of the message that was looked up. */
  function forgetSpot() {
    spot.value = undefined;
  }

  function lookForSpot() {
    const { value } = spot;
    if (value?.is !== 'looked_for') return;
    const { historyFor, cursor, phase } = room.value;
    if (rooms.findHeld(room.value, value.seq)) return arriveAtSpot(value.seq);
    if (phase !== 'open') return;
    if (value.seq > cursor) spot.value = { ...value, is: 'missing' };
    else if (historyFor?.is !== 'around' || historyFor.seq !== value.seq) askForSurroundings(value.seq);
  }

  function spotAnswered(seq: number) {
    const isWanted = spot.value?.is === 'looked_for' && spot.value.seq === seq;
    if (isWanted && !rooms.findHeld(room.value, seq)) spot.value = { seq, is: 'missing' };
  }

  function arriveAtSpot(seq: number) {
    const isShown = rooms.findMessage(rooms.shownPart(room.value).messages, seq) !== undefined;
    if (!isShown) room.value = rooms.atPresent(room.value);
    reading = seq;
    unfollow();
    spot.value = { seq, is: 'found' };
  }

  function askForSurroundings(seq: number) {
    const request = rooms.surroundingsRequest(seq);
    if (socket.send(request)) room.value = rooms.askingHistory(room.value, request.before, { is: 'around', seq });
  }

  /** The message that stands first in sight. */
  function readAt(seq: number) {
    reading = seq;
  }

  /** The reader looks away: what comes from now on will be marked as new. */
  function lookAway() {
    newSince.value = room.value.cursor;
  }

  function loadOlder() {
    const request = rooms.historyRequest(room.value);
    if (request && socket.send(request)) room.value = rooms.askingHistory(room.value, request.before);
  }

  /** Fetches what was said after the last message shown, when that is not the latest one. */
  function loadNewer() {
    const request = rooms.newerRequest(room.value);
    if (request && socket.send(request)) room.value = rooms.askingHistory(room.value, request.before, { is: 'newer' });
  }

  /** How many texts leaving would lose: those that wait or failed, and the one in the field. */
  function unsaid(): number {
    const hasDraft = locker.drafts.read().text.trim() !== '';
    return outgoing.value.entries.filter((entry) => isUnsent(entry) || isFailed(entry)).length + Number(hasDraft);
  }

  /** Forgets every text that was not sent, here, in other tabs and on the device. */
  function discardAll() {
    outbox.clear();
    locker.drafts.keep({ text: '' });
    locker.drafts.flush();
  }

  /**
   * Says goodbye; resolves when the server knows and this device has forgotten the messages, or soon after. What was about
   * to be deleted is deleted first: nobody is here any more to take it back.
   */
  async function leave(): Promise<void> {
    if (deleting.value) {
      deletions.hurry();
      await nothingOnItsWay();
    }
    await Promise.all([socket.leave(), locker.forget()]);
  }

  /** Resolves when everything was sent and stored, or after a while. */
  function nothingOnItsWay(): Promise<void> {
    return new Promise((resolve) => {
      const callOff = clock.after(LAST_WORDS_WITHIN_MS, resolve);
      effect(function look() {
        if (outgoing.value.entries.some(isUnsent)) return;
        callOff();
        resolve();
      });
    });
  }

  /** Asks a connection that may be dead whether it lives; also measures the round trip. */
  function doubt() {
    probedAt = clock.now();
    socket.doubt();
  }

  return {
    me,
    room,
    link,
    outgoing,
    serverVersion,
    roundTripMs,
    newSince,
    clock,
    start: socket.connect,
    say,
    sayAgain,
    edit,
    erase: deletions.put,
    keep: deletions.undo,
    deleting,
    react,
    type,
    read,
    following,
    follow,
    unfollow,
    lookAway,
    loadOlder,
    loadNewer,
    readAt,
    reading: () => (isFollowing() ? 'latest' : reading),
    goToLatest,
    spot,
    visit,
    forgetSpot,
    doubt,
    reconnect: socket.reconnect,
    silentForMs: socket.silentForMs,
    discard: outbox.discard,
    unsaid,
    discardAll,
    drafts: locker.drafts,
    keepsNothing: locker.keepsNothing,
    leave,
  };
}
