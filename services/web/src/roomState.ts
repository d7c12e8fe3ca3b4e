/**
 * One room as this client knows it: a value, and pure functions from one value to the next.
 *
 * Everything that changes the room has a number (`seq`). Whatever way an event comes (live, in a resume, twice, too early),
 * it is applied once and in order; what is shown is therefore what the server holds up to `cursor`.
 */
import type {
  ClientMessageOf,
  MessageEvent,
  MessageState,
  Opened,
  Page,
  RoomEvent,
  ServerMessage,
  User,
} from '@securechat/shared/protocol';
import { DEFAULT_ROOM, Limit } from '@securechat/shared/protocol';

/** Changes kept for messages that are not loaded; beyond this they are forgotten, and older pages refused. */
export const MAX_KEPT_CHANGES = 1_000;
/** Events kept that came before their predecessors; beyond this they are dropped, since the resume brings them again. */
const MAX_EARLY_EVENTS = 500;
const MAX_NOTICES = 300;
/** Messages asked for at a time, above what is read and around a message that is looked up. */
export const HISTORY_LIMIT = 50;
/** Numbers asked for at a time below what is read. As many as a page holds: a page is never cut short of the window. */
const NEWER_LIMIT = Limit.pageEvents;
/** How many numbers after a message that is looked up belong to its surroundings. */
const SURROUNDINGS_AFTER = 25;

/** How many messages are held for the eye; the rest is dropped and can be loaded again. */
export type Bounds = {
  /** The most that are shown. */
  shown: number;
  /** How many of the latest stay when there are too many. */
  latest: number;
  /** More of the latest than these are too many while the reader is elsewhere. */
  aside: number;
  /** So many stay on each side of the one that is read, where there are as many. */
  beside: number;
};
export const bounds: Bounds = { shown: 400, latest: 200, aside: 250, beside: 50 };

export type Message = {
  seq: number;
  at: number;
  author: User;
  /** Missing when deleted. */
  text?: string;
  deleted: boolean;
  editedAt?: number;
  replyTo?: number;
  /** Ids of the people behind each emoji; no empty lists. */
  reactions: Readonly<Record<string, readonly string[]>>;
  /** The seq up to which this message is known; changes up to it are in it already. */
  asOf: number;
};

type Change = Exclude<RoomEvent, MessageEvent>;

/** A part of the conversation that does not reach the present: every message from the first one up to number `to`. */
export type Past = {
  /** Ascending by seq, at least one. */
  messages: readonly Message[];
  to: number;
  /** True when the first one is the very first message of the room. */
  beginning: boolean;
};

/** What a history request is for; `around` names the message that is looked up. */
export type HistoryPurpose = { is: 'older' } | { is: 'newer' } | { is: 'around'; seq: number };

/** Somebody came or went. It has no number, so it stands after the message that was the last one when it was heard. */
export type RoomNotice = { id: number; kind: 'joined' | 'left'; user: User; at: number; afterSeq: number };

export type RoomState = {
  epoch?: string;
  /** The last seq applied. */
  cursor: number;
  /** The server's time of the event at `cursor`, when it is known. */
  cursorAt?: number;
  /** The latest messages, ascending by seq: all from the first of them up to `cursor`. */
  messages: readonly Message[];
  /** True when the very first message of the room is among `messages`, or there is none. */
  beginning: boolean;
  /** What is shown instead of the latest messages, while the reader is far away from them. */
  past?: Past;
  phase: 'away' | 'arriving' | 'resuming' | 'open';
  /** What a turn of the server asks for next: the caller sends `open` and says so with {@link opening}. */
  needs: 'nothing' | 'resume' | 'arrival';
  /** Pages of an `open` that was not answered by `opened` yet. */
  pages: readonly Page[];
  early: readonly RoomEvent[];
  /** All changes after `keptSince` to messages that are not loaded, for pages that do not hold them yet. */
  kept: readonly Change[];
  keptSince: number;
  /** `before` of the history request under way, and what it is for. */
  historyBefore?: number;
  historyFor?: HistoryPurpose;
  people: readonly User[];
  peopleCount: number;
  notices: readonly RoomNotice[];
  typing: readonly { user: User; until: number }[];
  /** The read mark: messages of others above it are unread. */
  read: number;
  /** Whether the line about one's own arrival was shown. */
  greeted: boolean;
};

