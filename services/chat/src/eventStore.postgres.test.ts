import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect as connectTo, createServer, type Socket } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { createMemoryBus } from '@securechat/shared/bus.memory';
import {
  closePostgres,
  kyselyOnPostgres,
  migratePostgres,
  openPostgres,
  type Postgres,
} from '@securechat/shared/database.postgres';
import { startPostgres, type TestPostgres } from '@securechat/shared/postgres.fixture';
import { DEFAULT_ROOM, Limit, type User } from '@securechat/shared/protocol';
import { createEventLog } from './eventLog.ts';
import { type Conversation, testEventStore } from './eventStore.contract.ts';
import { createPostgresAppend, noticeExchange, postgresMigrations } from './eventStore.postgres.ts';
import { type Append, type ChatSchema, chatMigrations, createEventStore, type Draft, type Outcome } from './eventStore.ts';
import { alice, bob, carol, mallory, saying, until } from './people.fixture.ts';

const room = DEFAULT_ROOM;

let server: TestPostgres;
let url: string;
/** Two replicas: each asks over connections of its own. */
let here: Postgres;
let there: Postgres;

before(async () => {
  server = await startPostgres({ settings: { deadlock_timeout: '100ms' } });
  url = await server.newDatabase();
  await migratePostgres(url, 'chat', { ...chatMigrations, ...postgresMigrations });
  [here, there] = await Promise.all([open(url), open(url)]);
});

after(async () => {
  await Promise.all([closePostgres(here), closePostgres(there)]);
  await server.stop();
});

testEventStore(empty);

test('two replicas that start at once on an empty database make its tables once', async () => {
  const fresh = await server.newDatabase();
  const migrations = { ...chatMigrations, ...postgresMigrations };
  await Promise.all([migratePostgres(fresh, 'chat', migrations), migratePostgres(fresh, 'chat', migrations)]);
  const pool = await open(fresh);
  assert.deepEqual((await pool.query('select id, name from rooms')).rows, [{ id: room, name: room }]);
  await closePostgres(pool);
});

test('a room that is not there: the whole batch is rejected', async () => {
  const { append, store } = await empty();
  await assert.rejects(append('no such room', [saying(alice, 'hello')], 0), /no room no such room/);
  assert.deepEqual(await store.since('no such room', 0, 10), []);
});

// ---- several replicas ----------------------------------------------------------------------------------------------

test('two replicas that append at once, clientIds and changes in common, leave no hole and no double', async () => {
  const { store } = await empty();
  const appends = [createPostgresAppend(here), createPostgresAppend(there)];
  const shared = Array.from({ length: 60 }, (_, n) => saying(n % 2 ? alice : bob, `shared ${n}`));
  const talk = async (append: Append, person: User) => {
    const outcomes: Outcome[] = [];
    for (let round = 0; round < 60; round++) {
      const drafts = [saying(person, `${round}`), ...shared.slice(round, round + 3), ...changesTo(round + 1, person)];
      outcomes.push(...outcomesOf(await append(room, drafts, 0)));
    }
    return outcomes;
  };
  const told = (await Promise.all(appends.flatMap((append) => [talk(append, alice), talk(append, bob)]))).flat();
  const events = await store.since(room, 0, 10_000);
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
  );
  const keys = events.map(({ author, clientId }) => `${author.id} ${clientId}`);
  assert.equal(new Set(keys).size, keys.length);
  const stored = told.flatMap((outcome) => (outcome.kind === 'stored' ? [outcome.event.seq] : []));
  assert.deepEqual(
    stored.sort((a, b) => a - b),
    events.map(({ seq }) => seq),
  );
  assert.ok(told.some(({ kind }) => kind === 'known') && told.some(({ kind }) => kind === 'refused'));
  assert.deepEqual(await wordsOfTheDeleted(), []);
  const times = events.map(({ at }) => at);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

test('the same clientId into two rooms at once is stored in one of them, and no number is lost', async () => {
  const { store, makeRoom } = await empty();
  await makeRoom('attic');
  const [first, second] = [createPostgresAppend(here), createPostgresAppend(there)];
  for (let round = 0; round < 40; round++) {
    const drafts = [saying(alice, 'one'), saying(alice, 'two')];
    const outcomes = await Promise.all([
      first(room, drafts, 0),
      // The other way round: whoever waits for the other is a deadlock that somebody has to end.
      second('attic', round % 8 === 0 ? drafts.toReversed() : drafts, 0),
    ]);
    const kinds = outcomes.flatMap((some) => outcomesOf(some).map(({ kind }) => kind));
    assert.deepEqual(kinds.sort(), ['known', 'known', 'stored', 'stored']);
  }
  for (const where of [room, 'attic']) {
    const seqs = (await store.since(where, 0, 1_000)).map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, index) => index + 1),
    );
  }
});

