/** A WebSocket that remembers what it heard and waits for what a story expects. */
import type { IncomingHttpHeaders } from 'node:http';
import { inspect } from 'node:util';
import { WebSocket } from 'ws';

const WAITS_MS = 10_000;

export type Closing = { code: number; reason: string };
export type Knock = {
  subprotocols?: string[];
  cookie?: string;
  origin?: string;
  /** The address to come from, such as 127.0.0.2. */
  localAddress?: string;
  headers?: Record<string, string>;
  /** False for somebody who never answers a ping. */
  autoPong?: boolean;
};

/** An upgrade that was answered with plain HTTP. */
export type RefusedUpgrade = { isOpen: false; status: number; headers: IncomingHttpHeaders };
export type OpenSocket = ReturnType<typeof remember> & { isOpen: true };

/** Asks for an upgrade and tells how that went. */
export function knock(
  url: string,
  { subprotocols = [], cookie, origin, localAddress, headers, autoPong = true }: Knock = {},
): Promise<OpenSocket | RefusedUpgrade> {
  const socket = new WebSocket(url, subprotocols, {
    rejectUnauthorized: false,
    handshakeTimeout: WAITS_MS,
    family: 4,
    autoPong,
    ...(localAddress !== undefined && { localAddress }),
    headers: { ...(cookie && { cookie }), ...(origin !== undefined && { origin }), ...headers },
  });
  const remembered = remember(socket);
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve({ isOpen: true, ...remembered }));
    socket.once('unexpected-response', (_, response) => {
      response.resume();
      resolve({ isOpen: false, status: response.statusCode ?? 0, headers: response.headers });
    });
    socket.once('error', reject);
  });
}

function remember(socket: WebSocket) {
  const heard: string[] = [];
  const news = new Set<() => void>();
  let read = 0;
  let closing: Closing | undefined;
  const tell = () => {
    for (const look of [...news]) look();
  };
  socket.on('message', (frame: Buffer) => {
    heard.push(frame.toString());
    tell();
  });
  socket.on('close', (code, reason) => {
    closing = { code, reason: reason.toString() };
    tell();
  });
  // A connection that breaks is told by its close; without a listener the error would end the test process.
  socket.on('error', () => {});

  /** Resolves as soon as `look` finds something, looking again at everything new; fails in time or when the socket is closed. */
  function wait<T>(look: () => T | undefined, what: string, withinMs = WAITS_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        stop();
        reject(
          new Error(`${why} while waiting for ${what}. Heard: ${inspect(heard, { maxArrayLength: 50, maxStringLength: 300 })}`),
        );
      };
      const deadline = setTimeout(() => fail(`${withinMs / 1000} s went by`), withinMs);
      const attempt = () => {
        const found = look();
        if (found === undefined) return closing !== undefined && fail(`The socket closed (${closing.code} ${closing.reason})`);
        stop();
        resolve(found);
      };
      const stop = () => {
        clearTimeout(deadline);
        news.delete(attempt);
      };
      news.add(attempt);
      attempt();
    });
  }

  return {
    socket,
    /** All frames so far, read or not. */
    heard: heard as readonly string[],
    send: (frame: string | Uint8Array) => socket.send(frame),
    /** The first unread frame that `matches`, which is asked once about each; frames before it count as read too. */
    receive<T>(matches: (frame: string) => T | undefined, what: string): Promise<T> {
      let next = read;
      return wait(() => {
        while (next < heard.length) {
          const found = matches(heard[next++] ?? '');
          if (found === undefined) continue;
          read = next;
          return found;
        }
        return undefined;
      }, what);
    },
    /** All unread frames up to the first that `isLast`, that one included. */
    async receiveUntil(isLast: (frame: string) => boolean, what: string): Promise<string[]> {
      const from = read;
      await this.receive((frame) => isLast(frame) || undefined, what);
      return heard.slice(from, read);
    },
    /** Resolves with the close frame's code and reason (1006: there was none). */
    closes: (withinMs?: number) => wait(() => closing, 'the close', withinMs),
    /** Closes in order and waits for the server's answer. */
    async close(code = 1000) {
      socket.close(code);
      return await wait(() => closing, 'the close');
    },
    /** Cuts the connection without a word. */
    cut: () => socket.terminate(),
  };
}