/** Who looks at the room, and when (milliseconds since 1970). */
export type Viewer = { me: User; now: number };

export const emptyRoom: RoomState = {
  cursor: 0,
  messages: [],
  beginning: false,
  phase: 'away',
  needs: 'nothing',
  pages: [],
  early: [],
  kept: [],
  keptSince: 0,
  people: [],
  peopleCount: 0,
  notices: [],
  typing: [],
  read: 0,
  greeted: false,
};

/**
 * The room after one frame of the server. Frames of other rooms and kinds that do not concern a room change nothing.
 *
 * @param frame anything the server says; `again` answers move no cursor and change nothing here
 */
export function hear(room: RoomState, frame: ServerMessage, viewer: Viewer): RoomState {
  if ('room' in frame && frame.room !== undefined && frame.room !== DEFAULT_ROOM) return room;
  switch (frame.type) {
    case 'welcome':
      return withReadMark(room, frame.rooms.find(({ id }) => id === DEFAULT_ROOM)?.read ?? 0);
    case 'page':
      return hearPage(room, frame);
    case 'opened':
      return hearOpened(room, frame, viewer);
    case 'people':
      return { ...room, people: frame.people, peopleCount: frame.peopleCount };
    case 'joined':
      return hearJoined(room, frame.user, viewer);
    case 'left':
      return hearLeft(room, frame.user, viewer);
    case 'typing':
      return hearTyping(room, frame.user, viewer);
    case 'read':
      return withReadMark(room, frame.seq);
    case 'refused':
      return room;
    default:
      return frame.again ? room : hearEvent(room, frame);
  }
}

/** The `open` request that continues where this room stands, or that fetches it afresh. */
export function openRequest(room: RoomState, how: 'resume' | 'arrival' = 'resume'): ClientMessageOf<'open'> {
  if (how === 'arrival' || room.epoch === undefined) return { type: 'open', room: DEFAULT_ROOM };
  const sinceAt = room.cursorAt === undefined ? {} : { sinceAt: room.cursorAt };
  return { type: 'open', room: DEFAULT_ROOM, since: room.cursor, epoch: room.epoch, ...sinceAt };
}

/** The room after `request` was sent. */
export function opening(room: RoomState, request: ClientMessageOf<'open'>): RoomState {
  return { ...room, phase: request.since === undefined ? 'arriving' : 'resuming', needs: 'nothing', pages: [] };
}

/** The room after the connection was lost: half an answer is no answer, and whoever typed may have stopped. */
export function disconnected(room: RoomState): RoomState {
  return { ...withoutHistoryRequest(room), phase: 'away', early: [], typing: [] };
}

/** What is shown: the past that the reader is in, or the latest messages. */
export function shownPart(room: RoomState): Past & { isPast: boolean } {
  if (room.past) return { ...room.past, isPast: true };
  return { messages: room.messages, to: room.cursor, beginning: room.beginning, isPast: false };
}

/** The request for messages above those shown, or nothing when there are none, none can be asked for now, or one is under way. */
export function historyRequest(room: RoomState): ClientMessageOf<'history'> | undefined {
  const { messages, beginning } = shownPart(room);
  const oldest = messages[0];
  if (!mayAsk(room) || beginning || !oldest) return undefined;
  return { type: 'history', room: DEFAULT_ROOM, before: oldest.seq, limit: HISTORY_LIMIT };
}

/** The request for messages below those shown, or nothing when these reach the present or none can be asked for now. */
export function newerRequest(room: RoomState, limit: number = NEWER_LIMIT): ClientMessageOf<'history'> | undefined {
  if (!mayAsk(room) || !room.past) return undefined;
  return { type: 'history', room: DEFAULT_ROOM, before: room.past.to + limit + 1, limit };
}

/** The request for a message and its surroundings; it goes before any other, whose answer will then not be taken. */
export function surroundingsRequest(seq: number): ClientMessageOf<'history'> {
  return { type: 'history', room: DEFAULT_ROOM, before: seq + SURROUNDINGS_AFTER + 1, limit: HISTORY_LIMIT };
}

