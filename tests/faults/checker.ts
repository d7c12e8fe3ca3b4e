/**
 * Whether the delivery promises D1–D7 were kept: from what every client showed, what every sender was told, and the
 * database. Knows nothing of the servers' code, and nothing here is about how long something took.
 */
import type { LineWitness, Log, Restore, Row, Saying, Shown, TabWitness, Truth, WireEvent, Witness } from './record.ts';

export type Promised = 'D1' | 'D2' | 'D3' | 'D4' | 'D5' | 'D6' | 'D7';

export type Violation = { promise: Promised; what: string; evidence: Record<string, unknown> };

/** The same finding at every client is one finding; so many of a kind are told in full. */
const MOST_OF_A_KIND = 5;

export const promises: Record<Promised, string> = {
  D1: 'What its author saw come back is durable, and every client shows it exactly once, in order, with no gap.',
  D2: 'A re-sent clientId never makes a second message.',
  D3: 'A client that resumes ends equal to the server, edits and deletes included.',
  D4: 'Words refused by the rate limit wait and go out in order.',
  D5: 'No restart of a part breaks the others; everything heals without hands.',
  D6: 'After an older copy was restored nobody holds two events under one number.',
  D7: 'Read marks only grow, unread counts are right, and all devices agree.',
};

/** Everything that was broken; empty when all promises were kept. */
export function check(log: Log, truth: Truth): Violation[] {
  const bySeq = new Map(truth.rows.map((row) => [row.seq, row]));
  const found = [
    ...checkTruth(truth),
    ...checkSayings(log, truth),
    ...checkNumbers(log),
    ...log.witnesses.flatMap((witness) => checkWitness(witness, truth, bySeq, log.restores)),
    ...log.lines.flatMap((witness) => checkLines(witness, log, truth)),
    ...log.tabs.flatMap((tab) => checkTab(tab, truth, bySeq, log.restores)),
    ...checkOrder(log, truth),
    ...checkMarks(log, truth),
    ...checkDevices(log, truth),
    ...log.syncs.flatMap(checkSyncs),
    ...log.unhealed.map(({ client, what }) => broken('D5', `${client}: ${what}`, { client })),
  ];
  return [...Map.groupBy(found, ({ promise, what }) => `${promise} ${what.replaceAll(/\d+/g, '')}`).values()].flatMap((alike) =>
    alike.slice(0, MOST_OF_A_KIND),
  );
}

const broken = (promise: Promised, what: string, evidence: Record<string, unknown>): Violation => ({ promise, what, evidence });

// ---- the database by itself ----------------------------------------------------------------------------------------

function checkTruth({ rows }: Truth): Violation[] {
  const found: Violation[] = [];
  rows.forEach((row, index) => {
    const [before] = index === 0 ? [] : [rows[index - 1]?.seq ?? 0];
    const expected = (before ?? 0) + 1;
    if (row.seq !== expected) found.push(broken('D1', 'the numbers have a hole', { expected, seq: row.seq, row }));
  });
  for (const [id, alike] of Map.groupBy(rows, ({ authorId, clientId }) => `${authorId} ${clientId}`)) {
    if (alike.length > 1) found.push(broken('D2', 'one clientId is stored twice', { id, seqs: alike.map(({ seq }) => seq) }));
  }
  const deletedBy = new Map(rows.flatMap((row) => (row.kind === 'deleted' && row.target !== null ? [[row.target, row]] : [])));
  for (const row of rows) {
    const deletion = deletedBy.get(row.kind === 'message' ? row.seq : (row.target ?? 0));
    if (deletion === undefined) continue;
    if (row.seq > deletion.seq) found.push(broken('D3', 'a message was changed after its deletion', { row, deletion }));
    if (row.text !== null) found.push(broken('D3', 'words outlived their deletion', { row, deletion }));
  }
  return found;
}

// ---- senders -------------------------------------------------------------------------------------------------------

