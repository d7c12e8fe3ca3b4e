import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { CloseCode, Limit } from '@securechat/shared/protocol';
import { WebSocket, WebSocketServer } from 'ws';
import { type Cause, type Connection, type ConnectionRules, createConnection } from './connection.ts';
import { textFrame } from './frame.ts';
import { alice, settled, until } from './people.fixture.ts';
import type { Guest, Rooms } from './rooms.ts';
import { webSocketOptions } from './server.ts';

const UNAUTHORIZED = 'Unauthorized access. Disconnecting...';

// ---- the name ------------------------------------------------------------------------------------------------------

test('with the right name one is in, once, and frames go to the rooms', async (t) => {
  const { client, arrived, heard } = await connect(t, { version: 'v1' });
  client.send('alice');
  client.send('hello');
  client.send('alice');
  await until(() => heard.length === 2);
  assert.equal(arrived.length, 1);
  assert.deepEqual(heard, ['hello', 'alice']);
});

for (const wrong of ['bob', 'Alice', 'alice ', 'alice\n', '', 'alic', 'alicea', 'аlice', Buffer.from('alice')]) {
  test(`another name is turned away and was never here: ${JSON.stringify(wrong)}`, async (t) => {
    const { client, arrived, departed, lines, closed, cause } = await connect(t, { version: 'v1' });
    client.send(wrong);
    client.send('hello');
    assert.equal((await closed).code, CloseCode.Unauthorized);
    assert.deepEqual(lines, [UNAUTHORIZED]);
    assert.deepEqual([arrived, departed], [[], []]);
    assert.equal(await cause, 'name_wrong');
  });
}

test('v2 is told as a refusal', async (t) => {
  const { client, lines, closed } = await connect(t);
  client.send('mallory');
  assert.equal((await closed).code, CloseCode.Unauthorized);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [{ type: 'refused', code: 'unauthorized', message: UNAUTHORIZED, for: 'username' }],
  );
});

test('a name that does not come in five seconds comes too late, though pings are answered', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { client, closed, cause, pass } = await connect(t);
  client.ping();
  await pass(Limit.usernameWithinMs - 1);
  assert.equal(client.readyState, WebSocket.OPEN);
  client.ping();
  await pass(1);
  assert.equal((await closed).code, CloseCode.TooSlow);
  assert.equal(await cause, 'name_late');
});

test('whoever said the name in time is not asked again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { client, arrived, pass } = await connect(t);
  await pass(Limit.usernameWithinMs - 1);
  client.send('alice');
  await until(() => arrived.length === 1);
  await pass(3_000);
  assert.equal(client.readyState, WebSocket.OPEN);
});

test('somebody who cannot be welcomed is sent away to come back', async (t) => {
  const { client, closed, errors, cause } = await connect(t, { arrive: () => Promise.reject(new Error('the store is away')) });
  client.send('alice');
  assert.equal((await closed).code, CloseCode.Restarting);
  assert.equal(errors.length, 1);
  assert.equal(await cause, 'failed');
});

// ---- frames --------------------------------------------------------------------------------------------------------

test('a binary frame ends the connection with 1003', async (t) => {
  const { client, closed, heard } = await accepted(t);
  client.send(Buffer.from('{"type":"typing","room":"general"}'));
  assert.equal((await closed).code, CloseCode.BinaryRefused);
  assert.deepEqual(heard, []);
});

test('nonsense ends a v2 connection with 4400; v1 says it aloud', async (t) => {
  const v2 = await accepted(t);
  v2.client.send('hello');
  assert.equal((await v2.closed).code, CloseCode.Nonsense);
  const v1 = await accepted(t, { version: 'v1' });
  v1.client.send('{"type":');
  await until(() => v1.heard.length === 1);
  assert.deepEqual(v1.heard, ['{"type":']);
});

test('what is malformed or unknown is refused, and the connection lives on', async (t) => {
  const { client, lines, heard } = await accepted(t);
  client.send('{"type":"dance"}');
  client.send('{"type":"send"}');
  client.send('{"type":"typing","room":"general"}');
  await until(() => heard.length === 1 && lines.length === 2);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).code),
    ['unknown_type', 'malformed'],
  );
});