/** The room after a history request was sent. */
export function askingHistory(room: RoomState, before: number, purpose: HistoryPurpose = { is: 'older' }): RoomState {
  return { ...room, historyBefore: before, historyFor: purpose };
}

/** The room as it is shown to somebody who went to the latest message: nothing of the past is held for them. */
export function atPresent(room: RoomState): RoomState {
  if (!room.past) return room;
  const { past: _left, ...rest } = withoutHistoryRequest(room);
  return forgettingChanges({ ...rest, notices: noticesAmong(room.messages, room.notices) });
}

/**
 * The room with no more messages than an eye needs. History brings the others back.
 *
 * @param reading the seq of the message that is read, or `latest` for a reader who stays with the latest one
 */
export function bound(room: RoomState, reading: number | 'latest', limits = bounds): RoomState {
  if (reading === 'latest') {
    const present = atPresent(room);
    return present.messages.length > limits.shown ? trim(present, limits.latest) : present;
  }
  if (room.historyBefore !== undefined) return room;
  if (room.past) return boundPast(room, room.past, reading, limits);
  return room.messages.length > limits.shown ? leaveLatest(room, reading, limits) : room;
}

/** Drops all but the latest messages, so that a page left open for days stays quick; history brings them back. */
export function trim(room: RoomState, keep: number): RoomState {
  if (room.messages.length <= keep || room.historyBefore !== undefined) return room;
  const messages = room.messages.slice(-keep);
  return { ...forgettingChanges(room), messages, beginning: false, notices: noticesAmong(messages, room.notices) };
}

/** The room without those whose last sign of typing is too old. */
export function withoutStaleTyping(room: RoomState, now: number): RoomState {
  const typing = room.typing.filter(({ until }) => until > now);
  return typing.length === room.typing.length ? room : { ...room, typing };
}

/** How many loaded messages of others stand above the read mark, and whether older unread ones may not be loaded. */
export function countUnread(room: RoomState, me: User): { count: number; more: boolean } {
  const count = room.messages.filter((m) => m.seq > room.read && m.author.id !== me.id && !m.deleted).length;
  return { count, more: (room.messages[0]?.seq ?? 0) > room.read + 1 };
}

/** The message with this seq, wherever it is held. */
export function findHeld(room: RoomState, seq: number): Message | undefined {
  return findMessage(room.messages, seq) ?? findMessage(room.past?.messages ?? [], seq);
}

/** The message with this seq among these. */
export function findMessage(messages: readonly Message[], seq: number): Message | undefined {
  return messages[indexOf(messages, seq)];
}

// ---- arriving and resuming -----------------------------------------------------------------------------------------

function hearPage(room: RoomState, page: Page): RoomState {
  if (page.before !== undefined) return page.before === room.historyBefore ? withHistory(room, page) : room;
  if (room.phase !== 'arriving' && room.phase !== 'resuming') return room;
  // Only `opened` tells whether these are events to apply or a fresh start, so they wait for it.
  return { ...room, pages: [...room.pages, page] };
}

function hearOpened(room: RoomState, opened: Opened, viewer: Viewer): RoomState {
  if (room.phase !== 'arriving' && room.phase !== 'resuming') return room;
  const isResumed = room.phase === 'resuming' && opened.complete;
  const caughtUp = isResumed ? resume(room) : arrive(room, opened);
  const present = { ...caughtUp, pages: [], epoch: opened.epoch, people: opened.people, peopleCount: opened.peopleCount };
  const settled = applyEarly({ ...present, phase: 'open' });
  // The server says it sent everything up to head. If that is not what came, nothing we hold can be trusted.
  const trusted: RoomState = settled.cursor < opened.head ? { ...settled, needs: 'arrival' } : settled;
  return greet(trusted, viewer);
}

function resume(room: RoomState): RoomState {
  return room.pages.flatMap((page) => page.events).reduce(applyInOrder, room);
}

function arrive(room: RoomState, opened: Opened): RoomState {
  const { cursorAt: _unknown, past: _dropped, ...rest } = withoutHistoryRequest(room);
  const messages = room.pages.flatMap((page) => page.events.filter(isMessage).map((event) => toMessage(event, page.asOf)));
  const last = messages.at(-1);
  return {
    ...rest,
    messages,
    beginning: messages.length === 0 || messages[0]?.seq === 1,
    cursor: opened.head,
    ...(last?.seq === opened.head && { cursorAt: last.at }),
    kept: [],
    keptSince: opened.head,
    notices: [],
    typing: [],
    needs: 'nothing',
  };
}

