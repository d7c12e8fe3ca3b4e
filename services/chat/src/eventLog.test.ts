import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Bus, fromPayload } from '@securechat/shared/bus';
import { Limit } from '@securechat/shared/protocol';
import type { StoredEvent } from './event.ts';
import { createEventLog } from './eventLog.ts';
import type { Append, Draft, Outcome } from './eventStore.ts';
import type { RoomNews } from './hub.ts';
import { alice, bob, mallory, saying, settled } from './people.fixture.ts';

const room = 'general';

test('what is said in one turn shares one commit, in the order it was said', async (t) => {
  const { log, commits } = start(t);
  const outcomes = await Promise.all([log.append(room, saying(alice, 'one')), log.append(room, saying(bob, 'two'))]);
  assert.deepEqual(commits, [['one', 'two']]);
  assert.deepEqual(outcomes.map(seqOf), [1, 2]);
});

test('what arrives while a commit runs waits for it and shares the next', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { log, commits } = start(t, { beforeCommit: () => gate.promise });
  const first = log.append(room, saying(alice, 'one'));
  await settled();
  const rest = [log.append(room, saying(bob, 'two')), log.append(room, saying(alice, 'three'))];
  await settled();
  assert.deepEqual(commits, [['one']]);
  gate.resolve();
  await Promise.all([first, ...rest]);
  assert.deepEqual(commits, [['one'], ['two', 'three']]);
});

test('a commit takes at most 200 changes, or 256 KiB', async (t) => {
  const { log, commits } = start(t);
  await Promise.all(Array.from({ length: 450 }, (_, n) => log.append(room, saying(alice, `${n}`))));
  assert.deepEqual(
    commits.map(({ length }) => length),
    [200, 200, 50],
  );
  assert.deepEqual(
    commits.flat(),
    Array.from({ length: 450 }, (_, n) => `${n}`),
  );
  await Promise.all(Array.from({ length: 10 }, () => log.append(room, saying(alice, 'x'.repeat(60_000)))));
  assert.deepEqual(
    commits.slice(3).map(({ length }) => length),
    [4, 4, 2],
  );
});

test('rooms do not wait for each other', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { log } = start(t, { beforeCommit: (where) => (where === 'attic' ? gate.promise : undefined) });
  const above = log.append('attic', saying(alice, 'up here'));
  assert.equal(seqOf(await log.append(room, saying(bob, 'down here'))), 1);
  gate.resolve();
  assert.equal((await above).kind, 'stored');
});

test('everybody is told after the commit, of what was stored and of nothing else', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { log, published } = start(t, { beforeCommit: () => gate.promise });
  const draft = saying(alice, 'one');
  const refused: Draft = { ...saying(mallory, ''), change: { kind: 'deleted', target: 99 } };
  const all = Promise.all([log.append(room, draft), log.append(room, draft), log.append(room, refused)]);
  await settled();
  assert.deepEqual(published, []);
  gate.resolve();
  assert.deepEqual(
    (await all).map(({ kind }) => kind),
    ['stored', 'known', 'refused'],
  );
  assert.deepEqual(
    published.map(({ seq }) => seq),
    [1],
  );
});

test('a commit whose answer was lost is asked about again: it is known, and everybody is told of it once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, published, errors, failNext } = start(t);
  failNext('after the commit');
  const saying1 = log.append(room, saying(alice, 'one'));
  await settled();
  assert.equal(errors.length, 1);
  t.mock.timers.tick(100);
  const outcome = await saying1;
  assert.equal(outcome.kind === 'known' && outcome.isSame, true);
  assert.equal(seqOf(outcome), 1);
  assert.deepEqual(
    published.map(({ seq }) => seq),
    [1],
  );
});

test('a commit that failed is tried again, and nobody notices', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, commits, failNext } = start(t);
  failNext('before the commit');
  const saying1 = log.append(room, saying(alice, 'one'));
  await settled();
  t.mock.timers.tick(100);
  assert.equal((await saying1).kind, 'stored');
  assert.deepEqual(commits, [['one']]);
});

