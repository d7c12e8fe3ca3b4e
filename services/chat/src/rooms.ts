/** What open, send, edit, read and the rest mean, and who may. Knows no sockets and no stores by name. */
import { randomUUID } from 'node:crypto';
import { type Bus, roomChannel, toPayload } from '@securechat/shared/bus';
import {
  type ClientMessage,
  type ClientMessageOf,
  countCharacters,
  DEFAULT_ROOM,
  isSpeakable,
  Limit,
  type RefusalCode,
  RefusalSentence,
  type Refused,
  Sentence,
  type ServerMessage,
  type User,
} from '@securechat/shared/protocol';
import type { RateLimiter } from '@securechat/shared/rateLimiter';
import { createCompany, type Here } from './company.ts';
import { type Change, type StoredEvent, toWire } from './event.ts';
import type { Appended, EventLog } from './eventLog.ts';
import { type Draft, type EventStore, isSameChange, type ReadMark } from './eventStore.ts';
import { messageFrame, textFrame } from './frame.ts';
import type { Hub, HubRoom, Member, RoomNews, RoomNotice } from './hub.ts';
import type { Presence } from './presence.ts';
import { createReadMarks } from './readMarks.ts';

/** One connection as the rooms see it. */
export type Guest = Member & {
  /** Resolves when the connection has taken what it was sent; at once if it is keeping up. */
  drained(): Promise<void>;
};

export type RoomRules = {
  version: string;
  textLength: number;
  messages: number;
  windowMs: number;
  muteMs: number;
  heartbeatMs: number;
  heartbeatTimeoutMs: number;
};

/** Budgets per person; see the protocol's page for the numbers. */
export type Budgets = { message: RateLimiter; change: RateLimiter; query: RateLimiter; lookUp: RateLimiter };

const TELL_AGAIN_AFTER_MS = 1_000;

export type Rooms = ReturnType<typeof createRooms>;

