import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientMessage, MessageEvent as Said, User } from '@securechat/shared/protocol';
import { CloseCode, Sentence } from '@securechat/shared/protocol';
import { createFakeClock } from './clock.fixture.ts';
import { createConversation } from './conversation.ts';
import { createLooseLocker, type Locker } from './locker.ts';
import type { Entry, Shared } from './outbox.ts';
import { shownPart } from './roomState.ts';
import type { Identity, SocketLike } from './socket.ts';

const alice: User = { id: 'a', name: 'alice' };
const bob: User = { id: 'b', name: 'bob' };

/** A small server: it keeps what it is sent, answers `open`, and says what the test tells it to. */
function alicesChat({ whoAmI = 'same_person' as Identity, read = 0, locker = {} as Partial<Locker> } = {}) {
  const clock = createFakeClock();
  const ends: string[] = [];
  const heard: ClientMessage[] = [];
  const events: Said[] = [];
  const answers: object[] = [];
  let socket: (SocketLike & { readyState: number }) | undefined;
  let ids = 0;
  let latestFrom = 0;

  class ServedSocket implements SocketLike {
    readyState = 0;
    onopen: SocketLike['onopen'] = null;
    onmessage: SocketLike['onmessage'] = null;
    onclose: SocketLike['onclose'] = null;
    constructor() {
      socket = this;
    }
    send(frame: string) {
      if (frame === 'alice') return void answers.push(welcome());
      const message = JSON.parse(frame) as ClientMessage;
      heard.push(message);
      if (message.type === 'open') answerOpen(message.since);
    }
    close() {
      this.readyState = 3;
    }
  }
  const welcome = () => {
    const summary = { id: 'general', name: 'general', epoch: 'e', head: events.length, read, unread: 0 };
    return { type: 'welcome', user: alice, server: { version: '1' }, rooms: [summary] };
  };
  /** Says something, then what it was asked meanwhile: an answer never comes before the question was sent. */
  const says = (...messages: object[]) => {
    answers.unshift(...messages);
    for (let next = answers.shift(); next; next = answers.shift()) {
      socket?.onmessage?.(new MessageEvent('message', { data: JSON.stringify(next) }));
    }
  };
  const answerOpen = (since: number | undefined) => {
    const states = events.slice(latestFrom).map((event) => ({ ...event, reactions: {} }));
    const page = since === undefined ? { events: states } : { events: events.slice(since), since };
    const head = events.length;
    answers.push({ type: 'page', room: 'general', more: false, asOf: head, ...page });
    answers.push({ type: 'opened', room: 'general', epoch: 'e', head, complete: true, people: [alice], peopleCount: 1 });
  };
  const conversation = createConversation({
    me: alice,
    url: 'wss://chat.example:8765/',
    WebSocket: ServedSocket,
    clock,
    random: () => 0,
    locker: { ...createLooseLocker(clock), ...locker },
    newId: () => `id-${++ids}`,
    whoAmI: () => Promise.resolve(whoAmI),
    ended: (why) => ends.push(why),
  });
  const accept = () => {
    if (socket) socket.readyState = 1;
    socket?.onopen?.(new Event('open'));
    says();
  };
  const cut = (code = 1006) => socket?.onclose?.(Object.assign(new Event('close'), { code, reason: '', wasClean: false }));
  const store = (author: User, text: string, clientId?: string): Said => {
    const event: Said = { type: 'message', room: 'general', seq: events.length + 1, at: clock.now(), author, text };
    events.push({ ...event, ...(clientId !== undefined && { clientId }) });
    return events.at(-1) ?? event;
  };
  return {
    conversation,
    clock,
    ends,
    says,
    store,
    accept,
    cut,
    heard: (type: ClientMessage['type']) => heard.filter((message) => message.type === type),
    texts: () => conversation.room.value.messages.map(({ text }) => text),
    unsent: () => conversation.outgoing.value.entries.map(({ state }) => state.is),
    /** @param from the number after which messages are on the first page */
    arrive: (from = 0) => {
      latestFrom = from;
      conversation.start();
      accept();
    },
    /** Answers the last request for history, with those messages that there are. */
    answersHistory: (isThere: (event: Said) => boolean = () => true, asOf = events.length) => {
      const asked = heard.findLast((message) => message.type === 'history');
      assert.ok(asked);
      const below = events.filter((event) => event.seq < asked.before && isThere(event)).slice(-asked.limit);
      const states = below.map((event) => ({ ...event, reactions: {} }));
      says({ type: 'page', room: 'general', more: true, asOf, before: asked.before, events: states });
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('alice says something before she is connected; it goes out once and is shown once', () => {
  const chat = alicesChat();
  chat.conversation.say('hello');
  chat.arrive();
  assert.equal(chat.heard('send').length, 1);
  chat.says(chat.store(alice, 'hello', 'id-1'));
  assert.deepEqual(chat.texts(), ['hello']);
  assert.deepEqual(chat.unsent(), []);
});

test('a message stored just before the connection broke comes back with the resume and is not sent again', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.conversation.say('hello');
  chat.store(alice, 'hello', 'id-1');
  chat.cut();
  assert.deepEqual(chat.unsent(), ['waiting']);
  chat.store(bob, 'meanwhile');
  chat.clock.pass(3_000);
  chat.accept();
  assert.equal(chat.heard('send').length, 1);
  assert.deepEqual(chat.texts(), ['hello', 'meanwhile']);
  assert.deepEqual(chat.unsent(), []);
});

test('a message that was lost with the connection goes out again under the same id', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.conversation.say('hello');
  chat.cut();
  chat.clock.pass(3_000);
  chat.accept();
  assert.deepEqual(
    chat.heard('send').map((message) => 'clientId' in message && message.clientId),
    ['id-1', 'id-1'],
  );
});

test('a hole in what is heard is asked for at once', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.store(bob, 'lost on the way');
  chat.says(chat.store(bob, 'heard'));
  assert.equal(chat.heard('open').length, 2);
  assert.deepEqual(chat.texts(), ['lost on the way', 'heard']);
});

