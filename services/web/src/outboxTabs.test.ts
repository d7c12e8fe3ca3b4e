import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Tab } from './outboxTabs.fixture.ts';
import { createWorld, settled } from './outboxTabs.fixture.ts';

test('nothing is sent before it lies on the device', async () => {
  const tab = createWorld().open();
  tab.connects();
  tab.says('hello');
  await settled();
  assert.deepEqual(tab.sent(), []);
  tab.keeps();
  await settled();
  assert.deepEqual(tab.sent(), ['hello']);
});

test('a device that is full keeps nobody from speaking', async () => {
  const tab = createWorld().open();
  tab.connects();
  tab.says('hello');
  tab.keeps(false);
  await settled();
  assert.deepEqual(tab.sent(), ['hello']);
});

test('two tabs show the same, one of them sends for both, and nothing stays on the device', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.connects();
  second.connects();
  await settled();
  second.says('from the second');
  second.keeps();
  await settled();
  assert.deepEqual(first.sent(), ['from the second']);
  assert.deepEqual(second.sent(), []);
  assert.deepEqual(second.shows(), [['from the second', 'sending']]);
  first.isAnswered([second]);
  assert.deepEqual([first.shows(), second.shows(), world.onDisk()], [[], [], []]);
  assert.deepEqual(world.stored(), ['from the second']);
});

test('when the tab that sends goes, the other one goes on with the same clientId', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.connects();
  second.connects();
  first.says('one');
  first.says('two');
  first.keeps();
  await settled();
  first.crashes({ writesArrive: true, requestsArrive: true });
  await settled();
  assert.deepEqual(second.sent(), ['one']);
  second.isAnswered();
  second.isAnswered();
  assert.deepEqual(world.stored(), ['one', 'two']);
});

test('what a tab wrote down just before it went is sent by the next one, which never heard of it', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  second.connects();
  await settled();
  first.says('last words');
  first.crashes({ writesArrive: true, requestsArrive: false });
  await settled();
  assert.deepEqual(second.sent(), ['last words']);
});

test('what is said in one instant is found in the order in which it was said', async () => {
  const world = createWorld();
  const first = world.open();
  for (const text of ['one', 'two', 'three']) first.says(text);
  first.crashes({ writesArrive: true, requestsArrive: false });
  const texts = world
    .open()
    .shows()
    .map(([text]) => text);
  assert.deepEqual(texts, ['one', 'two', 'three']);
});

test('what was taken back before it lay on the device is gone from there, and no other tab hears of it', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  second.connects();
  first.says('on second thoughts');
  for (const id of first.ids()) assert.ok(first.outbox.discard(id));
  first.keeps();
  await settled();
  assert.deepEqual([second.shows(), world.onDisk()], [[], []]);
});

test('what is taken back in one tab is taken back in all, and on the device', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.says('on second thoughts');
  first.keeps();
  await settled();
  for (const id of second.ids()) assert.ok(second.outbox.discard(id));
  assert.deepEqual([first.shows(), world.onDisk()], [[], []]);
});

test('nothing is lost with a device that is full when the connection comes late', async () => {
  const world = createWorld();
  const tab = world.open();
  for (const text of ['one', 'two']) tab.says(text);
  tab.keeps(false);
  await settled();
  tab.connects();
  await settled();
  tab.isAnswered();
  tab.isAnswered();
  assert.deepEqual(world.stored(), ['one', 'two']);
});

test('when the tab that sends loses the connection, or hears that nothing can be stored, the others show it', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.connects();
  await settled();
  first.says('hello');
  first.keeps();
  await settled();
  assert.deepEqual(second.shows(), [['hello', 'sending']]);
  first.loses();
  assert.deepEqual(second.shows(), [['hello', 'waiting']]);
  first.connects();
  first.isRefused('unavailable');
  assert.equal(second.outbox.state().isRefused, true);
});

test('a tab without a connection leaves the turn to the one that has it', async () => {
  const world = createWorld();
  const [first, offline] = [world.open(), world.open()];
  offline.says('hello');
  offline.keeps();
  await settled();
  world.clock.pass(13_000);
  first.connects();
  await settled();
  assert.deepEqual(first.sent(), ['hello']);
});

