/** What each kind of fault does to a world, and how it is undone. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from './random.ts';
import type { RawClient } from './rawClient.ts';
import type { Log } from './record.ts';
import type { FaultKind, Planned } from './schedule.ts';
import type { Tab } from './tab.ts';
import type { Distributed, Replica, SingleWorld, World } from './world.ts';

const HOUR_MS = 3_600_000;
/** In the bytes that a replica sends when it stores something. */
const APPEND = 'append_events';
/** News whose loss shows: events and heads. */
const NUMBERED = /"kind":"(events|head)"/;

export type Stage = {
  world: World;
  clients: readonly RawClient[];
  tabs: readonly Tab[];
  random: Random;
  log: Log;
  /** Turns a time of performance.now() into one of the run. */
  sinceStart: (time: number) => number;
};

/** Makes one fault happen and resolves when it is over and undone. */
export async function inject(stage: Stage, planned: Planned): Promise<void> {
  const { world } = stage;
  const shared = onBoth[planned.kind];
  if (shared !== undefined) await shared(stage, planned);
  else if (world.kind === 'distributed') await onReplicas[planned.kind]?.(world, planned, stage);
  else await onNode[planned.kind]?.(world, planned);
}

type Injectors<W extends unknown[]> = Partial<Record<FaultKind, (...given: W) => Promise<unknown>>>;

const chatOf = (world: Distributed, { target }: Planned) => world.chats[target % world.chats.length] as Replica;

// ---- replicas ----------------------------------------------------------------------------------------------------------

const onReplicas: Injectors<[Distributed, Planned, Stage]> = {
  'replica killed': (world, planned) => down(chatOf(world, planned), 'SIGKILL', planned.forMs),
  'replica ended': (world, planned) => down(chatOf(world, planned), 'SIGTERM', planned.forMs),
  'replica frozen': (world, planned) => frozen(chatOf(world, planned).pid, planned.forMs),
  async 'replica frozen in an append'(world, planned) {
    const chat = chatOf(world, planned);
    // It has asked for something to be stored and cannot hear that it was.
    await Promise.race([chat.toPostgres.asked(APPEND), pause(planned.forMs)]);
    await frozen(chat.pid, planned.forMs);
  },
  async 'replica cut off'(world, planned) {
    const { toPostgres, toRedis } = chatOf(world, planned);
    await Promise.all([toPostgres, toRedis].map((way) => stalled(way, planned.forMs)));
  },
  'replica clock moved': (world, planned) => moved(chatOf(world, planned).clock, planned),
  async 'Redis killed'({ redis, base }, { forMs }) {
    await redis.kill9();
    await pause(forMs);
    await base.startRedisAgain();
  },
  async 'Redis frozen'({ redis }, { forMs }) {
    redis.pause();
    await pause(forMs);
    redis.resume();
  },
  'Redis clock moved': ({ base }, planned) => moved(base.redisClock, planned),
  async 'Postgres killed'({ postgres, base }, { forMs }) {
    await postgres.kill9();
    await pause(forMs);
    await base.startPostgresAgain();
  },
  async 'Postgres restarted'({ postgres, base }, { forMs }) {
    await postgres.end();
    await pause(forMs);
    await base.startPostgresAgain();
  },
  async 'Postgres frozen'({ postgres }, { forMs }) {
    postgres.pause();
    await pause(forMs);
    postgres.resume();
  },
  'Postgres clock moved': ({ base }, planned) => moved(base.postgresClock, planned),
  async 'disk full'(world, { forMs }) {
    const free = await world.fillDisk?.();
    await pause(forMs);
    free?.();
    await revivePostgres(world);
  },
  async 'database snapshot held'(world, { forMs }) {
    const end = await world.holdSnapshot().catch(() => undefined);
    await pause(forMs);
    await end?.();
  },
  async 'answer to COMMIT lost'(world, planned) {
    const { toPostgres } = chatOf(world, planned);
    await Promise.race([toPostgres.cutAfter(APPEND), pause(planned.forMs)]);
    toPostgres.cutNoMore();
  },
  'Postgres cut off': (world, planned) => stalled(chatOf(world, planned).toPostgres, planned.forMs),
  'Redis cut off': (world, planned) => stalled(chatOf(world, planned).toRedis, planned.forMs),
  async 'bus noise'(world, planned, { random }) {
    const { bus } = chatOf(world, planned);
    bus.deals((payload) => {
      const chance = random.next();
      // Redis loses a single publication only with its connection, and then says so: what has no number relies on that.
      if (chance < 0.15) return NUMBERED.test(payload) ? 'lose' : 'pass';
      if (chance < 0.35) return 'double';
      return chance < 0.6 ? 'late' : 'pass';
    });
    await pause(planned.forMs);
    bus.passes();
  },
  'proxy reloaded': async ({ proxy }) => proxy?.reload(),
  async 'proxy killed'({ proxy }, { forMs }) {
    await proxy?.kill9();
    await pause(forMs);
    await proxy?.start();
  },
  'auth killed': ({ base }, { forMs }) => down(base.auth, 'SIGKILL', forMs),
  /** As when a machine that everything runs on is switched off. */
  async 'everything killed'({ chats, postgres, redis, base, proxy }, { forMs }) {
    const programs = [...chats, base.auth];
    await Promise.all([...programs.map((one) => one.end('SIGKILL')), postgres.kill9(), redis.kill9(), proxy?.kill9()]);
    await pause(forMs);
    await Promise.all([base.startPostgresAgain(), base.startRedisAgain()]);
    await Promise.all(programs.map(startAgain));
    await proxy?.start();
  },
  'older copies restored together': (world, { forMs }, stage) => restored(stage, () => world.takeCopy(true), forMs),
};

