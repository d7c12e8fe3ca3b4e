/**
 * A v2 client of the harness' own: it comes back after everything, resumes, keeps what was not acknowledged and sends it
 * again, one at a time, and writes down whatever it shows and is told.
 */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Random } from './random.ts';
import type { Log, Saying, WireEvent, Witness } from './record.ts';

const ROOM = 'general';
const CONNECTS_WITHIN_MS = 8_000;
/** The server pings every 10 s; whoever hears nothing for so long is on a dead connection. */
const SILENT_AFTER_MS = 17_000;
const ANSWERED_WITHIN_MS = 9_000;
const TRIES_AGAIN_MS = 400;
const MOST_PARSED = 4_000;

export type Pass = { name: string; userId: string; cookie: string; localAddress: string };

export type RawClient = ReturnType<typeof startRawClient>;

export type RawOptions = {
  client: string;
  pass: Pass;
  /** Where to connect; asked each time. */
  door: () => string;
  log: Log;
  random: Random;
  /** The run's clock. */
  now: () => number;
  /** Words are given up instead of sent again when nobody knows what became of them. */
  isForgetful?: boolean;
  staysToTheEnd?: boolean;
};

type Item = { saying: Saying; frame: Record<string, unknown>; state: 'waiting' | 'sending' | 'done' };

/** Frames are the same for everybody but their author: each is read once. */
const parsed = new Map<string, Frame>();

type Frame = {
  type: string;
  room?: string;
  code?: string;
  clientId?: string;
  retryAfterMs?: number;
  epoch?: string;
  head?: number;
  complete?: boolean;
  events?: WireEvent[];
  asOf?: number;
  since?: number;
  before?: number;
  seq?: number;
  unread?: number;
  again?: true;
  rooms?: { epoch: string; read: number; unread: number }[];
};

function parse(text: string): Frame {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const frame = JSON.parse(text) as Frame;
  if (parsed.size >= MOST_PARSED) parsed.clear();
  parsed.set(text, frame);
  return frame;
}