test('as long as one message after the other goes out, nobody takes the turn', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.connects();
  second.connects();
  for (const text of ['one', 'two', 'three', 'four']) second.says(text);
  second.keeps();
  await settled();
  for (let round = 0; round < 3; round++) {
    world.clock.pass(6_000);
    first.isAnswered([second]);
  }
  await settled();
  assert.deepEqual([first.sent(), second.sent()], [['four'], []]);
});

test('a mute is no reason to take the turn', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.connects();
  second.connects();
  first.says('one');
  first.keeps();
  await settled();
  first.isRefused('slow_down', 20_000);
  world.clock.pass(20_000);
  await settled();
  assert.deepEqual([first.sent(), second.sent()], [['one'], []]);
});

test('a tab that sleeps with the turn loses it to one that is awake', async () => {
  const world = createWorld();
  const [sleeper, awake] = [world.open(), world.open()];
  awake.connects();
  awake.says('is anybody there?');
  awake.keeps();
  await settled();
  world.clock.pass(11_999);
  await settled();
  assert.deepEqual(awake.sent(), []);
  world.clock.pass(1);
  await settled();
  assert.deepEqual(awake.sent(), ['is anybody there?']);
  assert.deepEqual(sleeper.sent(), []);
});

test('the turn is taken back from a tab that took it and fell asleep too', async () => {
  const world = createWorld();
  const [first, second, third] = [world.open(), world.open(), world.open()];
  second.connects();
  third.connects();
  second.says('is anybody there?');
  second.keeps();
  await settled();
  first.crashes({ writesArrive: true, requestsArrive: true });
  await settled();
  world.clock.pass(12_000);
  await settled();
  assert.deepEqual([second.sent(), third.sent()], [[], ['is anybody there?']]);
  third.loses();
  second.connects();
  world.clock.pass(12_000);
  await settled();
  assert.deepEqual(second.sent(), ['is anybody there?']);
});

test('too fast in one tab halts all of them', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.connects();
  second.connects();
  first.says('one');
  first.keeps();
  await settled();
  first.isRefused('slow_down', 9_000);
  assert.equal(second.outbox.state().halt?.until, world.clock.now() + 9_000);
  world.clock.pass(9_000);
  assert.equal(second.outbox.state().halt, undefined);
  assert.deepEqual(first.sent(), ['one']);
});

test('what was refused for good says so in every tab, and after a restart too', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.connects();
  first.says('far too long');
  first.keeps();
  await settled();
  first.isRefused('too_long');
  first.keeps();
  assert.deepEqual(second.shows(), [['far too long', 'failed']]);
  for (const tab of [first, second]) tab.crashes({ writesArrive: true, requestsArrive: true });
  assert.deepEqual(world.open().shows(), [['far too long', 'failed']]);
});

test('who leaves and discards in one tab has discarded in all', async () => {
  const world = createWorld();
  const [first, second] = [world.open(), world.open()];
  first.says('never mind');
  first.keeps();
  await settled();
  second.outbox.clear();
  assert.deepEqual([first.shows(), second.shows(), world.onDisk()], [[], [], []]);
});

test('a tab that was offline while another one sent drops what the other one saw stored', async () => {
  const world = createWorld();
  const [online, offline] = [world.open(), world.open()];
  online.connects();
  offline.says('from the tunnel');
  offline.keeps();
  await settled();
  online.isAnswered();
  assert.deepEqual(offline.unsent(), ['from the tunnel']);
  offline.connects();
  await settled();
  assert.deepEqual(offline.shows(), []);
});

/** `settles`: whether everything that has only to be waited for happens before the next step. */
type Step = { does: (typeof DEEDS)[number]; who: number; flag: boolean; otherFlag: boolean; settles: boolean };
const DEEDS = [
  'open',
  'say',
  'say',
  'say',
  'keep',
  'keep',
  'connect',
  'answer',
  'answer',
  'mute',
  'unsure',
  'lose',
  'crash',
  'wait',
] as const;
const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom(...DEEDS),
  who: fc.nat(3),
  flag: fc.boolean(),
  otherFlag: fc.boolean(),
  settles: fc.boolean(),
});