test('after five seconds nobody knows, and whoever spoke is told so; what is said later is stored again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, pass, failAlways, published } = start(t);
  failAlways(true);
  let outcome: unknown;
  const speaking = log.append(room, saying(alice, 'one')).then((it) => {
    outcome = it;
  });
  for (let passed = 0; passed < Limit.storedWithinMs - 200; passed += 100) {
    await settled(3);
    assert.equal(outcome, undefined, `after ${passed} ms`);
    pass(100);
    t.mock.timers.tick(100);
  }
  for (let tries = 0; tries < 3; tries++) {
    await settled(3);
    pass(100);
    t.mock.timers.tick(100);
  }
  await speaking;
  assert.deepEqual(outcome, { kind: 'unknown' });
  failAlways(false);
  assert.equal(seqOf(await log.append(room, saying(alice, 'two'))), 1);
  assert.equal(published.length, 1);
});

test('a store that hangs: each change is told at its own deadline, and what had not been sent by then never is', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gate = Promise.withResolvers<void>();
  const { log, commits } = start(t, { beforeCommit: () => gate.promise });
  const told: string[] = [];
  const say = (text: string) => void log.append(room, saying(alice, text)).then(({ kind }) => told.push(`${text} ${kind}`));
  say('one');
  await settled();
  t.mock.timers.tick(1_000);
  say('two');
  await settled();
  t.mock.timers.tick(3_000);
  say('three');
  await settled();
  t.mock.timers.tick(Limit.storedWithinMs - 4_000 - 1);
  await settled();
  assert.deepEqual(told, []);
  t.mock.timers.tick(1);
  await settled();
  assert.deepEqual(told, ['one unknown']);
  t.mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(told, ['one unknown', 'two unknown']);
  // However long it hangs there is one attempt, or a later change could overtake an earlier one.
  assert.deepEqual(commits, [['one']]);
  gate.resolve();
  await settled();
  assert.deepEqual(commits, [['one'], ['three']]);
  assert.deepEqual(told, ['one unknown', 'two unknown', 'three stored']);
});

test('what turns out to be stored after its sender was told that nobody knows is published, and recalled', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gate = Promise.withResolvers<void>();
  const { log, published } = start(t, { beforeCommit: () => gate.promise });
  const draft = saying(alice, 'one');
  const speaking = log.append(room, draft);
  await settled();
  t.mock.timers.tick(Limit.storedWithinMs);
  assert.deepEqual(await speaking, { kind: 'unknown' });
  assert.deepEqual(published, []);
  gate.resolve();
  await settled();
  assert.deepEqual(
    published.map(({ seq }) => seq),
    [1],
  );
  assert.equal(log.recall(alice.id, draft.clientId)?.seq, 1);
});

test('a change whose sender was told that nobody knows is not tried again; one beside it that still has time is', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, commits, failAlways } = start(t);
  failAlways(true);
  const early = log.append(room, saying(alice, 'early'));
  await settled();
  for (let passed = 0; passed < Limit.storedWithinMs; passed += 100) {
    t.mock.timers.tick(100);
    await settled(3);
  }
  assert.deepEqual(await early, { kind: 'unknown' });
  failAlways(false);
  const late = log.append(room, saying(bob, 'late'));
  for (let tries = 0; tries < 3; tries++) {
    t.mock.timers.tick(100);
    await settled();
  }
  assert.equal((await late).kind, 'stored');
  assert.deepEqual(commits, [['late']]);
});

test('a thousand who wait for a store that hangs are told, and their places in the queue are free again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gate = Promise.withResolvers<void>();
  const { log } = start(t, { beforeCommit: () => gate.promise });
  for (let round = 0; round < 3; round++) {
    const flood = Array.from({ length: 9_000 }, (_, n) => log.append(room, saying(mallory, `${n}`)));
    await settled();
    t.mock.timers.tick(Limit.storedWithinMs);
    assert.ok((await Promise.all(flood)).every(({ kind }) => kind === 'unknown'));
  }
  const speaking = log.append(room, saying(alice, 'hello'));
  gate.resolve();
  assert.equal((await speaking).kind, 'stored');
});