test('too fast: the server’s sentence stands there until the time is over, then the message goes out', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.conversation.say('six');
  const message = Sentence.rateLimited(10);
  chat.says({ type: 'refused', code: 'slow_down', for: 'send', clientId: 'id-1', message, retryAfterMs: 10_000 });
  assert.equal(chat.conversation.outgoing.value.halt?.sentence, message);
  chat.clock.pass(9_999);
  assert.equal(chat.heard('send').length, 1);
  chat.clock.pass(1);
  assert.equal(chat.heard('send').length, 2);
  assert.equal(chat.conversation.outgoing.value.halt, undefined);
});

test('an answer to a re-send that overtakes the events before it does not flicker: it stays until the room has it', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.conversation.say('hello');
  const first = chat.store(bob, 'first');
  const mine = chat.store(alice, 'hello', 'id-1');
  chat.says({ ...mine, again: true });
  assert.deepEqual(chat.unsent(), ['stored']);
  chat.says(first);
  chat.says(mine);
  assert.deepEqual(chat.unsent(), []);
  assert.deepEqual(chat.texts(), ['first', 'hello']);
});

test('a silent server: a message unanswered for eight seconds leads to a new connection', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.conversation.say('anybody there?');
  chat.clock.pass(8_000);
  assert.equal(chat.conversation.link.value.state, 'connecting');
  chat.accept();
  assert.equal(chat.heard('send').length, 2);
});

test('when the server cannot open the room now it is asked again', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.says({ type: 'refused', code: 'unavailable', for: 'open', message: '…' });
  chat.clock.pass(2_000);
  assert.equal(chat.heard('open').length, 2);
});

test('refused history is asked for again after a while, not at once', () => {
  const chat = alicesChat();
  for (let i = 0; i < 3; i++) chat.store(bob, 'x');
  chat.arrive();
  chat.conversation.room.value = { ...chat.conversation.room.value, beginning: false };
  chat.conversation.loadOlder();
  chat.says({ type: 'refused', code: 'slow_down', for: 'history', message: '…', retryAfterMs: 4_000 });
  chat.conversation.loadOlder();
  assert.equal(chat.heard('history').length, 1);
  chat.clock.pass(4_000);
  chat.conversation.loadOlder();
  assert.equal(chat.heard('history').length, 2);
});

test('typing is told once in two seconds', () => {
  const chat = alicesChat();
  chat.arrive();
  for (let i = 0; i < 5; i++) chat.conversation.type();
  chat.clock.pass(2_000);
  chat.conversation.type();
  assert.equal(chat.heard('typing').length, 2);
});

test('reading is told at most once a second, the last mark always, and only when there is something new', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.conversation.read();
  assert.equal(chat.heard('read').length, 0);
  chat.clock.pass(1_000);
  for (let i = 0; i < 3; i++) {
    chat.says(chat.store(bob, `m${i}`));
    chat.conversation.read();
  }
  assert.deepEqual(
    chat.heard('read').map((message) => 'seq' in message && message.seq),
    [1],
  );
  chat.clock.pass(1_000);
  assert.deepEqual(
    chat.heard('read').map((message) => 'seq' in message && message.seq),
    [1, 3],
  );
});

