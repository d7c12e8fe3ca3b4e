import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kinds, type PlanOptions, plan } from './schedule.ts';

const usual: PlanOptions = {
  seed: 1,
  forMs: 600_000,
  where: 'distributed',
  has: { clocks: true, smallDisk: true, tabs: 4 },
  replicas: 3,
};

test('the same seed gives the same schedule, another seed another one', () => {
  assert.deepEqual(plan(usual), plan(usual));
  assert.notDeepEqual(plan(usual), plan({ ...usual, seed: 2 }));
});

test('every kind of fault comes in ten minutes, and nothing befalls one thing twice at once', () => {
  const planned = plan(usual);
  const possible = Object.entries(kinds).filter(([, { where }]) => (where as readonly string[]).includes('distributed'));
  assert.deepEqual([...new Set(planned.map(({ kind }) => kind))].sort(), possible.map(([name]) => name).sort());
  const busyUntil = new Map<string, number>();
  for (const { kind, target, atMs, forMs } of planned) {
    for (const thing of kinds[kind].holds(target)) {
      assert.ok((busyUntil.get(thing) ?? 0) <= atMs, `${kind} at ${atMs}`);
      busyUntil.set(thing, atMs + forMs);
    }
  }
});

test('in three minutes of any seed something new happens again and again, until the end', () => {
  for (let seed = 1; seed <= 50; seed++) {
    for (const where of ['distributed', 'single'] as const) {
      const starts = plan({ ...usual, where, seed, forMs: 180_000 }).map(({ atMs }) => atMs);
      const gaps = [...starts, 180_000].map((at, index) => at - (starts[index - 1] ?? 0));
      assert.ok(Math.max(...gaps) < 25_000, `${where}, seed ${seed}: nothing for ${Math.max(...gaps)} ms`);
    }
  }
});

test('what the machine lacks is left out, and only what was asked for comes', () => {
  const without = plan({ ...usual, has: { clocks: false, smallDisk: false, tabs: 0 } });
  assert.ok(without.every(({ kind }) => !/clock|disk|tab /.test(kind)));
  assert.ok(plan({ ...usual, only: ['Redis'] }).every(({ kind }) => kind.includes('Redis')));
});
