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
export const HISTORY_LIMIT = 50;

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

/** Somebody came or went. It has no number, so it stands after the message that was the last one when it was heard. */
export type RoomNotice = { id: number; kind: 'joined' | 'left'; user: User; at: number; afterSeq: number };

export type RoomState = {
  epoch?: string;
  /** The last seq applied. */
  cursor: number;
  /** The server's time of the event at `cursor`, when it is known. */
  cursorAt?: number;
  /** Ascending by seq. */
  messages: readonly Message[];
  /** True when the very first message of the room is among `messages`, or there is none. */
  beginning: boolean;
  phase: 'away' | 'arriving' | 'resuming' | 'open';
  /** What a turn of the server asks for next: the caller sends `open` and says so with {@link opening}. */
  needs: 'nothing' | 'resume' | 'arrival';
  /** Pages of an `open` that was not answered by `opened` yet. */
  pages: readonly Page[];
  early: readonly RoomEvent[];
  /** All changes after `keptSince` to messages that are not loaded, for pages that do not hold them yet. */
  kept: readonly Change[];
  keptSince: number;
  /** `before` of the history request under way. */
  historyBefore?: number;
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
  return { ...withoutHistoryRequest(room), phase: 'away', needs: 'nothing', pages: [], early: [], typing: [] };
}

/** The request for older messages, or nothing when there are none, none can be asked for now, or one is under way. */
export function historyRequest(room: RoomState): ClientMessageOf<'history'> | undefined {
  const oldest = room.messages[0];
  if (room.phase !== 'open' || room.beginning || room.historyBefore !== undefined || !oldest) return undefined;
  return { type: 'history', room: DEFAULT_ROOM, before: oldest.seq, limit: HISTORY_LIMIT };
}

/** The room after a history request was sent. */
export function askingHistory(room: RoomState, before: number): RoomState {
  return { ...room, historyBefore: before };
}

/** Drops all but the latest messages, so that a page left open for days stays quick; history brings them back. */
export function trim(room: RoomState, keep: number): RoomState {
  if (room.messages.length <= keep || room.historyBefore !== undefined) return room;
  const messages = room.messages.slice(-keep);
  const oldest = messages[0]?.seq ?? 0;
  const forgotten = { kept: [], keptSince: room.cursor };
  return {
    ...room,
    ...forgotten,
    messages,
    beginning: false,
    notices: room.notices.filter((notice) => notice.afterSeq >= oldest),
  };
}

/** The room without those whose last sign of typing is too old. */
export function withoutStaleTyping(room: RoomState, now: number): RoomState {
  const typing = room.typing.filter(({ until }) => until > now);
  return typing.length === room.typing.length ? room : { ...room, typing };
}

/** How many loaded messages of others stand above the read mark, and whether older unread ones may not be loaded. */
export function countUnread(room: RoomState, me: User): { count: number; more: boolean } {
  const count = room.messages.filter((m) => m.seq > room.read && m.author.id !== me.id && !m.deleted).length;
  return { count, more: !room.beginning && (room.messages[0]?.seq ?? 0) > room.read + 1 };
}

/** The loaded message with this seq. */
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
  const { cursorAt: _unknown, ...rest } = withoutHistoryRequest(room);
  const messages = room.pages.flatMap((page) => page.events.filter(isMessage).map((event) => toMessage(event, page.asOf)));
  const last = messages.at(-1);
  return {
    ...rest,
    messages,
    beginning: messages.length === 0 || messages[0]?.seq === 1,
    cursor: opened.head,
    ...(last?.seq === opened.head && { cursorAt: last.at }),
    early: [],
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
  if (room.phase === 'away' || event.seq <= room.cursor) return room;
  if (room.phase === 'open' && event.seq === room.cursor + 1) return applyEarly(applyNext(room, event));
  return keepEarly(room, event);
}

function keepEarly(room: RoomState, event: RoomEvent): RoomState {
  const needs = room.phase === 'open' && room.needs === 'nothing' ? 'resume' : room.needs;
  if (room.early.length >= MAX_EARLY_EVENTS || room.early.some(({ seq }) => seq === event.seq)) return { ...room, needs };
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
    beginning: room.beginning || event.seq === 1,
    typing: room.typing.filter(({ user }) => user.id !== event.author.id),
  };
}

function applyChange(room: RoomState, change: Change): RoomState {
  const index = indexOf(room.messages, change.target);
  const message = room.messages[index];
  if (message) return { ...room, messages: room.messages.with(index, changed(message, change)) };
  if (room.kept.length >= MAX_KEPT_CHANGES) return { ...room, kept: [change], keptSince: change.seq - 1 };
  return { ...room, kept: [...room.kept, change] };
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

function reacted(reactions: Message['reactions'], emoji: string, userId: string, on: boolean): Message['reactions'] {
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
  // Read from a copy of the store that lags behind: changes are missing that nobody here remembers.
  if (page.asOf < room.keptSince) return room;
  const oldest = room.messages.at(0)?.seq ?? Infinity;
  const older = page.events
    .filter(isMessage)
    .filter(({ seq }) => seq < oldest)
    .map((event) => withKept(toMessage(event, page.asOf), room.kept));
  const messages = [...older, ...room.messages];
  const loaded = new Set(older.map(({ seq }) => seq));
  return {
    ...withoutHistoryRequest(room),
    messages,
    kept: room.kept.filter(({ target }) => !loaded.has(target)),
    beginning: page.events.length === 0 || messages[0]?.seq === 1,
  };
}

function withKept(message: Message, kept: readonly Change[]): Message {
  return kept.filter(({ target }) => target === message.seq).reduce(changed, message);
}

/** The room after a history request came to nothing, refused or answered by a page that is too old: another may be made. */
export function withoutHistoryRequest({ historyBefore: _over, ...room }: RoomState): RoomState {
  return room;
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
