/** One socket's life: a name within five seconds, then frames, heartbeats and, in the end, a reason. */
import type { Duplex } from 'node:stream';
import { CloseCode, Limit, parseClientMessage, Sentence, type ServerMessage } from '@securechat/shared/protocol';
import type { RawData, WebSocket } from 'ws';
import { messageFrame } from './frame.ts';
import type { Identity } from './identity.ts';
import type { Guest, Rooms } from './rooms.ts';

export type ConnectionRules = {
  heartbeatMs: number;
  heartbeatTimeoutMs: number;
  /** Bytes that may wait for a slow reader before it is cut; it resumes when it is back. */
  unreadBytes: number;
};

export type Connection = {
  readonly id: string;
  readonly identity: Identity;
  readonly version: 'v1' | 'v2';
  /** Ends the connection with a close frame; a peer that does not answer it is cut. */
  end(code: number, reason?: string): void;
  /** Cuts the connection without a word. */
  cut(cause: Cause): void;
  /** Bytes written and not yet taken by the network. */
  unreadBytes(): number;
};

/** Why the server itself ended a connection. */
export type Cause = 'name_late' | 'name_wrong' | 'silent' | 'slow_reader' | 'flooding' | 'nonsense' | 'binary' | 'failed';

/** Frames that wait to be handled before the socket is read no further, and when it is read again. */
const PAUSE_AT_FRAMES = 32;
const RESUME_AT_FRAMES = 8;
const FRAMES_PER_SECOND = 200;
const FRAMES_BURST = 1_000;
const KEEPING_UP_BYTES = 256 * 1024;

/** What a connection tells about itself; one object for all of them. */
export type ConnectionEvents = {
  /** The name was right. */
  onAccepted(connection: Connection): void;
  /** The socket is closed; called once. `cause` when it was the server that ended it. */
  onEnded(connection: Connection, cause: Cause | undefined): void;
  /** Something was written; bytes may be waiting for a slow reader. */
  onWritten(connection: Connection): void;
  onError(err: unknown): void;
};

