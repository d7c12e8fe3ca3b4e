/** Somebody who has no library of ours and none of anybody's: RFC 6455 by hand over a TLS socket, with the login cookie. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { type Stack, startStack } from '../support/anyStack.ts';
import { type Person, stranger } from '../support/person.ts';

let stack: Stack;
let alice: Person;
let bob: Person;

before(async () => {
  stack = await startStack({
    HEARTBEAT_INTERVAL_SECONDS: '1',
    HEARTBEAT_TIMEOUT_SECONDS: '0.7',
    RATE_LIMIT_MESSAGES: '12',
    RATE_LIMIT_WINDOW_SECONDS: '1.5',
    RATE_LIMIT_MUTE_SECONDS: '2',
    MAX_MESSAGE_CHARS: '5000',
  });
  [alice, bob] = await stack.people('alice', 'bob');
});
after(() => stack.stop());

const Opcode = { Continuation: 0, Text: 1, Close: 8, Ping: 9, Pong: 10 } as const;
type Frame = { opcode: number; payload: Buffer };

/** Opens a WebSocket by hand (RFC 6455 §4.1) and answers pings unless told otherwise. */
async function dial(
  { cookies }: Person,
  { protocols, answersPings = true }: { protocols?: string; answersPings?: boolean } = {},
) {
  const port = Number(new URL(stack.chatUrl).port);
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const key = randomBytes(16).toString('base64');
  const lines = [
    'GET / HTTP/1.1',
    `Host: localhost:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    `Cookie: ${cookies.header()}`,
    ...(protocols === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocols}`]),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const reader = createReader(socket);
  const answer = await reader.until('\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 101 /);
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  assert.equal(/^sec-websocket-accept: (.*)\r$/im.exec(answer)?.[1], accept);
  assert.doesNotMatch(answer, /^sec-websocket-extensions:/im, 'nothing that was not offered');
  const say = (opcode: number, payload: string | Buffer = '', isLast = true) => socket.write(frameOf(opcode, payload, isLast));

  /** The next frame that is no ping. */
  async function next(): Promise<Frame> {
    for (;;) {
      const frame = await readFrame(reader);
      if (frame.opcode !== Opcode.Ping) return frame;
      if (answersPings) say(Opcode.Pong, frame.payload);
    }
  }

  return {
    socket,
    subprotocol: /^sec-websocket-protocol: (.*)\r$/im.exec(answer)?.[1],
    say,
    says: (text: string) => say(Opcode.Text, text),
    next,
    /** The next line, but for those about people of earlier stories who are only now found to be gone. */
    async hears(line: string) {
      for (;;) {
        const { opcode, payload } = await next();
        if (payload.toString().endsWith(' has left the chat!') && payload.toString() !== line) continue;
        return assert.deepEqual([opcode, payload.toString()], [Opcode.Text, line]);
      }
    },
    /** Closes with 1000 and reads the answer (RFC 6455 §5.5.1), after which the server ends the TCP connection. */
    async closes() {
      say(Opcode.Close, Buffer.from([0x03, 0xe8]));
      const { opcode, payload } = await next();
      assert.deepEqual([opcode, payload.readUInt16BE()], [Opcode.Close, 1000]);
      await reader.ends();
    },
    ends: reader.ends,
  };
}

/** A masked frame (RFC 6455 §5.2). */
function frameOf(opcode: number, content: string | Buffer, isLast: boolean): Buffer {
  const payload = Buffer.from(content);
  const length = Buffer.alloc(payload.length < 126 ? 1 : payload.length < 65_536 ? 3 : 9);
  length[0] = payload.length < 126 ? payload.length : payload.length < 65_536 ? 126 : 127;
  if (length.length === 3) length.writeUInt16BE(payload.length, 1);
  if (length.length === 9) length.writeBigUInt64BE(BigInt(payload.length), 1);
  length[0] |= 0x80;
  const mask = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | opcode]), length, mask, masked]);
}

type Reader = ReturnType<typeof createReader>;

/** Reads a whole, unmasked frame of the server. */
async function readFrame(reader: Reader): Promise<Frame> {
  const [first = 0, second = 0] = await reader.take(2);
  assert.equal(first & 0xf0, 0x80, 'one whole frame without extension bits');
  assert.equal(second & 0x80, 0, 'a server does not mask');
  let length = second;
  if (length === 126) length = (await reader.take(2)).readUInt16BE();
  else if (length === 127) length = Number((await reader.take(8)).readBigUInt64BE());
  return { opcode: first & 0x0f, payload: await reader.take(length) };
}

function createReader(socket: TLSSocket) {
  let received = Buffer.alloc(0);
  let isOver = false;
  let look = () => {};
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    look();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isOver = true;
    look();
  });

  function wait<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`10 s went by; unread: ${received.toString()}`)), 10_000);
      look = () => {
        const found = find();
        if (found === undefined && !isOver) return;
        clearTimeout(deadline);
        // Whoever has found something must not look again: it would take what is meant for the next.
        look = () => {};
        if (found === undefined) reject(new Error('the connection ended'));
        else resolve(found);
      };
      look();
    });
  }

  function cut(length: number): Buffer | undefined {
    if (received.length < length) return undefined;
    const taken = received.subarray(0, length);
    received = received.subarray(length);
    return taken;
  }

  return {
    take: (length: number) => wait(() => cut(length)),
    until: (mark: string) =>
      wait(() => (received.includes(mark) ? cut(received.indexOf(mark) + mark.length)?.toString() : undefined)),
    ends: () => wait(() => isOver || undefined),
  };
}

