/** One run: people talk in a world while its parts fail on schedule, then everything heals and the checker is asked. */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../support/browser.ts';
import { check, type Violation } from './checker.ts';
import { inject, type Stage } from './inject.ts';
import { acknowledgementTimes, type Latencies, showingTimes } from './latencies.ts';
import { type LineClient, startLineClient } from './lineClient.ts';
import { getPasses } from './passes.ts';
import { createRandom, type Random } from './random.ts';
import { askHowFarRead, type Pass, type RawClient, startRawClient } from './rawClient.ts';
import { emptyLog, type Log, type Truth } from './record.ts';
import { kinds, kindsFor, type Planned, type PlanOptions, plan } from './schedule.ts';
import { openTab, type Tab } from './tab.ts';
import { canMoveClocks, isRoot, startDistributed, startSingle, type World } from './world.ts';

export type RunOptions = {
  where: 'distributed' | 'single';
  seed: number;
  /** How long faults happen. */
  forMs: number;
  only: readonly string[];
  clients: number;
  flooding: number;
  messagesPerSecond: number;
  lineClients: number;
  tabs: number;
  /** The longest that one fault may last. */
  longestMs: number;
  say: (line: string) => void;
};

export type Second = {
  at: number;
  said: number;
  acknowledged: number;
  shown: number;
  open: number;
  medianMs: number;
  slowestMs: number;
};

export type Outcome = {
  where: 'distributed' | 'single';
  seed: number;
  forMs: number;
  planned: Planned[];
  skipped: string[];
  log: Log;
  seconds: Second[];
  violations: Violation[];
  head: number;
  times: { acknowledged: Latencies; shown: Latencies };
  counts: Record<string, number>;
  /** The last that the servers printed: errors only. */
  printed: string;
};

const REPLICAS = 3;
const ADDRESSES = 10;
const TICK_MS = 50;
const LOOKS_EVERY_MS = 100;
const MOST_UNSENT = 3;
const TRIES = 8;
const HEALS_WITHIN_MS = 60_000;
const SHOWN_WITHIN_MS = 30_000;
const FLOOD_EVERY_MS = 15_000;
const FLOOD_MESSAGES = 8;
/** Of so many people it is asked how far they have read: all that have a second device. */
const MOST_ASKED = 25;
const PRINTED_CHARACTERS = 20_000;

const addressOf = (index: number) => `127.0.0.${2 + (index % ADDRESSES)}`;
export const hasBrowser = () => existsSync('/usr/bin/chromium');

/** The schedule of a run, known before anything starts. */
export function planOf({ where, seed, forMs, only, tabs, longestMs }: Omit<RunOptions, 'say'>) {
  const has = { clocks: canMoveClocks(), smallDisk: isRoot(), tabs: hasBrowser() ? tabs : 0 };
  const options: PlanOptions = { where, seed, forMs, only, has, replicas: REPLICAS, longestMs };
  return { planned: plan(options), skipped: kindsFor(options).skipped };
}