function checkSayings({ sayings, restores }: Log, truth: Truth): Violation[] {
  const found: Violation[] = [];
  const byClientId = new Map(truth.rows.map((row) => [row.clientId, row]));
  const said = new Map(sayings.map((saying) => [saying.clientId, saying]));
  for (const saying of sayings) {
    const row = byClientId.get(saying.clientId);
    for (const [epoch, answers] of Map.groupBy(saying.answers, (answer) => answer.epoch)) {
      const seqs = [...new Set(answers.map(({ seq }) => seq))];
      if (seqs.length > 1) found.push(broken('D2', 'one clientId was answered with two numbers', { epoch, seqs, saying }));
    }
    for (const answer of saying.answers) {
      // What was stored before the restore may be told until the restore is noticed, and ends with its life.
      const isOfEndedLife = answer.epoch !== truth.epoch && restores.some(({ head }) => answer.seq > head);
      if (isOfEndedLife || isLostInRestore(answer, restores)) continue;
      if (row === undefined) found.push(broken('D1', 'an acknowledged change is not in the database', { answer, saying }));
      else if (row.seq !== answer.seq) found.push(broken('D1', 'stored under another number', { answer, row, saying }));
      break;
    }
  }
  const texts = Map.groupBy(
    truth.rows.filter(({ kind, text }) => kind === 'message' && text !== null),
    ({ text }) => text,
  );
  for (const [text, alike] of texts) {
    if (alike.length > 1) found.push(broken('D2', 'one text is stored twice', { text, seqs: alike.map(({ seq }) => seq) }));
  }
  const authors = new Set(sayings.map(({ person }) => person));
  for (const row of truth.rows) {
    const saying = said.get(row.clientId);
    if (saying === undefined) {
      // v1 clients and browsers make their clientIds where we do not see them.
      if (!authors.has(row.authorName)) continue;
      found.push(broken('D1', 'something is stored that nobody said', { row }));
    } else if (row.kind === 'message' && row.text !== null && row.text !== saying.text) {
      found.push(broken('D1', 'other words are stored than were said', { row, saying }));
    }
  }
  return found;
}

/** Each was acknowledged before the next was sent: each needs a write of its own that reached the disk. */
function checkSyncs({ acknowledged, synced }: Log['syncs'][number]): Violation[] {
  if (synced >= acknowledged) return [];
  return [broken('D1', 'acknowledged before it was on the disk', { acknowledged, synced })];
}

/** Acknowledged before an older copy took the place of the database that had it. */
function isLostInRestore({ at, seq }: { at: number; seq: number }, restores: readonly Restore[]): boolean {
  return restores.some((restore) => at < restore.at && seq > restore.head);
}

// ---- all clients together ------------------------------------------------------------------------------------------

/** One number of one life means one event, whoever shows it. */
function checkNumbers({ witnesses }: Log): Violation[] {
  const first = new Map<string, { content: string; client: string; at: number }>();
  const contents = new WeakMap<WireEvent, string>();
  const found: Violation[] = [];
  for (const { client, shown } of witnesses) {
    for (const one of shown) {
      if (one.kind !== 'event') continue;
      const key = `${one.epoch} ${one.event.seq}`;
      const content = contents.get(one.event) ?? contentOf(one.event);
      contents.set(one.event, content);
      const known = first.get(key);
      if (known === undefined) first.set(key, { content, client, at: one.at });
      else if (known.content !== content) {
        found.push(
          broken('D6', 'two events under one number', { known, other: { content, client, at: one.at }, seq: one.event.seq }),
        );
      }
    }
  }
  return found;
}

/** Without the words, which a deletion takes away. */
const contentOf = ({ type, at, author, target, emoji, on }: WireEvent) =>
  JSON.stringify([type, at, author.id, target ?? null, emoji ?? null, on ?? null]);

// ---- one v2 client -------------------------------------------------------------------------------------------------

type Held = { text: string | null; isDeleted: boolean; reactions: Map<string, Set<string>>; asOf: number };