test('a farewell waits for what is being stored now, at most two seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gate = Promise.withResolvers<void>();
  const { log } = start(t, { beforeCommit: () => gate.promise });
  await log.settled();
  let isOver = false;
  const speaking = log.append(room, saying(alice, 'one'));
  const waiting = log.settled().then(() => {
    isOver = true;
  });
  await settled();
  t.mock.timers.tick(1_999);
  await settled();
  assert.equal(isOver, false);
  t.mock.timers.tick(1);
  await waiting;
  const again = log.settled();
  gate.resolve();
  await again;
  assert.equal((await speaking).kind, 'stored');
});

test('a close does not wait for a store that hangs: everybody is told before the end', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { log, commits } = start(t, { beforeCommit: () => gate.promise });
  const first = log.append(room, saying(alice, 'one'));
  await settled();
  const second = log.append(room, saying(bob, 'two'));
  await log.close(0);
  assert.deepEqual(await Promise.all([first, second]), [{ kind: 'unknown' }, { kind: 'unknown' }]);
  gate.resolve();
  await settled();
  assert.deepEqual(commits, [['one']]);
});

test('the queue is bounded: one too many is told at once that nobody knows', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { log } = start(t, { beforeCommit: () => gate.promise });
  const flood = Array.from({ length: 10_000 }, (_, n) => log.append(room, saying(mallory, `${n}`)));
  assert.deepEqual(await log.append(room, saying(mallory, 'one too many')), { kind: 'unknown' });
  gate.resolve();
  assert.equal((await Promise.all(flood)).filter(({ kind }) => kind === 'stored').length, 10_000);
  assert.equal((await log.append(room, saying(alice, 'hello'))).kind, 'stored');
});

test('a store older than what was shown is reported, and the change is stored once the floor is right again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, older, floor, commits } = start(t);
  floor.value = 7;
  const speaking = log.append(room, saying(alice, 'one'));
  await settled();
  assert.deepEqual(older, [room]);
  assert.deepEqual(commits, []);
  floor.value = 0;
  t.mock.timers.tick(100);
  assert.equal((await speaking).kind, 'stored');
});

test('what was stored lately is recalled by its author and clientId', async (t) => {
  const { log } = start(t);
  const draft = saying(alice, 'one');
  assert.equal(log.recall(alice.id, draft.clientId), undefined);
  await log.append(room, draft);
  assert.equal(log.recall(alice.id, draft.clientId)?.seq, 1);
  assert.equal(log.recall(mallory.id, draft.clientId), undefined);
  log.forgetAll();
  assert.equal(log.recall(alice.id, draft.clientId), undefined);
});

test('words that were deleted are not recalled, those of others are', async (t) => {
  const { log } = start(t);
  const [secret, innocent] = [saying(alice, 'secret'), saying(bob, 'innocent')];
  const edit: Draft = { ...saying(alice, ''), change: { kind: 'edited', target: 1, text: 'secret too' } };
  const deletion: Draft = { ...saying(alice, ''), change: { kind: 'deleted', target: 1 } };
  await Promise.all([secret, innocent, edit, deletion].map((draft) => log.append(room, draft)));
  assert.deepEqual(log.recall(alice.id, secret.clientId)?.change, { kind: 'message', text: null });
  assert.deepEqual(log.recall(alice.id, edit.clientId)?.change, { kind: 'edited', target: 1, text: null });
  assert.deepEqual(log.recall(bob.id, innocent.clientId)?.change, { kind: 'message', text: 'innocent' });
  log.forgetText(room, 2);
  assert.deepEqual(log.recall(bob.id, innocent.clientId)?.change, { kind: 'message', text: null });
});