export async function run(options: RunOptions): Promise<Outcome> {
  const { where, seed, forMs, say } = options;
  const { planned, skipped } = planOf(options);
  const needs = (part: string) => planned.some(({ kind }) => kind.includes(part));
  const worldOptions = { hasClocks: needs('clock'), hasSmallDisk: needs('disk') };
  const world = await (where === 'distributed'
    ? startDistributed({ ...worldOptions, chats: REPLICAS })
    : startSingle(worldOptions));
  let browser: Browser | undefined;
  const crew: { ends(): Promise<void> }[] = [];
  try {
    const tabCount = hasBrowser() ? options.tabs : 0;
    const passes = await signEverybodyUp(world, options.clients + options.lineClients + tabCount);
    say(`${passes.length} people are signed in`);
    const startedAt = performance.now();
    const now = () => performance.now() - startedAt;
    const log = emptyLog();
    const random = createRandom(seed + 1);
    const doorFor = (index: number) => (index % 4 === 3 && world.shakyUrl !== undefined ? world.shakyUrl : world.chatUrl);
    const clients = passes.slice(0, options.clients).map((pass, index) => {
      return startRawClient({ client: `client ${index + 1}`, pass, door: () => doorFor(index), log, random, now });
    });
    // Some people have a second device, which only listens.
    for (const [index, pass] of passes.slice(0, Math.ceil(options.clients / 8)).entries()) {
      clients.push(
        startRawClient({ client: `device of client ${index + 1}`, pass, door: () => world.chatUrl, log, random, now }),
      );
    }
    const lines = passes.slice(options.clients, options.clients + options.lineClients).map((pass, index) => {
      return startLineClient({ client: `v1 client ${index + 1}`, pass, door: () => doorFor(index + 2), log, now });
    });
    crew.push(...clients, ...lines);
    await Promise.all(clients.map((client) => client.isUp(60_000)));
    if (tabCount > 0) browser = await launchChromium();
    const tabs: Tab[] = [];
    for (const pass of passes.slice(options.clients + options.lineClients)) {
      if (browser) tabs.push(await openTab({ browser, pagesUrl: world.pagesUrl, pass, log, now }));
    }
    const scene: Scene = {
      world,
      clients,
      lines,
      tabs,
      random,
      log,
      now,
      sinceStart: (time) => time - startedAt,
      passes,
      held: new Map(),
    };
    const seconds: Second[] = [];
    const reporter = reports(scene, seconds, say);
    const sampler = samplesMarks(scene);
    const begunAt = now();
    const talk = talks(scene, options, forMs);
    await Promise.all([talk, ...planned.map((one) => happens(scene, one, begunAt, say))]);
    say('all faults are over; everything has to heal by itself');
    await heals(scene);
    clearInterval(reporter);
    await sampler.stop();
    const truth = await settledTruth(scene);
    await asksHowFarRead(scene);
    await Promise.all(crew.splice(0).map((one) => one.ends()));
    const violations = check(log, truth);
    const head = truth.rows.at(-1)?.seq ?? 0;
    const printed = world.log().slice(-PRINTED_CHARACTERS);
    const counts = countsOf(log);
    const times = { acknowledged: acknowledgementTimes(log.sayings), shown: showingTimes(log) };
    return { where, seed, forMs, planned, skipped, log, seconds, violations, head, times, counts, printed };
  } finally {
    await Promise.all(crew.map((one) => one.ends()));
    await browser?.close().catch(() => undefined);
    await world.stop();
  }
}

type Scene = Omit<Stage, 'clients'> & {
  clients: readonly RawClient[];
  lines: readonly LineClient[];
  now: () => number;
  passes: readonly Pass[];
  /** By what a fault holds: resolves when it is undone. */
  held: Map<string, Promise<void>>;
};

const signEverybodyUp = (world: World, count: number) =>
  getPasses(
    world.pagesUrl,
    Array.from({ length: count }, (_, index) => `person${index + 1}`),
    addressOf,
  );

// ---- faults ------------------------------------------------------------------------------------------------------------

async function happens(scene: Scene, one: Planned, begunAt: number, say: (line: string) => void) {
  await pause(begunAt + one.atMs - scene.now());
  // Undoing a fault may take longer than planned: whatever is still coming back must not be hit by two hands.
  const things = kinds[one.kind].holds(one.target);
  const before = things.map((thing) => scene.held.get(thing));
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>();
  for (const thing of things) scene.held.set(thing, isOver);
  await Promise.all(before);
  const from = scene.now();
  const target = `${one.target + 1}`;
  const span = { kind: one.kind, target, from, to: from + one.forMs };
  scene.log.faults.push(span);
  say(`${one.kind} (${target}) for ${(one.forMs / 1000).toFixed(1)} s`);
  try {
    await inject(scene, one);
  } catch (error) {
    Object.assign(span, { note: String(error) });
    scene.log.unhealed.push({ client: one.kind, what: `the fault could not be undone: ${error}` });
  }
  span.to = scene.now();
  end();
}

// ---- talk --------------------------------------------------------------------------------------------------------------