/** Looks after a socket from its upgrade to its end. */
export function createConnection(options: {
  id: string;
  ws: WebSocket;
  socket: Duplex;
  version: 'v1' | 'v2';
  identity: Identity;
  rooms: Rooms;
  rules: ConnectionRules;
  events: ConnectionEvents;
}): Connection {
  const { id, ws, socket, version, identity, rooms, rules, events } = options;
  const waiting: string[] = [];
  let state: 'unnamed' | 'accepted' | 'ending' = 'unnamed';
  let isAccepted = false;
  let isHandling = false;
  let cause: Cause | undefined;
  let saidGoodbye = false;
  let frameBudget = FRAMES_BURST;
  let frameBudgetAt = performance.now();
  let pongDeadline: NodeJS.Timeout | undefined;
  // First the deadline for the name, then the pings.
  let timer = setTimeout(refuse, Limit.usernameWithinMs, CloseCode.TooSlow, 'name_late');

  const connection: Connection = { id, identity, version, end, cut, unreadBytes: () => socket.writableLength };
  const guest: Guest = { id, user: identity.user, version, send, drained };

  // ---- sending -----------------------------------------------------------------------------------------------------

  function send(frames: Buffer) {
    // Behind a close frame nothing may follow (RFC 6455 §5.5.1), also when it was the other side that began to close.
    if (state === 'ending' || ws.readyState !== ws.OPEN) return;
    socket.write(frames);
    if (socket.writableLength > rules.unreadBytes) return cut('slow_reader');
    events.onWritten(connection);
  }

  function drained(): Promise<void> {
    if (socket.writableLength <= KEEPING_UP_BYTES || socket.destroyed) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const go = () => {
        socket.off('drain', go).off('close', go);
        resolve();
      };
      socket.on('drain', go).on('close', go);
    });
  }

  // ---- receiving ---------------------------------------------------------------------------------------------------

  function onFrame(frame: RawData, isBinary: boolean) {
    if (state === 'ending' || !payForFrame()) return;
    if (state === 'unnamed') return onFirstFrame(frame, isBinary);
    if (isBinary) return refuse(CloseCode.BinaryRefused, 'binary');
    waiting.push(frame.toString());
    if (waiting.length >= PAUSE_AT_FRAMES && !ws.isPaused) ws.pause();
    if (!isHandling) void workOff();
  }

  /** The name must be the session's own, character for character; nobody is touched by an attempt at another's. */
  function onFirstFrame(frame: RawData, isBinary: boolean) {
    if (isBinary || frame.toString() !== identity.user.name) {
      sayUnauthorized(ws, version);
      return refuse(CloseCode.Unauthorized, 'name_wrong');
    }
    clearTimeout(timer);
    state = 'accepted';
    isAccepted = true;
    timer = setInterval(ping, rules.heartbeatMs);
    events.onAccepted(connection);
    isHandling = true;
    rooms.arrive(guest).then(workOff).catch(fail);
  }

  /** One frame after the other, or texts would overtake each other while a budget is asked. */
  async function workOff() {
    isHandling = true;
    for (let frame = waiting.shift(); frame !== undefined && state === 'accepted'; frame = waiting.shift()) {
      await handle(frame).catch(fail);
      if (waiting.length <= RESUME_AT_FRAMES && ws.isPaused) ws.resume();
    }
    isHandling = false;
  }

  async function handle(frame: string): Promise<void> {
    if (version === 'v1') return rooms.say(guest, frame);
    const parsed = parseClientMessage(frame);
    if (parsed.kind === 'nonsense') return refuse(CloseCode.Nonsense, 'nonsense');
    if (parsed.kind === 'refused') return send(messageFrame(parsed.refusal));
    return rooms.handle(guest, parsed.message);
  }

  /** Everything that arrives costs one from a bucket, pings and pongs too. */
  function payForFrame(): boolean {
    const time = performance.now();
    frameBudget = Math.min(FRAMES_BURST, frameBudget + ((time - frameBudgetAt) * FRAMES_PER_SECOND) / 1000);
    frameBudgetAt = time;
    frameBudget -= 1;
    if (frameBudget >= 0) return true;
    refuse(CloseCode.Flooding, 'flooding');
    return false;
  }

  // ---- heartbeat ---------------------------------------------------------------------------------------------------

  function ping() {
    if (state !== 'accepted') return;
    ws.ping();
    pongDeadline ??= setTimeout(onSilence, rules.heartbeatTimeoutMs, socket.writableLength);
  }

  /** While we do not read we cannot hear the pong; then taking what it was sent is a sign of life too. */
  function onSilence(unreadBefore: number) {
    pongDeadline = undefined;
    const unread = socket.writableLength;
    const mayBeAlive = ws.isPaused && (unread === 0 || unread < unreadBefore);
    if (mayBeAlive) pongDeadline = setTimeout(onSilence, rules.heartbeatTimeoutMs, unread);
    else cut('silent');
  }

  function onPong() {
    clearTimeout(pongDeadline);
    pongDeadline = undefined;
    payForFrame();
  }

  // ---- ending ------------------------------------------------------------------------------------------------------

  function refuse(code: number, why: Cause) {
    cause ??= why;
    end(code);
  }

  function end(code: number, reason = '') {
    if (state === 'ending') return;
    state = 'ending';
    saidGoodbye = code === CloseCode.Unauthorized;
    // What was never read would keep the close frame of the other side waiting.
    if (ws.isPaused) ws.resume();
    ws.close(code, reason);
  }

  function cut(why: Cause) {
    cause ??= why;
    state = 'ending';
    ws.terminate();
  }

  function fail(error: unknown) {
    events.onError(error);
    refuse(CloseCode.Restarting, 'failed');
  }

  function onClose(code: number) {
    clearTimeout(timer);
    clearTimeout(pongDeadline);
    state = 'ending';
    events.onEnded(connection, cause);
    if (isAccepted) rooms.depart(guest, saidGoodbye || (cause === undefined && code === CloseCode.Normal)).catch(events.onError);
  }

  ws.on('message', onFrame);
  ws.on('ping', payForFrame);
  ws.on('pong', onPong);
  ws.on('error', ignore);
  ws.on('close', onClose);

  return connection;
}

/** A broken frame has been answered with its close code by then; there is nothing else to do about it. */
const ignore = () => {};

/** The one thing that a socket without a right to be here is told. */
export function sayUnauthorized(ws: WebSocket, version: 'v1' | 'v2'): void {
  const refusal: ServerMessage = { type: 'refused', code: 'unauthorized', message: Sentence.unauthorized, for: 'username' };
  ws.send(version === 'v1' ? Sentence.unauthorized : JSON.stringify(refusal));
}