/** One's own arrival is told once per page: v1 promises the line to everybody who was let in. */
function greet(room: RoomState, { me, now }: Viewer): RoomState {
  return room.greeted ? room : { ...withNotice(room, 'joined', me, now), greeted: true };
}

// ---- events --------------------------------------------------------------------------------------------------------

function hearEvent(room: RoomState, event: RoomEvent): RoomState {
  if (event.seq <= room.cursor) return room;
  if (room.phase === 'open' && event.seq === room.cursor + 1) return applyEarly(applyNext(room, event));
  return keepEarly(room, event);
}

function keepEarly(room: RoomState, event: RoomEvent): RoomState {
  const needs = room.phase === 'open' && room.needs === 'nothing' ? 'resume' : room.needs;
  if (room.early.length >= MAX_EARLY_EVENTS) return { ...room, needs };
  return { ...room, needs, early: [...room.early, event].sort((a, b) => a.seq - b.seq) };
}

function applyEarly(room: RoomState): RoomState {
  if (room.early.length === 0) return room;
  const caughtUp = room.early.reduce(applyInOrder, room);
  const early = caughtUp.early.filter(({ seq }) => seq > caughtUp.cursor);
  const isWhole = early.length === 0 && caughtUp.needs === 'resume';
  const hasHole = early.length > 0 && caughtUp.needs === 'nothing';
  return { ...caughtUp, early, ...(isWhole && { needs: 'nothing' }), ...(hasHole && { needs: 'resume' }) };
}

/** Applies an event if it is the very next one. */
function applyInOrder(room: RoomState, event: RoomEvent): RoomState {
  return event.seq === room.cursor + 1 ? applyNext(room, event) : room;
}

function applyNext(room: RoomState, event: RoomEvent): RoomState {
  const moved: RoomState = { ...room, cursor: event.seq, cursorAt: event.at };
  return event.type === 'message' ? applyMessage(moved, event) : applyChange(moved, event);
}

function applyMessage(room: RoomState, event: MessageEvent): RoomState {
  return {
    ...room,
    messages: [...room.messages, toMessage(event, event.seq)],
    typing: room.typing.filter(({ user }) => user.id !== event.author.id),
  };
}

function applyChange(room: RoomState, change: Change): RoomState {
  const messages = withChange(room.messages, change);
  const past = room.past && withChange(room.past.messages, change);
  if (messages || past) {
    return { ...room, ...(messages && { messages }), ...(room.past && past && { past: { ...room.past, messages: past } }) };
  }
  if (room.kept.length >= MAX_KEPT_CHANGES) return { ...room, kept: [change], keptSince: change.seq - 1 };
  return { ...room, kept: [...room.kept, change] };
}

/** The messages after a change to one of them; undefined when it is not among them. */
function withChange(messages: readonly Message[], change: Change): readonly Message[] | undefined {
  const index = indexOf(messages, change.target);
  const message = messages[index];
  return message && messages.with(index, changed(message, change));
}

/** The message after one change; the same object when the change is in it already. */
function changed(message: Message, change: Change): Message {
  if (change.seq <= message.asOf) return message;
  const known = { ...message, asOf: change.seq };
  if (message.deleted) return known;
  switch (change.type) {
    case 'edited':
      // The words of an edit are erased when the message was deleted later; that event follows.
      return change.text === undefined ? known : { ...known, text: change.text, editedAt: change.at };
    case 'deleted':
      return erased(known);
    case 'reacted':
      return { ...known, reactions: reacted(message.reactions, change.emoji, change.author.id, change.on) };
  }
}

/** The reactions after somebody reacted, or took it back. */
export function reacted(reactions: Message['reactions'], emoji: string, userId: string, on: boolean): Message['reactions'] {
  const { [emoji]: people = [], ...others } = reactions;
  const without = people.filter((id) => id !== userId);
  if (on) return { ...reactions, [emoji]: people.includes(userId) ? people : [...people, userId] };
  return without.length > 0 ? { ...reactions, [emoji]: without } : others;
}

