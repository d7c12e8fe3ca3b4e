/**
 * The load of `npm run bench`, a process of its own: connections that count what they hear. Frames are found by their
 * headers only (RFC 6455 §5.2), so that the load costs little beside the server.
 */
import { randomBytes } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';

const [address = '', cookie = '', firstFrame = ''] = process.argv.slice(2);
const url = new URL(address);
const AT_ONCE = 32;
const SETTLE_MS = 1_500;
const DRAIN_MS = 3_000;
const TEXT_BYTES = 100;

const sockets: TLSSocket[] = [];
let deliveries = 0;
let latencies: number[] = [];

/** Opens connections; resolves when each was spoken to by the server and all has been quiet for a while. */
async function connectAll(count: number) {
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - done) }, connectOne));
  }
  await pause(SETTLE_MS);
}

function connectOne(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(url.port), rejectUnauthorized: false });
    sockets.push(socket);
    socket.on('error', reject);
    socket.on('secureConnect', () => {
      socket.write(
        `GET / HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nCookie: ${cookie}\r\n\r\n`,
      );
    });
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
      }
      rest = readFrames(socket, rest, resolve);
    });
  });
}

function readFrames(socket: TLSSocket, chunk: Buffer, onFirst: () => void): Buffer {
  let rest = chunk;
  for (let frame = firstFrameOf(rest); frame !== undefined; frame = firstFrameOf(rest)) {
    if (frame.opcode === 9) socket.write(masked(0x8a, rest.subarray(frame.start, frame.end)));
    if (frame.opcode === 1) hear(rest, frame.start, frame.end);
    onFirst();
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

/** A text that we sent carries the time when it was due. */
function hear(bytes: Buffer, start: number, end: number) {
  const at = bytes.subarray(start, end).indexOf('~');
  if (at === -1) return;
  deliveries += 1;
  if (deliveries % 97 === 0)
    latencies.push(performance.now() - Number(bytes.toString('latin1', start + at + 1, start + at + 15)));
}

/** Says `rate` messages a second, from all connections in turn, by the clock and not by the answers. */
async function talk(rate: number, seconds: number) {
  [deliveries, latencies] = [0, []];
  const startedAt = performance.now();
  const total = rate * seconds;
  for (let said = 0; said < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) * rate) / 1000) + 1);
    for (; said < due; said++) {
      const dueAt = (startedAt + (said * 1000) / rate).toFixed(3).padStart(14, '0');
      sockets[said % sockets.length]?.write(maskedText(`~${dueAt}`.padEnd(TEXT_BYTES, 'x')));
    }
    await pause(2);
  }
  const deadline = performance.now() + DRAIN_MS;
  while (deliveries < total * sockets.length && performance.now() < deadline) await pause(10);
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { deliveries, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function masked(head: number, payload: Uint8Array): Buffer {
  // A mask of zeros is a mask, and saves us the work.
  return Buffer.concat([Buffer.from([head, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

const maskedText = (text: string) => masked(0x81, Buffer.from(text));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

process.on('message', async (message: { command: 'connect' | 'talk'; count?: number; rate?: number; seconds?: number }) => {
  if (message.command === 'connect') await connectAll(message.count ?? 1);
  process.send?.(message.command === 'talk' ? await talk(message.rate ?? 1, message.seconds ?? 1) : { deliveries: 0 });
});
process.send?.('ready');