export function createRooms(options: {
  store: EventStore;
  log: EventLog;
  hub: Hub;
  bus: Bus;
  presence: Presence;
  budgets: Budgets;
  rules: RoomRules;
  /** Called when a re-sent clientId was answered instead of stored again. */
  onAgain: () => void;
  /** Called when a room was opened with a position: whether everything missed was sent. */
  onResume: (isComplete: boolean) => void;
  onError: (err: unknown) => void;
  now?: () => number;
}) {
  const { store, log, hub, bus, presence, budgets, rules, onAgain, onResume, onError, now = () => performance.now() } = options;
  const openIn = new WeakMap<Guest, Set<string>>();
  const lastTyping = new WeakMap<Guest, number>();
  const lastSaid = new WeakMap<Guest, Promise<Appended>>();
  const company = createCompany({ room: DEFAULT_ROOM, hub, bus, presence, onError, now });
  const readMarks = createReadMarks({ store, bus, onError, now });
  /** By connections that were welcomed and have the room not open yet: marks that moved after they were told. */
  const movedSince = new Map<Guest, Map<string, ReadMark>>();
  bus.onInterrupted(tellMarksAgain);

  const isOpenFor = (guest: Guest, room: string) => openIn.get(guest)?.has(room) ?? false;
  const publish = (room: string, news: RoomNews) => bus.publish(roomChannel(room), toPayload(news));

  // ---- coming and going --------------------------------------------------------------------------------------------

  /**
   * A connection was accepted: its person is here, and it is told so.
   *
   * @throws when the store or the presence cannot be asked; the connection cannot go on then
   */
  async function arrive(guest: Guest): Promise<void> {
    company.count(guest);
    openIn.set(guest, new Set());
    if (guest.version === 'v2') movedSince.set(guest, new Map());
    const room = await enterDefault();
    // Asked before anybody is here: whoever cannot be welcomed has not come, and will not be said to have left.
    const welcome = guest.version === 'v2' ? await welcomeFor(guest.user) : undefined;
    if (!openIn.has(guest)) return;
    const hasJoined = await company.enter(guest);
    // It may have gone while we asked; its departure has been seen to then.
    if (!openIn.has(guest)) return;
    // The newcomer hears of itself first and at once; everybody else by way of the bus.
    if (welcome === undefined) {
      tellLine(guest, Sentence.joined(guest.user.name));
      hub.join(room, guest, room.head);
    } else {
      tell(guest, welcome);
    }
    if (hasJoined) company.announce(guest);
  }

  async function enterDefault(): Promise<HubRoom> {
    const room = await hub.enter(DEFAULT_ROOM);
    if (room === undefined) throw new Error(`there is no room ${DEFAULT_ROOM}`);
    return room;
  }

  async function welcomeFor(user: User): Promise<ServerMessage> {
    const heads = await store.heads([DEFAULT_ROOM]);
    const rooms = await Promise.all(
      heads.map(async ({ room, name, epoch, head }) => ({
        id: room,
        name,
        epoch,
        head,
        ...(await store.readMark(room, user.id)),
      })),
    );
    return {
      type: 'welcome',
      user,
      server: { version: rules.version },
      heartbeat: { intervalMs: rules.heartbeatMs, timeoutMs: rules.heartbeatTimeoutMs },
      limits: { textLength: rules.textLength, messages: rules.messages, windowMs: rules.windowMs, muteMs: rules.muteMs },
      rooms,
    };
  }

  /** A connection ended; with a goodbye (closed normally, or signed out) the person leaves at once. */
  async function depart(guest: Guest, saidGoodbye: boolean): Promise<void> {
    for (const room of hub.rooms()) hub.leave(room, guest);
    openIn.delete(guest);
    movedSince.delete(guest);
    await company.depart(guest, saidGoodbye);
  }

  // ---- news that have no number ------------------------------------------------------------------------------------

  /** Hands notices, typing and read marks, as they come from the bus, to the members here. */
  function onNews(room: HubRoom, news: RoomNotice): void {
    switch (news.kind) {
      case 'joined':
        return company.notice(room, 'joined', news.user, news.except);
      case 'left':
        return company.notice(room, 'left', news.user);
      case 'typing':
        return hub.tell(room, { type: 'typing', room: room.id, user: news.user }, isV2But(news.user.id));
      case 'read':
        for (const [guest, marks] of movedSince) {
          if (guest.user.id === news.user) marks.set(room.id, { read: news.seq, unread: news.unread });
        }
        return hub.tell(room, { type: 'read', room: room.id, seq: news.seq, unread: news.unread }, isV2Of(news.user));
    }
  }

  /** Whoever is about to open the room will hear of it, but not that it moved the own mark, or how many came after. */
  function onDelivered(room: HubRoom, { seq, author, change }: StoredEvent): void {
    if (change.kind !== 'message') return;
    for (const [guest, marks] of movedSince) {
      const moved = marks.get(room.id);
      if (guest.user.id === author.id) marks.set(room.id, { read: seq, unread: 0 });
      else if (moved !== undefined) marks.set(room.id, { ...moved, unread: moved.unread + 1 });
    }
  }

  /** D7: what was told of read marks while the bus was interrupted may have reached nobody. */
  function tellMarksAgain() {
    const told = hub.rooms().map((room) => {
      const members = hub.membersOf(room).filter(({ version }) => version === 'v2');
      return readMarks.tellAgain(room.id, members);
    });
    Promise.all(told).catch((error: unknown) => {
      onError(error);
      setTimeout(tellMarksAgain, TELL_AGAIN_AFTER_MS).unref();
    });
  }

  // ---- opening and reading -----------------------------------------------------------------------------------------

  async function open(guest: Guest, message: ClientMessageOf<'open'>): Promise<void> {
    // As in history: whoever opens again and again takes turns with others, and does not pile up what it does not read.
    await guest.drained();
    const room = await hub.enter(message.room);
    if (room === undefined) return refuse(guest, message, 'not_found');
    hub.leave(room, guest);
    openIn.get(guest)?.delete(room.id);
    if (openIn.has(guest) && !movedSince.has(guest)) movedSince.set(guest, new Map());
    const { since } = message;
    // D6: the life it was asked about. While the store answers the room may begin another one, which resumes nothing.
    const { epoch } = room;
    const canResume = since !== undefined && (await isResumable(room, { ...message, since }));
    if (since !== undefined) onResume(canResume);
    if (canResume) await resume(guest, room, { since, epoch });
    else await showLatest(guest, room, since);
  }

  async function isResumable(
    room: HubRoom,
    { since, sinceAt, epoch }: { since: number; sinceAt?: number | undefined; epoch?: string | undefined },
  ): Promise<boolean> {
    const [stored] = await store.heads([room.id]);
    if (stored === undefined || epoch !== stored.epoch || stored.epoch !== room.epoch || since > stored.head) return false;
    if (stored.head - since > Limit.resumeEvents) return false;
    // D6: the client is the best witness: if our event of that number is not the one it saw, the numbering is another's.
    if (sinceAt !== undefined && (await store.timeOf(room.id, since)) !== sinceAt) return false;
    return since === stored.head || (await store.bytesSince(room.id, since)) <= Limit.resumeBytes;
  }

  /** D3: sends what was missed, page by page at the pace of the reader, and joins in the turn in which nothing is missing. */
  async function resume(guest: Guest, room: HubRoom, { since, epoch }: { since: number; epoch: string }): Promise<void> {
    let cursor = since;
    const sendPage = (events: StoredEvent[], more: boolean) => {
      cursor = events.at(-1)?.seq ?? cursor;
      const shown = events.map((event) => toWire(event, guest.user));
      tell(guest, { type: 'page', room: room.id, events: shown, more, asOf: cursor, since });
    };
    for (;;) {
      const here = await company.whoIsHere();
      const rest = hub.eventsAfter(room, cursor);
      if (rest !== undefined && here.isCurrent() && room.epoch === epoch) {
        for (let start = 0; start < rest.length - Limit.pageEvents; start += Limit.pageEvents) {
          sendPage(rest.slice(start, start + Limit.pageEvents), true);
        }
        sendPage(
          rest.filter(({ seq }) => seq > cursor),
          false,
        );
        return joinOpened(guest, room, cursor, true, here);
      }
      if (room.epoch !== epoch) return showLatest(guest, room, since);
      if (rest === undefined) {
        const events = await store.since(room.id, cursor, Limit.pageEvents, epoch);
        // There are some, unless the store is an older copy or in another life, which is noticed now.
        if (events.length === 0) {
          await comeToTerms(room, epoch);
          continue;
        }
        hub.hear(room, epoch, events);
        sendPage(events, true);
        await guest.drained();
      }
    }
  }

  /** The newest messages in their present state, for somebody new or too far behind. */
  async function showLatest(guest: Guest, room: HubRoom, since: number | undefined): Promise<void> {
    for (;;) {
      const { epoch } = room;
      const found = await store.messagesBefore(room.id, undefined, Limit.arrivalMessages, guest.user);
      const { messages, asOf } = found;
      if (found.epoch !== room.epoch) {
        await comeToTerms(room, epoch);
        continue;
      }
      const here = await company.whoIsHere();
      if (hub.eventsAfter(room, asOf) === undefined || !here.isCurrent() || room.epoch !== epoch) continue;
      const repeated = since === undefined ? {} : { since };
      tell(guest, { type: 'page', room: room.id, events: messages, more: false, asOf, ...repeated });
      return joinOpened(guest, room, asOf, since === undefined, here);
    }
  }

  /**
   * D6: the store showed another life than the one that we are in: looks, so that the room begins it too.
   *
   * @throws when it does not: nobody must be shown the numbers of one life as those of another
   */
  async function comeToTerms(room: HubRoom, epoch: string): Promise<void> {
    if (room.epoch === epoch) await hub.checkHeads();
    if (room.epoch === epoch) throw new Error(`room ${room.id}: the store does not show what it should`);
  }

  /** No await in here: between the last page and the seat nothing may be delivered. */
  function joinOpened(guest: Guest, room: HubRoom, head: number, complete: boolean, { people, peopleCount }: Here) {
    const openRooms = openIn.get(guest);
    if (openRooms === undefined) return;
    openRooms.add(room.id);
    tell(guest, { type: 'opened', room: room.id, epoch: room.epoch, head, complete, people, peopleCount });
    hub.join(room, guest, head);
    const moved = movedSince.get(guest)?.get(room.id);
    movedSince.delete(guest);
    if (moved !== undefined) tell(guest, { type: 'read', room: room.id, seq: moved.read, unread: moved.unread });
  }

  async function history(guest: Guest, { room, before, limit }: ClientMessageOf<'history'>): Promise<void> {
    // Whoever asks for many pages at once gets them as fast as they are read, instead of being cut as a slow reader.
    await guest.drained();
    const { messages, hasMore, asOf, epoch } = await store.messagesBefore(room, before, limit, guest.user);
    const here = hub.rooms().find(({ id }) => id === room);
    if (here !== undefined && here.epoch !== epoch) return comeToTerms(here, here.epoch);
    tell(guest, { type: 'page', room, events: messages, more: hasMore, asOf, before });
  }

  // ---- changing the conversation -----------------------------------------------------------------------------------

  type Changing = ClientMessageOf<'send' | 'edit' | 'delete' | 'react'>;

  async function change(guest: Guest, message: Changing): Promise<void> {
    const draft: Draft = { author: guest.user, clientId: message.clientId, change: changeOf(message) };
    const first = log.recall(guest.user.id, message.clientId);
    if (first !== undefined) return answerAgain(guest, message, first, draft.change);
    const fault = 'text' in message ? faultOf(message.text) : undefined;
    if (fault !== undefined) return refuse(guest, message, fault);
    const budget = message.type === 'send' ? budgets.message : budgets.change;
    const granted = await grant(guest, budget, message, draft.change);
    if (!granted) return;
    const appending = log.append(message.room, draft);
    // Not awaited: the next frame may be read meanwhile, and the log keeps the order.
    appending.then((outcome) => answer(guest, message, draft.change, outcome, budget)).catch(onError);
  }

  /**
   * Takes from the person's budget. Before a refusal the store is asked once: what is stored already is answered, even
   * during a mute, and costs nothing. False when the message has been answered.
   */
  async function grant(guest: Guest, budget: RateLimiter, message: Changing, wanted: Change): Promise<boolean> {
    const { id } = guest.user;
    const trial = await budget.take(id, message.clientId, true);
    if (trial.ok) return true;
    await budgetForLookUp(id);
    const first = await store.find(id, message.clientId);
    if (first !== undefined) {
      answerAgain(guest, message, first, wanted);
      return false;
    }
    const verdict = await budget.take(id, message.clientId);
    if (!verdict.ok) slowDown(guest, message, verdict);
    return verdict.ok;
  }

  /** Waits for its turn: the connection's next frames wait with it, so a flood slows only itself. */
  async function budgetForLookUp(id: string): Promise<void> {
    for (let verdict = await budgets.lookUp.take(id); !verdict.ok; verdict = await budgets.lookUp.take(id)) {
      await new Promise((resolve) => setTimeout(resolve, (verdict as { retryAfterMs: number }).retryAfterMs));
    }
  }

  async function answer(guest: Guest, message: Changing, wanted: Change, outcome: Appended, budget: RateLimiter) {
    if (outcome.kind === 'unknown') return refuse(guest, message, 'unavailable');
    if (outcome.kind !== 'stored') await budget.giveBack(guest.user.id, message.clientId).catch(onError);
    if (outcome.kind === 'refused') {
      return refuse(guest, message, outcome.code, outcome.message === undefined ? {} : { message: outcome.message });
    }
    if (outcome.kind === 'known') answerAgain(guest, message, outcome.event, wanted);
  }

  /** D2: a clientId that was used before: the first event again, to this connection alone. */
  function answerAgain(guest: Guest, message: Changing, first: StoredEvent, wanted: Change) {
    if (!isSameChange(first, message.room, wanted)) return refuse(guest, message, 'conflict');
    onAgain();
    tell(guest, { ...toWire(first, guest.user), again: true });
  }

  /** A message of a v1 connection, which has no clientId to repeat and no refusals but lines. */
  async function say(guest: Guest, text: string): Promise<void> {
    const fault = isSpeakable(text) ? faultOf(text) : 'malformed';
    if (fault === 'empty') return;
    if (fault === 'malformed') return tellLine(guest, 'Your message has characters that cannot be sent. It was not sent.');
    if (fault === 'too_long') {
      return tellLine(guest, `Your message is longer than ${rules.textLength} characters. It was not sent.`);
    }
    const clientId = randomUUID();
    const verdict = await budgets.message.take(guest.user.id, clientId).catch(onError);
    if (verdict === undefined) return tellLine(guest, Sentence.undelivered);
    if (!verdict.ok) return verdict.began ? sayRateLimited(guest) : undefined;
    const appending = log.append(DEFAULT_ROOM, { author: guest.user, clientId, change: { kind: 'message', text } });
    lastSaid.set(guest, appending);
    appending
      .then((outcome) => {
        // Known: an earlier try of this very message was stored, and only its answer was lost.
        if (outcome.kind !== 'stored' && outcome.kind !== 'known') tellLine(guest, Sentence.undelivered);
      })
      .catch(onError);
  }

  /** After what was accepted before it, or the one text too many would seem to be an earlier one. */
  async function sayRateLimited(guest: Guest): Promise<void> {
    await lastSaid.get(guest);
    // What is stored comes back by way of the bus, a turn later.
    await new Promise((resolve) => setImmediate(resolve));
    // By way of the room: in a crowd its last messages may still wait to be written.
    hub.tellLine(await enterDefault(), Sentence.rateLimited(rules.muteMs / 1000), (member) => member === guest);
  }

  function faultOf(text: string): 'empty' | 'too_long' | undefined {
    if (text.trim() === '') return 'empty';
    return countCharacters(text) > rules.textLength ? 'too_long' : undefined;
  }

  function type(guest: Guest, room: string) {
    if (now() - (lastTyping.get(guest) ?? Number.NEGATIVE_INFINITY) < Limit.typingEveryMs) return;
    lastTyping.set(guest, now());
    publish(room, { kind: 'typing', user: guest.user });
  }

  // ---- refusing ----------------------------------------------------------------------------------------------------

  function refuse(guest: Guest, message: ClientMessage, code: RefusalCode, more: Partial<Refused> = {}) {
    const clientId = 'clientId' in message ? { clientId: message.clientId } : {};
    tell(guest, {
      type: 'refused',
      code,
      message: RefusalSentence[code],
      for: message.type,
      room: message.room,
      ...clientId,
      ...more,
    });
  }

  function slowDown(guest: Guest, message: ClientMessage, { retryAfterMs }: { retryAfterMs: number }) {
    const sentence = message.type === 'send' ? { message: Sentence.rateLimited(rules.muteMs / 1000) } : {};
    refuse(guest, message, 'slow_down', { retryAfterMs, ...sentence });
  }

  /** Handles one v2 message. Whatever cannot be done now is answered `unavailable`; the connection lives on. */
  async function handle(guest: Guest, message: ClientMessage): Promise<void> {
    if (message.type !== 'open' && !isOpenFor(guest, message.room)) {
      const exists = hub.rooms().some(({ id }) => id === message.room);
      return refuse(guest, message, exists ? 'not_open' : 'not_found');
    }
    try {
      await handleOpened(guest, message);
    } catch (error) {
      onError(error);
      refuse(guest, message, 'unavailable');
    }
  }

  async function handleOpened(guest: Guest, message: ClientMessage): Promise<void> {
    switch (message.type) {
      case 'send':
      case 'edit':
      case 'delete':
      case 'react':
        return change(guest, message);
      case 'typing':
        return type(guest, message.room);
      case 'open':
      case 'history':
      case 'read': {
        const verdict = await budgets.query.take(guest.user.id);
        if (!verdict.ok) return slowDown(guest, message, verdict);
        if (message.type === 'open') return open(guest, message);
        if (message.type === 'history') return history(guest, message);
        return readMarks.move(guest.user, message.room, message.seq);
      }
    }
  }

  return {
    arrive,
    depart,
    handle,
    say,
    onNews,
    onDelivered,
    /** From now on people leave for other servers, and are back there soon. */
    beginDraining: company.beginDraining,
    /** Stops the clocks and writes what still waits to be written. */
    async close(): Promise<void> {
      company.close();
      await readMarks.close();
    },
  };
}

/** Says something to one connection alone (v2). */
const tell = (guest: Guest, message: ServerMessage) => guest.send(messageFrame(message));
/** Says a line to one connection alone (v1). */
const tellLine = (guest: Guest, line: string) => guest.send(textFrame(line));

function changeOf(message: ClientMessageOf<'send' | 'edit' | 'delete' | 'react'>): Change {
  switch (message.type) {
    case 'send':
      return { kind: 'message', text: message.text, ...(message.replyTo !== undefined && { replyTo: message.replyTo }) };
    case 'edit':
      return { kind: 'edited', target: message.target, text: message.text };
    case 'delete':
      return { kind: 'deleted', target: message.target };
    case 'react':
      return { kind: 'reacted', target: message.target, emoji: message.emoji, on: message.on };
  }
}

const isV2Of = (user: string) => (member: Member) => member.version === 'v2' && member.user.id === user;
const isV2But = (user: string) => (member: Member) => member.version === 'v2' && member.user.id !== user;
