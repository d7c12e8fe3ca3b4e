/** What every event store must keep, together with its way of appending; each database's test runs all of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { DEFAULT_ROOM, type User } from '@securechat/shared/protocol';
import fc from 'fast-check';
import type { Change, StoredEvent } from './event.ts';
import type { Append, Draft, EventStore, Outcome } from './eventStore.ts';
import { alice, bob, carol, mallory, saying } from './people.fixture.ts';

/** An empty conversation for one test. */
export type Conversation = {
  append: Append;
  store: EventStore;
  /** Makes a second room, which no wire can. */
  makeRoom: (room: string) => Promise<void>;
  /** Every text that is anywhere in the database. */
  allTexts: () => Promise<string[]>;
  close: () => Promise<void>;
};

/** @param create makes an empty conversation; called once per test, and once per case of a property */
export function testEventStore(create: () => Promise<Conversation>): void {
  const room = DEFAULT_ROOM;

  const story = (name: string, tell: (conversation: Conversation) => Promise<void>) =>
    test(name, async () => {
      const conversation = await create();
      try {
        await tell(conversation);
      } finally {
        await conversation.close();
      }
    });

  story('events are numbered 1, 2, 3 … over batches, and read back as they were stored', async ({ append, store }) => {
    const first = storedOf(await append(room, [saying(alice, 'one'), saying(bob, 'two')], 0));
    const second = storedOf(await append(room, [saying(alice, 'three')], 0));
    const all = [...first, ...second];
    assert.deepEqual(
      all.map(({ seq }) => seq),
      [1, 2, 3],
    );
    assert.deepEqual(await store.since(room, 0, 10), all);
    assert.deepEqual(await store.since(room, 1, 1), all.slice(1, 2));
    assert.deepEqual(await store.since(room, 3, 10), []);
    const [stored] = await store.heads([room]);
    assert.deepEqual(await store.since(room, 1, 10, stored?.epoch), all.slice(1));
    assert.deepEqual(await store.since(room, 1, 10, 'another life'), []);
    const [head] = await store.heads([room, 'no such room']);
    assert.deepEqual({ ...head, epoch: '' }, { room, name: room, epoch: '', head: 3 });
    assert.deepEqual(await store.heads([]), []);
    assert.deepEqual(await store.rooms(), [room]);
    assert.equal(await store.timeOf(room, 2), all[1]?.at);
    assert.equal(await store.timeOf(room, 4), undefined);
  });

  story('each kind of change comes back as it was', async ({ append, store }) => {
    const changes: Change[] = [
      { kind: 'message', text: 'a "quoted" \n 👍 \u0001 text' },
      { kind: 'message', text: 'an answer', replyTo: 1 },
      { kind: 'edited', target: 1, text: 'better' },
      { kind: 'reacted', target: 1, emoji: '👍🏽', on: true },
      { kind: 'reacted', target: 1, emoji: '👍🏽', on: false },
      { kind: 'deleted', target: 2 },
    ];
    const stored = storedOf(await append(room, changes.map(by(alice)), 0));
    assert.deepEqual(
      stored.map(({ change }) => change),
      changes,
    );
    const erased = changes.map((change, index) => (index === 1 ? { ...change, text: null } : change));
    assert.deepEqual(
      (await store.since(room, 0, 10)).map(({ change }) => change),
      erased,
    );
  });

  story('a clientId counts once: in one batch, in later ones, whatever it is used for', async ({ append, store }) => {
    const draft = saying(alice, 'hello');
    const [first, again] = outcomesOf(await append(room, [draft, draft], 0));
    assert.equal(first?.kind, 'stored');
    assert.equal(again?.kind === 'known' && again.isSame, true);
    assert.equal(again?.kind === 'known' && again.event.seq, 1);
    const reaction: Change = { kind: 'reacted', target: 1, emoji: '👍', on: true };
    const [later, other, asReaction, reply] = outcomesOf(
      await append(
        room,
        [draft, saying(alice, 'hallo', draft), { ...draft, change: reaction }, saying(alice, 'hello', { ...draft, replyTo: 1 })],
        0,
      ),
    );
    assert.equal(later?.kind === 'known' && later.isSame, true);
    for (const outcome of [other, asReaction, reply]) assert.equal(outcome?.kind === 'known' && outcome.isSame, false);
    assert.equal((await store.since(room, 0, 10)).length, 1);
    assert.equal((await store.find(alice.id, draft.clientId))?.seq, 1);
  });

  story('a clientId counts over all rooms', async ({ append, store, makeRoom }) => {
    await makeRoom('attic');
    const draft = saying(alice, 'hello');
    await append(room, [draft], 0);
    const [outcome] = outcomesOf(await append('attic', [draft], 0));
    assert.equal(outcome?.kind === 'known' && outcome.isSame, false);
    assert.equal(outcome?.kind === 'known' && outcome.event.room, room);
    assert.deepEqual(await store.since('attic', 0, 10), []);
    assert.equal(storedOf(await append('attic', [saying(alice, 'up here')], 0))[0]?.seq, 1);
  });

  story('the clientId of another author is another', async ({ append, store }) => {
    const draft = saying(alice, 'hello');
    const [, bobs] = storedOf(await append(room, [draft, saying(bob, 'hello', draft)], 0));
    assert.equal(bobs?.seq, 2);
    assert.equal(await store.find(mallory.id, draft.clientId), undefined);
  });

  story('a re-send beside a new message leaves no hole', async ({ append, store }) => {
    const draft = saying(alice, 'one');
    await append(room, [draft], 0);
    await append(room, [draft, saying(bob, 'two'), draft, saying(bob, 'three')], 0);
    assert.deepEqual(
      (await store.since(room, 0, 10)).map(({ seq }) => seq),
      [1, 2, 3],
    );
  });

  story('authors alone edit and delete; everybody reacts; a refused change uses no number', async ({ append }) => {
    await append(room, [saying(alice, 'mine')], 0);
    const drafts: Draft[] = [
      by(mallory)({ kind: 'edited', target: 1, text: 'yours' }),
      by(mallory)({ kind: 'deleted', target: 1 }),
      by(mallory)({ kind: 'reacted', target: 1, emoji: '👎', on: true }),
      by(alice)({ kind: 'edited', target: 1, text: 'still mine' }),
    ];
    assert.deepEqual(outcomesOf(await append(room, drafts, 0)).map(verdictOf), ['forbidden', 'forbidden', 2, 3]);
  });

  story('the keeper of the server deletes what is not his', async ({ append }) => {
    const keeper = { id: 'system', name: 'system' };
    const deletion: Draft = { ...by(keeper)({ kind: 'deleted', target: 1 }), asKeeper: true };
    assert.deepEqual(outcomesOf(await append(room, [saying(mallory, 'rude'), deletion], 0)).map(verdictOf), [1, 2]);
  });

  story('what is no message cannot be changed or answered', async ({ append }) => {
    await append(room, [saying(alice, 'hello'), by(alice)({ kind: 'edited', target: 1, text: 'hallo' })], 0);
    for (const target of [2, 3, 99]) {
      const drafts = [
        by(alice)({ kind: 'edited', target, text: 'x' }),
        by(alice)({ kind: 'deleted', target }),
        by(alice)({ kind: 'reacted', target, emoji: '👍', on: true }),
        saying(alice, 'an answer', { replyTo: target }),
      ];
      assert.deepEqual(outcomesOf(await append(room, drafts, 0)).map(verdictOf), Array(4).fill('not_found'), `${target}`);
    }
  });

  story('a deleted message is gone for changes, its deletion included; it can still be answered', async ({ append }) => {
    const deletion = by(alice)({ kind: 'deleted', target: 1 });
    await append(room, [saying(alice, 'oops'), deletion], 0);
    const drafts = [
      by(alice)({ kind: 'edited', target: 1, text: 'x' }),
      by(alice)({ kind: 'deleted', target: 1 }),
      by(bob)({ kind: 'reacted', target: 1, emoji: '👍', on: true }),
      by(mallory)({ kind: 'deleted', target: 1 }),
      saying(bob, 'what was it?', { replyTo: 1 }),
    ];
    assert.deepEqual(outcomesOf(await append(room, drafts, 0)).map(verdictOf), ['gone', 'gone', 'gone', 'forbidden', 3]);
    const [again] = outcomesOf(await append(room, [deletion], 0));
    assert.equal(again?.kind === 'known' && again.isSame, true);
  });

  story('an edit that comes after the deletion in the same batch is refused', async ({ append, allTexts }) => {
    const drafts = [
      saying(alice, 'oops'),
      by(alice)({ kind: 'deleted', target: 1 }),
      by(alice)({ kind: 'edited', target: 1, text: 'oops again' }),
    ];
    assert.deepEqual(outcomesOf(await append(room, drafts, 0)).map(verdictOf), [1, 2, 'gone']);
    assert.deepEqual(await allTexts(), []);
  });

  story('a deletion erases the words of the message and of all its edits, nobody else’s', async ({ append, store, allTexts }) => {
    await append(
      room,
      [saying(alice, 'secret'), saying(bob, 'innocent'), by(alice)({ kind: 'edited', target: 1, text: 'secret too' })],
      0,
    );
    await append(room, [by(bob)({ kind: 'edited', target: 2, text: 'innocent still' })], 0);
    await append(room, [by(alice)({ kind: 'deleted', target: 1 })], 0);
    assert.deepEqual(new Set(await allTexts()), new Set(['innocent', 'innocent still']));
    const events = await store.since(room, 0, 10);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      [1, 2, 3, 4, 5],
    );
    assert.equal(await store.bytesSince(room, 0), 'innocent'.length + 'innocent still'.length);
  });

  story('once the words are erased nothing is compared', async ({ append }) => {
    const draft = saying(alice, 'secret');
    await append(room, [draft, by(alice)({ kind: 'deleted', target: 1 })], 0);
    const [same, other] = outcomesOf(await append(room, [draft, saying(alice, 'another', draft)], 0));
    for (const outcome of [same, other]) {
      assert.equal(outcome?.kind === 'known' && outcome.isSame, true);
      assert.deepEqual(outcome?.kind === 'known' && outcome.event.change, { kind: 'message', text: null });
    }
  });

  story('bytes are counted as UTF-8, after a number', async ({ append, store }) => {
    await append(room, [saying(alice, '👍é'), saying(alice, 'abc')], 0);
    assert.equal(await store.bytesSince(room, 0), 9);
    assert.equal(await store.bytesSince(room, 1), 3);
    assert.equal(await store.bytesSince(room, 2), 0);
  });

  story('a page shows messages in their present state', async ({ append, store }) => {
    const edit = by(alice)({ kind: 'edited', target: 1, text: 'second try' });
    const events = storedOf(await append(room, [saying(alice, 'first'), saying(bob, 'answer', { replyTo: 1 }), edit], 0));
    await append(
      room,
      [reacting(bob, 1, '👍'), reacting(alice, 1, '👍'), reacting(bob, 1, '👎'), reacting(bob, 1, '👎', false)],
      0,
    );
    await append(
      room,
      [saying(bob, 'oops'), by(bob)({ kind: 'edited', target: 8, text: 'oops!' }), by(bob)({ kind: 'deleted', target: 8 })],
      0,
    );
    const { messages, hasMore, asOf } = await store.messagesBefore(room, undefined, 50, bob);
    assert.equal(asOf, 10);
    assert.equal(hasMore, false);
    const [first, answer, erased] = messages;
    assert.equal(messages.length, 3);
    assert.equal(first?.text, 'second try');
    assert.equal(first?.editedAt, events[2]?.at);
    assert.deepEqual(first?.reactions, { '👍': [bob.id, alice.id] });
    assert.ok(first && !('clientId' in first));
    assert.equal(answer?.replyTo, 1);
    assert.equal(answer?.clientId, events[1]?.clientId);
    assert.ok(answer && !('editedAt' in answer));
    assert.equal(erased?.deleted, true);
    assert.ok(erased && !('text' in erased));
  });

  story('pages go back through the messages without overlap, and know when there are no more', async ({ append, store }) => {
    await append(
      room,
      Array.from({ length: 7 }, (_, n) => saying(alice, `${n + 1}`)),
      0,
    );
    await append(room, [by(alice)({ kind: 'edited', target: 2, text: 'two' })], 0);
    const seqs: number[][] = [];
    for (let before: number | undefined, more = true; more; before = seqs.at(-1)?.[0]) {
      const page = await store.messagesBefore(room, before, 3, bob);
      assert.equal(page.asOf, 8);
      seqs.push(page.messages.map(({ seq }) => seq));
      more = page.hasMore;
    }
    assert.deepEqual(seqs, [[5, 6, 7], [2, 3, 4], [1]]);
    assert.deepEqual((await store.messagesBefore(room, 1, 3, bob)).messages, []);
    assert.equal((await store.messagesBefore(room, 1_000, 3, bob)).messages.at(-1)?.seq, 7);
  });

  story('an empty room has an empty page', async ({ store }) => {
    assert.deepEqual(await store.messagesBefore(room, undefined, 50, alice), {
      messages: [],
      hasMore: false,
      asOf: 0,
      epoch: (await store.heads([room]))[0]?.epoch,
    });
  });

  story('a new member starts at the head; read marks only grow and never pass the head', async ({ append, store }) => {
    await append(room, [saying(bob, 'one'), saying(bob, 'two')], 0);
    assert.deepEqual(await store.readMark(room, alice.id), { read: 2, unread: 0 });
    await append(room, [saying(bob, 'three'), saying(bob, 'four')], 0);
    assert.deepEqual(await store.readMark(room, alice.id), { read: 2, unread: 2 });
    assert.deepEqual(await store.markRead(room, alice.id, 3), { read: 3, unread: 1 });
    assert.deepEqual(await store.markRead(room, alice.id, 1), { read: 3, unread: 1 });
    assert.deepEqual(await store.markRead(room, alice.id, 1_000_000), { read: 4, unread: 0 });
    assert.deepEqual(await store.markRead(room, carol.id, 0), { read: 0, unread: 4 });
  });

  story('whoever says something has read everything up to there, whether it was marked or not', async ({ append, store }) => {
    await append(room, [saying(bob, 'one')], 0);
    await store.markRead(room, alice.id, 0);
    await append(room, [saying(bob, 'two'), saying(alice, 'three'), saying(bob, 'four')], 0);
    assert.deepEqual(await store.readMark(room, alice.id), { read: 3, unread: 1 });
    await append(room, [by(alice)({ kind: 'reacted', target: 4, emoji: '👍', on: true })], 0);
    assert.deepEqual(await store.readMark(room, alice.id), { read: 3, unread: 1 }, 'a reaction is no message');
  });

  story('who has spoken without ever asking how far they have read begins at their last word', async ({ append, store }) => {
    await append(room, [saying(carol, 'one'), saying(bob, 'two'), saying(bob, 'three')], 0);
    await append(room, [by(carol)({ kind: 'reacted', target: 2, emoji: '👍', on: true })], 0);
    assert.deepEqual(await store.readMark(room, carol.id), { read: 1, unread: 2 });
    assert.deepEqual(await store.readMark(room, alice.id), { read: 4, unread: 0 });
  });

  story('read marks of several people in one question; whoever was never here has none', async ({ append, store }) => {
    await append(room, [saying(bob, 'one'), saying(alice, 'two'), saying(bob, 'three')], 0);
    await store.markRead(room, alice.id, 1);
    await store.markRead(room, bob.id, 0);
    const marks = await store.readMarks(room, [alice.id, bob.id, carol.id]);
    assert.deepEqual(
      [...marks].sort(([one], [other]) => (one < other ? -1 : 1)),
      [
        [alice.id, { read: 2, unread: 1 }],
        [bob.id, { read: 3, unread: 0 }],
      ],
    );
    assert.equal((await store.readMarks(room, [])).size, 0);
    assert.equal((await store.readMarks('elsewhere', [alice.id])).size, 0);
  });

  story('an older store is noticed: nothing is written, the epoch changes, read marks are cut', async ({ append, store }) => {
    await append(room, [saying(bob, 'one'), saying(bob, 'two')], 0);
    await store.markRead(room, alice.id, 2);
    const [before] = await store.heads([room]);
    assert.equal(await append(room, [saying(alice, 'lost?')], 5), 'older');
    const [after] = await store.heads([room]);
    assert.notEqual(after?.epoch, before?.epoch);
    assert.equal(after?.head, 2);
    assert.equal(storedOf(await append(room, [saying(bob, 'not lost')], 2))[0]?.seq, 3);
    assert.deepEqual(await store.readMark(room, alice.id), { read: 2, unread: 1 });
  });

  story('of several who renew an epoch one does; the others find it done', async ({ store }) => {
    const [before] = await store.heads([room]);
    await Promise.all([store.renewEpoch(room, before?.epoch ?? ''), store.renewEpoch(room, before?.epoch ?? '')]);
    const [after] = await store.heads([room]);
    assert.notEqual(after?.epoch, before?.epoch);
    await store.renewEpoch(room, before?.epoch ?? '');
    assert.deepEqual(await store.heads([room]), [after]);
  });

  story('a message has at most 50 different emojis: the next is refused, one it has already is not', async ({ append }) => {
    await append(room, [saying(alice, 'look at this')], 0);
    const reacting = (author: User, emoji: string): Draft => ({
      author,
      clientId: randomUUID(),
      change: { kind: 'reacted', target: 1, emoji, on: true },
    });
    const emojis = Array.from({ length: 51 }, (_, n) => String.fromCodePoint(0x1f400 + n));
    const outcomes = await append(
      room,
      emojis.map((emoji) => reacting(mallory, emoji)),
      0,
    );
    assert.ok(Array.isArray(outcomes));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      [...Array<string>(50).fill('stored'), 'refused'],
    );
    const [known] = storedOf(await append(room, [reacting(bob, emojis[0] ?? '')], 0));
    assert.equal(known?.seq, 52);
  });

  test('whatever happens, numbers have no holes, nothing is doubled, and unread is what a naive count says', async () => {
    const people = [alice, bob, carol];
    const person = fc.constantFrom(...people);
    const ids = Array.from({ length: 12 }, () => randomUUID());
    const target = fc.nat(12);
    const change: fc.Arbitrary<Change> = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('message' as const), text: fc.constantFrom('a', 'b') }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('edited' as const), target, text: fc.constantFrom('c', 'd') }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('deleted' as const), target }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('reacted' as const), target, emoji: fc.constant('👍'), on: fc.boolean() }),
      },
    );
    const clientId = fc.oneof({ weight: 3, arbitrary: fc.uuid() }, { weight: 1, arbitrary: fc.constantFrom(...ids) });
    const draft = fc.record({ author: person, clientId, change });
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ drafts: fc.array(draft, { minLength: 1, maxLength: 5 }) }) },
      { weight: 1, arbitrary: fc.record({ reader: person, read: fc.nat(20) }) },
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const { append, store, close } = await create();
      const marks = new Map(people.map(({ id }) => [id, 0]));
      for (const { id } of people) await store.readMark(room, id);
      for (const one of steps) {
        if ('drafts' in one) await append(room, one.drafts, 0);
        else {
          const { read } = await store.markRead(room, one.reader.id, one.read);
          assert.ok(read >= (marks.get(one.reader.id) ?? 0));
          marks.set(one.reader.id, read);
        }
      }
      const events = await store.since(room, 0, 1_000);
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => index + 1),
      );
      const keys = events.map(({ author, clientId }) => `${author.id} ${clientId}`);
      assert.equal(new Set(keys).size, keys.length);
      for (const { id } of people) {
        assert.deepEqual(await store.readMark(room, id), {
          read: readOf(events, id, marks.get(id) ?? 0),
          unread: unreadOf(events, id, readOf(events, id, marks.get(id) ?? 0)),
        });
      }
      await close();
    });
    await fc.assert(property, { numRuns: 60 });
  });
}

