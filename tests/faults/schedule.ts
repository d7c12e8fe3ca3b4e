/** Which fault happens when: decided by a seed alone, before anything starts, so that the same seed gives the same run of faults. */
import { createRandom } from './random.ts';

export type Planned = { atMs: number; forMs: number; kind: FaultKind /** Which of several replicas or pages. */; target: number };

type Kind = {
  /** What it holds while it lasts; two faults on one thing wait for each other. */
  holds: (target: number) => string[];
  /** Shortest and longest, in ms. */
  lasts: [number, number];
  targets?: 'replicas' | 'tabs';
  /** It disturbs nobody, and is worth anything only when it lasts: no bound on single faults cuts it short. */
  isPatient?: true;
  where: readonly ('distributed' | 'single')[];
  /** What the machine must have. */
  needs?: 'clocks' | 'smallDisk' | 'tabs';
};

const replica = (target: number) => [`replica ${target}`];
const only = (name: string) => () => [name];
/**
 * The replica that sees a restore through. When nobody who remembers is left or can be asked, nothing tells an older copy from
 * the truth; then the keeper has to (`npm run admin -- restored`).
 */
const REMEMBERS = 'replica 0';
const all = () => ['replica 0', 'replica 1', 'replica 2', 'postgres', 'redis', 'auth', 'proxy'];
const both = ['distributed', 'single'] as const;
const distributed = ['distributed'] as const;
const single = ['single'] as const;

export const kinds = {
  'replica killed': { holds: replica, lasts: [500, 4_000], targets: 'replicas', where: distributed },
  'replica ended': { holds: replica, lasts: [500, 2_000], targets: 'replicas', where: distributed },
  'replica frozen': { holds: replica, lasts: [2_000, 12_000], targets: 'replicas', where: distributed },
  'replica frozen in an append': { holds: replica, lasts: [2_000, 7_000], targets: 'replicas', where: distributed },
  'replica cut off': { holds: replica, lasts: [2_000, 30_000], targets: 'replicas', where: distributed },
  'replica clock moved': { holds: replica, lasts: [4_000, 15_000], targets: 'replicas', where: distributed, needs: 'clocks' },
  'Redis killed': { holds: only('redis'), lasts: [500, 3_000], where: distributed },
  'Redis frozen': { holds: only('redis'), lasts: [1_000, 8_000], where: distributed },
  'Redis clock moved': { holds: only('redis'), lasts: [4_000, 15_000], where: distributed, needs: 'clocks' },
  'Postgres killed': { holds: only('postgres'), lasts: [500, 3_000], where: distributed },
  'Postgres restarted': { holds: only('postgres'), lasts: [100, 1_000], where: distributed },
  'Postgres frozen': { holds: only('postgres'), lasts: [1_000, 8_000], where: distributed },
  'Postgres clock moved': { holds: only('postgres'), lasts: [4_000, 15_000], where: distributed, needs: 'clocks' },
  'disk full': { holds: only('postgres'), lasts: [2_000, 6_000], where: both, needs: 'smallDisk' },
  'database snapshot held': { holds: only('snapshot'), lasts: [60_000, 150_000], isPatient: true, where: distributed },
  'answer to COMMIT lost': { holds: replica, lasts: [1_000, 3_000], targets: 'replicas', where: distributed },
  'Postgres cut off': { holds: replica, lasts: [2_000, 30_000], targets: 'replicas', where: distributed },
  'Redis cut off': { holds: replica, lasts: [2_000, 30_000], targets: 'replicas', where: distributed },
  'bus noise': { holds: (target) => [`bus ${target}`], lasts: [5_000, 15_000], targets: 'replicas', where: distributed },
  'proxy reloaded': { holds: only('proxy'), lasts: [0, 0], where: distributed },
  'proxy killed': { holds: only('proxy'), lasts: [200, 2_000], where: distributed },
  'auth killed': { holds: only('auth'), lasts: [500, 4_000], where: distributed },
  'everything killed': { holds: all, lasts: [500, 3_000], where: distributed },
  'node killed': { holds: only('node'), lasts: [500, 3_000], where: single },
  'node ended': { holds: only('node'), lasts: [500, 2_000], where: single },
  'node frozen': { holds: only('node'), lasts: [1_000, 8_000], where: single },
  'node clock moved': { holds: only('node'), lasts: [3_000, 8_000], where: single, needs: 'clocks' },
  'connections reset': { holds: only('door'), lasts: [0, 0], where: both },
  'connections half-open': { holds: only('door'), lasts: [0, 0], where: both },
  'connections stalled': { holds: only('door'), lasts: [2_000, 30_000], where: both },
  'connections slow': { holds: only('door'), lasts: [3_000, 10_000], where: both },
  'slow readers': { holds: only('readers'), lasts: [3_000, 12_000], where: both },
  'tab crashed': { holds: (target) => [`tab ${target}`], lasts: [500, 2_000], targets: 'tabs', where: both, needs: 'tabs' },
  'tab offline': { holds: (target) => [`tab ${target}`], lasts: [2_000, 10_000], targets: 'tabs', where: both, needs: 'tabs' },
  'older copy restored': { holds: () => ['postgres', 'node', REMEMBERS], lasts: [3_000, 6_000], where: both },
  'older copies restored together': { holds: () => ['postgres', 'redis', REMEMBERS], lasts: [3_000, 6_000], where: distributed },
} as const satisfies Record<string, Kind>;

