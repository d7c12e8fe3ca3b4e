/** A change of a room, as it is stored, as it travels between replicas, and as each protocol version shows it. */
import type { EditedEvent, MessageEvent, RoomEvent, User } from '@securechat/shared/protocol';
import { textFrame } from './frame.ts';

/** What a change says. `text` is null once it was erased. */
export type Change =
  | { kind: 'message'; text: string | null; replyTo?: number }
  | { kind: 'edited'; target: number; text: string | null }
  | { kind: 'deleted'; target: number }
  | { kind: 'reacted'; target: number; emoji: string; on: boolean };

/** A change that has its number. */
export type StoredEvent = {
  room: string;
  seq: number;
  /** Milliseconds since 1970, by the server's clock. */
  at: number;
  author: User;
  /** UUID in lower case, unique per author for ever. */
  clientId: string;
  change: Change;
};

/** True when the words of this event are the message `target`'s, and so go when it is deleted. */
export function holdsTextOf(event: StoredEvent, target: number): boolean {
  return event.change.kind === 'message'
    ? event.seq === target
    : event.change.kind === 'edited' && event.change.target === target;
}

/** The same event without its words. */
export function withoutText(event: StoredEvent): StoredEvent {
  const { change } = event;
  if (change.kind !== 'message' && change.kind !== 'edited') return event;
  return { ...event, change: { ...change, text: null } };
}

/** The event as v2 shows it; the clientId goes to its author alone. */
export function toWire(event: StoredEvent, reader: User): RoomEvent {
  const { room, seq, at, author, clientId, change } = event;
  const head = { room, seq, at, author, ...(reader.id === author.id && { clientId }) };
  switch (change.kind) {
    case 'message': {
      const message: MessageEvent = { type: 'message', ...head, ...words(change.text) };
      return change.replyTo === undefined ? message : { ...message, replyTo: change.replyTo };
    }
    case 'edited':
      return { type: 'edited', ...head, target: change.target, ...words(change.text) } satisfies EditedEvent;
    case 'deleted':
      return { type: 'deleted', ...head, target: change.target };
    case 'reacted':
      return { type: 'reacted', ...head, target: change.target, emoji: change.emoji, on: change.on };
  }
}

const words = (text: string | null) => (text === null ? { deleted: true as const } : { text });

/** One event with its frames, each made at most once however many connections get it. */
export type Encoded = {
  event: StoredEvent;
  /** For v1; undefined when v1 does not show this kind of change. */
  v1(): Buffer | undefined;
  /** For v2 connections of everybody but the author. */
  v2(): Buffer;
  /** For v2 connections of the author. */
  v2ForAuthor(): Buffer;
};

const nobody: User = { id: '', name: '' };

export function encodeEvent(event: StoredEvent): Encoded {
  const { change } = event;
  let v1: Buffer | undefined;
  let v2: Buffer | undefined;
  let v2ForAuthor: Buffer | undefined;
  return {
    event,
    v1() {
      if (change.kind !== 'message' || change.text === null) return undefined;
      v1 ??= textFrame(`${event.author.name}: ${change.text}`);
      return v1;
    },
    v2() {
      v2 ??= textFrame(JSON.stringify(toWire(event, nobody)));
      return v2;
    },
    v2ForAuthor() {
      v2ForAuthor ??= textFrame(JSON.stringify(toWire(event, event.author)));
      return v2ForAuthor;
    },
  };
}
