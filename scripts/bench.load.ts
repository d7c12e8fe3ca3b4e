/**
 * The load of `npm run bench`, a process of its own: connections that count what they hear. Frames are found by their
 * headers only (RFC 6455 §5.2), so that the load costs little beside the server.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import type { Entrance } from './bench.subjects.ts';

/** What is asked of it; `rooms` of so many members each, in v2, or all connections in the one room of v1. */
export type Asked = { command: 'connect'; count: number; rooms?: string[] } | { command: 'talk'; rate: number; seconds: number };
/** What it tells: latencies from when a text was due to when it was heard. */
export type Heard = { deliveries: number; expected: number; p50Ms: number; p99Ms: number };

type Guest = { socket: TLSSocket; room: string | undefined };

const [address = '', entrances = '[]'] = process.argv.slice(2);
const url = new URL(address);
const people = JSON.parse(entrances) as Entrance[];
const AT_ONCE = 32;
const SETTLE_MS = 1_500;
const DRAIN_MS = 3_000;
const TEXT_BYTES = 100;
/** Of so many deliveries one is timed. */
const TIMED = 13;

const guests: Guest[] = [];
let roomCount = 1;
let deliveries = 0;
let latencies: number[] = [];

/** Opens connections; resolves when each was let in and all has been quiet for a while. */
async function connectAll(count: number, rooms: string[] = []) {
  roomCount = Math.max(1, rooms.length);
  for (let done = 0; done < count; done += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, index) => done + index);
    await Promise.all(some.map((index) => connectOne(index, rooms[index % roomCount])));
  }
  await pause(SETTLE_MS);
}

function connectOne(index: number, room: string | undefined): Promise<void> {
  const { cookie, firstFrame } = people[index % people.length] ?? { cookie: '', firstFrame: '' };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host: '127.0.0.1', port: Number(url.port), rejectUnauthorized: false });
  guests.push({ socket, room });
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('The server closed a connection.')));
  socket.on('secureConnect', () => socket.write(upgrade(cookie, room !== undefined)));
  let isUpgraded = false;
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    if (!isUpgraded) {
      const end = rest.indexOf('\r\n\r\n');
      if (end === -1) return;
      if (!rest.toString('latin1').startsWith('HTTP/1.1 101')) return reject(new Error(rest.toString('latin1')));
      isUpgraded = true;
      rest = rest.subarray(end + 4);
      socket.write(maskedText(firstFrame));
      if (room !== undefined) socket.write(maskedText(JSON.stringify({ type: 'open', room })));
    }
    rest = readFrames(socket, rest, room === undefined ? '' : '"type":"opened"', resolve);
  });
  return promise;
}

function upgrade(cookie: string, isV2: boolean): string {
  const lines = [
    'GET / HTTP/1.1',
    `Host: ${url.host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(isV2 ? ['Sec-WebSocket-Protocol: securechat.v2'] : []),
    `Cookie: ${cookie}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Calls `onIn` for each text that holds `sign`: the connection was let in by the first. */
function readFrames(socket: TLSSocket, chunk: Buffer, sign: string, onIn: () => void): Buffer {
  let rest = chunk;
  for (let frame = firstFrameOf(rest); frame !== undefined; frame = firstFrameOf(rest)) {
    const payload = rest.subarray(frame.start, frame.end);
    if (frame.opcode === 9) socket.write(masked(0x8a, payload));
    if (frame.opcode === 1 && !hear(payload) && payload.includes(sign)) onIn();
    rest = rest.subarray(frame.end);
  }
  return rest;
}

function firstFrameOf(bytes: Buffer): { opcode: number; start: number; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return bytes.length < start + length ? undefined : { opcode: (bytes[0] ?? 0) & 0x0f, start, end: start + length };
}

/** A text that we sent carries the time when it was due. False when it is none of ours. */
function hear(payload: Buffer): boolean {
  const at = payload.indexOf('~');
  if (at === -1) return false;
  deliveries += 1;
  if (deliveries % TIMED === 0) latencies.push(performance.now() - Number(payload.toString('latin1', at + 1, at + 15)));
  return true;
}

/** Says `rate` messages a second, from all connections in turn, by the clock and not by the answers. */
async function talk(rate: number, seconds: number): Promise<Heard> {
  [deliveries, latencies] = [0, []];
  const startedAt = performance.now();
  const total = rate * seconds;
  for (let said = 0; said < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) * rate) / 1000) + 1);
    for (; said < due; said++) say(guests[said % guests.length], startedAt + (said * 1000) / rate);
    await pause(2);
  }
  const expected = (total * guests.length) / roomCount;
  const deadline = performance.now() + DRAIN_MS;
  while (deliveries < expected && performance.now() < deadline) await pause(10);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { deliveries, expected, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function say(guest: Guest | undefined, dueAt: number) {
  const text = `~${dueAt.toFixed(3).padStart(14, '0')}`.padEnd(TEXT_BYTES, 'x');
  const room = guest?.room;
  guest?.socket.write(
    maskedText(room === undefined ? text : JSON.stringify({ type: 'send', room, clientId: randomUUID(), text })),
  );
}

/** A mask of zeros is a mask, and saves us the work. */
function masked(head: number, payload: Uint8Array): Buffer {
  const length = payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([head, ...length, 0, 0, 0, 0]), payload]);
}

const maskedText = (text: string) => masked(0x81, Buffer.from(text));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function handle(asked: Asked): Promise<Heard> {
  if (asked.command === 'talk') return talk(asked.rate, asked.seconds);
  await connectAll(asked.count, asked.rooms);
  return { deliveries: 0, expected: 0, p50Ms: 0, p99Ms: 0 };
}

process.on('message', async (asked: Asked) => {
  process.send?.(await handle(asked));
});
process.send?.('ready');
