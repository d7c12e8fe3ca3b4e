/**
 * Who listens here, and the delivery of every room's events to them: in `seq` order, without holes, each once.
 *
 * Everything a room hears goes through `accept`, whatever its source. The bus may lose, double, delay and reorder;
 * the store is the truth, and a hole or a lost tail is filled from it. A member's cursor alone decides what it is
 * sent. Knows nothing of sockets: a member is whatever takes bytes.
 */
import { type Bus, fromPayload, headsChannel, roomChannel } from '@securechat/shared/bus';
import type { ServerMessage, User } from '@securechat/shared/protocol';
import { type Encoded, encodeEvent, holdsTextOf, type StoredEvent, withoutText } from './event.ts';
import type { EventStore } from './eventStore.ts';
import { messageFrame, textFrame } from './frame.ts';

export type Member = {
  /** Unique per connection. */
  id: string;
  user: User;
  version: 'v1' | 'v2';
  /** Takes whole frames (RFC 6455), one or several after another. */
  send(frames: Buffer): void;
};

/** What travels on a room's channel of the bus. */
export type RoomNews =
  /** `epoch`: the life of the numbering that they belong to, where it is known. */
  | { kind: 'events'; epoch?: string | undefined; events: StoredEvent[] }
  | { kind: 'head'; epoch: string; head: number }
  | RoomNotice;

/** News that have no number and are never repeated. */
export type RoomNotice =
  | { kind: 'joined'; user: User /** The newcomer's own connection, which was told already. */; except: string }
  | { kind: 'left' | 'typing'; user: User }
  | { kind: 'read'; user: string; seq: number; unread: number };

export type HubRoom = { readonly id: string; readonly name: string; readonly epoch: string; readonly head: number };

type Seat = { member: Member; cursor: number };
type Room = {
  id: string;
  name: string;
  epoch: string;
  /** Lives of the numbering that ended while we were here. */
  ended: Set<string>;
  /** The last event delivered. */
  head: number;
  /** The highest event known to exist. */
  seen: number;
  /** How far this life of the numbering is known to have come, from those who told its epoch with it. */
  certain: number;
  /** Events that wait for the ones before them. */
  pending: Map<number, StoredEvent>;
  /** The last events delivered, without holes up to `head`. */
  ring: Encoded[];
  /** Characters of text in the ring. */
  ringCharacters: number;
  seats: Map<Member, Seat>;
  /** Delivered, not yet written. */
  unflushed: Encoded[];
  flushTimer: NodeJS.Timeout | undefined;
  flushedAt: number;
  flushTookMs: number;
  isFilling: boolean;
  /** The store is being asked because of what was heard. */
  isChecked: boolean;
  unsubscribe: () => Promise<void>;
};

const PENDING_EVENTS = 64;
const RING_EVENTS = 256;
const RING_CHARACTERS = 128 * 1024;
const FILL_EVENTS = 500;
/** Two publishers overtake each other normally; only a hole that stays is one. */
const HOLE_WAIT_MS = 25;
const HEADS_EVERY_MS = 2_500;
/** Rooms smaller than this are flushed at once: a timer would cost more than it saves. */
const CROWD = 16;
const FLUSH_EVERY_MS = 20;
const FLUSH_AT_MOST_EVERY_MS = 100;

export type Hub = ReturnType<typeof createHub>;

