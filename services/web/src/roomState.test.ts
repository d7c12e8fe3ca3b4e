import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessageState, Opened, Page, RoomEvent, ServerMessage, User } from '@securechat/shared/protocol';
import { Limit } from '@securechat/shared/protocol';
import fc from 'fast-check';
import { keptRoom, roomOf } from './roomState.kept.ts';
import type { RoomState, Viewer } from './roomState.ts';
import * as rooms from './roomState.ts';

const alice: User = { id: 'a', name: 'alice' };
const bob: User = { id: 'b', name: 'bob' };
const people = [alice, bob];
const viewer: Viewer = { me: alice, now: 50_000 };

/** The truth: what a server holds, and how it answers. Written from the contract, not from the client. */
function createRoom(epoch = 'e1') {
  const events: RoomEvent[] = [];
  const base = (author: User) => ({ room: 'general', seq: events.length + 1, at: 1_000 * (events.length + 1), author });
  const add = <E extends RoomEvent>(event: E): E => {
    events.push(event);
    return event;
  };
  const messages = (upTo: number): MessageState[] => {
    const states = new Map<number, MessageState>();
    for (const event of events.slice(0, upTo)) {
      if (event.type === 'message') states.set(event.seq, { ...event, reactions: {} });
      else applyTo(states.get(event.target), event);
    }
    return [...states.values()];
  };
  const isErased = (target: number) => events.some((event) => event.type === 'deleted' && event.target === target);
  /** A delete took the words of the message and of its edits out of the store. */
  const withoutErased = (event: RoomEvent): RoomEvent => {
    if (event.type !== 'message' && event.type !== 'edited') return event;
    if (!isErased(event.type === 'message' ? event.seq : event.target)) return event;
    const { text: _erased, ...rest } = event;
    return { ...rest, deleted: true };
  };
  const opened = (complete: boolean, head = events.length): Opened => ({
    type: 'opened',
    room: 'general',
    epoch,
    head,
    complete,
    people: [alice],
    peopleCount: 1,
  });
  const page = (list: Page['events'], asOf: number, more: object = {}): Page => ({
    type: 'page',
    room: 'general',
    events: list,
    more: false,
    asOf,
    ...more,
  });
  return {
    says: (author: User, text: string, replyTo?: number) =>
      add({ type: 'message', ...base(author), text, ...(replyTo !== undefined && { replyTo }) }),
    edits: (author: User, target: number, text: string) => add({ type: 'edited', ...base(author), target, text }),
    deletes: (author: User, target: number) => add({ type: 'deleted', ...base(author), target }),
    reacts: (author: User, target: number, emoji: string, on: boolean) =>
      add({ type: 'reacted', ...base(author), target, emoji, on }),
    head: () => events.length,
    event: (seq: number) => events[seq - 1] as RoomEvent,
    messages,
    arrival: (latest = 50): ServerMessage[] => [page(messages(events.length).slice(-latest), events.length), opened(true)],
    startAfresh: (since: number, latest = 50): ServerMessage[] => [
      page(messages(events.length).slice(-latest), events.length, { since }),
      opened(false),
    ],
    resume: (since: number, pageSize = 100): ServerMessage[] => {
      const pages: Page[] = [];
      for (let from = since; from < events.length || pages.length === 0; from += pageSize) {
        const until = Math.min(from + pageSize, events.length);
        pages.push(page(events.slice(from, until).map(withoutErased), until, { since, more: until < events.length }));
      }
      return [...pages, opened(true)];
    },
    history: (before: number, limit: number, asOf = events.length): ServerMessage[] => [
      page(
        messages(asOf)
          .filter(({ seq }) => seq < before)
          .slice(-limit),
        asOf,
        { before },
      ),
    ],
  };
}

function applyTo(message: MessageState | undefined, event: RoomEvent) {
  if (!message || message.deleted) return;
  if (event.type === 'edited' && event.text !== undefined) Object.assign(message, { text: event.text, editedAt: event.at });
  if (event.type === 'deleted') {
    delete message.text;
    delete message.editedAt;
    Object.assign(message, { deleted: true, reactions: {} });
  }
  if (event.type === 'reacted') {
    const others = (message.reactions[event.emoji] ?? []).filter((id) => id !== event.author.id);
    const next = event.on ? [...others, event.author.id] : others;
    delete message.reactions[event.emoji];
    if (next.length > 0) message.reactions[event.emoji] = next;
  }
}

const hearAll = (room: RoomState, frames: readonly ServerMessage[]) =>
  frames.reduce((state, frame) => rooms.hear(state, frame, viewer), room);

function open(room: RoomState, frames: readonly ServerMessage[], how: 'resume' | 'arrival' = 'resume'): RoomState {
  return hearAll(rooms.opening(room, rooms.openRequest(room, how)), frames);
}

/** What is on the screen, in a form that can be compared with what the server holds. */
const shown = (room: RoomState) =>
  room.messages.map(({ seq, text, deleted, editedAt, reactions }) => ({
    seq,
    text,
    deleted,
    editedAt,
    reactions: sorted(reactions),
  }));
const held = (messages: readonly MessageState[]) =>
  messages.map(({ seq, text, deleted, editedAt, reactions }) => ({
    seq,
    text,
    deleted: deleted === true,
    editedAt,
    reactions: sorted(reactions),
  }));
