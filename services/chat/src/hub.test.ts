import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { type Bus, headsChannel, roomChannel, toPayload } from '@securechat/shared/bus';
import type { ServerMessage, User } from '@securechat/shared/protocol';
import fc from 'fast-check';
import { type Change, holdsTextOf, type StoredEvent, toWire, withoutText } from './event.ts';
import { messageFrame } from './frame.ts';
import { createHub, type HubRoom, type Member, type RoomNews } from './hub.ts';
import { alice, bob, carol, listeningGuest, mallory, settled } from './people.fixture.ts';

const id = 'general';

test('a message is heard by everybody, each version in its own words, the clientId by its author alone', async (t) => {
  const { hub, says, room } = await start(t);
  const [hers, his, line] = [listeningGuest(alice), listeningGuest(bob), listeningGuest(bob, 'v1')];
  for (const member of [hers, his, line]) hub.join(room, member, 0);
  const event = says(alice, 'hello');
  await settled();
  assert.deepEqual(hers.messages, [toWire(event, alice), { type: 'read', room: id, seq: 1, unread: 0 }]);
  assert.deepEqual(his.messages, [toWire(event, bob)]);
  assert.deepEqual(line.lines, ['alice: hello']);
});

test('who says something has read up to there: their devices are told with the message, in a crowd of messages too', async (t) => {
  const { hub, stores, hears, room, pass } = await start(t);
  const [hers, tablet, his, line] = [
    listeningGuest(alice),
    listeningGuest(alice),
    listeningGuest(bob),
    listeningGuest(alice, 'v1'),
  ];
  for (const member of [hers, tablet, his, line]) hub.join(room, member, 0);
  hears(stores(bob, 'one'), stores(alice, 'two'), stores(bob, 'three'), stores(carol, 'four'));
  // Lost on the bus, and read from the store: the mark comes with the message, whatever way that took.
  stores(alice, 'five');
  hears(stores(bob, 'six'));
  await pass(100);
  for (const device of [hers, tablet]) {
    assert.deepEqual(readsTo(device), [
      [2, 2],
      [5, 1],
    ]);
  }
  assert.deepEqual(readsTo(his), [
    [3, 1],
    [6, 0],
  ]);
  assert.ok(line.lines.every((text) => !text.includes('read')));
});

test('events that overtake each other are told in order, without a look into the store', async (t) => {
  const { hub, stores, hears, room, reads } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  const events = [stores(alice, 'one'), stores(alice, 'two'), stores(alice, 'three')];
  hears(events[2], events[1]);
  assert.deepEqual(seqs(his), []);
  hears(events[0]);
  assert.deepEqual(seqs(his), [1, 2, 3]);
  assert.equal(reads(), 0);
});

test('a hole that stays is filled from the store, and nothing is told past it before', async (t) => {
  const { hub, stores, hears, room, pass, filled } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  stores(alice, 'lost on its way');
  hears(stores(alice, 'two'));
  await pass(20);
  assert.deepEqual(seqs(his), []);
  await pass(10);
  assert.deepEqual(seqs(his), [1, 2]);
  assert.deepEqual(filled, [2]);
});

test('a hole longer than memory is filled as well', async (t) => {
  const { hub, stores, hears, room, pass } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  const events = Array.from({ length: 1_200 }, (_, n) => stores(alice, `${n}`));
  hears(...events.slice(1));
  await pass(30);
  assert.deepEqual(seqs(his), range(1, 1_200));
});

test('what comes twice is told once', async (t) => {
  const { hub, says, hears, room, duplicates } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  const event = says(alice, 'one');
  hears(event, event);
  assert.deepEqual(seqs(his), [1]);
  assert.equal(duplicates(), 2);
});

test('a lost last message is noticed in about three seconds', async (t) => {
  const { hub, stores, room, pass } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  stores(alice, 'lost on its way');
  await pass(3_200);
  assert.deepEqual(seqs(his), [1]);
});