export function createHub(options: {
  store: Pick<EventStore, 'heads' | 'since' | 'renewEpoch'>;
  bus: Bus;
  /** A notice or another ephemeral piece of news of a room; the hub itself delivers events only. */
  onNews: (room: HubRoom, news: RoomNotice) => void;
  /** Words were erased: whoever else holds them must forget them. */
  onErased: (room: string, target: number) => void;
  /** The room's numbering began a new life: its people must come back and open it anew. */
  onNewEpoch: (room: HubRoom, members: Member[]) => void;
  onError: (err: unknown) => void;
  /** For the metrics: how many events a filled hole had, and that an event came twice. */
  onHoleFilled: (events: number) => void;
  onDuplicate: () => void;
  /** A room's next event came, in its turn; it is about to be written to the members here. */
  onDelivered: (room: HubRoom, event: StoredEvent) => void;
  /** An event was written to the members here. */
  onTold: (event: StoredEvent) => void;
}) {
  const { store, bus, onNews, onErased, onNewEpoch, onHoleFilled, onDuplicate, onDelivered, onTold, onError } = options;
  const rooms = new Map<string, Promise<Room | undefined>>();
  const opened = new Map<string, Room>();
  let isClosed = false;

  // ---- rooms come and go -------------------------------------------------------------------------------------------

  /** Subscribes first and reads the head after, so that nothing falls between. */
  async function openRoom(id: string): Promise<Room | undefined> {
    const early: RoomNews[] = [];
    let room: Room | undefined;
    const unsubscribe = await bus.subscribe(roomChannel(id), (payload) => {
      const news = fromPayload<RoomNews>(payload);
      if (room === undefined) early.push(news);
      else hear(room, news);
    });
    const [found] = await store.heads([id]).catch(async (error: unknown) => {
      await unsubscribe();
      throw error;
    });
    if (found === undefined) {
      await unsubscribe();
      return undefined;
    }
    room = newRoom(found, unsubscribe);
    opened.set(id, room);
    for (const news of early) hear(room, news);
    return room;
  }

  function enter(id: string): Promise<Room | undefined> {
    const known = rooms.get(id);
    if (known !== undefined) return known;
    const opening = openRoom(id);
    rooms.set(id, opening);
    // A room that is not there, or that could not be read now, is asked for again next time.
    opening.then(
      (room) => room ?? rooms.delete(id),
      () => rooms.delete(id),
    );
    return opening;
  }

  // ---- events ------------------------------------------------------------------------------------------------------

  function hear(room: Room, news: RoomNews) {
    if (news.kind === 'head') return hearHead(room, news);
    if (news.kind !== 'events') return onNews(room, news);
    // D6: the same numbers mean something else in another life, and one that we do not know yet has begun elsewhere.
    if (news.epoch !== undefined && news.epoch !== room.epoch) return checkSoon(room);
    if (news.epoch !== undefined) {
      if (news.events.some((event) => isAnother(room, event))) return endLife(room);
      room.certain = Math.max(room.certain, news.events.at(-1)?.seq ?? 0);
    }
    for (const event of news.events) accept(room, event);
    flushSoon(room);
  }

  /** Whoever wrote tells how far the room has come: a lost publication is noticed though nothing follows it. */
  function hearHead(room: Room, { epoch, head }: { epoch: string; head: number }) {
    if (epoch !== room.epoch) return;
    room.certain = Math.max(room.certain, head);
    if (head <= room.head) return;
    room.seen = Math.max(room.seen, head);
    fillSoon(room);
  }

  /** D1: every event passes here, whatever its source, and nothing is ever delivered past a hole or twice. */
  function accept(room: Room, event: StoredEvent) {
    room.seen = Math.max(room.seen, event.seq);
    if (event.seq <= room.head) return onDuplicate();
    if (event.seq > room.head + 1) {
      if (room.pending.size < PENDING_EVENTS) room.pending.set(event.seq, event);
      return fillSoon(room);
    }
    deliver(room, event);
    for (let next = take(room.pending, room.head + 1); next !== undefined; next = take(room.pending, room.head + 1)) {
      deliver(room, next);
    }
  }

  function deliver(room: Room, event: StoredEvent) {
    if (event.change.kind === 'deleted') eraseText(room, event.change.target);
    const encoded = encodeEvent(event);
    room.head = event.seq;
    remember(room, encoded);
    if (room.seats.size > 0) room.unflushed.push(encoded);
    onDelivered(room, event);
  }

  function eraseText(room: Room, target: number) {
    room.ring = room.ring.map((one) => (holdsTextOf(one.event, target) ? encodeEvent(withoutText(one.event)) : one));
    room.ringCharacters = room.ring.reduce((sum, one) => sum + charactersOf(one), 0);
    for (const [seq, event] of room.pending) {
      if (holdsTextOf(event, target)) room.pending.set(seq, withoutText(event));
    }
    onErased(room.id, target);
  }

  /** Fills the hole between head and seen from the store: one reader per room, patient with overtaking and with failure. */
  function fillSoon(room: Room, waitMs = HOLE_WAIT_MS) {
    if (room.isFilling) return;
    room.isFilling = true;
    setTimeout(() => {
      fill(room).then(
        () => {
          room.isFilling = false;
          if (room.seen > room.head && !isClosed) fillSoon(room);
        },
        (error: unknown) => {
          onError(error);
          room.isFilling = false;
          if (!isClosed) fillSoon(room, Math.min(2_000, Math.max(50, waitMs * 2)) * (0.8 + 0.4 * Math.random()));
        },
      );
    }, waitMs).unref();
  }

  async function fill(room: Room) {
    while (room.seen > room.head && !isClosed) {
      const { head: before, epoch } = room;
      const events = await store.since(room.id, before, FILL_EVENTS, epoch);
      // Numbers of a life that ended while we read mean nothing in the new one.
      if (room.epoch !== epoch) return;
      for (const event of events) accept(room, event);
      flushSoon(room);
      if (room.head > before) onHoleFilled(room.head - before);
      // What the store does not have will never come; a number seen beyond it belongs to a life that ended.
      else return void checkHeads().catch(onError);
    }
  }

  /** One look at a time, however many hints there are. */
  function checkSoon(room: Room) {
    once(room, checkHeads);
  }

  /**
   * D6: somebody gave a number of this life to another event than the one that was told here. They work on an older copy
   * of the store and have no memory of what it lacks; were we to wait, it would have grown beyond what we remember.
   */
  function endLife(room: Room) {
    once(room, () => renewEpoch(room, room.epoch));
  }

  function once(room: Room, look: () => Promise<void>) {
    if (room.isChecked) return;
    room.isChecked = true;
    look()
      .catch(onError)
      .finally(() => {
        room.isChecked = false;
      });
  }

  /** Notices lost tails, and stores that were exchanged behind our back. */
  async function checkHeads() {
    if (opened.size === 0) return;
    // What was known before the question: while the store answers, newer events may be delivered, and a store that
    // did not know those yet is not an older one.
    const before = new Map([...opened].map(([id, room]) => [id, { epoch: room.epoch, seen: room.seen, floor: floorOf(room) }]));
    for (const { room: id, epoch, head } of await store.heads([...opened.keys()])) {
      const [room, known] = [opened.get(id), before.get(id)];
      if (room === undefined || known === undefined || room.epoch !== known.epoch) continue;
      // D6: a life that ended does not begin again. What shows it is a copy from before its end, and numbers that were
      // given after the copy was made would be given once more.
      if (room.ended.has(epoch)) await renewEpoch(room, epoch);
      else if (epoch !== room.epoch) beginAnew(room, epoch, head);
      else if (head < known.floor) await renewEpoch(room, epoch);
      else if (head > room.head) {
        room.seen = Math.max(room.seen, head);
        fillSoon(room, 0);
      } else if (head === room.head && room.seen === known.seen) forgetUnstored(room);
    }
  }

  /** What was seen beyond the store's head belongs to a life that ended, and would wait for ever. */
  function forgetUnstored(room: Room) {
    room.seen = room.head;
    room.pending.clear();
  }

  /** D6: the store is an older copy. No number may mean two things, so a new life of the numbering begins. */
  async function renewEpoch(room: Room, old: string) {
    await store.renewEpoch(room.id, old);
    const [now] = await store.heads([room.id]);
    // Of several looks that noticed it at once the first has seen to it.
    if (now !== undefined && now.epoch !== room.epoch) beginAnew(room, now.epoch, now.head);
  }

  function beginAnew(room: Room, epoch: string, head: number) {
    const members = [...room.seats.keys()];
    clearTimeout(room.flushTimer);
    room.ended.add(room.epoch);
    Object.assign(room, {
      epoch,
      head,
      seen: head,
      certain: head,
      ring: [],
      ringCharacters: 0,
      unflushed: [],
      flushTimer: undefined,
    });
    room.pending.clear();
    room.seats.clear();
    onNewEpoch(room, members);
  }

  // ---- writing -----------------------------------------------------------------------------------------------------

  /** Quiet rooms at once, busy crowds at most once per tick; the tick grows with what a flush costs. */
  function flushSoon(room: Room) {
    if (room.unflushed.length === 0 || room.flushTimer !== undefined) return;
    const tick = Math.min(FLUSH_AT_MOST_EVERY_MS, Math.max(FLUSH_EVERY_MS, 4 * room.flushTookMs));
    const waitMs = room.seats.size < CROWD ? 0 : room.flushedAt + tick - performance.now();
    if (waitMs <= 0) return flush(room);
    room.flushTimer = setTimeout(flush, waitMs, room);
  }

  /** One buffer for everybody who is at the same place and reads the same version; one write per member. */
  function flush(room: Room) {
    clearTimeout(room.flushTimer);
    room.flushTimer = undefined;
    const batch = room.unflushed;
    const [first] = batch;
    if (first === undefined) return;
    room.unflushed = [];
    const startedAt = performance.now();
    const authors = new Set(batch.map(({ event }) => event.author.id));
    const marks = ownMarks(batch);
    const shared = new Map<string, Buffer | undefined>();
    const sharedFrames = (member: Member) => {
      const audience = member.version === 'v2' && authors.has(member.user.id) ? member.user.id : member.version;
      if (!shared.has(audience)) shared.set(audience, framesFor(member, batch));
      return shared.get(audience);
    };
    for (const seat of room.seats.values()) {
      // A seat taken while the batch waited has a part of it already.
      const missing = seat.cursor < first.event.seq ? batch : batch.filter(({ event }) => event.seq > seat.cursor);
      if (missing.length === 0) continue;
      // D1: the cursor alone decides; a member that would miss an event is our own mistake, and nobody may limp on.
      if (missing[0]?.event.seq !== seat.cursor + 1) throw new Error(`room ${room.id}: a member would miss an event`);
      const frames = missing === batch ? sharedFrames(seat.member) : framesFor(seat.member, missing);
      seat.cursor = room.head;
      if (frames !== undefined) seat.member.send(frames);
      const mark = seat.member.version === 'v2' ? marks.get(seat.member.user.id) : undefined;
      if (mark !== undefined) seat.member.send(messageFrame({ type: 'read', room: room.id, ...mark }));
    }
    room.flushedAt = performance.now();
    room.flushTookMs = room.flushedAt - startedAt;
    for (const { event } of batch) onTold(event);
  }

  /** Writes what this process published up to now to everybody here, without waiting for the next tick. */
  async function deliverNow(): Promise<void> {
    // A publication reaches its own process on a later turn.
    await new Promise((resolve) => setImmediate(resolve));
    for (const room of opened.values()) flush(room);
  }

  const checker = setInterval(() => void checkHeads().catch(onError), HEADS_EVERY_MS * (0.8 + 0.4 * Math.random()));
  checker.unref();
  bus.onInterrupted(() => void checkHeads().catch(onError));
  const stopHearingHeads = bus.subscribe(headsChannel, () => void checkHeads().catch(onError));

  return {
    /**
     * Gets a room ready to be listened to: subscribed, its head known. Undefined when there is no such room.
     *
     * @throws when the store cannot be asked
     */
    enter: (id: string): Promise<HubRoom | undefined> => enter(id),

    /**
     * Events after `cursor` up to the head, from memory; undefined when memory does not reach back that far. Ask and
     * then join in the same turn: what is delivered between would be missing.
     */
    eventsAfter(room: HubRoom, cursor: number): StoredEvent[] | undefined {
      const { head, ring } = room as Room;
      if (cursor >= head) return [];
      const missing = head - cursor;
      return missing > ring.length ? undefined : ring.slice(ring.length - missing).map(({ event }) => event);
    },

    /**
     * Seats a member that has everything up to `cursor`: from now on it hears every later event. Whatever was delivered
     * since is sent at once.
     */
    join(room: HubRoom, member: Member, cursor: number): void {
      const { head, ring, seats } = room as Room;
      seats.set(member, { member, cursor: Math.max(cursor, head) });
      if (cursor >= head) return;
      if (head - cursor > ring.length) throw new Error(`room ${room.id}: a member would miss an event`);
      const frames = framesFor(member, ring.slice(ring.length - (head - cursor)));
      if (frames !== undefined) member.send(frames);
    },

    /** Takes a member's seat away; it hears nothing more of the room. */
    leave(room: HubRoom, member: Member): void {
      (room as Room).seats.delete(member);
    },

    /** Feeds events of a life that were read from the store, so that the room is never behind those who read it. */
    hear(room: HubRoom, epoch: string, events: StoredEvent[]): void {
      hear(room as Room, { kind: 'events', epoch, events: events.filter(({ seq }) => seq > room.head) });
    },

    /** Says something that has no number to the members that `isFor` chooses. */
    tell(room: HubRoom, message: ServerMessage, isFor: (member: Member) => boolean): void {
      sendToSome(room as Room, messageFrame(message), isFor);
    },

    /** A line for v1 members, after whatever was said before it: nobody leaves before their last words. */
    tellLine(room: HubRoom, line: string, isFor: (member: Member) => boolean): void {
      flush(room as Room);
      sendToSome(room as Room, textFrame(line), isFor);
    },

    /** Whoever listens to a room here. */
    membersOf: (room: HubRoom): Member[] => [...(room as Room).seats.keys()],

    /** The rooms that are open here. */
    rooms: (): HubRoom[] => [...opened.values()],

    /** The highest event of a room that anybody was shown, here or, as far as it was heard of, elsewhere. */
    floorOf(id: string): number {
      const room = opened.get(id);
      return room === undefined ? 0 : floorOf(room);
    },

    /** The life of a room's numbering that {@link floorOf} belongs to. */
    epochOf: (id: string): string | undefined => opened.get(id)?.epoch,

    checkHeads,

    deliverNow,

    /** Delivers what was published up to now, and ends. */
    async close(): Promise<void> {
      await deliverNow();
      isClosed = true;
      clearInterval(checker);
      for (const room of opened.values()) await room.unsubscribe();
      await (await stopHearingHeads)();
    },
  };
}

