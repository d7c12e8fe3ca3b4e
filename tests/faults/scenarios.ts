/** Short stories, each made so that one deliberate defect breaks a promise in it, and correct code keeps them all. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { launchChromium } from '../support/browser.ts';
import { getPasses } from './passes.ts';
import { createRandom } from './random.ts';
import { type Pass, type RawClient, startRawClient } from './rawClient.ts';
import { emptyLog, type Log, type Saying, type Truth } from './record.ts';
import { openTab } from './tab.ts';
import { type Base, type Distributed, startDistributed, startSingle } from './world.ts';

/** How long a client may take to show what it should; far more than it ever needs. */
const SHOWN_WITHIN_MS = 10_000;
const REOPENINGS = 15;
const CROWD = 18;
const DOUBLES = 4;

export type Told = { log: Log; truth: Truth };

/** Replicas without a proxy, and people who connect to the one that the story says. */
type Small = {
  world: Distributed;
  log: Log;
  now: () => number;
  at(chat: number, person: number, options?: { isForgetful?: boolean }): Promise<RawClient>;
};

/** Plays a story on two replicas whose code is at `root`. */
export async function playOnReplicas(
  root: string,
  base: Base,
  passes: readonly Pass[],
  story: (small: Small) => Promise<void>,
): Promise<Told> {
  const world = await startDistributed({ root, base, chats: 2, hasProxy: false });
  const startedAt = performance.now();
  const now = () => performance.now() - startedAt;
  const [log, random] = [emptyLog(), createRandom(1)];
  const crew: RawClient[] = [];
  const at: Small['at'] = async (chat, person, options = {}) => {
    const pass = passes[person] as Pass;
    const client = `${pass.name} at replica ${chat + 1}, ${crew.length + 1}`;
    const door = () => world.chatUrlOf(chat);
    const one = startRawClient({ client, pass, door, log, random, now, ...options });
    crew.push(one);
    await one.isUp();
    return one;
  };
  try {
    await story({ world, log, now, at });
    return { log, truth: await world.truth() };
  } finally {
    await Promise.all(crew.map((one) => one.ends()));
    await world.stop();
  }
}

const [ALICE, BOB, CAROL] = [0, 1, 2] as const;
const isEvents = (payload: string) => payload.includes('"kind":"events"');

async function toldOf(client: RawClient, saying: Saying): Promise<number> {
  await client.isTold(saying);
  return saying.answers[0]?.seq ?? 0;
}

const shownOrNot = (client: RawClient, seq: number) => client.shows(seq, SHOWN_WITHIN_MS).catch(() => undefined);

// ---- stories on replicas -----------------------------------------------------------------------------------------------

export async function postgresIsOutOfReach({ world, at }: Small) {
  const [alice, bob] = [await at(0, ALICE, { isForgetful: true }), await at(1, BOB)];
  await bob.shows(await toldOf(alice, alice.says('before')));
  const way = world.chats[0]?.toPostgres;
  way?.stall();
  await alice.isTold(alice.says('said to nobody'));
  way?.reset();
  way?.heal();
  const after = alice.says('after');
  await alice.isTold(after, SHOWN_WITHIN_MS).catch(() => undefined);
  await shownOrNot(bob, after.answers[0]?.seq ?? 0);
}

export async function saidAgainElsewhere({ at }: Small) {
  const [alice, device] = [await at(0, ALICE), await at(1, ALICE)];
  const saying = alice.says('once and for all');
  const seq = await toldOf(alice, saying);
  await device.shows(seq);
  device.repeats(saying);
  await device.until(() => saying.answers.length > 1, 'the second answer', 5_000).catch(() => undefined);
  await shownOrNot(alice, await toldOf(device, device.says('the end')));
}

export async function publicationLost({ world, at }: Small) {
  const [alice, bob] = [await at(0, ALICE), await at(1, BOB)];
  await bob.shows(await toldOf(alice, alice.says('before')));
  let lost = 0;
  world.chats[1]?.bus.deals((payload) => (isEvents(payload) && lost++ === 0 ? 'lose' : 'pass'));
  await toldOf(alice, alice.says('lost on the bus'));
  await shownOrNot(bob, await toldOf(alice, alice.says('after it')));
}