test('signed out elsewhere: the page is told why it is over', async () => {
  const chat = alicesChat({ whoAmI: 'nobody' });
  chat.arrive();
  chat.cut(CloseCode.Unauthorized);
  await settled();
  assert.deepEqual(chat.ends, ['session_over']);
});

test('a room open for days stays small while it is followed, and keeps what is being read', () => {
  const chat = alicesChat();
  chat.arrive();
  for (let i = 0; i < 401; i++) chat.says(chat.store(bob, `m${i}`));
  assert.equal(chat.texts().length, 200);
  chat.conversation.unfollow();
  chat.conversation.readAt(300);
  for (let i = 0; i < 1_000; i++) chat.says(chat.store(bob, `n${i}`));
  const { messages } = shownPart(chat.conversation.room.value);
  assert.ok(messages.length <= 400 && messages.some(({ seq }) => seq === 300));
  assert.ok(chat.texts().length <= 250, 'and so do those that wait below');
  chat.conversation.follow();
  assert.equal(chat.texts().at(-1), 'n999');
  assert.equal(chat.conversation.room.value.past, undefined);
});

test('a message that is not loaded is fetched with what was said around it', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 500; i++) chat.store(bob, `m${i}`);
  chat.arrive(450);
  chat.conversation.visit(100);
  assert.deepEqual(chat.conversation.spot.value, { seq: 100, is: 'looked_for' });
  chat.answersHistory();
  assert.deepEqual(chat.conversation.spot.value, { seq: 100, is: 'found' });
  assert.equal(chat.conversation.following.value.is, 'away');
  const { messages } = shownPart(chat.conversation.room.value);
  assert.deepEqual([messages.at(0)?.seq, messages.at(-1)?.seq], [76, 125]);
});

test('a message that is wanted before the room is open is looked up as soon as it is, and again when the line broke meanwhile', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 200; i++) chat.store(bob, `m${i}`);
  chat.conversation.visit(20);
  chat.arrive(150);
  chat.cut();
  chat.clock.pass(3_000);
  chat.accept();
  chat.answersHistory();
  assert.equal(chat.conversation.spot.value?.is, 'found');
});

test('a number that names no message is said to be missing, and nothing moves', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 3; i++) chat.store(bob, `m${i}`);
  chat.arrive();
  chat.conversation.visit(4);
  assert.deepEqual(chat.conversation.spot.value, { seq: 4, is: 'missing' });
  assert.equal(chat.conversation.following.value.is, 'at_latest');
  chat.conversation.forgetSpot();
  assert.equal(chat.conversation.spot.value, undefined);
});

test('a number between those of messages is said to be missing once the server was asked', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 200; i++) chat.store(bob, `m${i}`);
  chat.arrive(150);
  chat.conversation.visit(30);
  chat.answersHistory(({ seq }) => seq !== 30);
  assert.equal(chat.conversation.spot.value?.is, 'missing');
  assert.equal(chat.heard('history').length, 1);
});

test('whoever goes to the latest while a message is looked up stays there', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 200; i++) chat.store(bob, `m${i}`);
  chat.arrive(150);
  chat.conversation.visit(30);
  chat.conversation.goToLatest();
  chat.answersHistory();
  assert.equal(chat.conversation.room.value.past, undefined);
  assert.equal(chat.conversation.following.value.is, 'at_latest');
});

test('what is said, answered, changed, marked and taken back is asked for as it was meant', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 2; i++) chat.store(alice, `m${i}`);
  chat.arrive();
  chat.conversation.say('an answer', 1);
  chat.says(chat.store(alice, 'an answer', 'id-1'));
  chat.conversation.edit(2, 'better');
  chat.says({ type: 'edited', room: 'general', seq: 4, at: 1, author: alice, target: 2, text: 'better', clientId: 'id-2' });
  chat.conversation.react(1, '👍', true);
  chat.says({
    type: 'reacted',
    room: 'general',
    seq: 5,
    at: 1,
    author: alice,
    target: 1,
    emoji: '👍',
    on: true,
    clientId: 'id-3',
  });
  chat.conversation.erase(2);
  chat.clock.pass(5_000);
  const place = { room: 'general' };
  assert.deepEqual(
    [...chat.heard('send'), ...chat.heard('edit'), ...chat.heard('react'), ...chat.heard('delete')],
    [
      { type: 'send', ...place, clientId: 'id-1', text: 'an answer', replyTo: 1 },
      { type: 'edit', ...place, clientId: 'id-2', target: 2, text: 'better' },
      { type: 'react', ...place, clientId: 'id-3', target: 1, emoji: '👍', on: true },
      { type: 'delete', ...place, clientId: 'id-4', target: 2 },
    ],
  );
});