test('an interrupted bus, or a word on the heads channel, makes the hub look at once', async (t) => {
  const { hub, stores, room, pass, interrupt, say } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  stores(alice, 'one');
  interrupt();
  await pass(1);
  assert.deepEqual(seqs(his), [1]);
  stores(alice, 'two');
  say(headsChannel, {});
  await pass(1);
  assert.deepEqual(seqs(his), [1, 2]);
});

test('whoever wrote tells how far the room has come, and what was lost on its way comes at once; other lives do not count', async (t) => {
  const { hub, stores, room, pass, say } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  stores(alice, 'lost on its way');
  say(roomChannel(room.id), { kind: 'head', epoch: 'another life', head: 1 });
  await pass(100);
  assert.deepEqual(seqs(his), []);
  say(roomChannel(room.id), { kind: 'head', epoch: room.epoch, head: 1 });
  await pass(26);
  assert.deepEqual(seqs(his), [1]);
});

test('a store that is away is asked again until it is back', async (t) => {
  const { hub, stores, hears, room, pass, setAway, errors } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  setAway(true);
  stores(alice, 'one');
  hears(stores(alice, 'two'));
  for (let n = 0; n < 10; n++) await pass(1_000);
  assert.ok(errors.length > 3 && errors.length < 25, `${errors.length} attempts`);
  assert.deepEqual(seqs(his), []);
  setAway(false);
  await pass(3_200);
  assert.deepEqual(seqs(his), [1, 2]);
});

test('whoever leaves hears nothing more; the neighbour does', async (t) => {
  const { hub, says, room } = await start(t);
  const [hers, his] = [listeningGuest(alice), listeningGuest(bob)];
  hub.join(room, hers, 0);
  hub.join(room, his, 0);
  says(carol, 'one');
  hub.leave(room, hers);
  says(carol, 'two');
  assert.deepEqual(seqs(hers), [1]);
  assert.deepEqual(seqs(his), [1, 2]);
});

test('in a crowd what comes close together is written together, once per member', async (t) => {
  const { hub, says, room, pass } = await start(t);
  const crowd = Array.from({ length: 20 }, () => countingMember(bob));
  for (const { member } of crowd) hub.join(room, member, 0);
  for (let n = 0; n < 50; n++) says(alice, `${n}`);
  await pass(100);
  for (const { guest, writes } of crowd) {
    assert.deepEqual(seqs(guest), range(1, 50));
    assert.ok(writes() <= 2, `${writes()} writes`);
  }
});

test('what is on its way when the hub ends is still told, though a crowd would have waited for it', async (t) => {
  const { hub, says, room, close } = await start(t);
  const crowd = Array.from({ length: 20 }, () => listeningGuest(bob));
  for (const member of crowd) hub.join(room, member, 0);
  for (const text of ['one', 'two']) says(alice, text);
  setImmediate(says, alice, 'three');
  await close();
  for (const guest of crowd) assert.deepEqual(seqs(guest), [1, 2, 3]);
});

test('authors in a crowd get their clientIds, others do not, and each of them everything once', async (t) => {
  const { hub, says, room, pass } = await start(t);
  const people = [alice, bob, carol, mallory];
  const crowd = Array.from({ length: 20 }, (_, n) => listeningGuest(people[n % 4] as User));
  for (const member of crowd) hub.join(room, member, 0);
  for (const user of [alice, bob, alice, carol]) says(user, 'hi');
  await pass(100);
  for (const guest of crowd) {
    assert.deepEqual(seqs(guest), [1, 2, 3, 4]);
    for (const message of guest.messages.filter(({ type }) => type !== 'read')) {
      assert.ok('author' in message);
      assert.equal('clientId' in message, message.author.id === guest.user.id);
    }
  }
});