export async function lastPublicationLost({ world, at }: Small) {
  const [alice, bob] = [await at(0, ALICE), await at(1, BOB)];
  await bob.shows(await toldOf(alice, alice.says('before')));
  world.chats[1]?.bus.deals((payload) => (isEvents(payload) ? 'lose' : 'pass'));
  await shownOrNot(bob, await toldOf(alice, alice.says('the last word')));
}

export async function powerIsCut({ world, at }: Small) {
  const [alice, bob] = [await at(0, ALICE), await at(1, BOB)];
  // The tables are to survive whatever becomes of the words.
  await world.ask('checkpoint');
  for (let said = 0; said < 5; said++) await toldOf(alice, alice.says(`acknowledged ${said}`));
  await world.postgres.kill9();
  await world.base.startPostgresAgain();
  const after = alice.says('after');
  await alice.isTold(after, 20_000).catch(() => undefined);
  await bob.isUp(20_000);
  await shownOrNot(bob, after.answers[0]?.seq ?? 0);
}

export async function missedSomething({ at }: Small) {
  const [alice, bob] = [await at(0, ALICE), await at(1, BOB)];
  await bob.shows(await toldOf(alice, alice.says('heard')));
  bob.goes();
  let seq = 0;
  for (let said = 0; said < 3; said++) seq = await toldOf(alice, alice.says(`missed ${said}`));
  bob.comes();
  await bob.until(() => bob.witness.connections > 1 && bob.isOpen(), 'coming back', SHOWN_WITHIN_MS);
  await shownOrNot(bob, seq);
}

export async function readsLessLater({ world, log, now, at }: Small) {
  const [alice, bob] = [await at(0, ALICE), await at(1, BOB)];
  let seq = 0;
  for (let said = 0; said < 3; said++) seq = await toldOf(alice, alice.says(`to be read ${said}`));
  const isAt = async (wanted: number) => {
    for (const deadline = now() + 4_000; now() < deadline; await pause(100)) {
      const { epoch, reads } = await world.readMarks();
      const mark = reads.find(({ userId }) => userId === bob.pass.userId)?.seq;
      if (mark !== undefined) log.marks.push({ at: now(), epoch, userId: bob.pass.userId, seq: mark });
      if (mark === wanted) return;
    }
  };
  await bob.shows(seq);
  bob.reads(seq);
  await isAt(seq);
  await pause(1_200);
  bob.reads(seq - 2);
  await isAt(seq - 2);
}

/** Somebody opens the room again and again while others never stop talking. */
async function reopens({ now, at }: Small, chat: number) {
  const [alice, bob] = [await at(0, ALICE), await at(chat, BOB)];
  const over = new AbortController();
  const talk = (async () => {
    for (let said = 0; !over.signal.aborted; said++) await toldOf(alice, alice.says(`talk ${said}`));
  })();
  for (let times = 0; times < REOPENINGS; times++) {
    const before = bob.witness.connections;
    bob.breaks();
    await bob.until(() => bob.witness.connections > before && bob.isOpen(), 'coming back', SHOWN_WITHIN_MS);
    const hears = bob.cursor() + 5;
    await bob.shows(hears);
  }
  over.abort();
  await talk;
  await shownOrNot(bob, await toldOf(alice, alice.says(`the last word, at ${Math.round(now())}`)));
}

export const joinsWhileOthersTalk = (small: Small) => reopens(small, 1);

export async function joinsACrowd(small: Small) {
  for (let index = 0; index < CROWD; index++) await small.at(1, index % 2 === 0 ? ALICE : CAROL);
  await reopens(small, 1);
}

