/**
 * The wire of SecureChat as types: what PROTOCOL.md beside this folder says in words.
 * Runs in Node and in browsers alike, so it imports neither Node's modules nor the DOM's types.
 */
import * as v from 'valibot';

/** Subprotocol a client offers to speak v2 (RFC 6455 §1.9); without it the connection speaks v1. */
export const SUBPROTOCOL_V2 = 'securechat.v2';

/** The one room of this release; everybody is a member. */
export const DEFAULT_ROOM = 'general';

/** WebSocket close codes (RFC 6455 §7.4); 4000–4999 are ours. */
export const CloseCode = {
  Normal: 1000,
  GoingAway: 1001,
  BinaryRefused: 1003,
  Restarting: 1012,
  Nonsense: 4400,
  Unauthorized: 4401,
  TooSlow: 4408,
  Flooding: 4429,
} as const;

/** Bounds that both sides know. Characters are Unicode code points, bytes are UTF-8. */
export const Limit = {
  frameBytes: 64 * 1024,
  pageEvents: 100,
  arrivalMessages: 50,
  resumeEvents: 5_000,
  resumeBytes: 2 * 1024 * 1024,
  peopleListed: 200,
  emojiBytes: 32,
  emojisPerMessage: 50,
  noticesPerSecond: 20,
  usernameWithinMs: 5_000,
  storedWithinMs: 5_000,
  typingEveryMs: 2_000,
  typingLastsMs: 5_000,
} as const;

/** Sentences whose wording is part of the interface. */
export const Sentence = {
  unauthorized: 'Unauthorized access. Disconnecting...',
  undelivered: 'Your last message was not delivered. Please send it again.',
  rateLimited: (muteSeconds: number) => `Rate limit exceeded! Please wait ${muteSeconds} seconds before sending more messages.`,
  joined: (name: string) => `${name} has joined the chat!`,
  left: (name: string) => `${name} has left the chat!`,
} as const;

export type User = { id: string; name: string };

export type RefusalCode =
  | 'slow_down'
  | 'too_long'
  | 'empty'
  | 'malformed'
  | 'conflict'
  | 'forbidden'
  | 'not_found'
  | 'gone'
  | 'not_open'
  | 'not_a_member'
  | 'unavailable'
  | 'unauthorized'
  | 'unknown_type';

// ---- client → server -----------------------------------------------------------------------------------------------

const room = v.pipe(v.string(), v.maxLength(64));
// Postgres folds the case of UUIDs and SQLite does not: lower case here, once, for both.
const clientId = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i), v.toLowerCase());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const seq = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
// A lone surrogate or U+0000 would poison a database batch or change on its way: refused before anything is stored.
const text = v.pipe(v.string(), v.check(isSpeakable));

const clientMessages = {
  open: v.object({
    type: v.literal('open'),
    room,
    since: v.optional(count),
    sinceAt: v.optional(count),
    epoch: v.optional(v.pipe(v.string(), v.maxLength(128))),
  }),
  send: v.object({ type: v.literal('send'), room, clientId, text, replyTo: v.optional(seq) }),
  edit: v.object({ type: v.literal('edit'), room, clientId, target: seq, text }),
  delete: v.object({ type: v.literal('delete'), room, clientId, target: seq }),
  react: v.object({
    type: v.literal('react'),
    room,
    clientId,
    target: seq,
    emoji: v.pipe(text, v.check(isOneEmoji)),
    on: v.boolean(),
  }),
  history: v.object({
    type: v.literal('history'),
    room,
    before: seq,
    limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Limit.pageEvents)),
  }),
  typing: v.object({ type: v.literal('typing'), room }),
  read: v.object({ type: v.literal('read'), room, seq: count }),
} as const;

type Schemas = typeof clientMessages;
export type ClientMessageType = keyof Schemas;
export type ClientMessage = { [T in ClientMessageType]: v.InferOutput<Schemas[T]> }[ClientMessageType];
export type ClientMessageOf<T extends ClientMessageType> = Extract<ClientMessage, { type: T }>;

/** What one v2 frame turned out to be: a message, a thing to refuse politely, or nonsense that ends the connection (4400). */
export type Parsed = { kind: 'message'; message: ClientMessage } | { kind: 'refused'; refusal: Refused } | { kind: 'nonsense' };

/**
 * Parses one v2 frame. Never throws, whatever the text.
 *
 * @param frame the frame's text, at most {@link Limit.frameBytes}
 */
export function parseClientMessage(frame: string): Parsed {
  const value = parseJson(frame);
  if (!isRecord(value) || typeof value.type !== 'string') return { kind: 'nonsense' };
  if (!isClientMessageType(value.type)) return { kind: 'refused', refusal: refuseAs('unknown_type', value) };
  const result = v.safeParse(clientMessages[value.type], value);
  if (result.success) return { kind: 'message', message: result.output };
  return { kind: 'refused', refusal: refuseAs('malformed', value) };
}

/** True when a text may be said: well-formed Unicode (no lone surrogates) without U+0000. */
export function isSpeakable(candidate: string): boolean {
  return candidate.isWellFormed() && !candidate.includes('\u0000');
}