test('a failed message that is sent once more is a new one, and two presses do not send it twice', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.conversation.say('hello');
  chat.says({ type: 'refused', code: 'too_long', for: 'send', clientId: 'id-1', message: 'No.' });
  const [failed] = chat.conversation.outgoing.value.entries;
  assert.ok(failed);
  chat.conversation.sayAgain(failed);
  chat.conversation.sayAgain(failed);
  assert.deepEqual(chat.unsent(), ['sending']);
  assert.deepEqual(
    chat.heard('send').map((message) => 'clientId' in message && message.clientId),
    ['id-1', 'id-2'],
  );
  chat.says(chat.store(alice, 'hello', 'id-2'));
  assert.equal(chat.heard('send').length, 2);
});

test('what waited since another day is in sight before anything is connected', () => {
  const request = { type: 'send', room: 'general', clientId: 'x', text: 'from yesterday' } as const;
  const entry: Entry = { request, at: 1, state: { is: 'waiting' } };
  const shared: Shared = {
    entries: [entry],
    ledger: { read: async () => [entry], write: async () => true, erase: () => {} },
    tabs: { join: () => {}, tell: () => {}, seizeTurn: () => {} },
  };
  assert.deepEqual(alicesChat({ locker: { shared } }).conversation.outgoing.value.entries, [entry]);
});

test('what came while alice was away is marked as new once, until she speaks; then what comes while she looks away', () => {
  const chat = alicesChat({ read: 1 });
  for (let i = 1; i <= 3; i++) chat.store(bob, `m${i}`);
  chat.arrive();
  assert.equal(chat.conversation.newSince.value, 1);
  chat.conversation.say('hello');
  assert.equal(chat.conversation.newSince.value, undefined);
  chat.cut();
  chat.clock.pass(3_000);
  chat.accept();
  assert.equal(chat.conversation.newSince.value, undefined, 'a new connection is no new arrival');
  chat.conversation.lookAway();
  assert.equal(chat.conversation.newSince.value, 3);
  const first = alicesChat();
  first.store(bob, 'said before alice was a member');
  first.arrive();
  assert.equal(first.conversation.newSince.value, undefined);
});

test('whoever speaks goes to the latest message', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 200; i++) chat.store(bob, `m${i}`);
  chat.arrive(150);
  chat.conversation.visit(30);
  chat.answersHistory();
  chat.conversation.say('hello');
  assert.deepEqual(
    [chat.conversation.following.value.is, chat.conversation.spot.value, chat.conversation.room.value.past],
    ['at_latest', undefined, undefined],
  );
});

test('the read mark is told again to a new connection, not twice to one, and not for one’s own words', () => {
  const chat = alicesChat();
  const marks = () => chat.heard('read').map((message) => 'seq' in message && message.seq);
  const readsAll = () => {
    chat.conversation.read();
    chat.clock.pass(1_000);
  };
  chat.arrive();
  chat.says(chat.store(alice, 'my own'));
  readsAll();
  assert.deepEqual(marks(), []);
  chat.says(chat.store(bob, 'hello'));
  readsAll();
  readsAll();
  assert.deepEqual(marks(), [2]);
  chat.cut();
  chat.clock.pass(3_000);
  readsAll();
  chat.accept();
  readsAll();
  assert.deepEqual(marks(), [2, 2]);
});

test('scrolling further up does not move the point from which messages are counted as missed', () => {
  const chat = alicesChat();
  chat.store(bob, 'one');
  chat.arrive();
  chat.conversation.unfollow();
  chat.says(chat.store(bob, 'two'));
  chat.conversation.unfollow();
  assert.deepEqual(chat.conversation.following.value, { is: 'away', since: 1 });
});

test('a recent message that is wanted by somebody far back is shown among the latest, and stays when many more come', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 300; i++) chat.store(bob, `m${i}`);
  chat.arrive(250);
  chat.conversation.visit(30);
  chat.answersHistory();
  chat.conversation.visit(280);
  assert.deepEqual([chat.conversation.spot.value?.is, chat.conversation.room.value.past], ['found', undefined]);
  for (let i = 0; i < 500; i++) chat.says(chat.store(bob, `n${i}`));
  assert.ok(shownPart(chat.conversation.room.value).messages.some(({ seq }) => seq === 280));
});