const sorted = (reactions: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(reactions)
    .map(([emoji, ids]) => `${emoji}${[...ids].sort().join()}`)
    .sort();

test('on arrival the latest messages are shown and the next event continues them', () => {
  const server = createRoom();
  for (let i = 1; i <= 60; i++) server.says(bob, `m${i}`);
  const room = open(rooms.emptyRoom, server.arrival());
  assert.equal(room.messages.length, 50);
  assert.equal(room.beginning, false);
  const next = hearAll(room, [server.says(bob, 'one more')]);
  assert.equal(next.messages.at(-1)?.text, 'one more');
  assert.equal(next.cursor, 61);
});

test('an empty room is its own beginning', () => {
  const room = open(rooms.emptyRoom, createRoom().arrival());
  assert.equal(room.beginning, true);
  assert.equal(room.phase, 'open');
  assert.deepEqual(rooms.openRequest(room), { type: 'open', room: 'general', since: 0, epoch: 'e1' });
});

test('before the room is opened nothing is shown', () => {
  const server = createRoom();
  const event = server.says(bob, 'hello');
  assert.deepEqual(hearAll(rooms.emptyRoom, [event]).messages, []);
});

test('an event that comes twice is shown once', () => {
  const server = createRoom();
  const room = open(rooms.emptyRoom, server.arrival());
  const event = server.says(bob, 'hello');
  const heard = hearAll(room, [event]);
  assert.equal(heard.messages.length, 1);
  assert.equal(hearAll(heard, [event, event]), heard);
});

test('a hole is not jumped over: it asks for a resume and then shows everything in order', () => {
  const server = createRoom();
  const room = open(rooms.emptyRoom, server.arrival());
  server.says(bob, 'one');
  const early = hearAll(room, [server.says(bob, 'two')]);
  assert.equal(early.needs, 'resume');
  assert.deepEqual(early.messages, []);
  const whole = open(early, server.resume(0));
  assert.deepEqual(
    whole.messages.map(({ text }) => text),
    ['one', 'two'],
  );
  assert.equal(whole.needs, 'nothing');
});

test('a hole that closes by itself needs no resume any more', () => {
  const server = createRoom();
  const room = open(rooms.emptyRoom, server.arrival());
  const [one, two] = [server.says(bob, 'one'), server.says(bob, 'two')];
  const four = { ...server.says(bob, 'three'), seq: 4 };
  const whole = hearAll(room, [two, one]);
  assert.deepEqual([whole.needs, whole.cursor], ['nothing', 2]);
  const half = hearAll(room, [two, four, one]);
  assert.deepEqual([half.needs, half.cursor], ['resume', 2]);
  const turned = hearAll(room, [{ ...four, seq: 3 }, two, one]);
  assert.deepEqual([turned.needs, turned.cursor], ['nothing', 3]);
});

test('a hole that a resume leaves is asked for at once, not when somebody speaks again', () => {
  const server = createRoom();
  const room = rooms.disconnected(open(rooms.emptyRoom, server.arrival()));
  const answer = server.resume(0);
  server.says(bob, 'lost on the way');
  const early = server.says(bob, 'heard before the answer was whole');
  assert.equal(open(room, [early, ...answer]).needs, 'resume');
});

test('what is said while the room is being opened is shown after it', () => {
  const server = createRoom();
  const [page, opened] = server.arrival();
  assert.ok(page && opened);
  const room = open(rooms.emptyRoom, [page, server.says(bob, 'the first of all'), opened]);
  assert.deepEqual([room.messages.map(({ text }) => text), room.cursor, room.needs], [['the first of all'], 1, 'nothing']);
});

test('an answer that broke off and was asked for again is not held twice', () => {
  const server = createRoom();
  server.says(bob, 'one');
  const [page] = server.arrival();
  assert.ok(page);
  const half = open(rooms.emptyRoom, [page]);
  assert.deepEqual(shown(open(half, server.arrival())), held(server.messages(1)));
});

test('what is said in another room changes nothing', () => {
  const server = createRoom();
  const room = open(rooms.emptyRoom, server.arrival());
  assert.equal(hearAll(room, [{ ...server.says(bob, 'elsewhere'), room: 'other' }]), room);
});

test('a resume request names the last event, its time and the epoch', () => {
  const server = createRoom('epoch-7');
  const room = hearAll(open(rooms.emptyRoom, server.arrival()), [server.says(bob, 'one')]);
  assert.deepEqual(rooms.openRequest(room), { type: 'open', room: 'general', since: 1, sinceAt: 1_000, epoch: 'epoch-7' });
});

test('after an arrival whose last event was no message, its time is unknown and not claimed', () => {
  const server = createRoom();
  server.says(bob, 'one');
  server.edits(bob, 1, 'ONE');
  const room = open(rooms.emptyRoom, server.arrival());
  assert.deepEqual(rooms.openRequest(room), { type: 'open', room: 'general', since: 2, epoch: 'e1' });
  const heard = hearAll(room, [server.says(bob, 'two')]);
  server.edits(bob, 1, 'One');
  const again = open(heard, server.arrival(), 'arrival');
  assert.deepEqual(rooms.openRequest(again), { type: 'open', room: 'general', since: 4, epoch: 'e1' });
});

test('when the server’s store went back, everything held is dropped', () => {
  const before = createRoom('e1');
  for (let i = 0; i < 5; i++) before.says(bob, `lost ${i}`);
  const arrived = open(rooms.emptyRoom, before.arrival());
  const past: rooms.Past = { messages: arrived.messages, to: 5, beginning: true };
  before.says(bob, 'not heard');
  const room = { ...hearAll(arrived, [before.says(bob, 'heard too early')]), past };
  const restored = createRoom('e2');
  restored.says(bob, 'what was saved');
  const afresh = hearAll(open(rooms.disconnected(room), restored.startAfresh(5)), [
    ...[2, 3, 4, 5, 6].map((seq) => restored.says(bob, `said again as ${seq}`)),
  ]);
  assert.deepEqual(shown(afresh), held(restored.messages(6)));
  assert.deepEqual([afresh.epoch, afresh.cursor, afresh.past, afresh.notices.length], ['e2', 6, undefined, 0]);
  assert.equal(afresh.needs, 'nothing');
});

test('half a resume is no resume: it starts again from where the room stood', () => {
  const server = createRoom();
  for (let i = 1; i <= 5; i++) server.says(bob, `m${i}`);
  const room = rooms.disconnected(open(rooms.emptyRoom, server.arrival()));
  for (let i = 6; i <= 9; i++) server.says(bob, `m${i}`);
  const [firstPage] = server.resume(5, 2);
  const broken = rooms.disconnected(open(room, firstPage ? [firstPage] : []));
  assert.equal(broken.cursor, 5);
  assert.equal(open(broken, server.resume(5, 2)).messages.length, 9);
});

test('a server that says it sent more than it did is asked for everything afresh', () => {
  const server = createRoom();
  server.says(bob, 'one');
  const room = rooms.disconnected(open(rooms.emptyRoom, server.arrival()));
  server.says(bob, 'two');
  assert.equal(open(room, server.resume(1).slice(-1)).needs, 'arrival');
});

test('an answer to a re-sent clientId moves nothing', () => {
  const server = createRoom();
  const room = open(rooms.emptyRoom, server.arrival());
  const event = server.says(alice, 'hello');
  assert.equal(hearAll(room, [{ ...event, again: true }]), room);
});

test('edits, reactions and deletes change what is shown', () => {
  const server = createRoom();
  const room = hearAll(open(rooms.emptyRoom, server.arrival()), [
    server.says(bob, 'helo'),
    server.edits(bob, 1, 'hello'),
    server.reacts(alice, 1, '👍', true),
    server.reacts(bob, 1, '👍', true),
    server.reacts(alice, 1, '👍', false),
  ]);
  assert.deepEqual(shown(room), held(server.messages(5)));
  const deleted = hearAll(room, [server.deletes(bob, 1)]);
  assert.equal(deleted.messages[0]?.deleted, true);
  assert.equal('text' in (deleted.messages[0] ?? {}), false);
  const stillDeleted = hearAll(deleted, [server.edits(bob, 1, 'back again'), server.reacts(bob, 1, '👍', true)]);
  assert.deepEqual(shown(stillDeleted), held(server.messages(8)));
});

test('an edit whose words were erased meanwhile leaves the old words until the deletion comes', () => {
  const server = createRoom();
  const room = hearAll(open(rooms.emptyRoom, server.arrival()), [server.says(bob, 'hello')]);
  const { text: _erased, ...edit } = server.edits(bob, 1, 'hello!');
  assert.deepEqual(shown(hearAll(room, [edit])), shown(room));
});

test('a change that a page holds already is not applied once more', () => {
  const server = createRoom();
  server.says(bob, 'one');
  for (let i = 0; i < 60; i++) server.says(bob, 'more');
  let room = open(rooms.emptyRoom, server.arrival());
  const on = server.reacts(bob, 1, '👍', true);
  server.reacts(bob, 1, '👍', false);
  const request = rooms.historyRequest(room);
  assert.ok(request);
  room = hearAll(rooms.askingHistory(room, request.before), server.history(request.before, request.limit));
  assert.deepEqual(hearAll(room, [on]).messages[0]?.reactions, {});
});

test('a change to a message that is not loaded waits for an older page', () => {
  const server = createRoom();
  for (let i = 1; i <= 60; i++) server.says(bob, `m${i}`);
  let room = open(rooms.emptyRoom, server.arrival());
  const asOf = server.head();
  room = rooms.askingHistory(room, 11);
  room = hearAll(room, [server.edits(bob, 5, 'edited'), server.deletes(bob, 6)]);
  room = hearAll(room, server.history(11, 50, asOf));
  assert.deepEqual(shown(room), held(server.messages(62)));
  assert.equal(room.beginning, true);
  assert.deepEqual(room.kept, []);
});

test('of more than a thousand changes to messages that are not loaded the oldest are forgotten, with every page that lacks them', () => {
  const server = createRoom();
  for (let i = 1; i <= 60; i++) server.says(bob, `m${i}`);
  let room = open(rooms.emptyRoom, server.arrival());
  const tooOld = server.history(11, 50);
  for (let i = 0; i < rooms.MAX_KEPT_CHANGES; i++) room = hearAll(room, [server.reacts(bob, 1, '👍', true)]);
  assert.equal(room.kept.length, rooms.MAX_KEPT_CHANGES);
  const lagging = server.history(11, 50);
  room = hearAll(room, [server.edits(bob, 2, 'edited')]);
  assert.equal(room.kept.length, 1);
  room = hearAll(rooms.askingHistory(room, 11), tooOld);
  assert.equal(room.beginning, false);
  room = hearAll(room, lagging);
  assert.deepEqual(shown(room), held(server.messages(room.cursor)));
});

test('a page from a store that lags behind one’s own arrival is not taken', () => {
  const server = createRoom();
  for (let i = 1; i <= 60; i++) server.says(bob, `m${i}`);
  const lagging = server.history(11, 50);
  server.edits(bob, 3, 'edited before alice came');
  const room = rooms.askingHistory(open(rooms.emptyRoom, server.arrival()), 11);
  assert.equal(hearAll(room, lagging), room);
  assert.deepEqual(shown(hearAll(room, server.history(11, 50))), held(server.messages(61)));
});

test('neither is one that lags behind the room as it was kept on the device', () => {
  const server = createRoom();
  for (let i = 1; i <= 60; i++) server.says(bob, `m${i}`);
  const lagging = server.history(11, 50);
  server.edits(bob, 3, 'edited before alice left');
  const kept = keptRoom(open(rooms.emptyRoom, server.arrival()));
  const room = rooms.askingHistory(open(roomOf(kept), server.resume(61)), 11);
  assert.equal(hearAll(room, lagging), room);
});

test('an answer that comes after the room started afresh is not taken for older messages', () => {
  const server = createRoom();
  for (let i = 1; i <= 60; i++) server.says(bob, `m${i}`);
  const asking = rooms.askingHistory(open(rooms.emptyRoom, server.arrival(40)), 21);
  for (let i = 61; i <= 120; i++) server.says(bob, `m${i}`);
  const afresh = open(asking, server.arrival(40), 'arrival');
  assert.equal(hearAll(afresh, server.history(21, 50)), afresh);
});

test('where nothing stands above the first message, nothing is asked for again', () => {
  const server = createRoom();
  for (let i = 1; i <= 60; i++) server.says(bob, `m${i}`);
  const room = open(rooms.emptyRoom, server.arrival());
  const [empty] = server.history(1, 50);
  assert.ok(empty);
  assert.equal(rooms.historyRequest(hearAll(rooms.askingHistory(room, 11), [{ ...empty, before: 11 } as Page])), undefined);
});

test('history is asked for once at a time and never beyond the beginning', () => {
  const server = createRoom();
  for (let i = 1; i <= 51; i++) server.says(bob, `m${i}`);
  let room = open(rooms.emptyRoom, server.arrival());
  assert.equal(rooms.historyRequest(room)?.before, 2);
  room = rooms.askingHistory(room, 2);
  assert.equal(rooms.historyRequest(room), undefined);
  room = hearAll(room, server.history(2, 50));
  assert.equal(room.messages.length, 51);
  assert.equal(room.beginning, true);
  assert.equal(rooms.historyRequest(room), undefined);
});

test('a history page that nobody asked for, such as the answer to a probe, adds nothing', () => {
  const server = createRoom();
  for (let i = 1; i <= 51; i++) server.says(bob, `m${i}`);
  const room = open(rooms.emptyRoom, server.arrival());
  assert.equal(hearAll(room, server.history(1, 1)), room);
  assert.equal(hearAll(room, server.history(2, 1)), room);
});

test('trimming drops the oldest; they can be loaded again as they are by then', () => {
  const server = createRoom();
  for (let i = 1; i <= 31; i++) server.says(bob, `m${i}`);
  let room = open(rooms.emptyRoom, server.arrival());
  for (let i = 32; i <= 50; i++) room = hearAll(room, [server.says(bob, `m${i}`)]);
  room = rooms.trim(room, 20);
  assert.deepEqual([room.messages.length, room.notices.length], [20, 1]);
  room = hearAll(room, [server.edits(bob, 30, 'edited meanwhile')]);
  room = hearAll(rooms.askingHistory(room, 31), server.history(31, 50));
  assert.deepEqual(shown(room), held(server.messages(51)));
});

/** Bob said so much that alice, who just came, holds the last part of it only; she may look at another part. */
function aliceIn(server: ReturnType<typeof createRoom>) {
  let room = open(rooms.emptyRoom, server.arrival());
  const ask = (request: ReturnType<typeof rooms.historyRequest>, purpose: rooms.HistoryPurpose, asOf = server.head()) => {
    assert.ok(request);
    room = hearAll(rooms.askingHistory(room, request.before, purpose), server.history(request.before, request.limit, asOf));
  };
  return {
    get room() {
      return room;
    },
    hears: (...events: RoomEvent[]) => {
      room = hearAll(room, events);
    },
    becomes: (next: RoomState) => {
      room = next;
    },
    looksUp: (seq: number, asOf?: number) => ask(rooms.surroundingsRequest(seq), { is: 'around', seq }, asOf),
    scrollsUp: () => ask(rooms.historyRequest(room), { is: 'older' }),
    scrollsDown: () => ask(rooms.newerRequest(room), { is: 'newer' }),
    shown: () => rooms.shownPart(room).messages.map(({ seq }) => seq),
  };
}

function talk(server: ReturnType<typeof createRoom>, messages: number) {
  for (let i = 1; i <= messages; i++) server.says(bob, `m${i}`);
  return server;
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('a message far back is shown with 24 before and 25 after it, and the latest ones stay at hand', () => {
  const server = talk(createRoom(), 500);
  const reader = aliceIn(server);
  reader.looksUp(100);
  assert.deepEqual(reader.shown(), range(76, 125));
  reader.hears(server.says(bob, 'meanwhile'), server.edits(bob, 100, 'changed meanwhile'));
  assert.deepEqual(reader.shown(), range(76, 125));
  assert.equal(rooms.findHeld(reader.room, 100)?.text, 'changed meanwhile');
  reader.becomes(rooms.atPresent(reader.room));
  assert.deepEqual(reader.shown(), range(451, 501));
});

test('from a message far back one scrolls up to the beginning and down to the present', () => {
  const server = talk(createRoom(), 300);
  const reader = aliceIn(server);
  reader.looksUp(60);
  reader.scrollsUp();
  assert.deepEqual([reader.shown().at(0), reader.room.past?.beginning], [1, true]);
  reader.scrollsDown();
  assert.deepEqual(reader.shown(), range(1, 185));
  reader.scrollsDown();
  assert.deepEqual([reader.shown(), reader.room.past, reader.room.beginning], [range(1, 300), undefined, true]);
});

test('a message near those that are loaded joins them', () => {
  const reader = aliceIn(talk(createRoom(), 100));
  reader.looksUp(25);
  assert.deepEqual([reader.shown(), reader.room.past], [range(1, 100), undefined]);
  const other = aliceIn(talk(createRoom(), 100));
  other.looksUp(40);
  assert.deepEqual([other.shown(), other.room.past], [range(16, 100), undefined]);
});

test('a message that was let go is not shown again as it was before a change that was heard', () => {
  const lettingGo: ((reader: ReturnType<typeof aliceIn>) => void)[] = [
    (reader) => reader.looksUp(300),
    (reader) => reader.becomes(rooms.atPresent(reader.room)),
    (reader) => {
      for (let pages = 0; pages < 8; pages++) reader.scrollsUp();
      reader.becomes(rooms.bound(reader.room, reader.shown()[0] ?? 0));
    },
  ];
  for (const letsGo of lettingGo) {
    const server = talk(createRoom(), 1_000);
    const reader = aliceIn(server);
    reader.looksUp(700);
    const before = server.head();
    reader.hears(server.edits(bob, 700, 'changed'));
    letsGo(reader);
    reader.looksUp(700, before);
    assert.equal(rooms.findHeld(reader.room, 700), undefined);
    reader.looksUp(700);
    assert.equal(rooms.findHeld(reader.room, 700)?.text, 'changed');
  }
});

test('where a number names no message, nothing moves', () => {
  const server = talk(createRoom(), 100);
  server.edits(bob, 1, 'edited');
  talk(server, 100);
  const reader = aliceIn(server);
  const before = reader.shown();
  reader.looksUp(101);
  assert.deepEqual([reader.shown(), reader.room.historyBefore], [before, undefined]);
});

test('a stretch of nothing but changes is crossed', () => {
  const server = talk(createRoom(), 60);
  for (let i = 0; i < 350; i++) server.reacts(bob, 1, '👍', i % 2 === 0);
  talk(server, 60);
  const reader = aliceIn(server);
  reader.looksUp(30);
  for (let pages = 0; reader.room.past; pages++) {
    assert.ok(pages < 5);
    reader.scrollsDown();
  }
  assert.equal(reader.shown().length, 120 - 5);
});

test('whoever reads far up holds at most 400 messages below and above, whatever is said meanwhile', () => {
  const server = talk(createRoom(), 1_000);
  const reader = aliceIn(server);
  for (let i = 0; i < 12; i++) {
    reader.scrollsUp();
    reader.becomes(rooms.bound(reader.room, reader.shown()[60] ?? 0));
  }
  assert.deepEqual([reader.shown().length, reader.shown()[0]], [400, 351]);
  for (let i = 0; i < 1_000; i++) {
    reader.hears(server.says(bob, 'on and on'));
    reader.becomes(rooms.bound(reader.room, 400));
  }
  assert.deepEqual(reader.shown(), range(351, 750));
  assert.ok(reader.room.messages.length <= rooms.bounds.aside);
  for (let i = 0; i < 20 && reader.room.past; i++) {
    reader.scrollsDown();
    reader.becomes(rooms.bound(reader.room, reader.shown().at(-10) ?? 0));
    assert.ok(reader.shown().length <= 400);
  }
  assert.equal(reader.shown().at(-1), 2_000);
});

test('a reader a little above the end keeps their place when hundreds of messages come', () => {
  const server = talk(createRoom(), 40);
  const reader = aliceIn(server);
  reader.becomes(hearAll(reader.room, [{ type: 'joined', room: 'general', user: bob }]));
  const notices = () => reader.room.notices.map(({ user }) => user.name);
  for (let i = 0; i < 600; i++) {
    reader.hears(server.says(bob, 'more'));
    reader.becomes(rooms.bound(reader.room, 30));
    assert.ok(reader.shown().includes(30) && reader.shown().length <= 400);
    assert.deepEqual(notices(), ['alice', 'bob'], 'and no line above it vanishes');
  }
  reader.becomes(rooms.bound(reader.room, 'latest'));
  assert.deepEqual(notices(), [], 'lines about people go with the messages that they stand among');
});

test('however many messages came at once, what is read stays in sight with what stands around it', () => {
  const server = talk(createRoom(), 2_000);
  const story = fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 2_000 }), (latest, back) => {
    const reading = Math.max(2_001 - latest, back);
    const room = rooms.bound(open(rooms.emptyRoom, server.arrival(latest)), reading);
    const { messages, isPast } = rooms.shownPart(room);
    const seqs = messages.map(({ seq }) => seq);
    assert.deepEqual(seqs, range(seqs[0] ?? 0, seqs.at(-1) ?? 0));
    assert.ok(seqs.length <= 400);
    assert.ok((seqs[0] ?? 0) <= Math.max(reading - 49, 2_001 - latest));
    assert.ok((seqs.at(-1) ?? 0) >= Math.min(reading + 49, 2_000));
    assert.equal(isPast, seqs.at(-1) !== 2_000, 'the present is not taken for the past');
  });
  fc.assert(story, { numRuns: 100 });
});