// ---- a single node -----------------------------------------------------------------------------------------------------

const onNode: Injectors<[SingleWorld, Planned]> = {
  'node killed': ({ node }, { forMs }) => down(node, 'SIGKILL', forMs),
  'node ended': ({ node }, { forMs }) => down(node, 'SIGTERM', forMs),
  'node frozen': ({ node }, { forMs }) => frozen(node.pid, forMs),
  'node clock moved': ({ clock }, planned) => moved(clock, planned),
  async 'disk full'(world, { forMs }) {
    const free = await world.fillDisk?.();
    await pause(forMs);
    free?.();
  },
};

// ---- on the way to both ------------------------------------------------------------------------------------------------

const onBoth: Injectors<[Stage, Planned]> = {
  'connections reset': async ({ world, random }) => world.door?.reset(() => random.next() < 0.5),
  'connections half-open': async ({ world, random }) => world.door?.halfOpen(() => random.next() < 0.5),
  'connections stalled': async ({ world }, { forMs }) => world.door && stalled(world.door, forMs),
  async 'connections slow'({ world, random }, { forMs }) {
    world.door?.delay(random.between(50, 400));
    await pause(forMs);
    world.door?.delay(0);
  },
  async 'slow readers'({ clients, random }, { forMs }) {
    for (const client of clients) if (random.next() < 0.2) client.dozes(forMs);
    await pause(forMs);
  },
  async 'tab crashed'({ tabs }, { target, forMs }) {
    await tabs[target % Math.max(1, tabs.length)]?.crashes(forMs);
  },
  async 'tab offline'({ tabs }, { target, forMs }) {
    await tabs[target % Math.max(1, tabs.length)]?.isOffline(forMs);
  },
  'older copy restored': (stage, { forMs }) => restored(stage, () => stage.world.takeCopy(false), forMs),
};

// ---- how ---------------------------------------------------------------------------------------------------------------

type Program = Pick<Replica, 'start' | 'end' | 'pid'>;

async function down(program: Program, signal: NodeJS.Signals, forMs: number) {
  await program.end(signal);
  await pause(forMs);
  await startAgain(program);
}

/** What it needs may be away at this moment: it tries again, as whatever looks after services does. */
async function startAgain(program: Program) {
  for (let tries = 1; ; tries++) {
    try {
      return await program.start();
    } catch (error) {
      if (tries === 4) throw error;
    }
  }
}

async function frozen(pid: number, forMs: number) {
  process.kill(pid, 'SIGSTOP');
  await pause(forMs);
  process.kill(pid, 'SIGCONT');
}

async function stalled(proxy: { stall(): void; heal(): void }, forMs: number) {
  proxy.stall();
  await pause(forMs);
  proxy.heal();
}

/** An hour ahead or behind for a while, and back again. */
async function moved(clock: { moveBy(ms: number): void } | undefined, { forMs, target }: Planned) {
  clock?.moveBy((forMs + target) % 2 === 0 ? HOUR_MS : -HOUR_MS);
  await pause(forMs);
  clock?.moveBy(0);
}

/** A server that found no room for its log has ended, and is started again by whoever makes room. */
async function revivePostgres({ ask, postgres, base }: Distributed) {
  for (let tries = 0; tries < 10; tries++) {
    if (await ask('select 1').catch(() => undefined)) return;
    await pause(300);
  }
  await postgres.kill9();
  await base.startPostgresAgain();
}

async function restored({ log, sinceStart }: Stage, takeCopy: World['takeCopy'], forMs: number) {
  const { restore, remove } = await takeCopy(false);
  await pause(forMs);
  const { at, head } = await restore();
  log.restores.push({ at: sinceStart(at), head });
  remove();
}
