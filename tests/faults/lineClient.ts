/** A v1 client: plain lines. It cannot resume, so each of its connections is a witness of its own. */
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Pass } from './rawClient.ts';
import type { LineWitness, Log } from './record.ts';

const CONNECTS_WITHIN_MS = 8_000;
const SILENT_AFTER_MS = 17_000;

export type LineClient = ReturnType<typeof startLineClient>;

export function startLineClient(options: { client: string; pass: Pass; door: () => string; log: Log; now: () => number }) {
  const { client, pass, door, log, now } = options;
  let socket: WebSocket | undefined;
  let isOver = false;
  let present: LineWitness | undefined;

  function oneConnection(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const witness: LineWitness = { client, person: pass.name, openedAt: now(), lines: [], isOpenAtTheEnd: false };
    log.lines.push(witness);
    present = witness;
    const opening = new WebSocket(door(), {
      rejectUnauthorized: false,
      handshakeTimeout: CONNECTS_WITHIN_MS,
      localAddress: pass.localAddress,
      family: 4,
      headers: { cookie: pass.cookie },
    });
    socket = opening;
    let heardAt = now();
    const watch = setInterval(() => {
      if (now() - heardAt > SILENT_AFTER_MS) opening.terminate();
    }, 1_000);
    opening.on('open', () => {
      opening.send(pass.name);
      witness.isOpenAtTheEnd = true;
    });
    opening.on('ping', () => {
      heardAt = now();
    });
    opening.on('message', (data: Buffer) => {
      heardAt = now();
      const text = data.toString();
      // Names have no colon: whatever has one was said by somebody.
      if (text.includes(': ')) witness.lines.push({ at: now(), text });
    });
    opening.on('error', () => {});
    opening.on('close', (code, reason) => {
      clearInterval(watch);
      if (!isOver) witness.isOpenAtTheEnd = false;
      resolve(code === 1012 || code === 1001 ? Number(reason.toString() || '200') : 400);
    });
    return promise;
  }

  async function live() {
    while (!isOver) await pause(await oneConnection());
  }

  const life = live();
  return {
    pass,
    says: (text: string) => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(text);
    },
    /** Whether this connection heard the text, or nothing at all: older words are not for it. */
    isUpToDate: (text: string) =>
      present !== undefined && (present.lines.length === 0 || present.lines.some((line) => line.text.endsWith(text))),
    isOpen: () => socket?.readyState === WebSocket.OPEN,
    async ends() {
      isOver = true;
      socket?.terminate();
      await life;
    },
  };
}