test('nothing is dropped while older messages are on their way: the answer must fit', () => {
  const server = talk(createRoom(), 2_000);
  const reader = aliceIn(server);
  for (let pages = 0; pages < 18; pages++) reader.scrollsUp();
  const request = rooms.historyRequest(reader.room);
  assert.ok(request);
  reader.becomes(rooms.bound(rooms.askingHistory(reader.room, request.before), 1_551));
  reader.becomes(hearAll(reader.room, server.history(request.before, request.limit)));
  assert.deepEqual(reader.shown(), range(1_001, 2_000));
});

test('a reader who stays with the latest message holds nothing of the past', () => {
  const reader = aliceIn(talk(createRoom(), 500));
  reader.looksUp(100);
  reader.becomes(rooms.bound(reader.room, 'latest'));
  assert.equal(reader.room.past, undefined);
  assert.deepEqual(reader.shown(), range(451, 500));
});

test('alice’s own arrival is told once, also when the server tells it too', () => {
  const server = createRoom();
  const joined: ServerMessage = { type: 'joined', room: 'general', user: alice };
  let room = hearAll(open(rooms.emptyRoom, server.arrival()), [joined]);
  room = open(rooms.disconnected(room), server.resume(0));
  assert.deepEqual(
    room.notices.map(({ kind, user }) => [kind, user.name]),
    [['joined', 'alice']],
  );
});