export function startRawClient(options: RawOptions) {
  const { client, pass, door, log, random, now, isForgetful = false } = options;
  const witness: Witness = {
    client,
    person: pass.name,
    shown: [],
    reads: [],
    connections: 0,
    staysToTheEnd: options.staysToTheEnd ?? true,
  };
  log.witnesses.push(witness);
  const outbox: Item[] = [];
  let cursor: { seq: number; at: number | undefined } | undefined;
  let epoch = '';
  let socket: WebSocket | undefined;
  let state: 'away' | 'entering' | 'open' = 'away';
  let pages: Frame[] = [];
  let heldBackUntil = 0;
  let sentAt = 0;
  let heardAt = 0;
  let isOver = false;
  let isAbsent = false;
  /** How the last connection ended, to be told when nobody is let in any more. */
  let lastEnd = '';
  let lastError = '';
  const news = new Set<() => void>();

  // ---- coming back -------------------------------------------------------------------------------------------------

  async function live() {
    while (!isOver) {
      const waitMs = isAbsent ? 100 : await oneConnection();
      await pause(waitMs);
    }
  }

  /** Resolves when it is over, to how long to stay away. */
  function oneConnection(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const opening = new WebSocket(door(), ['securechat.v2'], {
      rejectUnauthorized: false,
      handshakeTimeout: CONNECTS_WITHIN_MS,
      localAddress: pass.localAddress,
      family: 4,
      headers: { cookie: pass.cookie },
    });
    socket = opening;
    state = 'entering';
    heardAt = now();
    const watch = setInterval(() => {
      const isSilent = now() - heardAt > (state === 'open' ? SILENT_AFTER_MS : CONNECTS_WITHIN_MS);
      const isUnanswered = outbox.some((item) => item.state === 'sending') && now() - sentAt > ANSWERED_WITHIN_MS;
      if (!opening.isPaused && (isSilent || isUnanswered)) opening.terminate();
      else sendNext();
    }, 250);
    opening.on('open', () => {
      witness.connections += 1;
      opening.send(pass.name);
    });
    opening.on('ping', () => {
      heardAt = now();
    });
    opening.on('message', (data: Buffer) => {
      heardAt = now();
      hear(opening, parse(data.toString()));
      for (const look of [...news]) look();
    });
    opening.on('error', (error) => {
      lastError = error.message;
    });
    opening.on('close', (code, reason) => {
      clearInterval(watch);
      lastEnd = `${state}, ${code} ${code === 1006 ? lastError : reason.toString()}`;
      state = 'away';
      pages = [];
      for (const item of outbox) if (item.state === 'sending') item.state = 'waiting';
      for (const look of [...news]) look();
      const told = code === 1012 || code === 1001 ? Number(reason.toString() || '200') : undefined;
      resolve(told ?? 150 + random.next() * 600);
    });
    return promise;
  }

  function hear(on: WebSocket, frame: Frame) {
    if (on !== socket || isOver) return;
    switch (frame.type) {
      case 'welcome':
        for (const { epoch: life, read, unread } of frame.rooms ?? []) heardRead(life, read, unread);
        return open();
      case 'page':
        if (frame.before === undefined) pages.push(frame);
        return;
      case 'opened':
        return opened(frame);
      case 'refused':
        return refused(frame);
      case 'read':
        return heardRead(epoch, frame.seq ?? 0, frame.unread ?? 0);
      case 'message':
      case 'edited':
      case 'deleted':
      case 'reacted': {
        const event = frame as unknown as WireEvent;
        if (event.again !== true) show(event, 'live');
        acknowledge(event);
        return;
      }
    }
  }

  function heardRead(life: string, seq: number, unread: number) {
    witness.reads.push({ at: now(), connection: witness.connections, epoch: life, seq, unread });
  }

  function open() {
    const since = cursor && { since: cursor.seq, epoch, ...(cursor.at !== undefined && { sinceAt: cursor.at }) };
    socket?.send(JSON.stringify({ type: 'open', room: ROOM, ...since }));
  }

  function opened(frame: Frame) {
    const wasResumed = cursor !== undefined && frame.complete === true;
    epoch = frame.epoch ?? '';
    if (wasResumed) {
      for (const event of pages.flatMap(({ events = [] }) => events)) {
        show(event, 'resume');
        acknowledge(event);
      }
      if (cursor?.seq !== frame.head) {
        const what = `resumed up to #${cursor?.seq}, though the server says #${frame.head}`;
        log.unhealed.push({ client, what });
      }
    } else {
      const page = pages.at(-1);
      const messages = page?.events ?? [];
      const asOf = frame.head ?? 0;
      witness.shown.push({ kind: 'afresh', at: now(), epoch, asOf, messages });
      const last = messages.at(-1);
      cursor = { seq: asOf, at: last?.seq === asOf ? last.at : undefined };
      for (const message of messages) acknowledge(message);
    }
    pages = [];
    state = 'open';
    sendNext();
  }

  function show(event: WireEvent, how: 'live' | 'resume') {
    witness.shown.push({ kind: 'event', at: now(), epoch, event, how });
    cursor = { seq: event.seq, at: event.at };
  }

  // ---- saying ------------------------------------------------------------------------------------------------------

  function sendNext() {
    if (state !== 'open' || isOver || now() < heldBackUntil || outbox.some((item) => item.state === 'sending')) return;
    const next = outbox.find((item) => item.state === 'waiting');
    if (next === undefined || socket?.readyState !== WebSocket.OPEN) return;
    next.state = 'sending';
    next.saying.tries += 1;
    sentAt = now();
    socket.send(JSON.stringify(next.frame));
  }

  function acknowledge(event: WireEvent) {
    if (event.clientId === undefined) return;
    const item = outbox.find(({ saying }) => saying.clientId === event.clientId);
    if (item === undefined) return;
    item.saying.answers.push({ at: now(), seq: event.seq, epoch, again: event.again === true });
    item.state = 'done';
    sendNext();
  }

  function refused({ code = '', clientId, retryAfterMs }: Frame) {
    if (clientId === undefined) {
      // The opening itself could not be done now.
      if (state !== 'open') setTimeout(() => socket?.terminate(), TRIES_AGAIN_MS);
      return;
    }
    const item = outbox.find(({ saying }) => saying.clientId === clientId);
    if (item === undefined || item.state === 'done') return;
    item.saying.refusals.push({ at: now(), code });
    const mayPass = code === 'slow_down' || code === 'unavailable' || code === 'not_open';
    if (!mayPass || (isForgetful && code === 'unavailable')) {
      item.saying.isGivenUp = true;
      item.state = 'done';
      return sendNext();
    }
    item.state = 'waiting';
    heldBackUntil = now() + (retryAfterMs ?? TRIES_AGAIN_MS);
  }

  function put(change: Saying['change'], frame: Record<string, unknown>): Saying {
    const clientId = randomUUID();
    const { text, target } = frame as { text?: string; target?: number };
    const about = { ...(text !== undefined && { text }), ...(target !== undefined && { target }) };
    const saying: Saying = {
      person: pass.name,
      client,
      clientId,
      change,
      ...about,
      at: now(),
      tries: 0,
      answers: [],
      refusals: [],
      isGivenUp: false,
    };
    log.sayings.push(saying);
    outbox.push({ saying, frame: { ...frame, room: ROOM, clientId }, state: 'waiting' });
    sendNext();
    return saying;
  }

  /** Resolves as soon as something is so; rejects in time. */
  function until(look: () => boolean, what: string, withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const attempt = () => {
        if (!look()) return;
        stop();
        resolve();
      };
      const stop = () => {
        clearTimeout(deadline);
        clearInterval(again);
        news.delete(attempt);
      };
      const deadline = setTimeout(() => {
        stop();
        reject(new Error(`${client}: ${what} did not come to pass`));
      }, withinMs);
      const again = setInterval(attempt, 100);
      news.add(attempt);
      attempt();
    });
  }

  const life = live();

  return {
    client,
    pass,
    witness,
    says: (text: string) => put('message', { type: 'send', text }),
    edits: (target: number, text: string) => put('edited', { type: 'edit', target, text }),
    deletes: (target: number) => put('deleted', { type: 'delete', target }),
    reacts: (target: number, emoji: string, on: boolean) => put('reacted', { type: 'react', target, emoji, on }),
    /** Sends once more what was acknowledged long ago. */
    saysAgain({ clientId }: Saying) {
      const item = outbox.find(({ saying }) => saying.clientId === clientId);
      if (item === undefined || state !== 'open' || socket?.readyState !== WebSocket.OPEN) return;
      item.saying.tries += 1;
      socket.send(JSON.stringify(item.frame));
    },
    /** Sends what another device of the same person said, under the same clientId. */
    repeats(saying: Saying) {
      const { clientId, text } = saying;
      outbox.push({ saying, frame: { type: 'send', room: ROOM, clientId, text }, state: 'waiting' });
      sendNext();
    },
    reads(seq: number) {
      if (state === 'open' && socket?.readyState === WebSocket.OPEN) {
        socket.send(JSON.stringify({ type: 'read', room: ROOM, seq }));
      }
    },
    cursor: () => cursor?.seq ?? 0,
    epoch: () => epoch,
    isOpen: () => state === 'open',
    where: () => `${state} (before: ${lastEnd})`,
    /** Words that are neither stored nor given up. */
    unsent: () => outbox.filter((item) => item.state !== 'done').length,
    /** Own messages that were acknowledged in the present life of the numbering. */
    ownMessages: () =>
      outbox.flatMap(({ saying }) =>
        saying.change === 'message' ? saying.answers.filter((one) => one.epoch === epoch).slice(0, 1) : [],
      ),
    until,
    isUp: (withinMs = 15_000) => until(() => state === 'open', 'being let in', withinMs),
    shows: (seq: number, withinMs = 15_000) => until(() => (cursor?.seq ?? 0) >= seq, `showing #${seq}`, withinMs),
    isTold: (saying: Saying, withinMs = 15_000) =>
      until(() => saying.answers.length > 0 || saying.isGivenUp, `an answer to ${saying.text ?? saying.change}`, withinMs),
    /** Takes nothing from the socket for a while. */
    dozes(ms: number) {
      const dozing = socket;
      dozing?.pause();
      setTimeout(() => dozing?.resume(), ms);
    },
    /** Ends the connection without a word; it comes back by itself. */
    breaks: () => socket?.terminate(),
    /** Stays away until told to come back. */
    goes() {
      isAbsent = true;
      socket?.terminate();
    },
    comes: () => {
      isAbsent = false;
    },
    async ends(): Promise<void> {
      isOver = true;
      socket?.terminate();
      await life;
    },
    /** The bare socket, for what only a test does. */
    wire: () => (socket as unknown as { _socket?: Socket } | undefined)?._socket,
  };
}

/** Opens a connection only to hear its welcome: how far the person has read. */
export async function askHowFarRead(door: string, pass: Pass): Promise<{ read: number; unread: number } | undefined> {
  const socket = new WebSocket(door, ['securechat.v2'], {
    rejectUnauthorized: false,
    handshakeTimeout: CONNECTS_WITHIN_MS,
    localAddress: pass.localAddress,
    family: 4,
    headers: { cookie: pass.cookie },
  });
  const { promise, resolve } = Promise.withResolvers<{ read: number; unread: number } | undefined>();
  const deadline = setTimeout(resolve, CONNECTS_WITHIN_MS, undefined);
  socket.on('open', () => socket.send(pass.name));
  socket.on('error', () => resolve(undefined));
  socket.on('close', () => resolve(undefined));
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as { type: string; rooms?: { read: number; unread: number }[] };
    if (frame.type === 'welcome') resolve(frame.rooms?.[0]);
  });
  const told = await promise;
  clearTimeout(deadline);
  socket.close(1000);
  setTimeout(() => socket.terminate(), 500).unref();
  return told;
}