function checkWitness(
  witness: Witness,
  truth: Truth,
  bySeq: ReadonlyMap<number, Row>,
  restores: readonly Restore[],
): Violation[] {
  const { client } = witness;
  const found: Violation[] = [];
  let cursor: number | undefined;
  let epoch = '';
  let held = new Map<number, Held>();

  function takeEvent(one: Extract<Shown, { kind: 'event' }>) {
    const { event, how, at } = one;
    const where = { client, seq: event.seq, after: cursor, at: Math.round(at), how, event };
    if (one.epoch !== epoch) found.push(broken('D6', 'numbers of two lives follow each other', where));
    else if (cursor !== undefined && event.seq <= cursor) found.push(broken('D1', 'an event was shown twice', where));
    else if (cursor !== undefined && event.seq > cursor + 1) {
      found.push(broken(how === 'resume' ? 'D3' : 'D1', `there is a gap in what a client was shown (${how})`, where));
    }
    cursor = event.seq;
    apply(held, event);
    const row = bySeq.get(event.seq);
    const isOfEndedLife = epoch !== truth.epoch && restores.some(({ head }) => event.seq > head);
    if (isOfEndedLife || isLostInRestore({ at, seq: event.seq }, restores)) return;
    if (row === undefined) found.push(broken('D1', 'an event was shown that is not in the database', where));
    else if (!isSame(event, row)) found.push(broken('D1', 'another event was shown than is stored', { ...where, row }));
  }

  for (const one of witness.shown) {
    if (one.kind === 'event') {
      takeEvent(one);
      continue;
    }
    if (epoch !== '' && epoch !== one.epoch && restores.length === 0) {
      found.push(
        broken('D6', 'the numbering began anew though nothing was restored', { client, at: Math.round(one.at), asOf: one.asOf }),
      );
    }
    epoch = one.epoch;
    cursor = one.asOf;
    held = new Map(one.messages.map((message) => [message.seq, heldFrom(message, one.asOf)]));
  }
  if (witness.staysToTheEnd) found.push(...checkEnd(witness, { cursor, epoch, held }, truth));
  return found;
}

function heldFrom({ text, deleted, reactions = {} }: WireEvent, asOf: number): Held {
  const folded = new Map(Object.entries(reactions).map(([emoji, users]) => [emoji, new Set(users)]));
  return { text: text ?? null, isDeleted: deleted === true, reactions: folded, asOf };
}

function apply(held: Map<number, Held>, event: WireEvent) {
  if (event.type === 'message') {
    held.set(event.seq, heldFrom(event, event.seq));
    return;
  }
  const message = held.get(event.target ?? 0);
  if (message === undefined || event.seq <= message.asOf) return;
  if (event.type === 'edited' && event.text !== undefined) message.text = event.text;
  if (event.type === 'deleted') Object.assign(message, { text: null, isDeleted: true });
  if (event.type === 'reacted') react(message.reactions, event.emoji ?? '', event.author.id, event.on === true);
}

function react(reactions: Map<string, Set<string>>, emoji: string, user: string, isOn: boolean) {
  const users = reactions.get(emoji) ?? new Set();
  if (isOn) users.add(user);
  else users.delete(user);
  if (users.size > 0) reactions.set(emoji, users);
  else reactions.delete(emoji);
}

/** Words may have been erased since the client showed them, never changed. */
function isSame(event: WireEvent, row: Row): boolean {
  const words = event.text === undefined || row.text === null || event.text === row.text;
  const about = (event.target ?? null) === row.target && (event.emoji ?? null) === row.emoji && (event.on ?? null) === row.on;
  return event.type === row.kind && event.at === row.at && event.author.id === row.authorId && words && about;
}

function checkEnd(
  { client, shown }: Witness,
  end: { cursor: number | undefined; epoch: string; held: Map<number, Held> },
  truth: Truth,
): Violation[] {
  const head = truth.rows.at(-1)?.seq ?? 0;
  const last = shown.at(-1);
  const where = { client, cursor: end.cursor, head, lastShownAt: last && Math.round(last.at) };
  if (end.cursor === undefined) return [];
  if (end.epoch !== truth.epoch) return [broken('D6', 'a client still lives in a numbering that ended', where)];
  if (end.cursor !== head) return [broken('D1', 'what was acknowledged never reached a client', where)];
  const present = foldOf(truth.rows);
  return [...end.held].flatMap(([seq, message]) => {
    const stored = present.get(seq);
    const [mine, theirs] = [describe(message), stored && describe(stored)];
    if (mine === theirs) return [];
    return [broken('D3', 'a client ends with another state than the server', { client, seq, shows: mine, stored: theirs })];
  });
}

const describe = ({ text, isDeleted, reactions }: Held) =>
  JSON.stringify([
    text,
    isDeleted,
    [...reactions].map(([emoji, users]) => `${emoji} ${[...users].sort(alphabetically).join(' ')}`).sort(alphabetically),
  ]);

const alphabetically = (one: string, other: string) => (one < other ? -1 : Number(one > other));

const folds = new WeakMap<readonly Row[], Map<number, Held>>();

