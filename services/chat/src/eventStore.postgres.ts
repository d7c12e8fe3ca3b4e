/** Appending on Postgres: one call of one function per batch, under the lock of the room's row, one commit for all of it. */
import { Limit } from '@securechat/shared/protocol';
import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import {
  type Append,
  type ChatSchema,
  type Draft,
  type EventRow,
  isSameChange,
  type Outcome,
  TOO_MANY_EMOJIS,
  toEvent,
} from './eventStore.ts';

/** A row of the function's answer; `all` and `older` speak for the whole batch. */
type Row = {
  n: number;
  verdict: 'all' | 'older' | 'known' | 'stored' | Refusal;
  seq: number;
  at: number;
  event: EventRow | null;
};
type Refusal = 'not_found' | 'forbidden' | 'gone' | 'crowded';

/** What is asked of a pool of connections: one statement, on any of them. */
type Connections = { query(text: string, values: unknown[]): Promise<{ rows: unknown[] }> };

const MOST_TRIES = 4;

/**
 * The call is a transaction of its own, READ COMMITTED: a replica that freezes holds no room. The room's `at` is the
 * clock of Postgres, the same for all replicas, and never runs back.
 *
 * @throws the returned function rejects when Postgres cannot be asked, and when the numbering is damaged
 */
export function createPostgresAppend(pool: Connections): Append {
  const text = 'select * from append_events($1, $2, $3, $4, $5, $6)';

  async function call(room: string, drafts: readonly Draft[], floor: number, epoch?: string): Promise<Outcome[] | 'older'> {
    const values = [room, floor, epoch ?? null, isPlain(drafts), Limit.emojisPerMessage, JSON.stringify(drafts.map(toRow))];
    const rows = (await pool.query(text, values)).rows as Row[];
    const [first] = rows;
    if (first?.verdict === 'older') return 'older';
    if (first?.verdict === 'all') return drafts.map((draft, index) => stored(room, draft, first.seq + index, first.at));
    return drafts.map((draft, index) => outcomeOf(room, draft, rows[index]));
  }

  const append: Append = async (room, drafts, floor, epoch) => {
    for (let tries = 1; ; tries++) {
      try {
        return await call(room, drafts, floor, epoch);
      } catch (error) {
        if (isDamage(error)) throw new Error(`room ${room}: the numbering of the events is damaged`, { cause: error });
        if (isCollision(error) && tries < MOST_TRIES) continue;
        if (isFaultOfDraft(error)) return divide(room, drafts, floor, epoch);
        throw error;
      }
    }
  };

  /** Something in the batch cannot be stored: that alone is refused, the innocent beside it are not. */
  async function divide(room: string, drafts: readonly Draft[], floor: number, epoch?: string): Promise<Outcome[] | 'older'> {
    if (drafts.length === 1) return [{ kind: 'refused', code: 'malformed' }];
    const middle = drafts.length >> 1;
    const first = await append(room, drafts.slice(0, middle), floor, epoch);
    if (first === 'older') return first;
    const rest = await append(room, drafts.slice(middle), floor, epoch);
    return rest === 'older' ? rest : [...first, ...rest];
  }

  return append;
}

// ---- drafts and outcomes -------------------------------------------------------------------------------------------

/** New messages that need no look at others; most batches hold nothing else. */
function isPlain(drafts: readonly Draft[]): boolean {
  const isNew = new Set(drafts.map(({ author, clientId }) => `${author.id} ${clientId}`)).size === drafts.length;
  return isNew && drafts.every(({ change }) => change.kind === 'message' && change.replyTo === undefined);
}

/** A draft as the function's record; what is missing is null there. */
function toRow({ author, clientId, change, asKeeper }: Draft, n: number) {
  const head = { n, kind: change.kind, author_id: author.id, author_name: author.name, client_id: clientId };
  switch (change.kind) {
    case 'message':
      return { ...head, text: change.text, reply_to: change.replyTo };
    case 'edited':
      return { ...head, text: change.text, target: change.target };
    case 'deleted':
      return { ...head, target: change.target, as_keeper: asKeeper };
    case 'reacted':
      return { ...head, target: change.target, emoji: change.emoji, is_on: Number(change.on) };
  }
}

