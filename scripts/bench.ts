/**
 * `npm run bench`: what the single node costs, beside a naive broadcast with `ws` under the same TLS, as ratios of one run.
 *
 *   npm run bench                 everything, about two minutes
 *   npm run bench -- idle         memory of 2,000 idle connections, CPU of a handshake
 *   npm run bench -- fanout       server CPU per delivered message, 500 receivers in one room
 *
 * Absolute figures drift with the machine's mood: compare what one run prints. Nothing else should run meanwhile.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { freePorts } from '../tests/support/ports.ts';
import { type SingleNode, startSingleNode } from '../tests/support/stack.ts';
import { projectFolder } from './home.ts';

const IDLE = 2_000;
const RECEIVERS = 500;
const SECONDS = 6;
/** Messages a second, each heard by all receivers. */
const RATES = [2, 20, 100];
/** Connections come from several addresses, as people do. */
const unlimited = {
  CONNECTIONS_PER_PERSON: '100000',
  CONNECTIONS_PER_ADDRESS: '100000',
  HANDSHAKES_PER_ADDRESS_PER_SECOND: '100000',
  RATE_LIMIT_MESSAGES: '1000000',
};

/** A server under load. */
type Subject = { name: string; url: string; pid: number; cookie: string; firstFrame: string; stop(): Promise<unknown> };

/** What the load generator tells; see bench.load.ts. */
type Heard = { deliveries: number; p50Ms: number; p99Ms: number };

const say = (line: string) => process.stdout.write(`${line}\n`);

async function main(parts: readonly string[]) {
  const wanted = (part: string) => parts.length === 0 || parts.includes(part);
  if (wanted('idle')) await withSubjects(benchIdle);
  if (wanted('fanout')) await withSubjects(benchFanOut);
}

async function withSubjects(bench: (ours: Subject, naive: Subject) => Promise<void>) {
  const ours = await startOurs();
  const naive = await startNaive(ours.pair);
  const subjects = [ours, naive];
  try {
    await bench(ours, naive);
  } finally {
    for (const subject of subjects) await subject.stop();
  }
}

// ---- the benches ---------------------------------------------------------------------------------------------------

async function benchIdle(ours: Subject, naive: Subject) {
  say(`\n${IDLE} idle connections`);
  say('server          base MiB   KiB each   ms CPU a handshake');
  for (const subject of [ours, naive]) {
    const load = await startLoad(subject);
    const before = usageOf(subject.pid);
    await load.ask('connect', { count: IDLE });
    const after = usageOf(subject.pid);
    const each = (after.rssKib - before.rssKib) / IDLE;
    const cpu = (after.cpuMs - before.cpuMs) / IDLE;
    say(`${subject.name.padEnd(14)} ${fixed(before.rssKib / 1024, 9)} ${fixed(each, 10)} ${fixed(cpu, 20, 2)}`);
    load.end();
  }
}

async function benchFanOut(ours: Subject, naive: Subject) {
  say(`\nOne room, ${RECEIVERS} receivers, 100-byte texts, ${SECONDS} s each`);
  say('server          messages/s   reached   µs CPU a delivery   p50 ms   p99 ms');
  for (const rate of RATES) {
    const [a, b] = [await measureFanOut(ours, rate), await measureFanOut(naive, rate)];
    say(`${' '.repeat(38)}ratio ${(a / b).toFixed(2)}`);
  }
}

async function measureFanOut(subject: Subject, rate: number): Promise<number> {
  const load = await startLoad(subject);
  await load.ask('connect', { count: RECEIVERS });
  await load.ask('talk', { rate, seconds: 1 });
  const before = usageOf(subject.pid);
  const { deliveries, p50Ms, p99Ms } = await load.ask('talk', { rate, seconds: SECONDS });
  const cpuUs = ((usageOf(subject.pid).cpuMs - before.cpuMs) * 1000) / deliveries;
  const reached = `${Math.round((100 * deliveries) / (rate * SECONDS * RECEIVERS))} %`;
  say(
    `${subject.name.padEnd(14)} ${fixed(rate, 11, 0)} ${reached.padStart(9)} ${fixed(cpuUs, 19)} ${fixed(p50Ms, 8)} ${fixed(p99Ms, 8)}`,
  );
  load.end();
  return cpuUs;
}

const fixed = (value: number, width: number, digits = 1) => value.toFixed(digits).padStart(width);

// ---- servers and load ----------------------------------------------------------------------------------------------

/** The single node with the flags of `npm start`. */
async function startOurs(): Promise<Subject & { pair: string[] }> {
  const stack: SingleNode = await startSingleNode({ ...unlimited, ...environmentOfStart() });
  const alice = await stack.person('alice');
  const { pid, chatUrl: url, stop, env } = stack;
  const pair = [env.SSL_CERT_PATH, env.SSL_KEY_PATH].map(String);
  return { name: 'SecureChat', pair, url, pid, cookie: alice.cookies.header(), firstFrame: 'alice', stop };
}

/** What package.json's start script puts before and behind `node`. */
function environmentOfStart(): Record<string, string> {
  const { scripts } = JSON.parse(readFileSync(`${projectFolder}/package.json`, 'utf8')) as { scripts: { start: string } };
  const words = scripts.start.split(' ');
  const variables = words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split('=') as [string, string]);
  const flags = words.filter((word) => word.startsWith('--'));
  return { ...Object.fromEntries(variables), NODE_OPTIONS: flags.join(' ') };
}

async function startNaive(pair: string[]): Promise<Subject> {
  const [port = 0] = await freePorts(1);
  const server = forkScript('bench.naive.ts', [String(port), ...pair]);
  await once(server, 'message');
  const url = `wss://localhost:${port}/`;
  return { name: 'ws, naive', url, pid: server.pid ?? 0, cookie: '', firstFrame: 'hello', stop: () => end(server) };
}

async function startLoad({ url, cookie, firstFrame }: Subject) {
  const load = forkScript('bench.load.ts', [url, cookie, firstFrame]);
  await once(load, 'message');
  return {
    async ask(command: 'connect' | 'talk', fields: Record<string, number>): Promise<Heard> {
      load.send({ command, ...fields });
      const [answer] = (await once(load, 'message')) as [Heard];
      return answer;
    },
    end: () => load.kill(),
  };
}

function forkScript(name: string, words: string[]): ChildProcess {
  return fork(fileURLToPath(new URL(name, import.meta.url)), words);
}

async function end(child: ChildProcess) {
  child.kill();
  await once(child, 'exit');
}

/** Resident memory and CPU time of a process so far (Linux, proc(5); a clock tick is 10 ms). */
function usageOf(pid: number): { rssKib: number; cpuMs: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const rssKib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  return { rssKib, cpuMs: (Number(fields[11]) + Number(fields[12])) * 10 };
}

await main(parseArgs({ allowPositionals: true }).positionals);
