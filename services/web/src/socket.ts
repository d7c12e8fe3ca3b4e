/**
 * The connection to the chat server: opened, identified, watched, and opened again for as long as the page lives.
 *
 * What it hears goes to `hear`; where it stands goes to `change`. It knows no rooms.
 */
import type { ClientMessage, ServerMessage } from '@securechat/shared/protocol';
import { CloseCode, SUBPROTOCOL_V2 } from '@securechat/shared/protocol';
import type { Clock } from './clock.ts';

export type Link =
  | { state: 'connecting'; isFirst: boolean }
  | { state: 'connected'; since: number }
  | { state: 'waiting'; until: number; why: 'lost' | 'restarting' }
  | { state: 'ended'; why: 'left' | 'session_over' | 'somebody_else' };

/** Who the browser's session belongs to now. `unknown` when the server could not be asked. */
export type Identity = 'same_person' | 'somebody_else' | 'nobody' | 'unknown';

/** The part of the browser's WebSocket that is used here. */
export type SocketLike = {
  readonly readyState: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send: (frame: string) => void;
  close: (code?: number) => void;
};

const OPEN = 1;
const CONNECT_WITHIN_MS = 8_000;
const ANSWER_PROBE_WITHIN_MS = 5_000;
const HEALTHY_AFTER_MS = 10_000;
const RETRY_FIRST_MS = 3_000;
const RETRY_LONGEST_MS = 30_000;
const RETRY_JITTER_MS = 1_000;
const RESTART_SPREAD_MS = 3_000;
const RESTART_LONGEST_MS = 60_000;
/** How long a leaving person waits at most for the close frame to be answered. */
const CLOSE_WITHIN_MS = 500;

/**
 * Creates a socket that is not connected yet.
 *
 * @param url of the chat server, `wss://…`
 * @param userName the first frame: the display name of the session
 * @param probe a request that the server always answers at once; used to ask a silent connection whether it lives
 * @param whoAmI asked after the server closed with "signed out or not you"
 * @param random 0 ≤ x < 1, so that a thousand clients do not come back in the same instant
 */
export function createSocket(deps: {
  url: string;
  userName: string;
  WebSocket: new (url: string, protocol: string) => SocketLike;
  clock: Clock;
  random: () => number;
  probe: ClientMessage;
  whoAmI: () => Promise<Identity>;
  hear: (message: ServerMessage) => void;
  change: (link: Link) => void;
}) {
  const { clock, random } = deps;
  let link: Link = { state: 'connecting', isFirst: true };
  let socket: SocketLike | undefined;
  let failures = 0;
  let heardAt = 0;
  let callOff = () => {};

  function become(next: Link) {
    link = next;
    deps.change(link);
  }

  function later(ms: number, run: () => void) {
    callOff();
    callOff = clock.after(ms, run);
  }

  function connect(isFirst = false) {
    abandon();
    become({ state: 'connecting', isFirst });
    const opening = new deps.WebSocket(deps.url, SUBPROTOCOL_V2);
    socket = opening;
    later(CONNECT_WITHIN_MS, lose);
    opening.onopen = () => opening.send(deps.userName);
    opening.onmessage = (event) => hear(event.data);
    opening.onclose = (event) => closed(event.code, event.reason);
  }

  function hear(frame: unknown) {
    const message = parse(frame);
    if (!message) return;
    heardAt = clock.now();
    if (message.type === 'welcome') become({ state: 'connected', since: heardAt });
    if (link.state === 'connected') callOff();
    deps.hear(message);
  }

  function closed(code: number, reason: string) {
    abandon();
    if (link.state === 'connected' && clock.now() - link.since >= HEALTHY_AFTER_MS) failures = 0;
    if (code === CloseCode.Restarting || code === CloseCode.GoingAway) return wait(restartDelay(reason, random), 'restarting');
    if (code === CloseCode.Unauthorized) return void askWhoIAm();
    waitLonger();
  }

  /** Nobody may be told "signed out" by a hiccup, nor thrown between two pages for ever: the pages' server decides. */
  async function askWhoIAm() {
    waitLonger();
    const identity = await deps.whoAmI();
    if (link.state === 'ended') return;
    if (identity === 'nobody') end('session_over');
    if (identity === 'somebody_else') end('somebody_else');
  }

  function waitLonger() {
    const delay = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_LONGEST_MS);
    failures++;
    wait(delay + random() * RETRY_JITTER_MS, 'lost');
  }

  function wait(ms: number, why: 'lost' | 'restarting') {
    become({ state: 'waiting', until: clock.now() + ms, why });
    later(ms, () => connect());
  }

  /** Gives a socket up without waiting for its close event, which may take minutes on a dead network. */
  function lose() {
    closed(1006, '');
  }

  function abandon() {
    callOff();
    if (!socket) return;
    const old = socket;
    socket = undefined;
    old.onopen = null;
    old.onmessage = null;
    old.onclose = null;
    old.close();
  }

  function end(why: 'left' | 'session_over' | 'somebody_else') {
    abandon();
    become({ state: 'ended', why });
  }

  /** Sends one message; false when there is no connection to send it on. */
  function send(message: ClientMessage): boolean {
    if (link.state !== 'connected' || socket?.readyState !== OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  }

  /** Something happened after which the connection may be dead: ask it, and connect anew if it does not answer. */
  function doubt() {
    if (link.state === 'waiting') return connect();
    if (link.state !== 'connected') return;
    if (!send(deps.probe)) return connect();
    later(ANSWER_PROBE_WITHIN_MS, () => connect());
  }

  /** Connects at once instead of waiting any longer. */
  function reconnect() {
    if (link.state !== 'ended') connect();
  }

  /** Says goodbye, so that the others are told at once; resolves when the server knows, or after half a second. */
  function leave(): Promise<void> {
    callOff();
    const leaving = socket;
    socket = undefined;
    become({ state: 'ended', why: 'left' });
    if (!leaving) return Promise.resolve();
    return new Promise((resolve) => {
      leaving.onmessage = null;
      leaving.onclose = () => resolve();
      leaving.close(CloseCode.Normal);
      clock.after(CLOSE_WITHIN_MS, resolve);
    });
  }

  return {
    connect: () => connect(true),
    send,
    doubt,
    reconnect,
    leave,
    link: () => link,
    /** How long nothing has been heard, in ms. */
    silentForMs: () => clock.now() - heardAt,
  };
}

/** The server's own word on when to come back: decimal milliseconds, or nothing, which means "within 3 s". */
function restartDelay(reason: string, random: () => number): number {
  if (/^\d{1,9}$/.test(reason)) return Math.min(Number(reason), RESTART_LONGEST_MS);
  return random() * RESTART_SPREAD_MS;
}

function parse(frame: unknown): ServerMessage | undefined {
  try {
    return typeof frame === 'string' ? (JSON.parse(frame) as ServerMessage) : undefined;
  } catch {
    return undefined;
  }
}