test('bob comes and goes: the list and the lines follow', () => {
  const server = createRoom();
  const arrived = open(rooms.emptyRoom, server.arrival());
  const here = hearAll(arrived, [{ type: 'joined', room: 'general', user: bob }]);
  assert.deepEqual([here.peopleCount, here.people.length], [2, 2]);
  const gone = hearAll(here, [{ type: 'left', room: 'general', user: bob }]);
  assert.deepEqual([gone.peopleCount, gone.people.length], [1, 1]);
  assert.deepEqual(
    gone.notices.map(({ kind, user }) => `${user.name} ${kind}`),
    ['alice joined', 'bob joined', 'bob left'],
  );
});

test('of a crowd only so many are listed, and all are counted', () => {
  const crowd = Array.from({ length: Limit.peopleListed }, (_, i): User => ({ id: `p${i}`, name: `person ${i}` }));
  const room: RoomState = { ...open(rooms.emptyRoom, createRoom().arrival()), people: crowd, peopleCount: crowd.length };
  const more = hearAll(room, [
    { type: 'joined', room: 'general', user: bob },
    { type: 'joined', room: 'general', user: crowd[0] ?? bob },
  ]);
  assert.deepEqual([more.people.length, more.peopleCount], [Limit.peopleListed, Limit.peopleListed + 1]);
  const left = hearAll(more, [{ type: 'left', room: 'general', user: bob }]);
  assert.equal(left.peopleCount, Limit.peopleListed);
  const whole = hearAll(left, [{ type: 'left', room: 'general', user: { id: 'unheard', name: 'of' } }]);
  assert.equal(whole.peopleCount, Limit.peopleListed, 'who was neither listed nor counted is not taken off');
  assert.equal(hearAll(whole, [{ type: 'left', room: 'general', user: alice }]), whole, 'nobody sees themselves leave');
});