/** All messages in their present state. */
function foldOf(rows: readonly Row[]): Map<number, Held> {
  const known = folds.get(rows);
  if (known !== undefined) return known;
  const held = new Map<number, Held>();
  for (const row of rows) {
    const { seq, kind, text, target, emoji, on } = row;
    const author = { id: row.authorId, name: row.authorName };
    if (kind === 'message') held.set(seq, { text, isDeleted: text === null, reactions: new Map(), asOf: seq });
    else {
      const about = { ...(text !== null && { text }), ...(emoji !== null && { emoji }), ...(on !== null && { on }) };
      apply(held, { type: kind, seq, at: row.at, author, target: target ?? 0, ...about });
    }
  }
  folds.set(rows, held);
  return held;
}

// ---- v1 and browsers -----------------------------------------------------------------------------------------------

/**
 * From the first line that it heard on, a connection hears every message once, in order, but for one that was deleted before
 * its replica could read it: the words are gone. A connection that was opened before an older copy was restored heard what is
 * in no database any more, and cannot be told so: it is not asked.
 */
function checkLines(witness: LineWitness, { sayings, restores }: Log, truth: Truth): Violation[] {
  if (restores.some(({ at }) => witness.openedAt < at)) return [];
  const messages = truth.rows.filter(({ kind }) => kind === 'message');
  const textOf = new Map(sayings.map(({ clientId, text }) => [clientId, text]));
  const place = new Map(messages.map((row, index) => [`${row.authorName}: ${textOf.get(row.clientId) ?? row.text}`, index]));
  const found: Violation[] = [];
  let last: number | undefined;
  for (const { at, text } of witness.lines) {
    const index = place.get(text);
    const where = { client: witness.client, at: Math.round(at), text };
    if (index === undefined) {
      found.push(broken('D1', 'a v1 client heard what is not in the database', where));
      continue;
    }
    if (last !== undefined && index <= last) found.push(broken('D1', 'a v1 client heard something twice', where));
    const missed = last === undefined ? [] : messages.slice(last + 1, index).filter(isStillThere);
    if (missed.length > 0) {
      found.push(broken('D1', 'a v1 client missed something', { ...where, missed: missed.map(({ seq }) => seq) }));
    }
    last = index;
  }
  if (witness.isOpenAtTheEnd && last !== undefined && messages.slice(last + 1).some(isStillThere)) {
    found.push(
      broken('D1', 'a v1 client did not hear the last words', { client: witness.client, heard: last, of: messages.length }),
    );
  }
  return found;
}

const isStillThere = ({ text }: Row) => text !== null;

function checkTab(tab: TabWitness, truth: Truth, bySeq: ReadonlyMap<number, Row>, restores: readonly Restore[]): Violation[] {
  const { client, person, typed, glances } = tab;
  const found: Violation[] = [];
  for (const { at, rows } of glances) {
    const disorder = rows.findIndex(({ seq }, index) => index > 0 && seq <= (rows[index - 1]?.seq ?? 0));
    if (disorder !== -1)
      found.push(broken('D1', 'a page shows events out of order or twice', { client, at, seq: rows[disorder]?.seq }));
  }
  const mine = truth.rows.filter(({ authorName, kind }) => authorName === person && kind === 'message').map(({ text }) => text);
  for (const { at, text } of typed) {
    const times = mine.filter((one) => one === text).length;
    if (times > 1) found.push(broken('D2', 'what was typed once is stored twice', { client, text }));
    // What was typed before an older copy was restored may have been stored and taken away again.
    const mayBeLost = restores.some((restore) => at < restore.at);
    if (times === 0 && !mayBeLost) found.push(broken('D4', 'what was typed is not stored', { client, text }));
  }
  const texts = typed.map(({ text }) => text);
  const stored = mine.filter((text) => text !== null && texts.includes(text));
  const inOrder = texts.filter((text) => stored.includes(text));
  if (JSON.stringify(stored) !== JSON.stringify(inOrder))
    found.push(broken('D4', 'typed words overtook each other', { client, stored }));
  const last = glances.findLast(({ isLast }) => isLast);
  if (last === undefined) return found;
  if (last.pending > 0) found.push(broken('D4', 'words still wait on a page', { client, pending: last.pending }));
  const present = foldOf(truth.rows);
  const messages = truth.rows.filter(({ kind }) => kind === 'message');
  for (const { seq, text } of last.rows) {
    const message = present.get(seq);
    const isRight = bySeq.get(seq)?.kind === 'message' && (message?.text === null || message?.text === text);
    if (!isRight)
      found.push(broken('D3', 'a page shows other words than are stored', { client, seq, text, stored: message?.text }));
  }
  const shown = new Set(last.rows.map(({ seq }) => seq));
  const first = last.rows[0]?.seq ?? Number.POSITIVE_INFINITY;
  const missing = messages.filter(({ seq, text }) => seq >= first && text !== null && !shown.has(seq)).map(({ seq }) => seq);
  if (missing.length > 0) found.push(broken('D1', 'a page lacks messages', { client, missing: missing.slice(0, 20) }));
  return found;
}

