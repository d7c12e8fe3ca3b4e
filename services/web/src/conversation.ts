/**
 * The conversation of one person in one tab: it ties the connection, the room and the outbox together and owns what the
 * screen is drawn from. The screen calls its verbs and reads its signals; it changes nothing by itself.
 */

import { batch, signal } from '@preact/signals';
import type { ClientMessage, ServerMessage, User } from '@securechat/shared/protocol';
import { DEFAULT_ROOM, Limit } from '@securechat/shared/protocol';
import type { Clock } from './clock.ts';
import type { Entry, OutboxState, Shelf } from './outbox.ts';
import { createOutbox } from './outbox.ts';
import type { RoomState } from './roomState.ts';
import * as rooms from './roomState.ts';
import type { Identity, Link, SocketLike } from './socket.ts';
import { createSocket } from './socket.ts';

/** A page left open for days holds at most so many messages; then all but the latest ones are dropped. */
const MAX_HELD_MESSAGES = 400;
const KEPT_WHEN_TRIMMED = 200;
/** After a refusal that names no time. */
const ASK_AGAIN_AFTER_MS = 2_000;
const READ_EVERY_MS = 1_000;
/** No message stands below seq 1, so the answer is short, and it comes at once. */
const PROBE: ClientMessage = { type: 'history', room: DEFAULT_ROOM, before: 1, limit: 1 };

export type Conversation = ReturnType<typeof createConversation>;

/**
 * Creates the conversation; nothing is connected before `start`.
 *
 * @param me whose page this is
 * @param url of the chat server, `wss://…`
 * @param shelf where unsent words outlive a reload; undefined when the browser has none to give
 * @param newId makes a fresh clientId (UUID)
 * @param ended called once when the person left or is not signed in any more
 */
export function createConversation(deps: {
  me: User;
  url: string;
  WebSocket: new (url: string, protocol: string) => SocketLike;
  clock: Clock;
  random: () => number;
  shelf: Shelf | undefined;
  newId: () => string;
  whoAmI: () => Promise<Identity>;
  ended: (why: 'left' | 'session_over' | 'somebody_else') => void;
}) {
  const { me, clock, newId } = deps;
  const room = signal<RoomState>(rooms.emptyRoom);
  const link = signal<Link>({ state: 'connecting', isFirst: true });
  const outgoing = signal<OutboxState>({ entries: [] });
  const serverVersion = signal('');
  const roundTripMs = signal<number | undefined>(undefined);
  /** Messages of others above this seq are marked as new. */
  const newSince = signal<number | undefined>(undefined);
  /** Whether the reader is at the latest message and stays there, or the event after which they scrolled away. */
  const following = signal<{ is: 'at_latest' } | { is: 'away'; since: number }>({ is: 'at_latest' });
  let probedAt: number | undefined;
  let typedAt = 0;
  let seen = 0;
  let readSent = 0;
  let callOffRead: (() => void) | undefined;
  let callOffTyping = () => {};
  let callOffReopen = () => {};

  const socket = createSocket({
    ...deps,
    userName: me.name,
    probe: PROBE,
    hear: (message) => batch(() => hear(message)),
    change: (next) => batch(() => linkChanged(next)),
  });

  const outbox = createOutbox({
    userId: me.id,
    shelf: deps.shelf,
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
        if (before.epoch === undefined) markUnread();
        return openRoom('resume');
      case 'opened':
        outbox.open();
        break;
      case 'refused':
        refused(message);
        break;
      case 'page':
        measureRoundTrip(message.before === 1);
        // The room did not take it: it was too old.
        if (message.before !== undefined && message.before === room.value.historyBefore) historyRefused(ASK_AGAIN_AFTER_MS);
        break;
      case 'typing':
        forgetTypingLater();
        break;
    }
    outbox.settle(room.value.cursor);
    if (room.value.needs !== 'nothing') openRoom(room.value.needs);
    if (isFollowing() && room.value.messages.length > MAX_HELD_MESSAGES) room.value = rooms.trim(room.value, KEPT_WHEN_TRIMMED);
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

  function markUnread() {
    if (room.value.read > 0) newSince.value = room.value.read;
  }

  function forgetTypingLater() {
    callOffTyping();
    callOffTyping = clock.after(Limit.typingLastsMs, () => {
      room.value = rooms.withoutStaleTyping(room.value, clock.now());
    });
  }

  /** Says something; it is shown at once and sent as soon as it can be. */
  function say(text: string, replyTo?: number) {
    newSince.value = undefined;
    follow();
    outbox.put({ type: 'send', room: DEFAULT_ROOM, clientId: newId(), text, ...(replyTo !== undefined && { replyTo }) });
  }

  function edit(target: number, text: string) {
    outbox.put({ type: 'edit', room: DEFAULT_ROOM, clientId: newId(), target, text });
  }

  function erase(target: number) {
    outbox.put({ type: 'delete', room: DEFAULT_ROOM, clientId: newId(), target });
  }

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
    if (!isFollowing()) following.value = { is: 'at_latest' };
  }

  /** The reader scrolled away from the latest message. */
  function unfollow() {
    if (isFollowing()) following.value = { is: 'away', since: room.value.cursor };
  }

  function isFollowing(): boolean {
    return following.value.is === 'at_latest';
  }

  /** The reader looks away: what comes from now on will be marked as new. */
  function lookAway() {
    newSince.value = room.value.cursor;
  }

  function loadOlder() {
    const request = rooms.historyRequest(room.value);
    if (request && socket.send(request)) room.value = rooms.askingHistory(room.value, request.before);
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
    erase,
    react,
    type,
    read,
    following,
    follow,
    unfollow,
    lookAway,
    loadOlder,
    doubt,
    reconnect: socket.reconnect,
    silentForMs: socket.silentForMs,
    discard: outbox.discard,
    discardAll: outbox.clear,
    leave: socket.leave,
  };
}
