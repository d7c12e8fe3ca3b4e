/** CPU and memory of processes, as Linux counts them (proc(5)), and the core that they run on. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `cpuMs` includes children that have ended. */
export type Usage = { cpuMs: number; rssKib: number };

const MS_PER_TICK = 10;

/** What these processes and all their descendants have used so far, together. */
export function usageOf(pids: readonly number[]): Usage {
  const all = pids.flatMap(familyOf).map(usageOfOne);
  const sum = (field: keyof Usage) => all.reduce((total, usage) => total + usage[field], 0);
  return { cpuMs: sum('cpuMs'), rssKib: sum('rssKib') };
}

/** Keeps processes, all their descendants and whatever these start on one core (taskset(1)). */
export function keepOnCore(core: number, pids: readonly number[]): void {
  // A thread that has just ended makes it complain; what else is wrong shows in the figures.
  for (const pid of pids.flatMap(familyOf)) spawnSync('taskset', ['-a', '-p', '-c', String(core), String(pid)]);
}

function familyOf(pid: number): number[] {
  const children = read(pid, `task/${pid}/children`).trim().split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

function usageOfOne(pid: number): Usage {
  const fields = read(pid, 'stat')
    .replace(/^.*\) /, '')
    .split(' ');
  const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
  return { cpuMs: ticks * MS_PER_TICK, rssKib: Number(/VmRSS:\s+(\d+)/.exec(read(pid, 'status'))?.[1] ?? 0) };
}

/** Postgres' helpers come and go: one that is gone has used nothing any more, and its parent counts what it had. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
