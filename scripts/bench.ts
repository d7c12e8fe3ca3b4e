/**
 * `npm run bench`: what the server costs, beside a naive broadcast with `ws` under the same TLS, as ratios of one run.
 *
 *   npm run bench                     everything, about five minutes
 *   npm run bench -- single           the single node, beside `ws` with TLS in Node
 *   npm run bench -- replicas         nginx, two chats, Redis and Postgres, beside the same nginx in front of `ws`
 *   npm run bench -- replicas fanout  one part: idle, fanout, latency, rooms
 *   npm run bench -- appends          durable changes a second in one hot room
 *
 * `--rates 20,200` are messages a second for fanout, `--idle 5000` the connections for idle. "Reached" is the share that
 * had arrived three seconds after the last text. The replicas need the system's nginx, redis-server and Postgres. CPU is
 * that of all server processes together, which share one core; the load has another. Absolute figures drift with the
 * machine's mood: compare what one run prints. Nothing else should run meanwhile. docs/scaling.md says what came out.
 */
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startPostgres } from '@securechat/shared/postgres.fixture';
import type { Asked, Heard } from './bench.load.ts';
import { end, forkScript, type Pair, pidsOf, type Subject, startReplicasPair, startSinglePair } from './bench.subjects.ts';
import { keepOnCore, type Usage, usageOf } from './bench.usage.ts';

const USAGE = `npm run bench -- [single] [replicas] [idle] [latency] [fanout] [rooms] [appends] [--rates 2,20,200] [--idle 2000]
Without words everything is measured, in about five minutes.
`;
const WORDS = ['single', 'replicas', 'idle', 'latency', 'fanout', 'rooms', 'appends'];

const { positionals, RATES, IDLE } = readWords();
/** All processes of all servers share a core, so that a server of many has no more than a server of one. */
const SERVERS_CORE = 0;
const LOAD_CORE = 1;
const RECEIVERS = 500;
const SECONDS = 6;
const IDLE_SECONDS = 5;
const LONE = { people: 20, rate: 100 };
const WARM_UP = { people: 20, rate: 400, seconds: 10 };
const SMALL = { rooms: 100, members: 5, rate: 2_000 };

/** What is measured of a server, in this order. */
const benches: Record<string, (pair: Pair) => Promise<void>> = {
  idle: benchIdle,
  latency: benchLatency,
  fanout: benchFanOut,
  rooms: benchRooms,
};
const starts: Record<string, () => Promise<Pair>> = { single: startSinglePair, replicas: startReplicasPair };

function readWords() {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      // Messages a second, each heard by all receivers.
      options: {
        rates: { type: 'string', default: '2,20,200' },
        idle: { type: 'string', default: '2000' },
        help: { type: 'boolean', default: false },
      },
    });
    const RATES = values.rates.split(',').map(Number);
    const IDLE = Number(values.idle);
    const isKnown = positionals.every((word) => WORDS.includes(word)) && [...RATES, IDLE].every((number) => number > 0);
    if (isKnown && !values.help) return { positionals, RATES, IDLE };
    process.stdout.write(USAGE);
    process.exit(values.help ? 0 : 1);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(1);
  }
}

const say = (line: string) => process.stdout.write(`${line}\n`);

async function main() {
  const wantedOf = (names: string[]) => {
    const named = names.filter((name) => positionals.includes(name));
    return named.length > 0 ? named : names;
  };
  const isAppendsAlone = positionals.length > 0 && positionals.every((word) => word === 'appends');
  if (!isAppendsAlone)
    for (const server of wantedOf(Object.keys(starts))) await benchServer(server, wantedOf(Object.keys(benches)));
  if (positionals.length === 0 || positionals.includes('appends')) await benchAppends();
}

async function benchServer(server: string, parts: string[]) {
  const pair = await starts[server]?.();
  if (pair === undefined) return;
  for (const subject of [pair.ours, pair.naive]) keepOnCore(SERVERS_CORE, pidsOf(subject));
  try {
    for (const subject of [pair.ours, pair.naive]) await warmUp(subject);
    for (const part of parts) await benches[part]?.(pair);
  } finally {
    for (const subject of [pair.ours, pair.naive]) await subject.stop();
  }
}

/** A server that has run for a while is what people have: its code has been compiled. */
async function warmUp(subject: Subject) {
  const load = await startLoad(subject);
  await load.ask({ command: 'connect', count: WARM_UP.people });
  await load.ask({ command: 'talk', rate: WARM_UP.rate, seconds: WARM_UP.seconds });
  await load.end();
}

// ---- the benches ---------------------------------------------------------------------------------------------------

async function benchIdle({ ours, naive }: Pair) {
  say(`\n${IDLE} idle connections`);
  for (const subject of [ours, naive]) {
    const load = await startLoad(subject);
    const empty = measureParts(subject);
    const startedAt = performance.now();
    await load.ask({ command: 'connect', count: IDLE });
    const seconds = (performance.now() - startedAt) / 1000;
    const full = measureParts(subject);
    await pause(IDLE_SECONDS * 1000);
    const idle = since(full, measureParts(subject), IDLE_SECONDS);
    const { parts, cpuMs } = since(empty, full, IDLE);
    say(`${subject.name.padEnd(14)} KiB each: ${list(parts, ({ rssKib }) => fixed(rssKib))}; before: ${list(empty, inMib)} MiB`);
    say(`${' '.repeat(14)} ms CPU a handshake: ${fixed(cpuMs, 0, 2)} (${list(parts, (part) => fixed(part.cpuMs, 0, 2))})`);
    say(`${' '.repeat(14)} all in after ${fixed(seconds)} s; then ${fixed(idle.cpuMs)} ms CPU a second`);
    await load.end();
  }
}