test('of the lines about people the last 300 are enough', () => {
  let room = open(rooms.emptyRoom, createRoom().arrival());
  for (let i = 0; i < 400; i++) room = hearAll(room, [{ type: 'joined', room: 'general', user: bob }]);
  assert.equal(room.notices.length, 300);
});

test('bob types until his message comes, or for five seconds', () => {
  const server = createRoom();
  const typing: ServerMessage = { type: 'typing', room: 'general', user: bob };
  const room = hearAll(open(rooms.emptyRoom, server.arrival()), [typing, typing]);
  assert.deepEqual(
    room.typing.map(({ user }) => user.name),
    ['bob'],
  );
  assert.equal(rooms.withoutStaleTyping(room, viewer.now + 4_999).typing.length, 1);
  assert.equal(rooms.withoutStaleTyping(room, viewer.now + 5_000).typing.length, 0);
  assert.equal(hearAll(room, [server.says(bob, 'here')]).typing.length, 0);
  assert.equal(hearAll(room, [{ ...typing, user: alice }]).typing.length, 1);
  assert.equal(hearAll(room, [{ type: 'left', room: 'general', user: bob }]).typing.length, 0, 'nor does he when he left');
  assert.equal(rooms.disconnected(room).typing.length, 0, 'nor when nothing can be heard of him');
});