test('a frame of 64 KiB passes, a byte more ends the connection with 1009', async (t) => {
  const { client, heard, closed } = await accepted(t, { version: 'v1' });
  client.send('x'.repeat(65_536));
  await until(() => heard.length === 1);
  assert.equal(heard[0]?.length, 65_536);
  client.send('x'.repeat(65_537));
  assert.equal((await closed).code, 1009);
});

test('frames are handled one after the other, in the order they came', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { client, heard, welcome } = await connect(t, { version: 'v1', arrive: () => gate.promise, say: () => settled(2) });
  client.send('alice');
  for (let n = 0; n < 20; n++) client.send(`${n}`);
  await welcome;
  await settled();
  assert.deepEqual(heard, []);
  gate.resolve();
  await until(() => heard.length === 20);
  assert.deepEqual(
    heard,
    Array.from({ length: 20 }, (_, n) => `${n}`),
  );
});

test('with 32 frames waiting the socket is read no further, and when they are handled it is', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { client, heard, server } = await accepted(t, { version: 'v1', say: () => gate.promise });
  for (let n = 0; n < 33; n++) client.send(`${n}`);
  await until(() => server.isPaused);
  for (let n = 33; n < 60; n++) client.send(`${n}`);
  await settled(50);
  gate.resolve();
  await until(() => heard.length === 60);
  assert.equal(server.isPaused, false);
  assert.deepEqual(
    heard,
    Array.from({ length: 60 }, (_, n) => `${n}`),
  );
});

test('an exception while a frame is handled ends this connection, and is reported', async (t) => {
  const { client, closed, errors } = await accepted(t, { version: 'v1', say: () => Promise.reject(new Error('surprise')) });
  client.send('hello');
  assert.equal((await closed).code, CloseCode.Restarting);
  assert.match(String(errors[0]), /surprise/);
});

// ---- flooding ------------------------------------------------------------------------------------------------------

for (const kind of ['frames', 'pings', 'pongs', 'empty frames'] as const) {
  test(`mallory floods with ${kind} and is thrown out with 4429; alice on another connection is not`, async (t) => {
    const [flooding, innocent] = [await accepted(t, { version: 'v1' }), await accepted(t, { version: 'v1' })];
    for (let n = 0; n < 5_000; n++) {
      if (kind === 'pings') flooding.client.ping();
      else if (kind === 'pongs') flooding.client.pong();
      else flooding.client.send(kind === 'frames' ? 'flood' : '');
    }
    assert.equal((await flooding.closed).code, CloseCode.Flooding);
    assert.equal(await flooding.cause, 'flooding');
    innocent.client.send('still here');
    await until(() => innocent.heard.length === 1);
  });
}

test('a burst of 900 is no flood: whoever comes back with much to say is not thrown out', async (t) => {
  const { client, heard } = await accepted(t, { version: 'v1' });
  for (let n = 0; n < 900; n++) client.send(`${n}`);
  await until(() => heard.length === 900);
  assert.equal(client.readyState, WebSocket.OPEN);
});

// ---- heartbeat -----------------------------------------------------------------------------------------------------

test('a ping every ten seconds; whoever answers lives on', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { client, pass, pings, server } = await accepted(t);
  let pongs = 0;
  server.on('pong', () => pongs++);
  await pass(9_999);
  assert.equal(pings(), 0);
  await pass(1);
  await until(() => pongs === 1);
  for (let round = 2; round < 6; round++) {
    await pass(10_000);
    await until(() => pongs === round);
  }
  assert.equal(pings(), 5);
  assert.equal(client.readyState, WebSocket.OPEN);
});

test('a silent client is cut fifteen seconds after it was accepted, without a goodbye', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { client, pass, pings, cause, closed, departed } = await accepted(t, { isSilent: true });
  await pass(10_000);
  await until(() => pings() === 1);
  await pass(4_999);
  assert.equal(client.readyState, WebSocket.OPEN);
  await pass(1);
  assert.equal((await closed).code, 1006);
  assert.equal(await cause, 'silent');
  assert.deepEqual(departed, [false]);
});