test('whoever joins while a crowd waits to be told hears each event once', async (t) => {
  const { hub, says, room, pass } = await start(t);
  for (let n = 0; n < 20; n++) hub.join(room, listeningGuest(carol), 0);
  for (let n = 0; n < 5; n++) says(alice, `${n}`);
  const [late, ahead, latest] = [listeningGuest(bob), listeningGuest(bob), listeningGuest(bob)];
  hub.join(room, late, 2);
  hub.join(room, latest, 5);
  hub.join(room, ahead, 7);
  for (let n = 5; n < 9; n++) says(alice, `${n}`);
  await pass(100);
  assert.deepEqual(seqs(late), range(3, 9));
  assert.deepEqual(seqs(latest), range(6, 9));
  assert.deepEqual(seqs(ahead), range(8, 9));
});

test('memory answers for the last 256 events and says when it does not reach back', async (t) => {
  const { hub, says, room } = await start(t);
  for (let n = 0; n < 300; n++) says(alice, `${n}`);
  assert.deepEqual(hub.eventsAfter(room, 300), []);
  assert.deepEqual(hub.eventsAfter(room, 999), []);
  assert.deepEqual(
    hub.eventsAfter(room, 44)?.map(({ seq }) => seq),
    range(45, 300),
  );
  assert.equal(hub.eventsAfter(room, 43), undefined);
});

test('deleted words are gone from memory: message and edits, nobody else’s', async (t) => {
  const { hub, says, does, room, erased } = await start(t);
  says(alice, 'secret');
  says(bob, 'innocent');
  does(alice, { kind: 'edited', target: 1, text: 'secret too' });
  does(alice, { kind: 'deleted', target: 1 });
  const [late, line] = [listeningGuest(bob), listeningGuest(bob, 'v1')];
  hub.join(room, late, 0);
  hub.join(room, line, 0);
  assert.deepEqual(seqs(late), [1, 2, 3, 4]);
  assert.ok(!late.lines.join().includes('secret'));
  assert.ok(late.lines.join().includes('innocent'));
  assert.deepEqual(line.lines, ['bob: innocent']);
  assert.deepEqual(hub.eventsAfter(room, 0)?.[0]?.change, { kind: 'message', text: null });
  assert.deepEqual(erased, [1]);
});

test('a room that is not there is undefined, and is asked for again; so is one whose store was away', async (t) => {
  const { hub, setAway, setMissing, subscribers } = await start(t);
  assert.equal(await hub.enter('attic'), undefined);
  assert.equal(subscribers('attic'), 0);
  setMissing('attic', false);
  setAway(true);
  await assert.rejects(hub.enter('attic'), /away/);
  assert.equal(subscribers('attic'), 0);
  setAway(false);
  assert.equal((await hub.enter('attic'))?.head, 0);
  assert.equal(subscribers('attic'), 1);
  assert.deepEqual(
    hub.rooms().map((one) => one.id),
    [id, 'attic'],
  );
});

test('many who enter at once share one look', async (t) => {
  const { hub, setMissing, subscribers } = await start(t);
  setMissing('attic', false);
  const rooms = await Promise.all(Array.from({ length: 50 }, () => hub.enter('attic')));
  assert.equal(new Set(rooms).size, 1);
  assert.equal(subscribers('attic'), 1);
});

test('what is said while a room opens is not lost', async (t) => {
  const { hub, setMissing, holdAnswers, say, stores } = await start(t);
  setMissing('attic', false);
  const release = holdAnswers();
  const entering = hub.enter('attic');
  await settled();
  say(roomChannel('attic'), { kind: 'events', events: [stores(alice, 'hello', 'attic')] });
  release();
  const room = (await entering) as HubRoom;
  assert.equal(room.head, 1);
});

test('a store older than what was told begins a new life of the room: its members are handed out', async (t) => {
  const { hub, says, room, pass, restore, epochs } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  for (let n = 0; n < 5; n++) says(alice, `${n}`);
  restore(3);
  await pass(3_200);
  assert.deepEqual(epochs, [{ head: 3, members: [his] }]);
  assert.equal(room.head, 3);
  assert.notEqual(room.epoch, 'first');
  assert.equal(hub.floorOf(id), 3);
  says(alice, 'new four');
  assert.deepEqual(seqs(his), [1, 2, 3, 4, 5]);
  const back = listeningGuest(bob);
  hub.join(room, back, 3);
  assert.deepEqual(seqs(back), [4]);
});