test('unread are messages of others above the mark that were not deleted', () => {
  const server = createRoom();
  const room = hearAll(open(rooms.emptyRoom, server.arrival()), [
    server.says(bob, 'one'),
    server.says(alice, 'mine'),
    server.says(bob, 'two'),
    server.says(bob, 'taken back'),
    server.deletes(bob, 4),
  ]);
  assert.deepEqual(rooms.countUnread(room, alice), { count: 2, more: false });
  const read = hearAll(room, [{ type: 'read', room: 'general', seq: 1, unread: 1 }]);
  assert.deepEqual(rooms.countUnread(read, alice), { count: 1, more: false });
});

test('the welcome tells up to where alice has read, also when that is less than it was', () => {
  const server = talk(createRoom(), 60);
  const welcome = (read: number): ServerMessage => ({
    type: 'welcome',
    user: alice,
    server: { version: '1' },
    heartbeat: { intervalMs: 10_000, timeoutMs: 20_000 },
    limits: { textLength: 1_000, messages: 5, windowMs: 10_000, muteMs: 10_000 },
    rooms: [{ id: 'general', name: 'general', epoch: 'e1', head: 60, read, unread: 60 - read }],
  });
  const arrived = open(hearAll(rooms.emptyRoom, [welcome(58)]), server.arrival());
  assert.deepEqual(rooms.countUnread(arrived, alice), { count: 2, more: false });
  assert.deepEqual(rooms.countUnread(hearAll(arrived, [welcome(10)]), alice), { count: 50, more: false });
  assert.deepEqual(rooms.countUnread(hearAll(arrived, [welcome(9)]), alice), { count: 50, more: true });
  const whole = hearAll(rooms.askingHistory(hearAll(arrived, [welcome(0)]), 11), server.history(11, 50));
  assert.deepEqual(rooms.countUnread(whole, alice), { count: 60, more: false });
});