function erased({ text: _erased, editedAt: _void, ...message }: Message): Message {
  return { ...message, deleted: true, reactions: {} };
}

function toMessage(event: MessageEvent | MessageState, asOf: number): Message {
  const { seq, at, author, text, deleted, replyTo } = event;
  const message: Message = { seq, at, author, deleted: deleted === true || text === undefined, reactions: {}, asOf };
  if (replyTo !== undefined) message.replyTo = replyTo;
  if (message.deleted || text === undefined) return message;
  message.text = text;
  if ('reactions' in event) message.reactions = event.reactions;
  if ('editedAt' in event && event.editedAt !== undefined) message.editedAt = event.editedAt;
  return message;
}

function isMessage(event: RoomEvent | MessageState): event is MessageEvent | MessageState {
  return event.type === 'message';
}

// ---- history -------------------------------------------------------------------------------------------------------

function withHistory(room: RoomState, page: Page): RoomState {
  // Read from a copy of the store that lags behind: changes are missing that nobody here remembers. Whatever is not this
  // old holds all messages before the latest ones held, since none of these was dropped after `keptSince`.
  if (page.asOf < room.keptSince) return room;
  const answered = withoutHistoryRequest(room);
  const loaded = page.events.filter(isMessage).map((event) => heldOr(room, event, page.asOf));
  const part: Past = { messages: loaded, to: (page.before ?? 1) - 1, beginning: loaded.length === 0 || loaded[0]?.seq === 1 };
  switch (room.historyFor?.is) {
    case 'around':
      return withSurroundings(answered, part, room.historyFor.seq);
    case 'newer':
      return answered.past ? joined(withNewer(answered, answered.past, part)) : answered;
    default:
      return withOlder(answered, part);
  }
}

/** The message as it is held already, which no page can know better, or as the page has it with what came since. */
function heldOr(room: RoomState, event: MessageEvent | MessageState, asOf: number): Message {
  return findHeld(room, event.seq) ?? withKept(toMessage(event, asOf), room.kept);
}

function withOlder(room: RoomState, part: Past): RoomState {
  const shown = shownPart(room);
  const messages = [...part.messages, ...shown.messages];
  const { beginning } = part;
  if (room.past) return forgettingKeptOf(messages, { ...room, past: { ...room.past, messages, beginning } });
  return forgettingKeptOf(messages, { ...room, messages, beginning });
}

function withNewer(room: RoomState, past: Past, part: Past): RoomState {
  const messages = [...past.messages, ...part.messages.filter(({ seq }) => seq > past.to)];
  return forgettingKeptOf(messages, { ...room, past: { ...past, messages, to: part.to } });
}

/** Shows the surroundings of a message; where there is no such message the reader stays where they are. */
function withSurroundings(room: RoomState, part: Past, seq: number): RoomState {
  if (!findMessage(part.messages, seq)) return room;
  // What was shown before is not held any more, so neither are the changes to it that had come.
  const { past, ...rest } = room;
  const left = past ? forgettingChanges(rest) : rest;
  return joined(forgettingKeptOf(part.messages, { ...left, past: part }));
}

/** The past and the latest messages as one, when nothing is missing between them. */
function joined(room: RoomState): RoomState {
  const { past, ...rest } = room;
  const oldest = room.messages[0]?.seq ?? room.cursor + 1;
  if (!past || past.to < oldest - 1) return room;
  const messages = [...past.messages.filter(({ seq }) => seq < oldest), ...room.messages];
  return { ...rest, messages, beginning: past.beginning || room.beginning };
}

/** Too much of the past: what is far from the message that is read goes. Too many of the latest: they are not in sight. */
function boundPast(room: RoomState, past: Past, reading: number, limits: Bounds): RoomState {
  const aside = room.messages.length > limits.aside ? { ...trim(room, limits.latest), notices: room.notices } : room;
  if (past.messages.length <= limits.shown) return aside;
  return forgettingChanges({ ...aside, past: cut(past, reading, limits) });
}

/** There are too many messages between the one that is read and the present: from here on they are two parts. */
function leaveLatest(room: RoomState, reading: number, limits: Bounds): RoomState {
  const past = cut({ messages: room.messages, to: room.cursor, beginning: room.beginning }, reading, limits);
  if (past.to === room.cursor) return trim(room, limits.shown);
  return { ...trim(room, limits.latest), past, notices: room.notices };
}