test('an edit that races the deletion never keeps words after it', async () => {
  const { append } = await empty();
  const elsewhere = createPostgresAppend(there);
  const verdicts = new Set<string>();
  for (let target = 1; target < 120; ) {
    const [said] = outcomesOf(await append(room, [saying(alice, 'secret')], 0));
    target = said?.kind === 'stored' ? said.event.seq : 1_000;
    const [, edited] = await Promise.all([
      append(room, [by(alice, { kind: 'deleted', target })], 0),
      elsewhere(room, [by(alice, { kind: 'edited', target, text: 'secret still' })], 0),
    ]);
    verdicts.add(outcomesOf(edited)[0]?.kind ?? '');
  }
  assert.deepEqual(await wordsOfTheDeleted(), []);
  assert.ok(verdicts.size > 0);
});

test('an edit that waited for the deletion is refused, and a re-send that waited for the first is known', async () => {
  const { append, store } = await empty();
  const elsewhere = createPostgresAppend(there);
  await append(room, [saying(alice, 'secret')], 0);
  const draft = saying(bob, 'hello');
  const gate = await here.connect();
  await gate.query('begin');
  await gate.query("select 1 from rooms where id = 'general' for no key update");
  const deleting = append(room, [by(alice, { kind: 'deleted', target: 1 }), draft], 0);
  await waiting(1);
  const editing = elsewhere(
    room,
    [by(alice, { kind: 'edited', target: 1, text: 'secret still' }), draft, saying(carol, 'hi')],
    0,
  );
  await waiting(2);
  await gate.query('commit');
  gate.release();
  assert.deepEqual(outcomesOf(await deleting).map(kindOf), ['stored', 'stored']);
  assert.deepEqual(outcomesOf(await editing).map(kindOf), ['gone', 'known', 'stored']);
  assert.deepEqual(
    (await store.since(room, 0, 10)).map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  assert.deepEqual(await wordsOfTheDeleted(), []);
});

test('of two replicas that are ahead of a restored store one renews the epoch; the other is told and renews nothing', async () => {
  const { append, store } = await empty();
  await append(room, [saying(alice, 'one')], 0);
  const epochOf = async () => (await store.heads([room]))[0]?.epoch ?? '';
  const before = await epochOf();
  assert.equal(await append(room, [saying(alice, 'two')], 7, before), 'older');
  const renewed = await epochOf();
  assert.notEqual(renewed, before);
  const elsewhere = createPostgresAppend(there);
  assert.equal(await elsewhere(room, [saying(bob, 'two')], 7, before), 'older');
  // Also when the new life has grown past the number that was shown in the old one.
  assert.equal(await elsewhere(room, [saying(bob, 'two')], 1, before), 'older');
  assert.equal(await epochOf(), renewed);
  assert.deepEqual(outcomesOf(await elsewhere(room, [saying(bob, 'two')], 1, renewed)).map(kindOf), ['stored']);
});

test('appends leave no dead rows behind in the row that is the lock, also while somebody holds a snapshot', async (t) => {
  const { append } = await empty();
  const holder = await there.connect();
  t.after(() => holder.release());
  await holder.query('begin isolation level repeatable read');
  await holder.query('select count(*) from events');
  const versions = async () => (await here.query("select ctid::text, xmin::text from rooms where id = 'general'")).rows;
  const before = await versions();
  for (let n = 0; n < 50; n++) await append(room, [saying(alice, `${n}`)], 0);
  assert.deepEqual(await versions(), before);
  assert.equal((await holder.query('select count(*)::int as count from events')).rows[0].count, 0);
  await holder.query('commit');
});

test('the clock of a room never runs back, also when that of the machine does', async () => {
  const { append, db } = await empty();
  await append(room, [saying(alice, 'one')], 0);
  const later = Date.now() + 3_600_000;
  await db.updateTable('events').set({ at: later }).execute();
  for (const drafts of [[saying(bob, 'two')], [saying(bob, 'an answer', { replyTo: 1 })]]) {
    const [outcome] = outcomesOf(await append(room, drafts, 0));
    assert.equal(outcome?.kind === 'stored' && outcome.event.at, later);
  }
});

// ---- faults --------------------------------------------------------------------------------------------------------

test('a value that the database cannot hold is refused alone; the innocent beside it are stored in their order', async () => {
  const { append, store } = await empty();
  const guilty = [saying(mallory, 'nothing\u0000here'), saying(mallory, 'half a pair \ud800'), saying(mallory, '\u0000')];
  const drafts = [
    saying(alice, 'one'),
    guilty[0],
    saying(bob, 'two'),
    saying(bob, 'three'),
    guilty[1],
    saying(alice, 'four'),
    guilty[2],
  ];
  const outcomes = outcomesOf(await append(room, drafts as Draft[], 0));
  assert.deepEqual(outcomes.map(kindOf), ['stored', 'malformed', 'stored', 'stored', 'malformed', 'stored', 'malformed']);
  assert.deepEqual(
    (await store.since(room, 0, 10)).map(({ seq, change }) => [seq, 'text' in change && change.text]),
    [
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
      [4, 'four'],
    ],
  );
});

test('two events with one number are no collision that goes away: the error says that the numbering is damaged', async (t) => {
  const { append } = await empty();
  await append(room, [saying(alice, 'one')], 0);
  // What a damaged index does: the last number is not found.
  await here.query('alter table events rename to hidden');
  await here.query(`create view events as select * from hidden where seq < 1`);
  t.after(() => here.query('drop view events; alter table hidden rename to events'));
  await assert.rejects(append(room, [saying(alice, 'one more')], 0), /numbering of the events is damaged/);
});

test('a connection that is cut after the commit and before its answer: the same batch again is known, once', async (t) => {
  const { store } = await empty();
  const line = await cuttableLine(t);
  const pool = await open(line.url);
  t.after(() => closePostgres(pool));
  const append = createPostgresAppend(pool);
  const drafts = [saying(alice, 'one'), saying(bob, 'two')];
  assert.deepEqual(outcomesOf(await append(room, [saying(carol, 'zero')], 0)).map(kindOf), ['stored']);
  line.cutAtNextAnswer();
  await assert.rejects(append(room, drafts, 0));
  assert.deepEqual(outcomesOf(await append(room, drafts, 0)).map(kindOf), ['known', 'known']);
  assert.equal((await store.since(room, 0, 10)).length, 3);
});

test('connections that are terminated at any moment: what is asked again until it is known is stored once, in order', async () => {
  await empty();
  // On other connections: the last termination may come when its append was answered already.
  const store = createEventStore(kyselyOnPostgres<ChatSchema>(there));
  const append = createPostgresAppend(here);
  const active = "state = 'active' and query like '%append_events%' and pid <> pg_backend_pid()";
  const isOver = new AbortController();
  let tries = 0;
  const terminating = (async () => {
    while (!isOver.signal.aborted) {
      const { rows } = await there.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${active}`);
      const goOnAt = tries + 2 * rows.length;
      await until(() => tries >= goOnAt || isOver.signal.aborted);
    }
  })();
  const texts: string[] = [];
  for (let batch = 0; batch < 60; batch++) {
    const drafts = [0, 1, 2].map((n) => saying(alice, `${batch}.${n}`));
    texts.push(...drafts.map(({ change }) => ('text' in change ? (change.text ?? '') : '')));
    for (let isKnown = false; !isKnown; tries++) {
      isKnown = await append(room, drafts, 0).then(
        () => true,
        () => false,
      );
    }
  }
  isOver.abort();
  await terminating;
  assert.ok(tries > 60, 'none was terminated');
  const events = await store.since(room, 0, 1_000);
  assert.deepEqual(
    events.map(({ change }) => 'text' in change && change.text),
    texts,
  );
  assert.deepEqual(
    events.map(({ seq }) => seq),
    texts.map((_, index) => index + 1),
  );
});

test('a killed server has everything that it said was stored', async () => {
  const { append, store } = await empty();
  const drafts = Array.from({ length: 20 }, (_, n) => saying(alice, `${n}`));
  for (const draft of drafts) await append(room, [draft], 0);
  await server.kill9();
  await assert.rejects(append(room, [saying(alice, 'nobody is there')], 0));
  await server.start();
  assert.equal((await store.since(room, 0, 100)).length, 20);
  assert.deepEqual(outcomesOf(await append(room, drafts, 0)).map(kindOf), Array(20).fill('known'));
});

test('a frozen server: whoever speaks is told within five seconds that nobody knows; said again it is stored once', async (t) => {
  const { store } = await empty();
  const log = createEventLog({
    append: createPostgresAppend(here),
    bus: createMemoryBus(),
    floor: () => 0,
    onOlder: () => undefined,
    onError: () => undefined,
  });
  await log.append(room, saying(bob, 'zero'));
  t.after(() => server.resume());
  server.pause();
  const draft = saying(alice, 'one');
  const askedAt = performance.now();
  assert.deepEqual(await log.append(room, draft), { kind: 'unknown' });
  assert.ok(Math.abs(performance.now() - askedAt - Limit.storedWithinMs) < 500);
  server.resume();
  const again = await until(async () => {
    const outcome = await log.append(room, draft);
    return outcome.kind === 'unknown' ? undefined : outcome;
  });
  assert.ok(again.kind === 'stored' || again.kind === 'known');
  assert.deepEqual(
    (await store.since(room, 0, 10)).map(({ change }) => 'text' in change && change.text),
    ['zero', 'one'],
  );
  await log.close(0);
});

// ---- an exchanged database -----------------------------------------------------------------------------------------

test('the same database at the next start: the epoch stays', async () => {
  const { db, store } = await empty();
  await noticeExchange(db);
  const before = await store.heads([room]);
  assert.equal(await noticeExchange(db), false);
  assert.deepEqual(await store.heads([room]), before);
});

test('a copy of the database is noticed: of three replicas that start at once one renews every epoch and cuts the read marks', async (t) => {
  const original = await server.newDatabase();
  await migratePostgres(original, 'chat', { ...chatMigrations, ...postgresMigrations });
  const pool = await open(original);
  assert.equal(await noticeExchange(kyselyOnPostgres(pool)), true);
  await createPostgresAppend(pool)(room, [saying(bob, 'one'), saying(bob, 'two')], 0);
  await pool.query('insert into reads values ($1, $2, 7), ($1, $3, 1)', [room, alice.id, carol.id]);
  const [{ epoch }] = (await pool.query('select epoch from rooms')).rows;
  await closePostgres(pool);

  const name = `copy_of_${new URL(original).pathname.slice(1)}`;
  await here.query(`create database ${name} template ${new URL(original).pathname.slice(1)}`);
  const copy = await open(original.replace(/[^/]*$/, name));
  t.after(() => closePostgres(copy));
  const db = kyselyOnPostgres<ChatSchema>(copy);
  const noticed = await Promise.all([noticeExchange(db), noticeExchange(db), noticeExchange(db)]);
  assert.deepEqual(noticed.sort(), [false, false, true]);
  const store = createEventStore(db);
  const [after] = await store.heads([room]);
  assert.notEqual(after?.epoch, epoch);
  assert.equal(after?.head, 2);
  assert.equal((await store.readMark(room, alice.id)).read, 2);
  assert.equal((await store.readMark(room, carol.id)).read, 1);
  assert.equal(await noticeExchange(db), false);
  assert.deepEqual(await store.heads([room]), [after]);
});

// ---- read marks ----------------------------------------------------------------------------------------------------

test('marks that several devices move at once end at the furthest, within the head', async () => {
  const { append } = await empty();
  await append(
    room,
    Array.from({ length: 20 }, (_, n) => saying(bob, `${n}`)),
    0,
  );
  const stores = [here, there].map((pool) => createEventStore(kyselyOnPostgres<ChatSchema>(pool)));
  const marks = Array.from({ length: 25 }, (_, n) => ((n * 7) % 25) + 1);
  await Promise.all(marks.map((seq, n) => stores[n % 2]?.markRead(room, alice.id, seq)));
  assert.deepEqual(await stores[0]?.readMark(room, alice.id), { read: 20, unread: 0 });
});

// ---- parts ---------------------------------------------------------------------------------------------------------

const open = (address: string) => openPostgres(address, { max: 4, onError: () => undefined });

/** An empty conversation in the one database of this file. */
async function empty(): Promise<Conversation & { db: ReturnType<typeof kyselyOnPostgres<ChatSchema>> }> {
  const db = kyselyOnPostgres<ChatSchema>(here);
  await here.query('delete from reads; delete from events; delete from rooms');
  const makeRoom = async (id: string) =>
    void (await db.insertInto('rooms').values({ id, name: id, epoch: randomUUID() }).execute());
  await makeRoom(room);
  return {
    db,
    append: createPostgresAppend(here),
    store: createEventStore(db),
    makeRoom,
    allTexts: async () =>
      (await here.query<{ text: string }>('select text from events where text is not null')).rows.map(({ text }) => text),
    close: () => Promise.resolve(),
  };
}

const by = (author: User, change: Draft['change']): Draft => ({ author, clientId: randomUUID(), change });

function changesTo(target: number, person: User): Draft[] {
  return [
    by(person, { kind: 'edited', target, text: `edited ${target}` }),
    ...(target % 3 === 0 ? [by(person, { kind: 'deleted', target })] : []),
    by(person, { kind: 'reacted', target, emoji: '👍', on: true }),
  ];
}

/** Words that should have been erased: of deleted messages and of their edits. */
async function wordsOfTheDeleted(): Promise<string[]> {
  const { rows } = await here.query<{ text: string }>(
    `select text from events e where text is not null and exists (
       select 1 from events d where d.room = e.room and d.kind = 'deleted' and (d.target = e.seq or d.target = e.target))
       and e.kind in ('message', 'edited')`,
  );
  return rows.map(({ text }) => text);
}

/** Resolves when so many appends wait for a lock. */
async function waiting(count: number): Promise<void> {
  const blocked = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%append_events%'";
  while ((await there.query(blocked)).rows.length < count);
}

/** A line to the server that is cut when an answer comes after {@link cutAtNextAnswer}, before it arrives. */
async function cuttableLine(t: TestContext) {
  const ends = new Set<Socket>();
  let cutsNext = false;
  const cut = () => {
    cutsNext = false;
    for (const end of ends) end.destroy();
  };
  const proxy = createServer((client) => {
    const upstream = connectTo(server.port, '127.0.0.1');
    for (const end of [client, upstream]) {
      ends.add(end);
      end.on('error', () => undefined).once('close', () => ends.delete(end));
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => (cutsNext ? cut() : client.write(chunk)));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    cut();
    proxy.close();
  });
  const address = new URL(url);
  address.port = String((proxy.address() as { port: number }).port);
  return {
    url: address.href,
    cutAtNextAnswer: () => {
      cutsNext = true;
    },
  };
}

function outcomesOf(outcomes: Outcome[] | 'older'): Outcome[] {
  assert.notEqual(outcomes, 'older');
  return outcomes as Outcome[];
}

/** What became of a draft in a word. */
const kindOf = (outcome: Outcome) => (outcome.kind === 'refused' ? outcome.code : outcome.kind);
