/** People for tests, and connections of theirs that remember what they were told. */
import { randomUUID } from 'node:crypto';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import type { ServerMessage, User } from '@securechat/shared/protocol';
import { createSqliteAppend } from './eventStore.sqlite.ts';
import { type Append, type ChatSchema, chatMigrations, createEventStore, type Draft, type EventStore } from './eventStore.ts';
import type { Guest } from './rooms.ts';

export const alice: User = { id: 'a1', name: 'alice' };
export const bob: User = { id: 'b2', name: 'bob' };
export const carol: User = { id: 'c3', name: 'carol' };
export const mallory: User = { id: 'm6', name: 'mallory' };

/** A connection that is a plain object. */
export type ListeningGuest = Guest & {
  /** Every line or message so far, as text. */
  lines: string[];
  /** Every v2 message so far. */
  messages: ServerMessage[];
};

/** A connection of somebody; what is said to it is kept in the order it came. */
export function listeningGuest(user: User, version: 'v1' | 'v2' = 'v2'): ListeningGuest {
  const [lines, messages]: [string[], ServerMessage[]] = [[], []];
  const send = (frames: Buffer) => {
    for (const text of readFrames(frames)) {
      lines.push(text);
      if (version === 'v2') messages.push(JSON.parse(text) as ServerMessage);
    }
  };
  return {
    id: randomUUID(),
    user,
    version,
    lines,
    messages,
    send,
    drained: () => new Promise((resolve) => setImmediate(resolve)),
  };
}

/** The texts of whole, unmasked text frames, one after another (RFC 6455 §5.2). */
export function readFrames(frames: Buffer): string[] {
  const texts: string[] = [];
  for (let start = 0; start < frames.length; ) {
    if (frames[start] !== 0x81) throw new Error('not a whole text frame');
    const short = frames[start + 1] ?? 0;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126 ? short : short === 126 ? frames.readUInt16BE(start + 2) : Number(frames.readBigUInt64BE(start + 2));
    texts.push(frames.toString('utf8', start + headerBytes, start + headerBytes + length));
    start += headerBytes + length;
  }
  return texts;
}

/** A message that wants a number. */
export function saying(author: User, text: string, more: { clientId?: string; replyTo?: number } = {}): Draft {
  const { clientId = randomUUID(), replyTo } = more;
  return { author, clientId, change: { kind: 'message', text, ...(replyTo !== undefined && { replyTo }) } };
}

/** An empty conversation in memory, on SQLite. */
export async function emptyConversation(
  now?: () => number,
): Promise<{ append: Append; store: EventStore; close: () => Promise<void> }> {
  const sqlite = openSqlite(':memory:');
  const db = kyselyOn<ChatSchema>(sqlite);
  await migrate(db, 'chat', chatMigrations);
  return { append: createSqliteAppend(sqlite, now), store: createEventStore(db), close: () => db.destroy() };
}

/** Resolves as soon as `look` finds something, looking again on every turn; the test's own time limit ends the wait. */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets everything that is ready to run, run. */
export async function settled(turns = 20): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}
