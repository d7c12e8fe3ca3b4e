/** For mallory: connections without manners, bytes as they are on the wire, frames that no library would send. */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const WAITS_MS = 10_000;

export type Wire = ReturnType<typeof listenTo>;

/** Connects to a port of this machine with TLS. */
export async function dialTls(port: number, { localAddress }: { localAddress?: string } = {}): Promise<Wire> {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...(localAddress && { localAddress }) });
  const wire = listenTo(socket);
  await once(socket, 'secureConnect').catch((cause) => {
    throw new Error(`No TLS connection with port ${port}`, { cause });
  });
  return wire;
}

/** Connects to a port of this machine without TLS. */
export async function dialPlain(port: number): Promise<Wire> {
  const socket = connectPlain({ host: '127.0.0.1', port });
  const wire = listenTo(socket);
  await once(socket, 'connect');
  return wire;
}

function listenTo(socket: Socket) {
  let received: Buffer = Buffer.alloc(0);
  let isClosed = false;
  const news = new Set<() => void>();
  const tell = () => {
    for (const look of [...news]) look();
  };
  socket.setNoDelay(true);
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    tell();
  });
  // Being cut off is what mallory expects; it is told as the close.
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
    tell();
  });

  /** Resolves as soon as `look` finds something in what was received; fails when it is closed before or after a while. */
  function wait<T>(look: () => T | undefined, what: string, waitsMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(deadline);
        news.delete(attempt);
      };
      const fail = (why: string) => {
        stop();
        reject(new Error(`${why} while waiting for ${what}. Received: ${received.toString('latin1').slice(0, 500)}`));
      };
      const deadline = setTimeout(() => fail(`${waitsMs / 1000} s went by`), waitsMs);
      const attempt = () => {
        const found = look();
        if (found === undefined) return isClosed && fail('The connection was closed');
        stop();
        resolve(found);
      };
      news.add(attempt);
      attempt();
    });
  }

  return {
    socket,
    /** Writes bytes; what the other side has cut takes no more. */
    send: (bytes: string | Uint8Array) => socket.writable && socket.write(bytes),
    /** Writes bytes and resolves when they are on their way, or when nothing can be sent any more. */
    pours: (bytes: string | Uint8Array) => new Promise<void>((resolve) => socket.write(bytes, () => resolve())),
    received: () => received,
    /** Resolves when the other side has ended the connection, to everything that it said. */
    closes: (waitsMs = WAITS_MS): Promise<Buffer> => wait(() => (isClosed ? received : undefined), 'the close', waitsMs),
    /** Resolves to the head of the answer and drops it, so that frames are what comes next. */
    async head(waitsMs = WAITS_MS): Promise<string> {
      const end = await wait(() => indexAfterHead(received), 'the head of an answer', waitsMs);
      const head = received.subarray(0, end).toString('latin1');
      received = received.subarray(end);
      return head;
    },
    /** Resolves to all frames so far, as soon as they are enough or the connection is closed. */
    frames: (areEnough: (frames: ServerFrame[]) => boolean, waitsMs = WAITS_MS): Promise<ServerFrame[]> => {
      const look = () => {
        const frames = readFrames(received);
        return isClosed || areEnough(frames) ? frames : undefined;
      };
      return wait(look, 'frames', waitsMs);
    },
    cut: () => socket.destroy(),
  };
}

function indexAfterHead(bytes: Buffer): number | undefined {
  const index = bytes.indexOf('\r\n\r\n');
  return index === -1 ? undefined : index + 4;
}

/** The text of a request, its lines in the order given. */
export const requestText = (...lines: string[]) => [...lines, '', ''].join('\r\n');

/** The lines of a whole handshake (RFC 6455 §4.1); a `headers` entry that is undefined leaves the line out. */
export function handshakeText(headers: Record<string, string | undefined> = {}, first = 'GET / HTTP/1.1'): string {
  const all = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return requestText(first, ...lines);
}

/** The status of an answer's head; 0 when there is none. */
export const statusOf = (head: string | Buffer) => Number(/^HTTP\/1\.1 (\d{3})/.exec(head.toString('latin1'))?.[1] ?? 0);

// ---- frames --------------------------------------------------------------------------------------------------------

export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const;

export type ClientFrame = {
  opcode: number;
  payload?: string | Uint8Array;
  /** False when more fragments follow. */
  fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  rsv?: number;
  isMasked?: boolean;
  /** What the header says the length is, when that is a lie. */
  claims?: bigint;
};

/** A frame as a client sends it (RFC 6455 §5.2), or as it must not. */
export function frame({ opcode, payload = '', fin = true, rsv = 0, isMasked = true, claims }: ClientFrame): Buffer {
  const bytes = Buffer.from(typeof payload === 'string' ? Buffer.from(payload) : payload);
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const mask = isMasked ? Buffer.from([0x37, 0xfa, 0x21, 0x3d]) : Buffer.alloc(0);
  const masked = isMasked ? bytes.map((byte, index) => byte ^ (mask[index % 4] ?? 0)) : bytes;
  const [length = 0, ...extended] = lengthBytes(claims ?? BigInt(bytes.length));
  return Buffer.concat([Buffer.from([first, length | (isMasked ? 0x80 : 0), ...extended]), mask, masked]);
}

function lengthBytes(length: bigint): number[] {
  if (length < 126n) return [Number(length)];
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(length);
  return length < 65_536n ? [126, ...bytes.subarray(6)] : [127, ...bytes];
}

export const textFrame = (payload: string | Uint8Array) => frame({ opcode: Opcode.Text, payload });

/** A close frame with a code and a reason; without a code its payload is empty. */
export function closeFrame(code?: number, reason: string | Uint8Array = ''): Buffer {
  if (code === undefined) return frame({ opcode: Opcode.Close });
  return frame({ opcode: Opcode.Close, payload: Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]) });
}

export type ServerFrame = { opcode: number; payload: Buffer };

/** All whole frames in what a server sent: unmasked, unfragmented. */
export function readFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const short = bytes.readUInt8(at + 1) & 0x7f;
    const headerLength = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + headerLength > bytes.length) break;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    const end = at + headerLength + length;
    if (end > bytes.length) break;
    frames.push({ opcode: bytes.readUInt8(at) & 0x0f, payload: bytes.subarray(at + headerLength, end) });
    at = end;
  }
  return frames;
}

/** The code of the close frame among these; 1005 when it has none (RFC 6455 §7.1.5), 1006 when there is no close frame. */
export function closeCodeOf(frames: readonly ServerFrame[]): number {
  const close = frames.find(({ opcode }) => opcode === Opcode.Close);
  if (close === undefined) return 1006;
  return close.payload.length < 2 ? 1005 : close.payload.readUInt16BE(0);
}
