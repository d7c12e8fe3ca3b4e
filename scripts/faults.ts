/**
 * `npm run test:faults`: the delivery promises under injected faults, with a report.
 *
 *   npm run test:faults                                    the short form: both kinds of server and the defects
 *   npm run test:faults -- --minutes 3 --seed 7            the long form for one seed
 *   npm run test:faults -- --minutes 3 --seeds 20          twenty seeds, one after the other
 *   npm run test:faults -- --only "Redis,replica killed"   faults (or defects) whose names hold one of these
 *   npm run test:faults -- --where single                  one kind of server
 *   npm run test:faults -- --defects                       nothing but the deliberate defects
 *   npm run test:faults -- --report FOLDER                 where the report goes
 */
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { playDefects } from '../tests/faults/defects.ts';
import { type Report, writeReport } from '../tests/faults/report.ts';
import { type Outcome, planOf, type RunOptions, run } from '../tests/faults/run.ts';

type Where = RunOptions['where'];
type Size = Omit<RunOptions, 'where' | 'seed' | 'only' | 'say'>;

const SHORT_MS: Record<Where, number> = { distributed: 35_000, single: 18_000 };
const short: Omit<Size, 'forMs'> = { clients: 12, flooding: 2, messagesPerSecond: 6, lineClients: 2, tabs: 1, longestMs: 5_000 };
const long: Omit<Size, 'forMs'> = {
  clients: 200,
  flooding: 20,
  messagesPerSecond: 50,
  lineClients: 6,
  tabs: 4,
  longestMs: 30_000,
};
const HAS_SEVERAL = /^(clients|messages)$/;

const say = (line: string) => process.stdout.write(`${line}\n`);

function readWords() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      where: { type: 'string' },
      clients: { type: 'string' },
      messages: { type: 'string' },
      defects: { type: 'boolean', default: false },
      report: { type: 'string', default: join(tmpdir(), 'securechat-faults-report') },
    },
  });
  const number = (name: 'minutes' | 'seed' | 'seeds' | 'clients' | 'messages') => {
    const given = values[name];
    if (given === undefined) return undefined;
    const isWhole = name === 'seed' || name === 'seeds' || HAS_SEVERAL.test(name);
    const value = Number(given);
    if (!(value >= 0) || (isWhole && !Number.isInteger(value))) throw new Error(`--${name} ${given} is no such number.`);
    return value;
  };
  const where = values.where;
  if (where !== undefined && where !== 'distributed' && where !== 'single') throw new Error('--where is distributed or single.');
  return {
    minutes: number('minutes'),
    seed: number('seed') ?? 1,
    seeds: number('seeds') ?? 1,
    clients: number('clients'),
    messages: number('messages'),
    only: values.only.split(',').filter(Boolean),
    where: where === undefined ? (['distributed', 'single'] as const) : ([where] as const),
    isDefectsOnly: values.defects,
    folder: values.report,
  };
}

type Words = ReturnType<typeof readWords>;

function optionsFor(where: Where, seed: number, { minutes, clients, messages, only }: Words): RunOptions {
  const usual = minutes === undefined ? { ...short, forMs: SHORT_MS[where] } : { ...long, forMs: minutes * 60_000 };
  const size = {
    ...usual,
    ...(clients !== undefined && { clients, flooding: Math.ceil(clients / 10) }),
    ...(messages !== undefined && { messagesPerSecond: messages }),
  };
  return { ...size, where, seed, only, say: (line) => say(`${where === 'single' ? 'single' : 'replicas'} #${seed}  ${line}`) };
}

/** Before anything starts: the same seed says the same here, always. */
function printPlan(options: RunOptions) {
  const { planned, skipped } = planOf(options);
  say(`\n== ${options.where}, seed ${options.seed}: ${planned.length} faults in ${options.forMs / 1000} s`);
  for (const { atMs, forMs, kind, target } of planned) {
    say(`   ${(atMs / 1000).toFixed(1).padStart(6)} s  ${kind} (${target + 1}), ${(forMs / 1000).toFixed(1)} s`);
  }
  if (skipped.length > 0) say(`   Not tried here: ${skipped.join(', ')}.`);
}

function printOutcome({ where, seed, violations, times, counts }: Outcome) {
  const { acknowledged: told, shown } = times;
  const figures = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  say(`== ${where}, seed ${seed}: ${violations.length} violations; ${figures.join(', ')}`);
  say(
    `   acknowledged: median ${told.median} ms, 99 % ${told.p99} ms; shown live: median ${shown.median} ms, 99 % ${shown.p99} ms`,
  );
  for (const { promise, what, evidence } of violations) say(`!! ${promise}: ${what} ${JSON.stringify(evidence)}`);
}

async function main(): Promise<number> {
  const words = readWords();
  const began = performance.now();
  const report: Report = {
    startedAt: new Date().toISOString(),
    command: `npm run test:faults -- ${process.argv.slice(2).join(' ')}`,
    machine: `${cpus().length} cores, Node ${process.versions.node}`,
    tookMs: 0,
    outcomes: [],
    defects: [],
  };
  if (!words.isDefectsOnly) {
    for (let seed = words.seed; seed < words.seed + words.seeds; seed++) {
      for (const where of words.where) {
        const options = optionsFor(where, seed, words);
        printPlan(options);
        const outcome = await run(options);
        printOutcome(outcome);
        // What each client showed has been checked: over many seeds it would fill the memory.
        outcome.log.witnesses = [];
        report.outcomes.push(outcome);
      }
    }
  }
  const isShort = words.minutes === undefined;
  if (words.isDefectsOnly || (isShort && words.only.length === 0)) {
    say('\n== deliberate defects: each has to be caught, and nothing found without it');
    report.defects = await playDefects({ only: words.only, say });
  }
  report.tookMs = performance.now() - began;
  say(`\nThe report is in ${writeReport(words.folder, report)}`);
  const found = report.outcomes.flatMap(({ violations }) => violations).length;
  const uncaught = report.defects.filter(({ outcome }) => outcome === 'missed' || outcome === 'broken').length;
  say(`${found} violations, ${uncaught} defects not caught, ${Math.round(report.tookMs / 1000)} s in all`);
  return found + uncaught === 0 ? 0 : 1;
}

// Whatever was started and mounted ends with this process.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
process.exit(await main());