test('a life that ended does not begin again: a copy from before its end gets a new epoch, once', async (t) => {
  const { hub, says, room, pass, restore, renew, epochs } = await start(t);
  for (let n = 0; n < 5; n++) says(alice, `${n}`);
  restore(3);
  await pass(3_200);
  const second = room.epoch;
  says(alice, 'the four of the second life');
  // The copy that was restored now was made before anybody had noticed the first one.
  restore(3);
  renew('first');
  await pass(3_200);
  assert.ok(room.epoch !== 'first' && room.epoch !== second);
  assert.deepEqual([hub.floorOf(id), epochs.length], [3, 2]);
  await pass(6_400);
  assert.equal(epochs.length, 2);
});

test('of several looks that notice an older store at once one begins a new life, and it lasts', async (t) => {
  const { hub, says, room, pass, restore, epochs } = await start(t);
  for (let n = 0; n < 5; n++) says(alice, `${n}`);
  restore(3);
  await Promise.all([hub.checkHeads(), hub.checkHeads(), hub.checkHeads()]);
  const second = room.epoch;
  await pass(9_600);
  assert.deepEqual([epochs.length, room.epoch], [1, second]);
});

test('a store older than what was heard of begins a new life, also when the way to it was blocked meanwhile', async (t) => {
  const { hub, says, stores, hears, room, pass, restore, setAway, epochs } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  says(alice, 'one');
  // The second is lost on the bus and cannot be read; that there is a fourth is heard.
  setAway(true);
  stores(alice, 'two');
  hears.inLife('first', stores(alice, 'three'), stores(alice, 'four'));
  await pass(100);
  assert.deepEqual([seqs(his), hub.floorOf(id)], [[1], 4]);
  restore(2);
  setAway(false);
  await hub.checkHeads();
  assert.notEqual(room.epoch, 'first');
  assert.deepEqual([room.head, hub.floorOf(id), epochs.length], [2, 2, 1]);
});

test('a number that somebody gave to another event ends the life: they work on an older copy and do not know it', async (t) => {
  const { hub, says, stores, hears, room, pass, restore, epochs } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  for (let n = 0; n < 3; n++) says(alice, `${n}`);
  restore(1);
  // Their memory began with the copy, and by the time that we look it is as long as ours.
  const [two, ...more] = [stores(mallory, 'two'), stores(mallory, 'three'), stores(mallory, 'four')];
  hears.inLife('first', { ...two, clientId: 'another' }, ...more);
  await pass(100);
  assert.notEqual(room.epoch, 'first');
  assert.deepEqual([room.head, epochs.length], [4, 1]);
  assert.ok(!seqs(his).includes(4));
  says(alice, 'five');
  await pass(3_200);
  assert.equal(epochs.length, 1);
});

test('events of another life are not told in this one, whether they are heard or read; they make the hub look', async (t) => {
  const { hub, says, stores, hears, room, pass, restore, renew, setAway, epochs } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  for (let n = 0; n < 3; n++) says(alice, `${n}`);
  // A replica elsewhere has noticed that the store was exchanged, and goes on in a new life; the store is away from here.
  restore(2);
  renew('second');
  setAway(true);
  hears.inLife('second', stores(alice, 'another three'), stores(alice, 'another four'));
  await pass(1_000);
  hears.inLife('second', stores(alice, 'another five'));
  await pass(1_000);
  assert.deepEqual(seqs(his), [1, 2, 3]);
  assert.deepEqual([room.epoch, room.head, epochs.length], ['first', 3, 0]);
  // A hole in the old life is not filled from the new one.
  hears({ room: id, seq: 5, at: 1, author: alice, clientId: 'late', change: { kind: 'message', text: 'the old five' } });
  setAway(false);
  await pass(100);
  assert.deepEqual(seqs(his), [1, 2, 3]);
  await pass(3_200);
  assert.deepEqual([room.epoch, room.head, epochs.length], ['second', 5, 1]);
});