/** The length of a text in Unicode code points, which is what all our limits count. */
export function countCharacters(candidate: string): number {
  let characters = candidate.length;
  for (let i = 0; i < candidate.length - 1; i++) {
    if (isHighSurrogate(candidate.charCodeAt(i)) && isLowSurrogate(candidate.charCodeAt(i + 1))) characters--;
  }
  return characters;
}

/** True for exactly one grapheme cluster (UAX #29) of at most {@link Limit.emojiBytes} bytes that is not blank. */
export function isOneEmoji(candidate: string): boolean {
  if (candidate.trim() === '' || candidate.length > Limit.emojiBytes) return false;
  if (new TextEncoder().encode(candidate).length > Limit.emojiBytes) return false;
  const [first] = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(candidate);
  return first?.segment === candidate;
}

// ---- server → client -----------------------------------------------------------------------------------------------

type EventBase = {
  room: string;
  seq: number;
  /** Server time, milliseconds since 1970. */
  at: number;
  author: User;
  /** Only on the author's own connections. */
  clientId?: string;
  /** Only in the answer to a re-sent clientId: the first event again, which moves no cursor. */
  again?: true;
};

/** `text` is missing exactly when `deleted` is true: the words were erased. */
export type MessageEvent = EventBase & { type: 'message'; text?: string; deleted?: true; replyTo?: number };
export type EditedEvent = EventBase & { type: 'edited'; target: number; text?: string; deleted?: true };
export type DeletedEvent = EventBase & { type: 'deleted'; target: number };
export type ReactedEvent = EventBase & { type: 'reacted'; target: number; emoji: string; on: boolean };

/** A change of a room: numbered 1, 2, 3 … without holes, the same for everyone. */
export type RoomEvent = MessageEvent | EditedEvent | DeletedEvent | ReactedEvent;

/** A message in its present state, as `history` and an arrival show it; true for the page's `asOf`. */
export type MessageState = MessageEvent & { editedAt?: number; reactions: Record<string, string[]> };

export type RoomSummary = { id: string; name: string; epoch: string; head: number; read: number; unread: number };

export type Welcome = {
  type: 'welcome';
  user: User;
  server: { version: string };
  heartbeat: { intervalMs: number; timeoutMs: number };
  limits: { textLength: number; messages: number; windowMs: number; muteMs: number };
  rooms: RoomSummary[];
};
export type Opened = {
  type: 'opened';
  room: string;
  epoch: string;
  head: number;
  complete: boolean;
  people: User[];
  peopleCount: number;
};
export type Page = {
  type: 'page';
  room: string;
  /** Resume pages hold events as they happened; all others hold messages in their present state. */
  events: (RoomEvent | MessageState)[];
  more: boolean;
  asOf: number;
  before?: number;
  since?: number;
};
export type People = { type: 'people'; room: string; people: User[]; peopleCount: number };
export type Notice = { type: 'joined' | 'left' | 'typing'; room: string; user: User };
export type Read = { type: 'read'; room: string; seq: number; unread: number };
export type Refused = {
  type: 'refused';
  code: RefusalCode;
  /** For people: what happened and what to do. */
  message: string;
  /** The `type` that was refused. */
  for: string;
  room?: string;
  clientId?: string;
  retryAfterMs?: number;
};

export type ServerMessage = Welcome | Opened | Page | People | Notice | Read | Refused | RoomEvent;

/** A sentence for people for each refusal that needs no number in it. */
export const RefusalSentence: Record<RefusalCode, string> = {
  slow_down: 'That was too fast. Please wait a moment.',
  too_long: 'This message is too long.',
  empty: 'There is nothing in this message.',
  malformed: 'The server could not understand this request.',
  conflict: 'This id was used for something else already; what was sent first stands.',
  forbidden: 'Only its author may change this message.',
  not_found: 'There is no such message or room.',
  gone: 'This message was deleted.',
  not_open: 'Open the room first.',
  not_a_member: 'You are not a member of this room.',
  unavailable: 'The server cannot say whether this was stored. Please send it again.',
  unauthorized: Sentence.unauthorized,
  unknown_type: 'The server does not know this kind of request.',
};

/** The refusal of a frame whose fields may be anything: echoes only what is safe to echo. */
function refuseAs(code: 'unknown_type' | 'malformed', frame: Record<string, unknown>): Refused {
  const echo = (field: unknown) => (typeof field === 'string' && field.length <= 64 ? field : undefined);
  const [roomEcho, clientIdEcho] = [echo(frame.room), echo(frame.clientId)];
  return {
    type: 'refused',
    code,
    message: RefusalSentence[code],
    for: String(frame.type).slice(0, 64).toWellFormed(),
    ...(roomEcho !== undefined && { room: roomEcho }),
    ...(clientIdEcho !== undefined && { clientId: clientIdEcho }),
  };
}

function parseJson(frame: string): unknown {
  try {
    return JSON.parse(frame);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isClientMessageType(type: string): type is ClientMessageType {
  return Object.hasOwn(clientMessages, type);
}

const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;