export type FaultKind = keyof typeof kinds;

/** After a fault its part needs a moment before the next one is worth anything. */
const RECOVERS_MS = 3_000;
const FIRST_AT_MS = 2_000;
const MOST_WAIT_MS = 5_000;

export type PlanOptions = {
  seed: number;
  forMs: number;
  where: 'distributed' | 'single';
  /** Kinds by name or by a part of it; all when empty. */
  only?: readonly string[];
  has: { clocks: boolean; smallDisk: boolean; tabs: number };
  replicas: number;
  /** The longest that one fault may last. */
  longestMs?: number;
};

/** Kinds that can happen here, and those that cannot with the reason. */
export function kindsFor({ where, only: wanted = [], has }: PlanOptions): { possible: FaultKind[]; skipped: string[] } {
  const skipped: string[] = [];
  const possible = (Object.keys(kinds) as FaultKind[]).filter((name) => {
    const kind: Kind = kinds[name];
    if (!kind.where.includes(where)) return false;
    if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) return false;
    const lacks = kind.needs !== undefined && !has[kind.needs];
    if (lacks) skipped.push(`${name} (${reasons[kind.needs as keyof typeof reasons]})`);
    return !lacks;
  });
  return { possible, skipped };
}

const reasons = {
  clocks: 'needs the package faketime',
  smallDisk: 'needs root, to mount a small file system',
  tabs: 'needs pages in a browser',
};

/** The whole run of faults, in order. Every kind comes once before any comes again, as far as time allows. */
export function plan(options: PlanOptions): Planned[] {
  const { seed, forMs, has, replicas, longestMs = 30_000 } = options;
  const random = createRandom(seed);
  const { possible } = kindsFor(options);
  const freeAt = new Map<string, number>();
  const planned: Planned[] = [];
  const fits = (name: FaultKind, at: number) => at + kinds[name].lasts[0] <= forMs;
  let deck: FaultKind[] = [];
  for (let at = FIRST_AT_MS; at <= forMs && possible.length > 0; at += random.between(300, MOST_WAIT_MS)) {
    // What is too long for the time that is left comes no more, and must not keep the next deck waiting.
    deck = deck.filter((name) => fits(name, at));
    // The next deck lies ready behind this one: while something waits for its things, others happen.
    deck.push(...random.shuffled(possible.filter((name) => fits(name, at) && !deck.includes(name))));
    const reserved = new Set<string>();
    for (const [index, kind] of deck.entries()) {
      const { holds, lasts, targets, isPatient }: Kind = kinds[kind];
      const target = targets === undefined ? 0 : random.between(0, targets === 'tabs' ? has.tabs : replicas);
      const longest = isPatient ? lasts[1] : Math.min(lasts[1], longestMs);
      const lasting = random.between(lasts[0], Math.max(lasts[0] + 1, longest));
      if (at + lasting > forMs) continue;
      const things = holds(target);
      if (things.some((thing) => reserved.has(thing) || (freeAt.get(thing) ?? 0) > at)) {
        // Those behind it in the deck do not take what it waits for, or what needs many things would never come.
        for (const thing of things) reserved.add(thing);
        continue;
      }
      for (const thing of things) freeAt.set(thing, at + lasting + RECOVERS_MS);
      planned.push({ atMs: at, forMs: lasting, kind, target });
      deck.splice(index, 1);
      break;
    }
  }
  return planned;
}