test('an epoch that somebody else renewed is taken over', async (t) => {
  const { hub, says, room, pass, renew, epochs } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  says(alice, 'one');
  renew();
  await pass(3_200);
  assert.deepEqual(epochs, [{ head: 1, members: [his] }]);
  await pass(3_200);
  assert.equal(epochs.length, 1);
});

test('an answer that is older than what was told meanwhile is no older store', async (t) => {
  const { hub, says, room, pass, holdAnswers, epochs } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  says(alice, 'one');
  const release = holdAnswers();
  const looking = hub.checkHeads();
  says(alice, 'two');
  says(alice, 'three');
  release();
  await looking;
  await pass(3_200);
  assert.deepEqual(epochs, []);
  assert.deepEqual(seqs(his), [1, 2, 3]);
});

test('a number beyond everything stored is forgotten, and when it comes to be its own event is told', async (t) => {
  const { hub, says, hears, room, pass, epochs } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  const stray = { room: id, seq: 2, at: 1, author: mallory, clientId: 'x' };
  hears({ ...stray, change: { kind: 'message', text: 'of another life' } });
  await pass(3_200);
  says(alice, 'one');
  says(alice, 'two');
  await pass(3_200);
  assert.deepEqual(
    his.messages.map((message) => message.type === 'message' && message.text),
    ['one', 'two'],
  );
  assert.deepEqual(epochs, []);
});

test('news without a number go to whoever looks after them, not to the members', async (t) => {
  const { hub, say, room, news } = await start(t);
  const his = listeningGuest(bob);
  hub.join(room, his, 0);
  say(roomChannel(id), { kind: 'typing', user: alice } satisfies RoomNews);
  assert.deepEqual(news, [{ kind: 'typing', user: alice }]);
  assert.deepEqual(his.lines, []);
  hub.tell(room, { type: 'typing', room: id, user: alice }, ({ user }) => user.id !== bob.id);
  assert.deepEqual(his.lines, []);
  hub.tell(room, { type: 'typing', room: id, user: alice }, () => true);
  assert.deepEqual(his.messages, [{ type: 'typing', room: id, user: alice }]);
});