test('frames do not replace a pong: whoever talks but never answers is cut too', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const { client, pass, pings, closed, heard } = await accepted(t, { version: 'v1', isSilent: true });
  await pass(10_000);
  await until(() => pings() === 1);
  client.send('I am here');
  await until(() => heard.length === 1);
  await pass(5_000);
  assert.equal((await closed).code, 1006);
});

test('while we do not read, a pong cannot be heard: nobody is cut for our own pause', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const gate = Promise.withResolvers<void>();
  const { client, pass, server, heard } = await accepted(t, { version: 'v1', say: () => gate.promise });
  for (let n = 0; n < 40; n++) client.send(`${n}`);
  await until(() => server.isPaused);
  await pass(10_000);
  await pass(12_000);
  assert.equal(client.readyState, WebSocket.OPEN);
  gate.resolve();
  await until(() => heard.length === 40);
  await pass(3_000);
  assert.equal(client.readyState, WebSocket.OPEN);
});

// ---- slow readers --------------------------------------------------------------------------------------------------

test('a reader that stalls is cut at the bound; one beside it that reads is not', async (t) => {
  const rules = { unreadBytes: 1024 * 1024 };
  const [stalled, reader] = [await accepted(t, { rules, version: 'v1' }), await accepted(t, { rules, version: 'v1' })];
  stalled.client.pause();
  const line = 'x'.repeat(200_000);
  let written = 0;
  while (stalled.connection.unreadBytes() <= rules.unreadBytes && !stalled.socketIsGone()) {
    for (const { guest } of [stalled, reader]) guest().send(textFrame(line));
    written += 1;
    await until(() => reader.lines.length === written);
    assert.ok(written < 1_000, 'nothing bounds the queue');
  }
  assert.equal(await stalled.cause, 'slow_reader');
  stalled.client.resume();
  assert.equal((await stalled.closed).code, 1006);
  assert.deepEqual(stalled.departed, [false]);
  assert.equal(reader.client.readyState, WebSocket.OPEN);
});

test('whoever sends page after page waits until the reader has caught up', async (t) => {
  const { client, guest, connection } = await accepted(t, { version: 'v1' });
  await guest().drained();
  client.pause();
  while (connection.unreadBytes() < 512 * 1024) {
    guest().send(textFrame('x'.repeat(200_000)));
    await settled(2);
  }
  let isDrained = false;
  const draining = guest()
    .drained()
    .then(() => {
      isDrained = true;
    });
  await settled(50);
  assert.equal(isDrained, false);
  client.resume();
  await draining;
  assert.equal(connection.unreadBytes(), 0);
});

test('nobody waits for a reader that is gone', async (t) => {
  const { client, guest, connection } = await accepted(t, { version: 'v1' });
  client.pause();
  while (connection.unreadBytes() < 512 * 1024) {
    guest().send(textFrame('x'.repeat(200_000)));
    await settled(2);
  }
  const draining = guest().drained();
  connection.cut('silent');
  await draining;
  await guest().drained();
});

// ---- the end -------------------------------------------------------------------------------------------------------

const ends: [how: string, end: (client: WebSocket, connection: Connection) => void, saidGoodbye: boolean][] = [
  ['closes with 1000', (client) => client.close(1000), true],
  ['reloads the page (1001)', (client) => client.close(1001), false],
  ['closes without a code', (client) => client.close(), false],
  ['breaks off', (client) => client.terminate(), false],
  ['is signed out', (_, connection) => connection.end(CloseCode.Unauthorized), true],
  ['is sent away by a restart', (_, connection) => connection.end(CloseCode.Restarting, '1200'), false],
];
for (const [how, end, saidGoodbye] of ends) {
  test(`a connection that ${how} departs once, ${saidGoodbye ? 'with' : 'without'} a goodbye`, async (t) => {
    const { client, connection, departed, ended } = await accepted(t);
    end(client, connection);
    await ended;
    assert.deepEqual(departed, [saidGoodbye]);
  });
}

test('ended once it stays ended: the first code stands, nothing more is said, and frames are not heard', async (t) => {
  const { client, connection, closed, guest, lines, heard } = await accepted(t, { version: 'v1' });
  client.send('before');
  await until(() => heard.length === 1);
  connection.end(CloseCode.GoingAway, '1500');
  connection.end(CloseCode.Unauthorized);
  guest().send(textFrame('too late'));
  client.send('too late as well');
  assert.deepEqual(await closed, { code: CloseCode.GoingAway, reason: '1500' });
  assert.deepEqual([lines, heard], [[], ['before']]);
});

