import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerMessage } from '@securechat/shared/protocol';
import { CloseCode, SUBPROTOCOL_V2 } from '@securechat/shared/protocol';
import { createFakeClock } from './clock.fixture.ts';
import type { Identity, Link, SocketLike } from './socket.ts';
import { createSocket } from './socket.ts';

/** A WebSocket whose server is the test. */
class FakeWebSocket implements SocketLike {
  readyState = 0;
  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  sent: string[] = [];
  closedWith: number | undefined | 'open' = 'open';
  url: string;
  protocol: string;
  constructor(url: string, protocol: string) {
    this.url = url;
    this.protocol = protocol;
  }
  send(frame: string) {
    this.sent.push(frame);
  }
  close(code?: number) {
    this.closedWith = code;
    this.readyState = 3;
  }
  accept() {
    this.readyState = 1;
    this.onopen?.(new Event('open'));
  }
  says(message: object) {
    this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(message) }));
  }
  welcomes() {
    this.accept();
    this.says({ type: 'welcome' });
  }
  ends(code: number, reason = '') {
    this.readyState = 3;
    this.onclose?.(Object.assign(new Event('close'), { code, reason, wasClean: code !== 1006 }));
  }
}

function alicesSocket({ random = 0, whoAmI = 'same_person' as Identity } = {}) {
  const clock = createFakeClock();
  const sockets: FakeWebSocket[] = [];
  const heard: ServerMessage[] = [];
  const links: Link[] = [];
  let asked = 0;
  const socket = createSocket({
    url: 'wss://chat.example:8765/',
    userName: 'alice',
    WebSocket: class extends FakeWebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    },
    clock,
    random: () => random,
    probe: { type: 'history', room: 'general', before: 1, limit: 1 },
    whoAmI: () => {
      asked++;
      return Promise.resolve(whoAmI);
    },
    hear: (message) => heard.push(message),
    change: (link) => links.push(link),
  });
  const latest = () => sockets.at(-1) as FakeWebSocket;
  return { socket, clock, sockets, heard, links, latest, asked: () => asked };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('alice’s first frame is her name and nothing is heard before the welcome', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().accept();
  assert.deepEqual(alice.latest().sent, ['alice']);
  assert.equal(alice.latest().protocol, SUBPROTOCOL_V2);
  assert.equal(alice.socket.send({ type: 'typing', room: 'general' }), false);
  alice.latest().says({ type: 'welcome' });
  assert.equal(alice.socket.link().state, 'connected');
  assert.equal(alice.socket.send({ type: 'typing', room: 'general' }), true);
});

test('a server that accepts and then says nothing is given up after eight seconds', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().accept();
  alice.clock.pass(7_999);
  assert.equal(alice.socket.link().state, 'connecting');
  alice.clock.pass(1);
  assert.equal(alice.socket.link().state, 'waiting');
  assert.notEqual(alice.sockets[0]?.closedWith, 'open');
});

test('one that talks but does not welcome is given up too', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().accept();
  alice.latest().says({ type: 'joined' });
  alice.clock.pass(8_000);
  assert.equal(alice.socket.link().state, 'waiting');
});

test('on a socket that is closing nothing can be sent, and one that is doubted is replaced at once', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().welcomes();
  alice.latest().readyState = 2;
  assert.equal(alice.socket.send({ type: 'typing', room: 'general' }), false);
  alice.socket.doubt();
  assert.equal(alice.sockets.length, 2);
});

test('after a loss the waits are 3, 6, 12, 24, 30, 30 seconds', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  for (const [round, wait] of [3_000, 6_000, 12_000, 24_000, 30_000, 30_000].entries()) {
    alice.latest().ends(1006);
    alice.clock.pass(wait - 1);
    assert.equal(alice.sockets.length, round + 1);
    alice.clock.pass(1);
    assert.equal(alice.sockets.length, round + 2);
  }
});

test('the wait is spread by up to a second', () => {
  const alice = alicesSocket({ random: 0.5 });
  alice.socket.connect();
  alice.latest().ends(1006);
  const link = alice.socket.link();
  assert.equal(link.state === 'waiting' && link.until - alice.clock.now(), 3_500);
});

test('a connection that was healthy for a while starts the waits anew, one that broke at once does not', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().ends(1006);
  alice.clock.pass(3_000);
  alice.latest().welcomes();
  alice.latest().ends(1006);
  alice.clock.pass(5_999);
  assert.equal(alice.sockets.length, 2);
  alice.clock.pass(1);
  assert.equal(alice.sockets.length, 3);
  alice.latest().welcomes();
  alice.clock.pass(10_000);
  alice.latest().ends(1006);
  alice.clock.pass(3_000);
  assert.equal(alice.sockets.length, 4);
});

test('a restarting server says when to come back, then the waits grow from three seconds', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().welcomes();
  alice.latest().ends(CloseCode.Restarting, '1200');
  alice.clock.pass(1_199);
  assert.equal(alice.sockets.length, 1);
  alice.clock.pass(1);
  assert.equal(alice.sockets.length, 2);
  alice.latest().ends(1006);
  alice.clock.pass(2_999);
  assert.equal(alice.sockets.length, 2);
  alice.clock.pass(1);
  assert.equal(alice.sockets.length, 3);
});