/** How far somebody has read who marked so much as read and said what they said. */
const readOf = (events: StoredEvent[], user: string, marked: number) =>
  Math.max(
    marked,
    ...events.filter(({ change, author }) => change.kind === 'message' && author.id === user).map(({ seq }) => seq),
  );

/** Messages by others, not deleted, after the read mark, counted one by one. */
function unreadOf(events: StoredEvent[], user: string, read: number): number {
  const deleted = new Set(events.flatMap(({ change }) => (change.kind === 'deleted' ? [change.target] : [])));
  const counts = ({ seq, author, change }: StoredEvent) =>
    change.kind === 'message' && author.id !== user && !deleted.has(seq) && seq > read;
  return events.filter(counts).length;
}

const by =
  (author: User) =>
  (change: Change): Draft => ({ author, clientId: randomUUID(), change });

const reacting = (author: User, target: number, emoji: string, on = true) => by(author)({ kind: 'reacted', target, emoji, on });

function outcomesOf(outcomes: Outcome[] | 'older'): Outcome[] {
  assert.notEqual(outcomes, 'older');
  return outcomes as Outcome[];
}

function storedOf(outcomes: Outcome[] | 'older'): StoredEvent[] {
  return outcomesOf(outcomes).map((outcome) => {
    assert.equal(outcome.kind, 'stored');
    return (outcome as Extract<Outcome, { kind: 'stored' }>).event;
  });
}

/** The number of what was stored, the code of what was refused. */
const verdictOf = (outcome: Outcome) => (outcome.kind === 'refused' ? outcome.code : outcome.event.seq);