/** As many messages as may be shown, with the one that is read well among them. */
function cut({ messages, to, beginning }: Past, reading: number, { shown, beside }: Bounds): Past {
  const read = messages.findLastIndex(({ seq }) => seq <= reading);
  const lowest = Math.max(read + beside - shown, 0);
  const highest = Math.min(Math.max(read - beside, 0), messages.length - shown);
  // Whoever reads in the upper half loses from below, whoever reads in the lower half from above.
  const start = read < messages.length / 2 ? Math.min(lowest, highest) : highest;
  const kept = messages.slice(start, start + shown);
  const isCutBelow = start + shown < messages.length;
  return { messages: kept, to: isCutBelow ? (kept.at(-1)?.seq ?? to) : to, beginning: beginning && start === 0 };
}

/** The notices that stand among these messages or below them. */
function noticesAmong(messages: readonly Message[], notices: readonly RoomNotice[]): readonly RoomNotice[] {
  const oldest = messages[0]?.seq ?? 0;
  return notices.filter(({ afterSeq }) => afterSeq >= oldest);
}

/** Changes that were heard are not remembered for messages dropped just now: pages older than this are not taken. */
function forgettingChanges(room: RoomState): RoomState {
  return { ...room, kept: [], keptSince: room.cursor };
}

function forgettingKeptOf(messages: readonly Message[], room: RoomState): RoomState {
  if (room.kept.length === 0) return room;
  const loaded = new Set(messages.map(({ seq }) => seq));
  return { ...room, kept: room.kept.filter(({ target }) => !loaded.has(target)) };
}

function withKept(message: Message, kept: readonly Change[]): Message {
  return kept.filter(({ target }) => target === message.seq).reduce(changed, message);
}

/** The room after a history request came to nothing, refused or answered by a page that is too old: another may be made. */
export function withoutHistoryRequest({ historyBefore: _over, historyFor: _purpose, ...room }: RoomState): RoomState {
  return room;
}

function mayAsk(room: RoomState): boolean {
  return room.phase === 'open' && room.historyBefore === undefined;
}

/** The index of the message with this seq, or -1. */
function indexOf(messages: readonly Message[], seq: number): number {
  let [low, high] = [0, messages.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = messages[middle]?.seq ?? 0;
    if (found === seq) return middle;
    if (found < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

// ---- people --------------------------------------------------------------------------------------------------------

function hearJoined(room: RoomState, user: User, { me, now }: Viewer): RoomState {
  if (user.id === me.id && room.greeted) return room;
  const noticed = withNotice(room, 'joined', user, now);
  const greeted = room.greeted || user.id === me.id;
  if (room.people.some(({ id }) => id === user.id)) return { ...noticed, greeted };
  const people = room.people.length < Limit.peopleListed ? [...room.people, user] : room.people;
  return { ...noticed, greeted, people, peopleCount: room.peopleCount + 1 };
}

function hearLeft(room: RoomState, user: User, { me, now }: Viewer): RoomState {
  if (user.id === me.id) return room;
  const people = room.people.filter(({ id }) => id !== user.id);
  const wasCounted = people.length < room.people.length || room.peopleCount > room.people.length;
  const typing = room.typing.filter((typist) => typist.user.id !== user.id);
  return { ...withNotice(room, 'left', user, now), people, typing, peopleCount: room.peopleCount - (wasCounted ? 1 : 0) };
}

function hearTyping(room: RoomState, user: User, { me, now }: Viewer): RoomState {
  if (user.id === me.id) return room;
  const others = room.typing.filter((typist) => typist.user.id !== user.id);
  return { ...room, typing: [...others, { user, until: now + Limit.typingLastsMs }] };
}

function withNotice(room: RoomState, kind: RoomNotice['kind'], user: User, at: number): RoomState {
  const id = (room.notices.at(-1)?.id ?? 0) + 1;
  const notice: RoomNotice = { id, kind, user, at, afterSeq: room.cursor };
  return { ...room, notices: [...room.notices, notice].slice(-MAX_NOTICES) };
}

/** The server's mark is taken as it is: it may fall when an older copy of the store was restored. */
function withReadMark(room: RoomState, read: number): RoomState {
  return { ...room, read };
}