test('memory is bounded: the oldest of a thousand is forgotten', async (t) => {
  const { log } = start(t);
  const drafts = Array.from({ length: 1_001 }, (_, n) => saying(alice, `${n}`));
  await Promise.all(drafts.map((draft) => log.append(room, draft)));
  assert.equal(log.recall(alice.id, drafts[0]?.clientId ?? ''), undefined);
  assert.equal(log.recall(alice.id, drafts[1]?.clientId ?? '')?.seq, 2);
});

test('closing waits for what is being stored, and takes nothing new', async (t) => {
  const gate = Promise.withResolvers<void>();
  const { log } = start(t, { beforeCommit: () => gate.promise });
  const speaking = log.append(room, saying(alice, 'one'));
  await settled();
  const closing = log.close(60_000);
  gate.resolve();
  assert.equal((await speaking).kind, 'stored');
  await closing;
  assert.deepEqual(await log.append(room, saying(alice, 'too late')), { kind: 'unknown' });
});

test('what cannot be stored before the close is told so', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, failAlways } = start(t);
  failAlways(true);
  const speaking = log.append(room, saying(alice, 'one'));
  await settled();
  await log.close(0);
  t.mock.timers.tick(100);
  assert.deepEqual(await speaking, { kind: 'unknown' });
});

/** A log over a store of the test's own, which can be slow, fail before or after a commit, or be older than expected. */
function start(t: TestContext, { beforeCommit }: { beforeCommit?: (room: string) => Promise<void> | undefined } = {}) {
  const stored = new Map<string, StoredEvent>();
  const heads = new Map<string, number>();
  const commits: string[][] = [];
  const published: StoredEvent[] = [];
  const errors: unknown[] = [];
  const older: string[] = [];
  const floor = { value: 0 };
  let time = 0;
  let failure: 'before the commit' | 'after the commit' | 'always' | undefined;

  const append: Append = async (where, drafts, lowest) => {
    const failing = failure;
    if (failing !== 'always') failure = undefined;
    if (failing === 'before the commit' || failing === 'always') throw new Error('the database is away');
    if ((heads.get(where) ?? 0) < lowest) return 'older';
    commits.push(drafts.map(({ change }) => ('text' in change ? (change.text ?? '') : change.kind)));
    await beforeCommit?.(where);
    const outcomes = drafts.map((draft) => storeOne(where, draft));
    if (failing === 'after the commit') throw new Error('the line was cut');
    return outcomes;
  };

  function storeOne(where: string, { author, clientId, change }: Draft): Outcome {
    const known = stored.get(clientId);
    if (known !== undefined) return { kind: 'known', event: known, isSame: true };
    if (change.kind === 'deleted' && change.target === 99) return { kind: 'refused', code: 'not_found' };
    const seq = (heads.get(where) ?? 0) + 1;
    heads.set(where, seq);
    const event = { room: where, seq, at: time, author, clientId, change };
    stored.set(clientId, event);
    return { kind: 'stored', event };
  }

  const bus: Pick<Bus, 'publish'> = {
    publish(channel, payload) {
      assert.match(channel, /^room:/);
      const news = fromPayload<RoomNews>(payload);
      assert.ok(news.kind === 'events');
      published.push(...news.events);
    },
  };
  const log = createEventLog({
    append,
    bus: bus as Bus,
    floor: () => floor.value,
    onOlder: (where) => older.push(where),
    onError: (error) => errors.push(error),
    now: () => time,
  });
  t.after(() => {
    failure = undefined;
  });
  return {
    log,
    commits,
    published,
    errors,
    older,
    floor,
    failNext: (how: 'before the commit' | 'after the commit') => {
      failure = how;
    },
    failAlways: (isFailing: boolean) => {
      failure = isFailing ? 'always' : undefined;
    },
    pass: (ms: number) => {
      time += ms;
    },
  };
}

const seqOf = (outcome: { kind: string; event?: StoredEvent }) => outcome.event?.seq;