const inMib = ({ rssKib }: Usage) => fixed(rssKib / 1024, 0, 0);

async function benchLatency(pair: Pair) {
  say(`\n${LONE.people} people in one room, ${LONE.rate} messages/s`);
  await compareTalk(pair, LONE.people, LONE.rate);
}

async function benchFanOut(pair: Pair) {
  say(`\nOne room, ${RECEIVERS} receivers, 100-byte texts, ${SECONDS} s each`);
  for (const rate of RATES) await compareTalk(pair, RECEIVERS, rate);
}

async function compareTalk({ ours, naive }: Pair, count: number, rate: number) {
  const [a, b] = [await measureTalk(ours, { count, rate }), await measureTalk(naive, { count, rate })];
  say(`${' '.repeat(38)}ratio ${(a / b).toFixed(2)}`);
}

async function benchRooms({ ours }: Pair) {
  say(`\n${SMALL.rooms} rooms of ${SMALL.members}, ${SMALL.rate} messages/s in all`);
  const rooms = Array.from({ length: SMALL.rooms }, (_, index) => `room ${index + 1}`);
  await ours.addRooms(rooms);
  await measureTalk(ours, { count: SMALL.rooms * SMALL.members, rate: SMALL.rate, rooms });
}

/** @returns µs CPU per delivery */
async function measureTalk(
  subject: Subject,
  { count, rate, rooms }: { count: number; rate: number; rooms?: string[] },
): Promise<number> {
  const load = await startLoad(subject);
  await load.ask({ command: 'connect', count, ...(rooms !== undefined && { rooms }) });
  await load.ask({ command: 'talk', rate, seconds: 1 });
  const before = measureParts(subject);
  const heard = await load.ask({ command: 'talk', rate, seconds: SECONDS });
  const { cpuMs, parts } = since(before, measureParts(subject), heard.deliveries);
  const reached = `${Math.round((100 * heard.deliveries) / heard.expected)} %`;
  const each = list(parts, (part) => fixed(part.cpuMs * 1000));
  const times = `p50 ${fixed(heard.p50Ms)} ms  p99 ${fixed(heard.p99Ms)} ms`;
  const head = `${subject.name.padEnd(14)} ${fixed(rate, 5, 0)}/s  reached ${reached.padStart(5)}`;
  say(`${head}  ${fixed(cpuMs * 1000, 6)} µs CPU a delivery (${each})  ${times}`);
  await load.end();
  return cpuMs;
}

const fixed = (value: number, width = 0, digits = 1) => value.toFixed(digits).padStart(width);

// ---- usage and load ------------------------------------------------------------------------------------------------

type Parts = Map<string, Usage>;

const measureParts = ({ parts }: Subject): Parts => new Map(Object.entries(parts).map(([part, pids]) => [part, usageOf(pids())]));

/** What was used between two measurements, divided by `count`: by process, and the CPU in all. */
function since(before: Parts, after: Parts, count: number) {
  const parts: Parts = new Map();
  for (const [part, { cpuMs, rssKib }] of after) {
    const begun = before.get(part) ?? { cpuMs: 0, rssKib: 0 };
    parts.set(part, { cpuMs: (cpuMs - begun.cpuMs) / count, rssKib: (rssKib - begun.rssKib) / count });
  }
  return { parts, cpuMs: [...parts.values()].reduce((total, part) => total + part.cpuMs, 0) };
}

const list = (parts: Parts, show: (usage: Usage) => string) =>
  [...parts].map(([part, usage]) => `${part} ${show(usage)}`).join(', ');

async function startLoad({ url, people }: Subject) {
  const load = forkScript('bench.load.ts', [url, JSON.stringify(people)]);
  await once(load, 'message');
  keepOnCore(LOAD_CORE, [load.pid ?? 0]);
  return {
    async ask(asked: Asked): Promise<Heard> {
      load.send(asked);
      const [answer] = (await once(load, 'message')) as [Heard];
      return answer;
    },
    end: () => end(load),
  };
}

// ---- the store -----------------------------------------------------------------------------------------------------

async function benchAppends() {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-bench-'));
  say(`\nOne hot room, durable; one fdatasync here takes ${fixed(timeSync(folder), 0, 2)} ms`);
  say('store            changes/s   p50 ms   p99 ms');
  const postgres = await startPostgres();
  for (const [kind, place] of [
    ['postgres', postgres.url],
    ['sqlite', folder],
  ] as const) {
    const program = forkScript('../services/chat/src/appends.fixture.ts', [kind, place]);
    const [{ perSecond, p50Ms, p99Ms }] = (await once(program, 'message')) as [
      { perSecond: number; p50Ms: number; p99Ms: number },
    ];
    say(`${kind.padEnd(14)} ${fixed(perSecond, 11, 0)} ${fixed(p50Ms, 8)} ${fixed(p99Ms, 8)}`);
    await end(program);
  }
  await postgres.stop();
  rmSync(folder, { recursive: true });
}

/** Milliseconds that the disk takes to keep 4 KiB. */
function timeSync(folder: string): number {
  const TRIES = 200;
  const file = openSync(join(folder, 'sync'), 'w');
  const page = Buffer.alloc(4096, 1);
  const startedAt = performance.now();
  for (let tries = 0; tries < TRIES; tries++) {
    writeSync(file, page);
    fdatasyncSync(file);
  }
  closeSync(file);
  return (performance.now() - startedAt) / TRIES;
}

await main();