test('of two messages that are wanted the last one counts, and each is asked for once', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 500; i++) chat.store(bob, `m${i}`);
  chat.arrive(450);
  chat.conversation.visit(30);
  chat.conversation.visit(200);
  chat.says(chat.store(bob, 'meanwhile'));
  assert.equal(chat.heard('history').length, 2);
  chat.answersHistory();
  assert.deepEqual(chat.conversation.spot.value, { seq: 200, is: 'found' });
});

test('an answer about a message that is not wanted any more says nothing about the one that is', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 500; i++) chat.store(bob, `m${i}`);
  chat.arrive(450);
  chat.conversation.visit(30);
  chat.conversation.forgetSpot();
  chat.answersHistory(({ seq }) => seq !== 30);
  assert.equal(chat.conversation.spot.value, undefined);
});

test('an answer that is too old to be taken is asked for again after a while', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 500; i++) chat.store(bob, `m${i}`);
  chat.arrive(450);
  chat.conversation.visit(30);
  chat.answersHistory(() => true, 400);
  assert.equal(chat.conversation.spot.value?.is, 'looked_for');
  chat.clock.pass(2_000);
  assert.equal(chat.heard('history').length, 2);
  chat.answersHistory();
  assert.equal(chat.conversation.spot.value.is, 'found');
});

test('from a message far back one comes down to the present', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 200; i++) chat.store(bob, `m${i}`);
  chat.arrive(150);
  chat.conversation.visit(30);
  chat.answersHistory();
  chat.conversation.loadNewer();
  chat.answersHistory();
  const { messages, isPast } = shownPart(chat.conversation.room.value);
  assert.deepEqual([messages.at(0)?.seq, messages.length, isPast], [6, 195, false]);
});

test('neither typing nor reading is told before the room is open, and reading is told then', () => {
  const chat = alicesChat();
  chat.store(bob, 'hello');
  chat.arrive();
  const open = chat.conversation.room.value;
  chat.conversation.room.value = { ...open, phase: 'resuming' };
  chat.conversation.type();
  chat.conversation.read();
  assert.deepEqual([chat.heard('typing'), chat.heard('read')], [[], []]);
  chat.conversation.room.value = open;
  chat.clock.pass(1_000);
  assert.equal(chat.heard('read').length, 1);
});

test('who types is forgotten after five seconds, or when the connection is lost', () => {
  const chat = alicesChat();
  chat.arrive();
  chat.says({ type: 'typing', room: 'general', user: bob });
  chat.clock.pass(4_000);
  chat.says({ type: 'typing', room: 'general', user: bob });
  chat.clock.pass(4_999);
  assert.equal(chat.conversation.room.value.typing.length, 1);
  chat.clock.pass(1);
  assert.equal(chat.conversation.room.value.typing.length, 0);
  chat.says({ type: 'typing', room: 'general', user: bob });
  chat.cut();
  assert.deepEqual([chat.conversation.room.value.typing.length, chat.conversation.room.value.phase], [0, 'away']);
});

test('the round trip is that of the probe, and a page of history is no answer to it', () => {
  const chat = alicesChat();
  for (let i = 1; i <= 100; i++) chat.store(bob, `m${i}`);
  chat.arrive(50);
  chat.conversation.loadOlder();
  chat.conversation.doubt();
  chat.clock.pass(40);
  chat.says({ type: 'page', room: 'general', more: true, asOf: 100, before: 51, events: [] });
  assert.equal(chat.conversation.roundTripMs.value, undefined);
  chat.clock.pass(40);
  chat.says({ type: 'page', room: 'general', more: false, asOf: 100, before: 1, events: [] });
  assert.equal(chat.conversation.roundTripMs.value, 80);
});

test('a room that could not be opened is resumed once, on the connection that there is', () => {
  const chat = alicesChat();
  chat.arrive();
  const unavailable = { type: 'refused', code: 'unavailable', for: 'open', message: '…' };
  chat.store(bob, 'lost on the way');
  chat.says(unavailable);
  chat.says(unavailable);
  chat.clock.pass(1_999);
  assert.equal(chat.heard('open').length, 1);
  chat.clock.pass(1);
  assert.deepEqual(
    chat.heard('open').map((message) => 'since' in message && message.since),
    [false, 0],
  );
  chat.says(unavailable);
  chat.cut();
  chat.conversation.reconnect();
  chat.accept();
  chat.clock.pass(2_000);
  assert.equal(chat.heard('open').length, 3);
});

test('who leaves is forgotten by the device', async () => {
  let isForgotten = false;
  const forget = async () => {
    isForgotten = true;
  };
  const chat = alicesChat({ locker: { forget } });
  chat.arrive();
  const left = chat.conversation.leave();
  chat.clock.pass(500);
  await left;
  assert.deepEqual([isForgotten, chat.ends], [true, ['left']]);
});