const stored = (room: string, { author, clientId, change }: Draft, seq: number, at: number): Outcome => ({
  kind: 'stored',
  event: { room, seq, at, author, clientId, change },
});

function outcomeOf(room: string, draft: Draft, row: Row | undefined): Outcome {
  if (row === undefined) throw new Error('append_events gave too few answers');
  switch (row.verdict) {
    case 'stored':
      return stored(room, draft, row.seq, row.at);
    case 'known': {
      const event = toEvent(row.event as EventRow);
      return { kind: 'known', event, isSame: isSameChange(event, room, draft.change) };
    }
    case 'crowded':
      return { kind: 'refused', code: 'forbidden', message: TOO_MANY_EMOJIS };
    case 'not_found':
    case 'forbidden':
    case 'gone':
      return { kind: 'refused', code: row.verdict };
    default:
      throw new Error(`append_events gave a strange answer: ${row.verdict}`);
  }
}

// ---- errors (https://www.postgresql.org/docs/current/errcodes-appendix.html) -----------------------------------------

const codeOf = (error: unknown) => (error as { code?: string }).code ?? '';
const constraintOf = (error: unknown) => (error as { constraint?: string }).constraint;

/** Two events would have one number although the room was locked: no retry can mend that. */
const isDamage = (error: unknown) => codeOf(error) === '23505' && constraintOf(error) === 'events_pk';

/** Somebody stored the same clientId in another room meanwhile, or we stood in each other's way: all was rolled back. */
const isCollision = (error: unknown) =>
  (codeOf(error) === '23505' && constraintOf(error) === 'events_once') || /^(40P01|40001)$/.test(codeOf(error));

/** A value that the database cannot hold. */
const isFaultOfDraft = (error: unknown) => /^2[23]/.test(codeOf(error)) && codeOf(error) !== '23505';

// ---- another database --------------------------------------------------------------------------------------------------

/**
 * Notices at start that the database was exchanged for a copy: restored from a dump, rewound to an earlier time, or
 * promoted from a standby. Every room then gets a new epoch and read marks are cut to the head, all in one statement:
 * of several replicas that start at once, one does it.
 *
 * @returns whether it was exchanged
 */
export async function noticeExchange(db: Kysely<ChatSchema>): Promise<boolean> {
  // The timeline by way of the log's position: what the control file says may be as old as the last checkpoint.
  const { rows } = await sql<{ is_exchanged: boolean }>`
    with present as (
      select concat_ws(' ',
        (select system_identifier from pg_control_system()),
        substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8),
        (select oid from pg_database where datname = current_database()),
        'events'::regclass::oid) as identity
    ), rewritten as (
      insert into storage (id, identity) select 1, identity from present
      on conflict (id) do update set identity = excluded.identity where storage.identity <> excluded.identity
      returning id
    ), renewed as (
      update rooms set epoch = gen_random_uuid()::text where exists (select 1 from rewritten)
    ), cut as (
      update reads set seq = heads.head
      from (select id, (select coalesce(max(seq), 0) from events where room = rooms.id) as head from rooms) as heads
      where reads.room = heads.id and reads.seq > heads.head and exists (select 1 from rewritten)
    )
    select exists (select 1 from rewritten) as is_exchanged`.execute(db);
  return rows[0]?.is_exchanged ?? false;
}

// ---- migrations --------------------------------------------------------------------------------------------------------

/**
 * Every statement of the function sees what was committed before it began, so whatever is looked up after the lock
 * was waited for is true until the commit. Looked up in the statement that locks, or before it, it would be from
 * before the wait: a re-send would leave a hole, and an edit could be stored after the deletion had erased its message.
 *
 * The row is locked and never updated: an update would leave a dead row per batch, which nobody may clean up while
 * somebody, such as a backup, holds a snapshot. Sequential scans are off because the plans are made once per
 * connection, perhaps while the table is still small.
 */