function newRoom(
  { room: id, name, epoch, head }: { room: string; name: string; epoch: string; head: number },
  unsubscribe: Room['unsubscribe'],
): Room {
  return {
    id,
    name,
    epoch,
    ended: new Set(),
    head,
    seen: head,
    certain: head,
    pending: new Map(),
    ring: [],
    ringCharacters: 0,
    seats: new Map(),
    unflushed: [],
    flushTimer: undefined,
    flushedAt: Number.NEGATIVE_INFINITY,
    flushTookMs: 0,
    isFilling: false,
    isChecked: false,
    unsubscribe,
  };
}

/**
 * D7: sending moves one's own read mark. Whoever writes the message to its author's devices tells them how far they have
 * read by that: it needs no news of its own, which could be lost where the message was not.
 */
function ownMarks(batch: readonly Encoded[]): Map<string, { seq: number; unread: number }> {
  const marks = new Map<string, { seq: number; unread: number }>();
  let unread = 0;
  // From the end: after somebody's last message there are others' only.
  for (const { event } of batch.toReversed()) {
    const { change, author, seq } = event;
    if (change.kind !== 'message') continue;
    if (!marks.has(author.id)) marks.set(author.id, { seq, unread });
    if (change.text !== null) unread += 1;
  }
  return marks;
}