const sorted = (texts: readonly string[]) => texts.toSorted((one, other) => Number(one) - Number(other));

/** A world in which anything happens, as the steps say. `speaker` is whoever is asked to say the next text. */
function createTurmoil({ mayCrash, speaker }: { mayCrash: (tab: Tab) => boolean; speaker: (tab: Tab) => Tab }) {
  const world = createWorld();
  let tabs = [world.open()];
  let said = 0;

  async function take({ does, who, flag, otherFlag, settles }: Step) {
    const tab = tabs[who % tabs.length] ?? world.open();
    const others = tabs.filter((other) => other !== tab);
    const deeds: Record<Step['does'], () => void> = {
      open: () => tabs.length < 3 && tabs.push(world.open()),
      say: () => speaker(tab).says(String(++said).padStart(3, '0')),
      keep: () => tab.keeps(),
      connect: () => tab.connects(),
      answer: () => tab.isAnswered(flag ? others : []),
      mute: () => tab.isRefused('slow_down', 5_000),
      unsure: () => tab.isRefused('unavailable'),
      lose: () => tab.loses(),
      wait: () => world.clock.pass(flag ? 13_000 : 3_000),
      crash: () => {
        if (!mayCrash(tab)) return;
        tab.crashes({ writesArrive: flag, requestsArrive: otherFlag });
        tabs = others.length > 0 ? others : [world.open()];
      },
    };
    deeds[does]();
    await (settles ? settled() : undefined);
    for (const { ids } of tabs) assert.equal(new Set(ids()).size, ids().length, 'nothing is shown twice');
  }

  return { world, take, said: () => said, tabs: () => tabs };
}

test('whatever tabs, server and crashes do: what lay on the device is delivered once, and nothing of it is lost', async () => {
  const story = fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 80, size: 'max' }), async (steps) => {
    const { world, take, said, tabs } = createTurmoil({ mayCrash: () => true, speaker: (tab) => tab });
    const durable = new Set<string>();
    const note = () => {
      for (const text of [...world.onDisk(), ...world.stored()]) durable.add(text);
    };
    for (const next of steps) {
      await take(next);
      note();
    }
    for (const tab of tabs()) tab.crashes({ writesArrive: true, requestsArrive: true });
    await settled();
    note();
    const last = world.open();
    last.connects();
    for (let round = 0; round <= said(); round++) {
      await settled();
      last.isAnswered();
    }
    assert.deepEqual([last.shows(), world.onDisk()], [[], []]);
    assert.deepEqual(sorted(world.stored()), sorted([...durable]));
  });
  await fc.assert(story, { numRuns: 500 });
});

test('what one tab says arrives in the order in which it was said, whoever sends it', async () => {
  const story = fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 80, size: 'max' }), async (steps) => {
    let first: Tab | undefined;
    const speaker = (tab: Tab) => {
      first ??= tab;
      return first;
    };
    const { world, take } = createTurmoil({ mayCrash: (tab) => tab !== first, speaker });
    for (const next of steps) await take(next);
    assert.deepEqual(world.stored(), sorted(world.stored()));
  });
  await fc.assert(story, { numRuns: 500 });
});

test('whatever happened, a tab that is awake gets everything out, though the others sleep with the turn', async () => {
  const steps = fc.array(step, { minLength: 20, maxLength: 60, size: 'max' });
  const story = fc.asyncProperty(steps, fc.nat(2), async (happened, who) => {
    const { take, world, tabs } = createTurmoil({ mayCrash: () => true, speaker: (tab) => tab });
    for (const next of happened) await take(next);
    const awake = tabs()[who % tabs().length];
    assert.ok(awake);
    for (const tab of tabs()) tab.keeps();
    for (const tab of tabs()) if (tab !== awake) tab.loses();
    for (let rounds = 0; awake.unsent().length > 0; rounds++) {
      assert.ok(rounds < 6, 'it does not wait for ever');
      if (!awake.isConnected()) awake.connects();
      await settled();
      for (; awake.sent().length > 0; await settled()) awake.isAnswered();
      world.clock.pass(13_000);
      await settled();
    }
  });
  await fc.assert(story, { numRuns: 500 });
});