/** Somebody says something at any moment, and now and then nobody does: a lost last word shows only in silence. */
async function talks(scene: Scene, { flooding, messagesPerSecond }: RunOptions, forMs: number) {
  const { clients, lines, tabs, random, now } = scene;
  const until = now() + forMs;
  let [owed, quietUntil, floodAt, glanceAt, said] = [0, 0, 3_000, 0, 0];
  const talkers = clients.filter(({ client }) => client.startsWith('client'));
  while (now() < until) {
    await pause(TICK_MS);
    if (now() < quietUntil) continue;
    if (random.next() < 0.002) quietUntil = now() + random.between(1_500, 5_000);
    owed += (messagesPerSecond * TICK_MS) / 1000;
    for (; owed >= 1; owed -= 1) {
      said += 1;
      // Whoever waits for answers waits in silence; others speak instead, as long as anybody can.
      const willing = Array.from({ length: TRIES }, () => random.pick(talkers)).find((one) => one.unsent() < MOST_UNSENT);
      if (willing !== undefined) says(scene, willing, said, random);
    }
    if (now() > floodAt && now() < until - 10_000) {
      floodAt = now() + FLOOD_EVERY_MS;
      for (const client of talkers.slice(0, flooding)) {
        if (client.unsent() > 0) continue;
        for (let index = 0; index < FLOOD_MESSAGES; index++)
          client.says(wordsOf(client.client, `flood ${said}.${index}`, random));
      }
    }
    if (random.next() < 0.02 && lines.length > 0) random.pick(lines).says(`a line, the ${++said}. thing said`);
    if (random.next() < 0.02 && tabs.length > 0) void random.pick(tabs).types(`typed, the ${++said}. thing said`);
    if (now() > glanceAt) {
      glanceAt = now() + 3_000;
      for (const tab of tabs) void tab.glance(false);
    }
  }
}

const wordsOf = (client: string, number: number | string, random: Random) =>
  `${client} says ${number} ${'x'.repeat(random.between(0, 120))}`.trim();

function says({ log }: Scene, client: RawClient, number: number, random: Random) {
  if (random.between(0, 100) < 4) client.reads(client.cursor());
  const own = client.ownMessages();
  const earlier = log.sayings.filter((saying) => saying.client === client.client && saying.answers.length > 0);
  const words = wordsOf(client.client, number, random);
  const share = random.between(0, 100);
  if (own.length === 0 || share >= 23) return client.says(words);
  const { seq } = random.pick(own);
  if (share < 8) return client.saysAgain(random.pick(earlier));
  if (share < 14) return client.edits(seq, `${words}, edited`);
  if (share < 17) return client.deletes(seq);
  return client.reacts(seq, random.pick(['👍', '🎉', '😀']), random.between(0, 10) < 7);
}

/** What the database holds of read marks, once a second; whenever it cannot be asked there is no sample. */
function samplesMarks({ world, log, now }: Scene) {
  const last = new Map<string, number>();
  let isBusy = false;
  async function sample() {
    if (isBusy) return;
    isBusy = true;
    const at = now();
    const { epoch, reads } = await world.readMarks();
    for (const { userId, seq } of reads) {
      if (last.get(`${epoch} ${userId}`) === seq) continue;
      last.set(`${epoch} ${userId}`, seq);
      log.marks.push({ at, epoch, userId, seq });
    }
  }
  const look = () =>
    sample()
      .catch(() => undefined)
      .finally(() => {
        isBusy = false;
      });
  const timer = setInterval(() => void look(), 1_000);
  return {
    async stop() {
      clearInterval(timer);
      await look();
    },
  };
}

// ---- the end -----------------------------------------------------------------------------------------------------------

/** Everybody has to be back and to have said all that waited; then one last word has to reach everybody. */
async function heals(scene: Scene) {
  const { clients, tabs, log, now, lines, world } = scene;
  for (const { name, isRunning } of world.programs()) {
    if (!isRunning) log.unhealed.push({ client: name, what: 'ended by itself' });
  }
  const deadline = now() + HEALS_WITHIN_MS;
  await Promise.all(
    clients.map((client) =>
      client
        .until(() => client.isOpen() && client.unsent() === 0, 'healing', deadline - now())
        .catch(() =>
          log.unhealed.push({
            client: client.client,
            what: client.isOpen() ? 'words still wait' : `is not let in again: ${client.where()}`,
          }),
        ),
    ),
  );
  const [first] = clients;
  if (first === undefined) return;
  const text = 'the last word of this run';
  const last = first.says(text);
  await first
    .isTold(last, SHOWN_WITHIN_MS)
    .catch(() => log.unhealed.push({ client: first.client, what: 'the last word is not stored' }));
  const seq = last.answers[0]?.seq ?? 0;
  // Who does not show it in all this time is found by the checker.
  await Promise.all(clients.map((client) => client.shows(seq, SHOWN_WITHIN_MS).catch(() => undefined)));
  const areUp = await Promise.all(tabs.map((tab) => tab.isUpToDate(text, HEALS_WITHIN_MS)));
  for (const [index, tab] of tabs.entries()) {
    if (!areUp[index]) log.unhealed.push({ client: tab.client, what: 'the page does not show the last word' });
    await tab.glance(true);
  }
  // Whoever is on a dead connection notices when the server's pings stay away.
  for (const until = now() + SHOWN_WITHIN_MS; now() < until && !lines.every((line) => line.isOpen() && line.isUpToDate(text)); ) {
    await pause(LOOKS_EVERY_MS);
  }
}

