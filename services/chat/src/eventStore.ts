/** Where the conversation is kept: rooms, their numbered events, and how far each person has read. */
import { randomUUID } from 'node:crypto';
import { DEFAULT_ROOM, type MessageState, type User } from '@securechat/shared/protocol';
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import { type Change, type StoredEvent, toWire } from './event.ts';

/** A change that wants a number. */
export type Draft = {
  author: User;
  clientId: string;
  change: Change;
  /** Whoever looks after the server may delete anybody's message. */
  asKeeper?: true;
};

/**
 * What became of a draft. `known`: this author used the clientId before; `isSame` tells whether for the same thing
 * (an erased text is never compared). Refused drafts use no number.
 */
export type Outcome =
  | { kind: 'stored'; event: StoredEvent }
  | { kind: 'known'; event: StoredEvent; isSame: boolean }
  | {
      kind: 'refused';
      /** `malformed`: the database cannot hold it. */
      code: 'not_found' | 'forbidden' | 'gone' | 'malformed' /** Says more than the code's own sentence. */;
      message?: string;
    };

export const TOO_MANY_EMOJIS = 'This message has as many different reactions as it can have.';

/**
 * Appends drafts to a room in one transaction, in order, and resolves once they are on disk: one outcome per draft.
 * Numbers are given without holes; a deletion erases the words of the message and of all its edits in the same commit.
 *
 * `floor` is the highest number that was ever shown. A store whose head is lower is an older copy: nothing is written,
 * the room gets a new epoch, and the answer is 'older'. `epoch`, when given, is the life of the numbering that `floor`
 * belongs to: where several servers write, one may have begun another life meanwhile, and then nothing is written
 * either, the answer is 'older', and the epoch stays.
 */
export type Append = (room: string, drafts: readonly Draft[], floor: number, epoch?: string) => Promise<Outcome[] | 'older'>;

/** Up to which number a person has read, and how many messages by others came after it. */
export type ReadMark = { read: number; unread: number };

export type RoomHead = { room: string; name: string; epoch: string; head: number };

export type EventStore = ReturnType<typeof createEventStore>;

export type ChatSchema = {
  rooms: { id: string; name: string; epoch: string };
  events: EventRow;
  reads: { room: string; user_id: string; seq: number };
};

export type EventRow = {
  room: string;
  seq: number;
  kind: Change['kind'];
  at: number;
  author_id: string;
  author_name: string;
  client_id: string;
  text: string | null;
  target: number | null;
  emoji: string | null;
  is_on: number | null;
  reply_to: number | null;
  /** How many messages the room had up to this event, so that unread ones need not be counted one by one. */
  ordinal: number;
};

/**
 * Reads and small writes, the same on every database; {@link Append} is written per database.
 *
 * @throws every function rejects when the database cannot be asked
 */