test('whatever is lost, doubled, delayed or reordered, and whoever comes and goes: everybody hears each event once, in order', async () => {
  const fate = fc.constantFrom('prompt', 'prompt', 'prompt', 'prompt', 'lost', 'doubled', 'late', 'late');
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ does: fc.constant('say' as const), who: fc.nat(3), fate, erases: fc.nat(9) }) },
    { weight: 4, arbitrary: fc.record({ does: fc.constant('arrive' as const), which: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(1, 5, 26, 60, 400, 2_600) }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('toggle' as const), which: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('fail' as const), isAway: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('hold' as const), isHeld: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('flood' as const), count: fc.constantFrom(10, 90, 300) }) },
  );
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), fc.boolean(), async (steps, isCrowded) => {
    const stack = await start();
    const { hub, room, stores, hears, pass, setAway, holdAnswers, close, epochs } = stack;
    const people = [alice, bob, carol, mallory];
    const delayed: StoredEvent[] = [];
    const visitors = people.map((user) => ({ guest: listeningGuest(user), isIn: false }));
    const residents = isCrowded ? Array.from({ length: 16 }, () => listeningGuest(carol)) : [];
    for (const member of residents) hub.join(room, member, 0);
    let release = () => {};

    const send = (event: StoredEvent, how: string) => {
      if (how === 'prompt' || how === 'doubled') hears(event);
      if (how === 'doubled' || how === 'late') delayed.push(event);
    };
    /** As a resuming client does: pages from the store until memory has the rest, and then in without a pause. */
    const resume = async ({ guest }: (typeof visitors)[number]) => {
      for (;;) {
        const cursor = seqs(guest).at(-1) ?? 0;
        const rest = hub.eventsAfter(room, cursor);
        for (const event of rest ?? []) guest.send(messageFrame(toWire(event, guest.user)));
        if (rest !== undefined) return hub.join(room, guest, rest.at(-1)?.seq ?? cursor);
        const page = await stack.read(cursor, 100);
        hub.hear(room, room.epoch, page);
        for (const event of page) guest.send(messageFrame(toWire(event, guest.user)));
      }
    };

    for (const one of steps) {
      if (one.does === 'say') {
        const change: Change = one.erases < 2 && room.head > 1 ? { kind: 'deleted', target: 1 } : { kind: 'message', text: 'hi' };
        send(stack.keeps(people[one.who] as User, change), one.fate);
      } else if (one.does === 'flood') {
        for (let n = 0; n < one.count; n++) send(stores(alice, 'flood'), n % 7 === 0 ? 'lost' : 'prompt');
      } else if (one.does === 'arrive') {
        const [event] = delayed.splice(one.which % Math.max(1, delayed.length), 1);
        if (event !== undefined) hears(event);
      } else if (one.does === 'pass') {
        await pass(one.ms);
      } else if (one.does === 'fail') {
        setAway(one.isAway);
      } else if (one.does === 'hold') {
        release();
        release = one.isHeld ? holdAnswers() : () => {};
      } else {
        const visitor = visitors[one.which];
        if (visitor?.isIn) hub.leave(room, visitor.guest);
        else if (visitor !== undefined) await resume(visitor);
        if (visitor !== undefined) visitor.isIn = !visitor.isIn;
      }
    }
    // And then nobody says anything any more: what is missing must come by itself.
    setAway(false);
    release();
    for (let n = 0; n < 4; n++) await pass(3_200);
    for (const visitor of visitors.filter(({ isIn }) => !isIn)) await resume(visitor);
    await pass(200);
    for (const guest of [...visitors.map((one) => one.guest), ...residents])
      assert.deepEqual(seqs(guest), range(1, stack.head()));
    assert.deepEqual(epochs, []);
    await close();
  });
  await fc.assert(property, { numRuns: 120 });
});