/** D6: whoever could not be told yet is no reason to give a number again that others were shown. */
const floorOf = ({ head, certain }: Room) => Math.max(head, certain);

/** Keeps the last events within both bounds, the newest always. */
function remember(room: Room, encoded: Encoded) {
  room.ring.push(encoded);
  room.ringCharacters += charactersOf(encoded);
  while (room.ring.length > 1 && (room.ring.length > RING_EVENTS || room.ringCharacters > RING_CHARACTERS)) {
    const oldest = room.ring.shift();
    if (oldest !== undefined) room.ringCharacters -= charactersOf(oldest);
  }
}

function charactersOf({ event: { change } }: Encoded): number {
  return change.kind === 'message' || change.kind === 'edited' ? (change.text?.length ?? 0) : 0;
}

function framesFor(member: Member, events: Encoded[]): Buffer | undefined {
  const frames = events.flatMap((encoded) => {
    if (member.version === 'v1') return encoded.v1() ?? [];
    return encoded.event.author.id === member.user.id ? encoded.v2ForAuthor() : encoded.v2();
  });
  return frames.length > 1 ? Buffer.concat(frames) : frames[0];
}

function sendToSome(room: Room, frame: Buffer, isFor: (member: Member) => boolean) {
  for (const { member } of room.seats.values()) {
    if (isFor(member)) member.send(frame);
  }
}

/** True when another event was told here under this number, as far as memory reaches. */
function isAnother({ ring, head }: Room, { seq, author, clientId }: StoredEvent): boolean {
  const told = ring[ring.length - 1 - (head - seq)]?.event;
  return told !== undefined && (told.clientId !== clientId || told.author.id !== author.id);
}

function take(pending: Map<number, StoredEvent>, seq: number): StoredEvent | undefined {
  const event = pending.get(seq);
  pending.delete(seq);
  return event;
}