test('a restarting server that says nothing is met again within three seconds, by chance', () => {
  const alice = alicesSocket({ random: 0.5 });
  alice.socket.connect();
  alice.latest().ends(CloseCode.GoingAway);
  alice.clock.pass(1_500);
  assert.equal(alice.sockets.length, 2);
});

test('a nonsensical or endless wait in the close reason is not believed', () => {
  for (const [reason, longest] of [
    ['soon', 3_000],
    ['999999999', 60_000],
    ['-5', 3_000],
    ['99999999999999999999', 3_000],
  ] as const) {
    const alice = alicesSocket({ random: 0.99 });
    alice.socket.connect();
    alice.latest().ends(CloseCode.Restarting, reason);
    alice.clock.pass(longest);
    assert.equal(alice.sockets.length, 2, reason);
  }
});

test('signed out: the pages’ server is asked, and its clear no ends everything', async () => {
  const alice = alicesSocket({ whoAmI: 'nobody' });
  alice.socket.connect();
  alice.latest().welcomes();
  alice.latest().ends(CloseCode.Unauthorized);
  await settled();
  assert.deepEqual(alice.socket.link(), { state: 'ended', why: 'session_over' });
  alice.clock.pass(60_000);
  assert.equal(alice.sockets.length, 1);
});

test('the same person, or no answer, comes back with growing waits and never in a loop', async () => {
  for (const identity of ['same_person', 'unknown'] as const) {
    const alice = alicesSocket({ whoAmI: identity });
    alice.socket.connect();
    for (const wait of [3_000, 6_000, 12_000]) {
      alice.latest().welcomes();
      alice.latest().ends(CloseCode.Unauthorized);
      await settled();
      assert.equal(alice.socket.link().state, 'waiting');
      alice.clock.pass(wait);
    }
    assert.equal(alice.sockets.length, 4);
    assert.equal(alice.asked(), 3);
  }
});

test('another person in the same browser ends it too', async () => {
  const alice = alicesSocket({ whoAmI: 'somebody_else' });
  alice.socket.connect();
  alice.latest().ends(CloseCode.Unauthorized);
  await settled();
  assert.deepEqual(alice.socket.link(), { state: 'ended', why: 'somebody_else' });
});

test('other closes do not ask who one is', () => {
  for (const code of [1000, 1006, 1009, 1011, CloseCode.Nonsense, CloseCode.Flooding, CloseCode.TooSlow]) {
    const alice = alicesSocket();
    alice.socket.connect();
    alice.latest().welcomes();
    alice.latest().ends(code);
    assert.equal(alice.socket.link().state, 'waiting');
    assert.equal(alice.asked(), 0);
  }
});

test('back online while waiting: it connects at once', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().ends(1006);
  alice.socket.doubt();
  assert.equal(alice.sockets.length, 2);
  alice.clock.pass(3_000);
  assert.equal(alice.sockets.length, 2);
});

test('a doubtful connection that answers is kept, one that does not is replaced', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().welcomes();
  alice.socket.doubt();
  assert.match(alice.latest().sent.at(-1) ?? '', /history/);
  alice.latest().says({ type: 'page' });
  alice.clock.pass(60_000);
  assert.equal(alice.sockets.length, 1);
  alice.socket.doubt();
  alice.socket.doubt();
  alice.latest().says({ type: 'page' });
  alice.clock.pass(5_000);
  assert.deepEqual([alice.sockets.length, alice.socket.silentForMs()], [1, 5_000]);
  alice.socket.doubt();
  alice.clock.pass(5_000);
  assert.equal(alice.sockets.length, 2);
});

test('a socket that was given up is not heard any more', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  const first = alice.latest();
  first.welcomes();
  alice.socket.reconnect();
  first.says({ type: 'joined' });
  first.ends(CloseCode.Unauthorized);
  assert.equal(alice.heard.length, 1);
  assert.equal(alice.asked(), 0);
  assert.equal(alice.sockets.length, 2);
});

test('leaving closes with 1000, waits for the server to know, and never comes back', async () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().welcomes();
  const left = alice.socket.leave();
  assert.equal(alice.latest().closedWith, CloseCode.Normal);
  alice.latest().ends(CloseCode.Normal);
  await left;
  alice.clock.pass(60_000);
  alice.socket.doubt();
  alice.socket.reconnect();
  assert.equal(alice.sockets.length, 1);
});

test('who leaves while the connection is lost is gone at once and stays so, whatever was being asked', async () => {
  const alice = alicesSocket({ whoAmI: 'nobody' });
  alice.socket.connect();
  alice.latest().ends(CloseCode.Unauthorized);
  await alice.socket.leave();
  await settled();
  alice.clock.pass(60_000);
  assert.deepEqual(alice.socket.link(), { state: 'ended', why: 'left' });
  assert.equal(alice.sockets.length, 1);
});

test('who is leaving hears nothing any more', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().welcomes();
  void alice.socket.leave();
  alice.latest().says({ type: 'welcome' });
  assert.deepEqual([alice.socket.link().state, alice.heard.length], ['ended', 1]);
});

test('leaving takes at most half a second when the server does not answer', async () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().welcomes();
  const left = alice.socket.leave();
  alice.clock.pass(500);
  await left;
});

test('a frame that is no JSON is passed over', () => {
  const alice = alicesSocket();
  alice.socket.connect();
  alice.latest().onmessage?.(new MessageEvent('message', { data: 'NOT JSON' }));
  assert.deepEqual(alice.heard, []);
});