export function createEventStore(db: Kysely<ChatSchema>) {
  return {
    /** Head and epoch of some rooms; unknown rooms are left out. */
    async heads(rooms: readonly string[]): Promise<RoomHead[]> {
      if (rooms.length === 0) return [];
      const rows = await db
        .selectFrom('rooms')
        .where('id', 'in', rooms)
        .select(['id as room', 'name', 'epoch'])
        .select(sql<number | null>`(select max(seq) from events where room = rooms.id)`.as('head'))
        .execute();
      return rows.map((row) => ({ ...row, head: Number(row.head ?? 0) }));
    },

    /** All rooms there are. */
    async rooms(): Promise<string[]> {
      const rows = await db.selectFrom('rooms').select('id').orderBy('id').execute();
      return rows.map(({ id }) => id);
    },

    /**
     * Events after `since`, ascending, as they happened; erased words stay erased. With an `epoch` none when the room
     * is in another life by now: the same numbers may mean something else then.
     */
    async since(room: string, since: number, limit: number, epoch?: string): Promise<StoredEvent[]> {
      const all = db.selectFrom('events').selectAll().where('room', '=', room).where('seq', '>', since);
      const ofThisLife =
        epoch === undefined
          ? all
          : all.where('room', 'in', (is) => is.selectFrom('rooms').select('id').where('epoch', '=', epoch));
      const rows = await ofThisLife.orderBy('seq').limit(limit).execute();
      return rows.map(toEvent);
    },

    /** How much a resume from `since` would send, in bytes of text (UTF-8). */
    async bytesSince(room: string, since: number): Promise<number> {
      const row = await db
        .selectFrom('events')
        .select(sql<number | null>`sum(octet_length(text))`.as('bytes'))
        .where('room', '=', room)
        .where('seq', '>', since)
        .executeTakeFirst();
      return Number(row?.bytes ?? 0);
    },

    /** The time of one event, or undefined when there is no such number. */
    async timeOf(room: string, seq: number): Promise<number | undefined> {
      const row = await db.selectFrom('events').select('at').where('room', '=', room).where('seq', '=', seq).executeTakeFirst();
      return row?.at;
    },

    /** What an author stored under a clientId, if anything. */
    async find(author: string, clientId: string): Promise<StoredEvent | undefined> {
      const row = await db
        .selectFrom('events')
        .selectAll()
        .where('author_id', '=', author)
        .where('client_id', '=', clientId)
        .executeTakeFirst();
      return row && toEvent(row);
    },

    /**
     * The last `limit` messages before number `before` (the newest when it is missing), ascending, each in its present
     * state. Present means: after event `asOf` of the life `epoch`, and what came later is not in it.
     */
    async messagesBefore(
      room: string,
      before: number | undefined,
      limit: number,
      reader: User,
    ): Promise<{ messages: MessageState[]; hasMore: boolean; asOf: number; epoch: string | undefined }> {
      // The head first: whatever is appended while we read the rest is left to those who send it live.
      const [found] = await this.heads([room]);
      const asOf = found?.head ?? 0;
      const rows = await db
        .selectFrom('events')
        .selectAll()
        .where('room', '=', room)
        .where('kind', '=', 'message')
        .where('seq', '<', Math.min(before ?? asOf + 1, asOf + 1))
        .orderBy('seq', 'desc')
        .limit(limit + 1)
        .execute();
      const messages = rows.slice(0, limit).reverse().map(toEvent);
      const changes = await changesOf(room, messages, asOf);
      return { messages: messages.map((m) => fold(m, changes, reader)), hasMore: rows.length > limit, asOf, epoch: found?.epoch };
    },

    /** How far a person has read, one's own last message included; a new member, who said nothing yet, starts at the head. */
    async readMark(room: string, user: string): Promise<ReadMark> {
      const known = (await this.readMarks(room, [user])).get(user);
      if (known !== undefined) return known;
      await begin(room, user);
      return (await this.readMarks(room, [user])).get(user) ?? { read: 0, unread: 0 };
    },

    /**
     * How far several people have read, in one question; those who never were here are left out. Unread are messages by
     * others, not deleted: all messages after the mark, less others' deleted ones; one's own are never after it.
     */
    async readMarks(room: string, users: readonly string[]): Promise<Map<string, ReadMark>> {
      if (users.length === 0) return new Map();
      // D7: sending moves one's own mark. The log itself says how far, so that no crash and no lost answer can forget it.
      const { rows } = await sql<{ user_id: string; read: number; unread: number }>`
        with said as (
          select user_id, seq, coalesce((
            select max(e.seq) from events e where e.room = ${room} and e.author_id = reads.user_id and e.kind = 'message'), 0) as own
          from reads where room = ${room} and user_id in (${sql.join(users)})),
        marks as (select user_id, case when own > seq then own else seq end as read from said)
        select user_id, read,
            coalesce((select ordinal from events where room = ${room} order by seq desc limit 1), 0)
          - coalesce((select ordinal from events where room = ${room} and seq <= marks.read order by seq desc limit 1), 0)
          - (select count(*) from events where room = ${room} and kind = 'message' and text is null
              and author_id <> marks.user_id and seq > marks.read) as unread
        from marks`.execute(db);
      return new Map(rows.map((row) => [row.user_id, { read: Number(row.read), unread: Number(row.unread) }]));
    },

    /**
     * D7: moves a person's read mark forward, never past the head and never back. One statement: several devices at once
     * cannot undo each other's. A mark past the head is left to {@link renewEpoch}: the head that this statement sees may
     * be older than a mark that another one has just made.
     */
    async markRead(room: string, user: string, seq: number): Promise<ReadMark> {
      const head = sql`(select coalesce(max(seq), 0) from events where room = ${room})`;
      await sql`insert into reads (room, user_id, seq)
        select id, cast(${user} as text), case when ${head} < ${seq} then ${head} else ${seq} end from rooms where id = ${room}
        on conflict (room, user_id) do update set seq = excluded.seq where excluded.seq > reads.seq`.execute(db);
      return this.readMark(room, user);
    },

    /**
     * Gives a room a new epoch: its numbering begins a new life and read marks are cut to the head.
     *
     * @param old the epoch that ends; when somebody else has ended it already, nothing happens
     */
    async renewEpoch(room: string, old: string): Promise<void> {
      // The marks first: were the process to end between, whoever notices next would do both again.
      await sql`update reads set seq = (select coalesce(max(seq), 0) from events where room = ${room})
        where room = ${room} and seq > (select coalesce(max(seq), 0) from events where room = ${room})`.execute(db);
      await db.updateTable('rooms').set({ epoch: randomUUID() }).where('id', '=', room).where('epoch', '=', old).execute();
    },
  };

  /** Whoever has spoken without ever asking, as v1 does, has read up to their last word; everybody else begins at the head. */
  async function begin(room: string, user: string): Promise<void> {
    await sql`insert into reads (room, user_id, seq)
      values (${room}, ${user}, coalesce(
        (select max(seq) from events where room = ${room} and author_id = ${user} and kind = 'message'),
        (select max(seq) from events where room = ${room}), 0))
      on conflict (room, user_id) do nothing`.execute(db);
  }

  /**
   * What made these messages what they are at `asOf`: of each one's edits the last, of each person's uses of an emoji
   * the last. Nothing else is read, or whoever edits one message thousands of times would make every page expensive.
   */
  async function changesOf(room: string, messages: StoredEvent[], asOf: number): Promise<StoredEvent[]> {
    if (messages.length === 0) return [];
    const rows = await db
      .selectFrom('events')
      .selectAll()
      .where('room', '=', room)
      .where('seq', 'in', (last) =>
        last
          .selectFrom('events')
          .select((of) => of.fn.max('seq').as('seq'))
          .where('room', '=', room)
          .where(
            'target',
            'in',
            messages.map(({ seq }) => seq),
          )
          .where('seq', '<=', asOf)
          .groupBy(['target', 'kind', 'author_id', 'emoji']),
      )
      .orderBy('seq')
      .execute();
    return rows.map(toEvent);
  }
}

