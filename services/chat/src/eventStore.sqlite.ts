/** Appending on SQLite: one BEGIN IMMEDIATE per batch, prepared statements, one fsync for all that arrived together. */
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { inTransaction } from '@securechat/shared/database';
import { Limit } from '@securechat/shared/protocol';
import type { StoredEvent } from './event.ts';
import {
  type Append,
  type Draft,
  type EventRow,
  type EventStore,
  isSameChange,
  type Outcome,
  TOO_MANY_EMOJIS,
  toEvent,
} from './eventStore.ts';

/** @param now a clock in milliseconds since 1970, for the events' `at` */
export function createSqliteAppend(sqlite: DatabaseSync, now: () => number = Date.now): Append {
  const lastOf = sqlite.prepare('SELECT seq, ordinal FROM events WHERE room = ? ORDER BY seq DESC LIMIT 1');
  const known = sqlite.prepare('SELECT * FROM events WHERE author_id = ? AND client_id = ?');
  const bySeq = sqlite.prepare('SELECT * FROM events WHERE room = ? AND seq = ?');
  const insert = sqlite.prepare(
    'INSERT INTO events (room, seq, kind, at, author_id, author_name, client_id, text, target, emoji, is_on, reply_to, ordinal) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)',
  );
  const hasEmoji = sqlite.prepare(
    "SELECT 1 FROM events WHERE room = ? AND target = ? AND kind = 'reacted' AND emoji = ? LIMIT 1",
  );
  const countEmoji = sqlite.prepare(
    "SELECT count(DISTINCT emoji) AS emojis FROM events WHERE room = ? AND target = ? AND kind = 'reacted'",
  );
  const erase = sqlite.prepare("UPDATE events SET text = NULL WHERE room = ? AND (seq = ? OR (target = ? AND kind = 'edited'))");
  const epochOf = sqlite.prepare('SELECT epoch FROM rooms WHERE id = ?');
  const renewEpoch = sqlite.prepare('UPDATE rooms SET epoch = ? WHERE id = ?');
  const cutReads = sqlite.prepare('UPDATE reads SET seq = ? WHERE room = ? AND seq > ?');

  function append(room: string, drafts: readonly Draft[], floor: number, epoch?: string): Outcome[] | 'older' {
    if (epoch !== undefined && epochOf.get(room)?.epoch !== epoch) return 'older';
    const last = lastOf.get(room) as { seq: number; ordinal: number } | undefined;
    let { seq, ordinal } = last ?? { seq: 0, ordinal: 0 };
    if (seq < floor) {
      renewEpoch.run(randomUUID(), room);
      cutReads.run(seq, room, seq);
      return 'older';
    }
    return drafts.map((draft) => {
      const refusal = answerWithoutWriting(room, draft);
      if (refusal !== undefined) return refusal;
      seq += 1;
      if (draft.change.kind === 'message') ordinal += 1;
      return { kind: 'stored', event: write(room, seq, ordinal, draft) };
    });
  }

  function answerWithoutWriting(room: string, { author, clientId, change, asKeeper }: Draft): Outcome | undefined {
    const first = known.get(author.id, clientId) as EventRow | undefined;
    if (first !== undefined) {
      const event = toEvent(first);
      return { kind: 'known', event, isSame: isSameChange(event, room, change) };
    }
    const subject = change.kind === 'message' ? change.replyTo : change.target;
    if (subject === undefined) return undefined;
    const target = bySeq.get(room, subject) as EventRow | undefined;
    if (target?.kind !== 'message') return { kind: 'refused', code: 'not_found' };
    if (change.kind === 'message') return undefined;
    const isMine = target.author_id === author.id || asKeeper === true;
    if (change.kind !== 'reacted' && !isMine) return { kind: 'refused', code: 'forbidden' };
    if (target.text === null) return { kind: 'refused', code: 'gone' };
    if (change.kind === 'reacted' && isOneEmojiTooMany(room, change.target, change.emoji)) {
      return { kind: 'refused', code: 'forbidden', message: TOO_MANY_EMOJIS };
    }
    return undefined;
  }

  /** Pages show every emoji of a message: without a bound one member could make them too large for everybody. */
  function isOneEmojiTooMany(room: string, target: number, emoji: string): boolean {
    if (hasEmoji.get(room, target, emoji) !== undefined) return false;
    const { emojis } = countEmoji.get(room, target) as { emojis: number };
    return emojis >= Limit.emojisPerMessage;
  }

  function write(room: string, seq: number, ordinal: number, { author, clientId, change }: Draft): StoredEvent {
    const event = { room, seq, at: now(), author, clientId, change };
    const text = change.kind === 'message' || change.kind === 'edited' ? change.text : null;
    const target = change.kind === 'message' ? null : change.target;
    const [emoji, isOn] = change.kind === 'reacted' ? [change.emoji, Number(change.on)] : [null, null];
    const replyTo = change.kind === 'message' ? (change.replyTo ?? null) : null;
    const row = [room, seq, change.kind, event.at, author.id, author.name, clientId, text, target, emoji, isOn, replyTo, ordinal];
    insert.run(...row);
    if (change.kind === 'deleted') erase.run(room, change.target, change.target);
    return event;
  }

  // Synchronous work behind an asynchronous port: an exception becomes a rejection.
  return async (room, drafts, floor, epoch) => inTransaction(sqlite, () => append(room, drafts, floor, epoch));
}

/**
 * D6: notices at start that the database file was exchanged for an older or another copy: a small file beside it, the
 * witness, remembers how far each room had come. Where the two disagree the room gets a new epoch, so that no client
 * takes an old number for a new one.
 */
export async function compareWithWitness(store: EventStore, path: string): Promise<void> {
  const witness = readWitness(path);
  for (const { room, epoch, head } of await store.heads(await store.rooms())) {
    const seen = witness[room];
    const agrees = seen === undefined ? head === 0 : seen.epoch === epoch && seen.head <= head;
    if (!agrees) await store.renewEpoch(room, epoch);
  }
  await writeWitness(store, path);
}

/** Writes the witness anew: temporary file, then rename, so that a crash leaves the old or the new one, never a half. */
export async function writeWitness(store: EventStore, path: string): Promise<void> {
  const heads = await store.heads(await store.rooms());
  const content = Object.fromEntries(heads.map(({ room, epoch, head }) => [room, { epoch, head }]));
  writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readWitness(path: string): Record<string, { epoch: string; head: number }> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) ?? {};
  } catch {
    return {};
  }
}