/** A hub on a bus and a store of the test's own. Timers are the test's too. */
async function start(t?: TestContext) {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  const events: StoredEvent[] = [];
  const listeners = new Map<string, Set<(payload: Uint8Array) => void>>();
  const rooms = new Map([[id, 'first']]);
  const errors: unknown[] = [];
  const epochs: { head: number; members: Member[] }[] = [];
  const [filled, erased, news]: [number[], number[], RoomNews[]] = [[], [], []];
  let [reads, duplicates, lives] = [0, 0, 0];
  let isAway = false;
  let held: Promise<void> | undefined;
  let interrupt = () => {};

  const bus: Bus = {
    publish() {},
    subscribe(channel, onPayload) {
      const all = listeners.get(channel) ?? new Set();
      listeners.set(channel, all.add(onPayload));
      return Promise.resolve(() => Promise.resolve(void all.delete(onPayload)));
    },
    onInterrupted(listener) {
      interrupt = () => listener([]);
    },
    close: () => Promise.resolve(),
  };
  const eventsOf = (room: string) => events.filter((event) => event.room === room);
  const headOf = (room: string) => eventsOf(room).at(-1)?.seq ?? 0;

  /** What the store knew when it was asked, told when it gets round to it. */
  async function answer<T>(know: () => T): Promise<T> {
    if (isAway) throw new Error('the store is away');
    const known = know();
    await held;
    return known;
  }
  const store = {
    heads: (ids: readonly string[]) =>
      answer(() =>
        ids.flatMap((room) => (rooms.has(room) ? [{ room, name: room, epoch: rooms.get(room) ?? '', head: headOf(room) }] : [])),
      ),
    since: (room: string, since: number, limit: number, epoch?: string) =>
      answer(() => {
        reads += 1;
        if (epoch !== undefined && epoch !== rooms.get(room)) return [];
        return eventsOf(room)
          .filter(({ seq }) => seq > since)
          .slice(0, limit);
      }),
    renewEpoch: (room: string, old: string) => answer(() => void (rooms.get(room) === old && rooms.set(room, `life ${++lives}`))),
  };
  const hub = createHub({
    store,
    bus,
    onNews: (_, one) => news.push(one),
    onErased: (_, target) => erased.push(target),
    onNewEpoch: ({ head }, members) => epochs.push({ head, members }),
    onError: (error) => errors.push(error),
    onHoleFilled: (count) => filled.push(count),
    onDuplicate: () => {
      duplicates += 1;
    },
    onDelivered: () => {},
    onTold: () => {},
  });
  const room = (await hub.enter(id)) as HubRoom;

  const say = (channel: string, value: unknown) => {
    for (const listener of listeners.get(channel) ?? []) listener(toPayload(value));
  };
  const hears = Object.assign(
    (...heard: (StoredEvent | undefined)[]) =>
      say(roomChannel(id), { kind: 'events', events: heard.filter((event) => event !== undefined) }),
    { inLife: (epoch: string, ...events: StoredEvent[]) => say(roomChannel(id), { kind: 'events', epoch, events }) },
  );
  const keeps = (author: User, change: Change, where = id): StoredEvent => {
    const seq = headOf(where) + 1;
    const event = { room: where, seq, at: seq, author, clientId: `c${seq}`, change };
    events.push(event);
    if (change.kind === 'deleted') {
      events.forEach((one, index) => {
        if (one.room === where && holdsTextOf(one, change.target)) events[index] = withoutText(one);
      });
    }
    return event;
  };
  const stores = (author: User, text: string, where = id) => keeps(author, { kind: 'message', text }, where);
  const does = (author: User, change: Change) => {
    const event = keeps(author, change);
    hears(event);
    return event;
  };
  const close = async () => {
    isAway = false;
    held = undefined;
    await hub.close();
    mock.timers.reset();
  };
  t?.after(close);

  return {
    hub,
    room,
    stores,
    keeps,
    does,
    hears,
    say,
    says: (author: User, text: string) => does(author, { kind: 'message', text }),
    head: () => headOf(id),
    read: async (since: number, limit: number) =>
      eventsOf(id)
        .filter(({ seq }) => seq > since)
        .slice(0, limit),
    reads: () => reads,
    duplicates: () => duplicates,
    filled,
    erased,
    news,
    errors,
    epochs,
    interrupt: () => interrupt(),
    subscribers: (where: string) => listeners.get(roomChannel(where))?.size ?? 0,
    setAway: (is: boolean) => {
      isAway = is;
    },
    setMissing: (where: string, isMissing: boolean) => (isMissing ? rooms.delete(where) : rooms.set(where, 'first')),
    /** From now on the store answers nothing that it is asked, until the returned function is called. */
    holdAnswers() {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return () => {
        if (held === promise) held = undefined;
        resolve();
      };
    },
    /** Puts an older copy in the place of the store. */
    restore: (head: number) => events.splice(0, events.length, ...events.filter(({ seq }) => seq <= head)),
    renew: (epoch = `life ${++lives}`) => rooms.set(id, epoch),
    /** Lets time go by, and everything happen that was due. */
    async pass(ms: number) {
      await settled(3);
      for (let passed = 0; passed < ms; passed += 100) {
        mock.timers.tick(Math.min(100, ms - passed));
        await settled(2);
      }
      await settled(3);
    },
    close,
  };
}

/** A member that counts how often it is written to. */
function countingMember(user: User) {
  const guest = listeningGuest(user);
  let writes = 0;
  const member: Member = {
    ...guest,
    send(frames) {
      writes += 1;
      guest.send(frames);
    },
  };
  return { guest, member, writes: () => writes };
}

/** Numbers of the events that somebody heard. */
const seqs = ({ messages }: { messages: ServerMessage[] }) =>
  messages.flatMap((one) => ('seq' in one && one.type !== 'read' ? [one.seq] : []));
const readsTo = ({ messages }: { messages: ServerMessage[] }) =>
  messages.flatMap((one) => (one.type === 'read' ? [[one.seq, one.unread]] : []));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);