/** A row of the table as an event. */
export function toEvent(row: EventRow): StoredEvent {
  return {
    room: row.room,
    seq: row.seq,
    at: row.at,
    author: { id: row.author_id, name: row.author_name },
    clientId: row.client_id,
    change: toChange(row),
  };
}

function toChange(row: EventRow): Change {
  const target = row.target ?? 0;
  switch (row.kind) {
    case 'message':
      return { kind: 'message', text: row.text, ...(row.reply_to !== null && { replyTo: row.reply_to }) };
    case 'edited':
      return { kind: 'edited', target, text: row.text };
    case 'deleted':
      return { kind: 'deleted', target };
    case 'reacted':
      return { kind: 'reacted', target, emoji: row.emoji ?? '', on: row.is_on === 1 };
  }
}

/** True when two changes under one clientId mean the same; what was erased cannot be compared and counts as the same. */
export function isSameChange(stored: StoredEvent, room: string, change: Change): boolean {
  const first = stored.change;
  if ((first.kind === 'message' || first.kind === 'edited') && first.text === null) return true;
  if (first.kind !== change.kind || stored.room !== room) return false;
  switch (first.kind) {
    case 'message':
      return change.kind === 'message' && first.text === change.text && first.replyTo === change.replyTo;
    case 'edited':
      return change.kind === 'edited' && first.target === change.target && first.text === change.text;
    case 'deleted':
      return change.kind === 'deleted' && first.target === change.target;
    case 'reacted':
      return (
        change.kind === 'reacted' && first.target === change.target && first.emoji === change.emoji && first.on === change.on
      );
  }
}

/** A message after all its changes (in `seq` order) up to the page's asOf. */
function fold(message: StoredEvent, changes: StoredEvent[], reader: User): MessageState {
  const state = { ...toWire(message, reader), reactions: {} } as MessageState;
  const reactions = new Map<string, Set<string>>();
  for (const { change, at, author } of changes) {
    if (change.kind === 'message' || change.target !== message.seq) continue;
    if (change.kind === 'edited' && change.text !== null) Object.assign(state, { text: change.text, editedAt: at });
    if (change.kind === 'reacted') react(reactions, change.emoji, author.id, change.on);
  }
  state.reactions = Object.fromEntries([...reactions].filter(([, users]) => users.size > 0).map(([e, users]) => [e, [...users]]));
  return state;
}

function react(reactions: Map<string, Set<string>>, emoji: string, user: string, on: boolean) {
  const users = reactions.get(emoji) ?? new Set();
  reactions.set(emoji, users);
  if (on) users.add(user);
  else users.delete(user);
}

/** The tables, forward only. */
export const chatMigrations: Record<string, Migration> = {
  '2026-11-23-conversation': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('rooms')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('epoch', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('events')
        .addColumn('room', 'text', (c) => c.notNull().references('rooms.id'))
        .addColumn('seq', 'bigint', (c) => c.notNull())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('at', 'bigint', (c) => c.notNull())
        .addColumn('author_id', 'text', (c) => c.notNull())
        .addColumn('author_name', 'text', (c) => c.notNull())
        .addColumn('client_id', 'text', (c) => c.notNull())
        .addColumn('text', 'text')
        .addColumn('target', 'bigint')
        .addColumn('emoji', 'text')
        .addColumn('is_on', 'integer')
        .addColumn('reply_to', 'bigint')
        .addColumn('ordinal', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('events_pk', ['room', 'seq'])
        // D2: for ever, over all rooms and kinds; no row is ever removed.
        .addUniqueConstraint('events_once', ['author_id', 'client_id'])
        .execute();
      await sql`create index events_target on events (room, target) where target is not null`.execute(db);
      await sql`create index events_by_author on events (room, author_id, seq) where kind = 'message'`.execute(db);
      await sql`create index events_erased on events (room, seq) where kind = 'message' and text is null`.execute(db);
      await sql`create index events_messages on events (room, seq) where kind = 'message'`.execute(db);
      await db.schema
        .createTable('reads')
        .addColumn('room', 'text', (c) => c.notNull().references('rooms.id'))
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('seq', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('reads_pk', ['room', 'user_id'])
        .execute();
      await sql`insert into rooms (id, name, epoch) values (${DEFAULT_ROOM}, ${DEFAULT_ROOM}, ${randomUUID()})`.execute(db);
    },
  },
};