test('once the other side has begun to close, nothing is written behind the close frame', async (t) => {
  const { server, closed, guest, bytesWritten } = await accepted(t);
  server.close(CloseCode.Normal);
  const written = bytesWritten();
  guest().send(textFrame('too late'));
  assert.equal(bytesWritten(), written);
  assert.equal((await closed).code, CloseCode.Normal);
});

// ---- a socket at both of its ends ----------------------------------------------------------------------------------

type Story = {
  version?: 'v1' | 'v2';
  rules?: Partial<ConnectionRules>;
  /** The client answers no pings. */
  isSilent?: boolean;
  arrive?: () => Promise<void>;
  say?: (text: string) => Promise<void>;
};

async function accepted(t: TestContext, story: Story = {}) {
  const pair = await connect(t, story);
  pair.client.send('alice');
  await pair.welcome;
  await settled(3);
  return pair;
}

/** A client and the server's side of its connection, over a real socket; the rooms are the test's own. */
async function connect(t: TestContext, { version = 'v2', rules, isSilent = false, arrive, say }: Story = {}) {
  const [arrived, departed, heard, errors, lines]: [Guest[], boolean[], string[], unknown[], string[]] = [[], [], [], [], []];
  const [welcome, cause, ended] = [
    Promise.withResolvers<void>(),
    Promise.withResolvers<Cause | undefined>(),
    Promise.withResolvers<void>(),
  ];
  const rooms: Rooms = {
    async arrive(guest) {
      arrived.push(guest);
      welcome.resolve();
      await arrive?.();
    },
    async depart(_, saidGoodbye) {
      departed.push(saidGoodbye);
      ended.resolve();
    },
    async handle(_, message) {
      heard.push(JSON.stringify(message));
    },
    async say(_, text) {
      await say?.(text);
      heard.push(text);
    },
    onDelivered() {},
    onNews() {},
    beginDraining() {},
    async close() {},
  };
  const http = createServer();
  const upgrader = new WebSocketServer({ ...webSocketOptions, noServer: true });
  const serverSide = Promise.withResolvers<{
    server: WebSocket;
    connection: Connection;
    socketIsGone: () => boolean;
    bytesWritten: () => number;
  }>();
  http.on('upgrade', (request, socket, head) => {
    upgrader.handleUpgrade(request, socket, head, (server) => {
      const connection = createConnection({
        id: 'c1',
        ws: server,
        socket,
        version,
        identity: { user: alice, session: 's1', expiresAt: 1 },
        rooms,
        rules: { heartbeatMs: 10_000, heartbeatTimeoutMs: 5_000, unreadBytes: 4 * 1024 * 1024, ...rules },
        events: {
          onAccepted() {},
          onEnded: (_, why) => cause.resolve(why),
          onWritten() {},
          onError: (error) => errors.push(error),
        },
      });
      serverSide.resolve({
        server,
        connection,
        socketIsGone: () => socket.destroyed,
        bytesWritten: () => request.socket.bytesWritten,
      });
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`, { autoPong: !isSilent });
  t.after(async () => {
    client.terminate();
    // Its timers must be cleared while they are still this test's: a later test has timers of its own.
    await cause.promise;
    http.close();
    http.closeAllConnections();
  });
  let pings = 0;
  client.on('ping', () => pings++);
  client.on('message', (frame: Buffer) => lines.push(frame.toString()));
  client.on('error', () => {});
  const closed = once(client, 'close').then(([code, reason]) => ({ code: code as number, reason: String(reason) }));
  await once(client, 'open');
  return {
    client,
    closed,
    lines,
    arrived,
    departed,
    heard,
    errors,
    welcome: welcome.promise,
    cause: cause.promise,
    ended: ended.promise,
    pings: () => pings,
    guest: () => arrived[0] as Guest,
    ...(await serverSide.promise),
    /** Lets time go by for the server. */
    async pass(ms: number) {
      t.mock.timers.tick(ms);
      await settled();
    },
  };
}