// ---- order and marks -----------------------------------------------------------------------------------------------

/** Each client sends one thing at a time and keeps the rest waiting: the numbers tell whether that order was kept. */
function checkOrder({ sayings, restores }: Log, truth: Truth): Violation[] {
  const seqOf = new Map(truth.rows.map(({ clientId, seq }) => [clientId, seq]));
  const found: Violation[] = [];
  for (const [client, own] of Map.groupBy(sayings, (saying) => saying.client)) {
    let before: Saying | undefined;
    for (const saying of own) {
      const [seq, last] = [seqOf.get(saying.clientId), before && seqOf.get(before.clientId)];
      // What a restore took away may have been said again later.
      const wasLost = saying.answers.some((answer) => isLostInRestore(answer, restores));
      if (saying.isGivenUp || wasLost || seq === undefined) continue;
      if (last !== undefined && seq < last)
        found.push(broken('D4', 'words overtook each other', { client, before, saying, seq, last }));
      before = saying;
    }
  }
  return found;
}

/** How far a person has read: the mark, or the own last message, which the log itself remembers. */
function readOf({ rows, reads }: Truth, userId: string): { mark: number; own: number; read: number } {
  const mark = reads.find((one) => one.userId === userId)?.seq ?? 0;
  const own = rows.findLast((row) => row.authorId === userId && row.kind === 'message')?.seq ?? 0;
  return { mark, own, read: Math.max(mark, own) };
}

/** All devices of a person agree in the end, those too that only listen. A device takes the furthest that it was told. */
function checkDevices({ witnesses, welcomes }: Log, truth: Truth): Violation[] {
  return welcomes.flatMap(({ person, userId }) => {
    const { read } = readOf(truth, userId);
    return witnesses.flatMap(({ client, person: owner, reads, connections, staysToTheEnd }) => {
      const told = reads.filter(({ epoch, connection }) => epoch === truth.epoch && connection === connections);
      if (owner !== person || !staysToTheEnd || told.length === 0) return [];
      const furthest = told.reduce((most, { seq }) => Math.max(most, seq), 0);
      if (furthest === read) return [];
      return [broken('D7', 'a device was not told how far its person has read', { client, furthest, read, last: told.at(-1) })];
    });
  });
}

function checkMarks({ marks, welcomes, restores }: Log, truth: Truth): Violation[] {
  const found: Violation[] = [];
  for (const [, own] of Map.groupBy(marks, ({ userId, epoch }) => `${userId} ${epoch}`)) {
    own.forEach((mark, index) => {
      const before = own[index - 1];
      if (before === undefined || restores.some(({ at }) => before.at < at && at <= mark.at)) return;
      if (mark.seq < before.seq) found.push(broken('D7', 'a read mark shrank', { before, mark }));
    });
  }
  const head = truth.rows.at(-1)?.seq ?? 0;
  for (const welcome of welcomes) {
    const { mark, own, read } = readOf(truth, welcome.userId);
    const unread = unreadAfter(truth.rows, welcome.userId, read);
    if (mark > head) found.push(broken('D7', 'a read mark is past the head', { welcome, mark, head }));
    if (welcome.read < own) found.push(broken('D7', 'sending did not move the own mark', { welcome, mark, own }));
    else if (welcome.read !== read) found.push(broken('D7', 'a device is told another mark than is stored', { welcome, read }));
    if (welcome.unread !== unread) found.push(broken('D7', 'unread is not what SQL counts', { welcome, unread }));
  }
  return found;
}

function unreadAfter(rows: readonly Row[], userId: string, mark: number): number {
  return rows.filter(({ kind, seq, authorId, text }) => kind === 'message' && seq > mark && authorId !== userId && text !== null)
    .length;
}