test('a plain client signs up with a form, comes in with the cookie, and talks with everybody on v1 and v2', async () => {
  const [apps, lines] = [await bob.connects(), await bob.connectsText()];
  await apps.opens();
  const carol = stranger(stack, 'carol', 'correct horse battery');
  for (const [action, status] of [
    ['signup', 201],
    ['login', 200],
  ] as const) {
    const body = new URLSearchParams({ username: 'carol', password: carol.password, action }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal((await carol.asks('/home', { method: 'POST', headers, body })).status, status);
  }
  const carols = await dial(carol);
  assert.equal(carols.subprotocol, undefined);
  carols.says('carol');
  await carols.hears('carol has joined the chat!');
  await lines.hearsNothingBut('carol has joined the chat!');
  assert.equal((await apps.hears({ type: 'joined' })).user.name, 'carol');

  // Each length is written in another way: 7 bits, 16 bits.
  for (const said of ['hello, I made this myself', 'x'.repeat(125), 'x'.repeat(126), 'ä'.repeat(2_000), '🦀'.repeat(5_000)]) {
    carols.says(said);
    await carols.hears(`carol: ${said}`);
    await lines.hearsNothingBut(`carol: ${said}`);
    assert.equal((await apps.hears({ type: 'message' })).text, said);
    await apps.says(said);
    await carols.hears(`bob: ${said}`);
    await lines.hearsNothingBut(`bob: ${said}`);
  }
  await carols.closes();
  await lines.hearsNothingBut('carol has left the chat!');
  for (const connection of [apps, lines]) await connection.close();
});

test('a message in fragments, with a ping between them, is one message', async () => {
  const alices = await dial(alice);
  alices.say(Opcode.Text, 'ali', false);
  alices.say(Opcode.Continuation, 'ce');
  await alices.hears('alice has joined the chat!');
  const [crab, rest] = [Buffer.from('🦀'), Buffer.from(' in pieces')];
  alices.say(Opcode.Text, crab.subarray(0, 2), false);
  alices.say(Opcode.Ping, 'are you there?');
  alices.say(Opcode.Continuation, crab.subarray(2), false);
  alices.say(Opcode.Continuation, rest);
  const pong = await alices.next();
  assert.deepEqual([pong.opcode, pong.payload.toString()], [Opcode.Pong, 'are you there?']);
  await alices.hears('alice: 🦀 in pieces');
  await alices.closes();
});

test('a client that offers only unknown subprotocols is served v1 with none selected; one that offers v2 too gets v2', async () => {
  const unknown = await dial(alice, { protocols: 'chat, superchat, securechat.v3' });
  assert.equal(unknown.subprotocol, undefined);
  unknown.says('alice');
  await unknown.hears('alice has joined the chat!');
  unknown.says('{"type":"open","room":"general"}');
  await unknown.hears('alice: {"type":"open","room":"general"}');

  const both = await dial(alice, { protocols: 'superchat, securechat.v2' });
  assert.equal(both.subprotocol, 'securechat.v2');
  both.says('alice');
  const { payload } = await both.next();
  const welcome = JSON.parse(payload.toString());
  assert.equal(welcome.type, 'welcome');
  assert.deepEqual(welcome.heartbeat, { intervalMs: 1_000, timeoutMs: 700 }, 'the numbers in force');
  assert.deepEqual(welcome.limits, { textLength: 5_000, messages: 12, windowMs: 1_500, muteMs: 2_000 });
  await both.closes();
  await unknown.closes();
});

test('who answers pings by hand stays; who does not is cut', async () => {
  const [answering, silent] = [await dial(alice), await dial(bob, { answersPings: false })];
  answering.says('alice');
  await answering.hears('alice has joined the chat!');
  silent.says('bob');
  await silent.hears('bob has joined the chat!');
  const acceptedAt = performance.now();
  await answering.hears('bob has joined the chat!');
  const silence = silent.ends().then(() => performance.now() - acceptedAt);
  const talking = (async () => {
    for (let second = 1; second <= 4; second++) {
      await pause(1_000);
      answering.says(`still here after ${second} s`);
    }
  })();
  for (let second = 1; second <= 4; second++) await answering.hears(`alice: still here after ${second} s`);
  await talking;
  await answering.closes();
  const endedAfterMs = await silence;
  assert.ok(endedAfterMs > 1_500 && endedAfterMs < 3_000, `cut after ${endedAfterMs} ms`);
});

test('the limit, and the number in its sentence, follow the configuration', async () => {
  const dora = await stack.person('dora');
  const doras = await dial(dora);
  doras.says('dora');
  await doras.hears('dora has joined the chat!');
  for (let number = 1; number <= 13; number++) doras.says(`${number}`);
  for (let number = 1; number <= 12; number++) await doras.hears(`dora: ${number}`);
  await doras.hears('Rate limit exceeded! Please wait 2 seconds before sending more messages.');
  const mutedAt = performance.now();
  // Ignored until the mute is over; then the first that is accepted is heard.
  const trying = setInterval(() => doras.says(`${performance.now() - mutedAt}`), 100);
  let heard = '';
  // Somebody who was here before may be gone for good meanwhile.
  while (!heard.startsWith('dora: ')) heard = (await doras.next()).payload.toString();
  clearInterval(trying);
  const freeAfterMs = Number(heard.slice('dora: '.length));
  assert.ok(freeAfterMs >= 1_900 && freeAfterMs < 3_000, `free after ${freeAfterMs} ms`);
  await doras.closes();
});
