import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientMessage, MessageEvent as Said, User } from '@securechat/shared/protocol';
import { CloseCode, Sentence } from '@securechat/shared/protocol';
import { createFakeClock } from './clock.fixture.ts';
import { createConversation } from './conversation.ts';
import { createLooseLocker } from './locker.ts';
import { shownPart } from './roomState.ts';
import type { Identity, SocketLike } from './socket.ts';

const alice: User = { id: 'a', name: 'alice' };
const bob: User = { id: 'b', name: 'bob' };

/** A small server: it keeps what it is sent, answers `open`, and says what the test tells it to. */
function alicesChat({ whoAmI = 'same_person' as Identity } = {}) {
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
    const summary = { id: 'general', name: 'general', epoch: 'e', head: events.length, read: 0, unread: 0 };
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
    locker: createLooseLocker(clock),
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
    answersHistory: (isThere: (event: Said) => boolean = () => true) => {
      const asked = heard.findLast((message) => message.type === 'history');
      assert.ok(asked);
      const below = events.filter((event) => event.seq < asked.before && isThere(event)).slice(-asked.limit);
      const states = below.map((event) => ({ ...event, reactions: {} }));
      says({ type: 'page', room: 'general', more: true, asOf: events.length, before: asked.before, events: states });
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