/** Read marks are written up to a second late: the truth is what stays the same. */
async function settledTruth({ world }: Scene): Promise<Truth> {
  let before = '';
  for (let tries = 0; ; tries++) {
    const truth = await world.truth();
    const present = JSON.stringify([truth.rows.length, truth.reads]);
    if (present === before || tries > 20) return truth;
    before = present;
    await pause(1_200);
  }
}

async function asksHowFarRead({ world, passes, log }: Scene) {
  for (const pass of passes.slice(0, MOST_ASKED)) {
    const told = await askHowFarRead(world.chatUrl, pass);
    if (told !== undefined) log.welcomes.push({ person: pass.name, userId: pass.userId, read: told.read, unread: told.unread });
  }
}

// ---- figures -----------------------------------------------------------------------------------------------------------

/** A line a second, and what the picture is drawn from. */
function reports({ log, clients, now }: Scene, seconds: Second[], say: (line: string) => void) {
  let [shownBefore, ackBefore, saidBefore] = [0, 0, 0];
  return setInterval(() => {
    const shown = log.witnesses.reduce((sum, witness) => sum + witness.shown.length, 0);
    const recent = log.sayings.slice(-2_000);
    const fresh = recent.flatMap(({ at, answers }) => {
      const told = answers[0]?.at;
      return told !== undefined && told > now() - 1_000 ? [told - at] : [];
    });
    const acknowledged = log.sayings.filter(({ answers }) => answers.length > 0).length;
    fresh.sort((a, b) => a - b);
    const open = clients.filter((client) => client.isOpen()).length;
    const second: Second = {
      at: now(),
      said: log.sayings.length - saidBefore,
      acknowledged: acknowledged - ackBefore,
      shown: shown - shownBefore,
      open,
      medianMs: fresh[fresh.length >> 1] ?? 0,
      slowestMs: fresh.at(-1) ?? 0,
    };
    seconds.push(second);
    [shownBefore, ackBefore, saidBefore] = [shown, acknowledged, log.sayings.length];
    const away = clients.find((client) => !client.isOpen());
    const active = log.faults.filter(({ from, to }) => from <= now() && now() <= to).map(({ kind }) => kind);
    say(
      `${String(Math.round(now() / 1000)).padStart(4)} s  said ${log.sayings.length}, stored ${acknowledged}, shown +${second.shown}, ` +
        `open ${open}/${clients.length}, median ${Math.round(second.medianMs)} ms${active.length > 0 ? `  [${active.join(', ')}]` : ''}` +
        (away === undefined ? '' : `  (${away.client}: ${away.where()})`),
    );
  }, 1_000);
}

function countsOf(log: Log): Record<string, number> {
  const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
  return {
    said: log.sayings.length,
    acknowledged: log.sayings.filter(({ answers }) => answers.length > 0).length,
    'sent again': sum(log.sayings.map(({ tries }) => Math.max(0, tries - 1))),
    'answered again': sum(log.sayings.map(({ answers }) => answers.filter(({ again }) => again).length)),
    'refused by the rate limit': sum(
      log.sayings.map(({ refusals }) => refusals.filter(({ code }) => code === 'slow_down').length),
    ),
    'told that nobody knows': sum(
      log.sayings.map(({ refusals }) => refusals.filter(({ code }) => code === 'unavailable').length),
    ),
    shown: sum(log.witnesses.map(({ shown }) => shown.length)),
    'lines heard by v1 clients': sum(log.lines.map(({ lines }) => lines.length)),
    connections: sum(log.witnesses.map(({ connections }) => connections)),
    'typed on pages': sum(log.tabs.map(({ typed }) => typed.length)),
    'glances at pages': sum(log.tabs.map(({ glances }) => glances.length)),
    faults: log.faults.length,
    'copies restored': log.restores.length,
  };
}