const appendFunction = sql`
create or replace function append_events(
  in_room text, in_floor bigint, in_epoch text, is_plain boolean, most_emojis integer, in_drafts json)
returns table (n integer, verdict text, seq bigint, at bigint, event json)
language plpgsql volatile
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  room_epoch text;
  head bigint;
  messages bigint;
  stamp bigint;
  draft record;
  target record;
  known record;
  subject bigint;
begin
  select r.epoch into room_epoch from rooms r where r.id = in_room for no key update;
  if not found then
    raise exception 'there is no room %', in_room using errcode = 'no_data_found';
  end if;

  select e.seq, e.ordinal, e.at into head, messages, stamp from events e where e.room = in_room order by e.seq desc limit 1;
  head := coalesce(head, 0);
  messages := coalesce(messages, 0);
  stamp := greatest(coalesce(stamp, 0), floor(extract(epoch from clock_timestamp()) * 1000)::bigint);

  if in_epoch <> room_epoch then
    return query select 0, 'older', head, stamp, null::json;
    return;
  end if;
  if head < in_floor then
    update rooms r set epoch = gen_random_uuid()::text where r.id = in_room;
    update reads m set seq = head where m.room = in_room and m.seq > head;
    return query select 0, 'older', head, stamp, null::json;
    return;
  end if;

  if is_plain and not exists (
    select 1 from json_to_recordset(in_drafts) as d(author_id text, client_id text)
    cross join lateral (select 1 from events e where e.author_id = d.author_id and e.client_id = d.client_id limit 1) as it
  ) then
    insert into events (room, seq, kind, at, author_id, author_name, client_id, text, ordinal)
    select in_room, head + 1 + d.n, 'message', stamp, d.author_id, d.author_name, d.client_id, d.text, messages + 1 + d.n
    from json_to_recordset(in_drafts) as d(n integer, author_id text, author_name text, client_id text, text text);
    return query select 0, 'all', head + 1, stamp, null::json;
    return;
  end if;

  for draft in
    select * from json_to_recordset(in_drafts) as d(
      n integer, kind text, author_id text, author_name text, client_id text,
      text text, target bigint, emoji text, is_on integer, reply_to bigint, as_keeper boolean)
    order by d.n
  loop
    n := draft.n;
    seq := null;
    at := null;
    event := null;

    select e.* into known from events e where e.author_id = draft.author_id and e.client_id = draft.client_id;
    if found then
      verdict := 'known';
      event := row_to_json(known);
      return next;
      continue;
    end if;

    verdict := 'stored';
    subject := case when draft.kind = 'message' then draft.reply_to else draft.target end;
    if subject is not null then
      select e.kind, e.author_id, e.text into target from events e where e.room = in_room and e.seq = subject;
      if not found or target.kind <> 'message' then
        verdict := 'not_found';
      elsif draft.kind = 'message' then
        null;
      elsif draft.kind <> 'reacted' and target.author_id <> draft.author_id and draft.as_keeper is not true then
        verdict := 'forbidden';
      elsif target.text is null then
        verdict := 'gone';
      elsif draft.kind = 'reacted'
        and not exists (
          select 1 from events e
          where e.room = in_room and e.target = subject and e.kind = 'reacted' and e.emoji = draft.emoji)
        and (
          select count(distinct e.emoji) from events e
          where e.room = in_room and e.target = subject and e.kind = 'reacted') >= most_emojis
      then
        verdict := 'crowded';
      end if;
    end if;

    if verdict = 'stored' then
      head := head + 1;
      if draft.kind = 'message' then
        messages := messages + 1;
      end if;
      seq := head;
      at := stamp;
      insert into events (
        room, seq, kind, at, author_id, author_name, client_id, text, target, emoji, is_on, reply_to, ordinal)
      values (
        in_room, head, draft.kind, stamp, draft.author_id, draft.author_name, draft.client_id,
        draft.text, draft.target, draft.emoji, draft.is_on, draft.reply_to, messages);
      if draft.kind = 'deleted' then
        update events e set text = null where e.room = in_room and e.seq = subject;
        update events e set text = null where e.room = in_room and e.target = subject and e.kind = 'edited';
      end if;
    end if;
    return next;
  end loop;
end
$$`;

/** What only Postgres needs, to be run together with the tables of eventStore.ts. */
export const postgresMigrations: Record<string, Migration> = {
  '2026-11-26-postgres': {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable('storage')
        .addColumn('id', 'integer', (c) => c.primaryKey())
        .addColumn('identity', 'text', (c) => c.notNull())
        .execute();
      await appendFunction.execute(db);
    },
  },
};