export async function doubleBesideSomethingNew({ world, at }: Small) {
  const [alice, device, bob, carol] = [await at(0, ALICE), await at(1, ALICE), await at(1, BOB), await at(1, CAROL)];
  const way = world.chats[1]?.toPostgres;
  const known = Array.from({ length: DOUBLES }, (_, index) => alice.says(`known already, ${index}`));
  for (const saying of known) await device.shows(await toldOf(alice, saying));
  const said: Saying[] = [];
  for (const [index, saying] of known.entries()) {
    // While the first is on its way to the database, the double and what is new wait for the next batch together.
    way?.delay(150);
    said.push(bob.says(`first of all, ${index}`));
    await pause(60);
    device.repeats(saying);
    await pause(40);
    said.push(carol.says(`beside the double, ${index}`));
    await pause(600);
    way?.delay(0);
  }
  // Behind a hole nothing is heard any more.
  await Promise.allSettled([
    bob.isTold(said.at(-2) as Saying, SHOWN_WITHIN_MS),
    carol.isTold(said.at(-1) as Saying, SHOWN_WITHIN_MS),
  ]);
  await shownOrNot(alice, said.at(-1)?.answers[0]?.seq ?? 0);
}

export async function editsWhatIsGone({ at }: Small) {
  const [alice, bob] = [await at(0, ALICE), await at(1, BOB)];
  const seq = await toldOf(alice, alice.says('to be deleted'));
  await toldOf(alice, alice.deletes(seq));
  const edit = alice.edits(seq, 'said after all');
  await alice.isTold(edit);
  await shownOrNot(bob, await toldOf(alice, alice.says('the end')));
}

// ---- stories on a single node ------------------------------------------------------------------------------------------

/** Counts how often SQLite's log is written to the disk while messages are acknowledged one by one. */
export async function countsSyncs(root: string): Promise<Told> {
  const world = await startSingle({ root });
  const startedAt = performance.now();
  const now = () => performance.now() - startedAt;
  const [log, random] = [emptyLog(), createRandom(1)];
  try {
    const passes = await getPasses(world.pagesUrl, ['alice', 'bob'], () => '127.0.0.1');
    const crew = passes.map((pass) => startRawClient({ client: pass.name, pass, door: () => world.chatUrl, log, random, now }));
    await Promise.all(crew.map((one) => one.isUp()));
    const trace = join(world.home, 'trace');
    const tracer = spawn('strace', ['-f', '-y', '-e', 'trace=fsync,fdatasync', '-o', trace, '-p', `${world.node.pid}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await once(tracer.stderr, 'data');
    let acknowledged = 0;
    // Two people say four each: fewer than the rate limit counts.
    for (let said = 0; said < 4; said++) {
      for (const one of crew) {
        await toldOf(one, one.says(`${one.pass.name} ${said}`));
        acknowledged += 1;
      }
    }
    tracer.kill('SIGINT');
    await once(tracer, 'exit');
    const synced = readFileSync(trace, 'utf8').match(/f(?:data)?sync\(\d+<[^>]*securechat\.db-wal>/g)?.length ?? 0;
    log.syncs.push({ acknowledged, synced });
    await Promise.all(crew.map((one) => one.shows(acknowledged).catch(() => undefined)));
    const truth = await world.truth();
    await Promise.all(crew.map((one) => one.ends()));
    return { log, truth };
  } finally {
    await world.stop();
  }
}

/** Somebody types faster than the rate limit allows, in a real page. */
export async function typesTooFast(root: string): Promise<Told> {
  const world = await startSingle({ root });
  const browser = await launchChromium();
  const startedAt = performance.now();
  const now = () => performance.now() - startedAt;
  const log = emptyLog();
  try {
    const [pass] = await getPasses(world.pagesUrl, ['alice'], () => '127.0.0.1');
    const tab = await openTab({ browser, pagesUrl: world.pagesUrl, pass: pass as Pass, log, now });
    for (let typed = 1; typed <= 7; typed++) await tab.types(`typed in haste, ${typed}`);
    if (!(await tab.isUpToDate('typed in haste, 7', 25_000)))
      log.unhealed.push({ client: tab.client, what: 'not all that was typed is shown' });
    await tab.glance(true);
    return { log, truth: await world.truth() };
  } finally {
    await browser.close();
    await world.stop();
  }
}