// ---- whatever happens on the way -----------------------------------------------------------------------------------

type Step =
  | { do: 'older'; lag: number }
  | { do: 'newer' | 'around' | 'bound'; at: number; lag: number }
  | { do: 'say' | 'cut' | 'trim' | 'double' | 'lose' | 'swap' | 'follow' }
  | { do: 'deliver'; frames: number }
  | { do: 'change'; kind: 'edit' | 'delete' | 'react'; who: number; at: number; on: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Step>({ do: 'say' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      kind: fc.constantFrom('edit' as const, 'edit' as const, 'delete' as const, 'react' as const),
      who: fc.nat(1),
      at: fc.nat(30),
      on: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), frames: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'double' }, { do: 'lose' }, { do: 'swap' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('older' as const), lag: fc.constantFrom(0, 0, 0, 2, 6) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('newer' as const, 'around' as const, 'bound' as const),
      at: fc.nat(60),
      lag: fc.constantFrom(0, 0, 1, 3, 8),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'cut' }, { do: 'trim' }, { do: 'follow' }) },
);

/**
 * Plays one history of a server, a reader, and a wire that doubles, loses and swaps live events; after every frame the
 * client must hold the messages without double or hole, each as it was at the latest point the client knows of.
 */
function play(before: number, steps: readonly Step[], latest: number) {
  const server = createRoom();
  for (let i = 0; i < before; i++) server.says(bob, `before ${i}`);
  let room = rooms.emptyRoom;
  let wire: ServerMessage[] = [];
  let known = new Map<number, number>();

  const send = (events: RoomEvent[]) => wire.push(...events);
  const reopen = (how: 'resume' | 'arrival') => {
    const request = rooms.openRequest(room, how);
    room = rooms.opening(room, request);
    wire.push(...(request.since === undefined ? server.arrival(latest) : server.resume(request.since, 3)));
  };
  const deliver = () => {
    const frame = wire.shift();
    if (!frame) return;
    room = rooms.hear(room, frame, viewer);
    if (frame.type === 'page' && frame.before !== undefined) room = rooms.withoutHistoryRequest(room);
    check();
    if (room.needs !== 'nothing') reopen(room.needs);
  };
  const check = () => {
    const seqs = room.messages.map(({ seq }) => seq);
    const said = server.messages(room.cursor).map(({ seq }) => seq);
    const expected = said.filter((seq) => seqs.length > 0 && seq >= (seqs[0] ?? 0));
    assert.deepEqual(seqs, expected, 'no double, no hole, in order');
    checkPast(room.past);
    assert.ok((room.messages[0]?.seq ?? 0) <= room.keptSince + 1, 'a page that is taken misses nothing before what is held');
    const nowKnown = new Map<number, number>();
    for (const message of [...(room.past?.messages ?? []), ...room.messages]) {
      const asOf = Math.max(message.asOf, room.cursor);
      assert.ok(asOf >= (known.get(message.seq) ?? 0), 'a message never goes back to what it was');
      nowKnown.set(message.seq, asOf);
      const truth = server.messages(asOf).filter(({ seq }) => seq === message.seq);
      assert.deepEqual(shown({ ...room, messages: [message] }), held(truth));
    }
    known = nowKnown;
  };
  const checkPast = (past: rooms.Past | undefined) => {
    if (!past) return;
    const all = server.messages(server.head()).map(({ seq }) => seq);
    const first = past.messages[0]?.seq ?? 0;
    const seqs = past.messages.map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      all.filter((seq) => seq >= first && seq <= past.to),
      'the past has no double and no hole either',
    );
    assert.equal(past.beginning, first === all[0]);
  };
  const ask = (request: ReturnType<typeof rooms.historyRequest>, purpose: rooms.HistoryPurpose, lag = 0) => {
    if (!request) return;
    room = rooms.askingHistory(room, request.before, purpose);
    const answer = server.history(request.before, request.limit, Math.max(server.head() - lag, 1));
    if (lag === 0) wire.unshift(...answer);
    else wire.push(...answer);
  };
  const changeSomething = ({ kind, who, at, on }: Step & { do: 'change' }) => {
    const targets = server.messages(server.head()).filter(({ deleted }) => !deleted);
    const target = targets[at % Math.max(1, targets.length)];
    if (!target) return;
    if (kind === 'edit') send([server.edits(target.author, target.seq, `${target.text}!`)]);
    else if (kind === 'delete') send([server.deletes(target.author, target.seq)]);
    else send([server.reacts(people[who] ?? alice, target.seq, '👍', on)]);
  };
  const askForOlder = (lag = 0) => {
    const request = rooms.historyRequest(room);
    if (!request) return;
    // The page may be older than what was delivered (a standby answers) or newer (it overtakes the live events).
    const asOf = Math.max(server.head() - lag, request.before - 1);
    room = rooms.askingHistory(room, request.before);
    const answer = server.history(request.before, 3, asOf);
    if (lag === 0) wire.unshift(...answer);
    else wire.push(...answer);
  };
  const areLive = (...frames: (ServerMessage | undefined)[]) => frames.every((frame) => frame !== undefined && 'seq' in frame);
  /** What was dropped may come back as it was a little earlier, from a store that lags behind. */
  const forgetDropped = () => {
    known = new Map();
  };
  const turn = (one: Step) => {
    const [first, second] = wire;
    switch (one.do) {
      case 'say':
        return void send([server.says(people[server.head() % 2] ?? alice, `m${server.head()}`)]);
      case 'change':
        return changeSomething(one);
      case 'deliver':
        for (let i = 0; i < one.frames; i++) deliver();
        return;
      case 'double':
        if (first && areLive(first)) wire.splice(1, 0, first);
        return;
      case 'lose':
        if (areLive(first)) wire.shift();
        return;
      case 'swap':
        if (first && second && areLive(first, second)) wire.splice(0, 2, second, first);
        return;
      case 'cut':
        wire = [];
        room = rooms.disconnected(room);
        return reopen('resume');
      case 'older':
        return askForOlder(one.lag);
      case 'newer':
        return ask(rooms.newerRequest(room, 2), { is: 'newer' }, one.lag);
      case 'around': {
        const seq = 1 + (one.at % Math.max(1, room.cursor));
        const request = { type: 'history', room: 'general', before: seq + 2, limit: 3 } as const;
        return room.phase === 'open' ? ask(request, { is: 'around', seq }, one.lag) : undefined;
      }
      case 'bound':
        room = rooms.bound(room, one.at, { shown: 6, latest: 2, aside: 4, beside: 2 });
        return void forgetDropped();
      case 'follow':
        room = rooms.bound(room, 'latest', { shown: 6, latest: 2, aside: 4, beside: 2 });
        return void forgetDropped();
      case 'trim':
        room = rooms.trim(room, 2);
        forgetDropped();
    }
  };

  for (const one of [{ do: 'cut' } as const, ...steps, { do: 'cut' } as const]) turn(one);
  while (wire.length > 0) deliver();
  for (let i = 0; i < 200 && room.past; i++) {
    ask(rooms.newerRequest(room, 2), { is: 'newer' });
    deliver();
  }
  assert.equal(room.past, undefined, 'scrolling down leads to the present');
  for (let i = 0; i < 100 && rooms.historyRequest(room); i++) {
    askForOlder();
    deliver();
  }
  assert.equal(room.beginning, true);
  assert.equal(room.cursor, server.head());
  assert.equal(room.needs, 'nothing');
  assert.deepEqual(shown(room), held(server.messages(server.head())));
}

test('whatever is doubled, lost, swapped, cut, trimmed or loaded when, the client ends equal to the server', () => {
  fc.assert(
    fc.property(fc.nat(25), fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), fc.integer({ min: 1, max: 6 }), play),
    { numRuns: 300 },
  );
});
