/** What a run found, for machines (JSON) and for people (one page with a picture that needs nothing else). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promises } from './checker.ts';
import type { Caught } from './defects.ts';
import type { FaultSpan } from './record.ts';
import type { Outcome, Second } from './run.ts';

export type Report = {
  startedAt: string;
  command: string;
  machine: string;
  /** How long everything took. */
  tookMs: number;
  outcomes: Outcome[];
  defects: Caught[];
};

const WIDTH = 1_000;
const LANE = 16;
const CHART = 120;

/** Writes report.json and report.html, and resolves to their folder. */
export function writeReport(folder: string, report: Report): string {
  mkdirSync(folder, { recursive: true });
  const summary = { ...report, outcomes: report.outcomes.map(summarize) };
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(summary, null, 1)}\n`);
  writeFileSync(join(folder, 'report.html'), page(report));
  return folder;
}

/** Everything but what each client showed: that is millions of events. */
function summarize({ log, ...outcome }: Outcome) {
  return {
    ...outcome,
    faults: log.faults,
    restores: log.restores,
    unhealed: log.unhealed,
    typed: log.tabs.map(({ client, typed }) => ({ client, typed })),
  };
}

// ---- the page ----------------------------------------------------------------------------------------------------------

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function page({ startedAt, command, machine, tookMs, outcomes, defects }: Report): string {
  const found = outcomes.reduce((sum, { violations }) => sum + violations.length, 0);
  const uncaught = defects.filter(({ outcome }) => outcome === 'missed' || outcome === 'broken').length;
  const verdict = found + uncaught === 0 ? 'Every promise was kept.' : `${found} violations, ${uncaught} defects not caught.`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>SecureChat under faults</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 1040px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; background: #8881; } svg text { font-size: 11px; fill: currentColor; }
.fault { fill: #d33; opacity: .55; } .said { stroke: #27c; } .median { stroke: #c60; } path { fill: none; stroke-width: 1.5; }
.bad { color: #d33; font-weight: 600; } .good { color: #2a2; } pre { overflow-x: auto; background: #8881; padding: .5rem; }
</style></head><body>
<h1>SecureChat under faults</h1>
<p class="${found + uncaught === 0 ? 'good' : 'bad'}">${verdict}</p>
<p>${escaped(startedAt)}, ${escaped(machine)}, ${Math.round(tookMs / 1000)} s. <code>${escaped(command)}</code></p>
${outcomes.map(section).join('\n')}
${defects.length > 0 ? defectTable(defects) : ''}
</body></html>
`;
}

function section(outcome: Outcome): string {
  const { where, seed, forMs, log, violations, seconds, counts, skipped, head, times } = outcome;
  const rows = Object.entries({ ...counts, 'last number': head }).map(
    ([name, count]) => `<tr><td>${name}</td><td class="n">${count}</td></tr>`,
  );
  const timeRows = Object.entries({ 'acknowledged after': times.acknowledged, 'shown live after': times.shown }).map(
    ([name, t]) =>
      `<tr><td>${name}</td>${[t.median, t.p95, t.p99, t.longest].map((ms) => `<td class="n">${ms} ms</td>`).join('')}</tr>`,
  );
  return `<h2>${where === 'single' ? 'Single node' : 'Three replicas'}, seed ${seed}, ${Math.round(forMs / 1000)} s of faults</h2>
${picture(seconds, log.faults)}
<table><tr><th></th><th>half of all</th><th>95 %</th><th>99 %</th><th>longest</th></tr>${timeRows.join('')}</table>
<p>Times hold what a fault makes people wait; they are no promise.</p>
<table>${rows.join('')}</table>
${skipped.length > 0 ? `<p>Not tried here: ${skipped.map(escaped).join(', ')}.</p>` : ''}
${promiseTable(outcome)}
${violations.length > 0 ? `<pre>${escaped(JSON.stringify(violations, null, 1))}</pre>` : ''}`;
}

function promiseTable({ violations }: Outcome): string {
  const rows = Object.entries(promises).map(([name, sentence]) => {
    const count = violations.filter(({ promise }) => promise === name).length;
    const verdict = count === 0 ? '<td class="good">kept</td>' : `<td class="bad">broken ${count} times</td>`;
    return `<tr><td>${name}</td>${verdict}<td>${sentence}</td></tr>`;
  });
  return `<table>${rows.join('')}</table>`;
}

/** Faults as bars, one lane for each kind; below, what was stored each second and how long that took. */
function picture(seconds: readonly Second[], faults: readonly FaultSpan[]): string {
  const end = Math.max(1, ...seconds.map(({ at }) => at), ...faults.map(({ to }) => to));
  const lanes = [...new Set(faults.map(({ kind }) => kind))].sort();
  const x = (ms: number) => Math.round((ms / end) * WIDTH * 10) / 10;
  const bars = faults.map(({ kind, target, from, to }) => {
    const y = lanes.indexOf(kind) * LANE;
    const title = `${kind} (${target}), ${(from / 1000).toFixed(1)} to ${(to / 1000).toFixed(1)} s`;
    return `<rect class="fault" x="${x(from)}" y="${y + 2}" width="${Math.max(2, x(to - from))}" height="${LANE - 4}"><title>${title}</title></rect>`;
  });
  const names = lanes.map((name, index) => `<text x="4" y="${index * LANE + 12}">${escaped(name)}</text>`);
  const top = lanes.length * LANE + 16;
  const line = (name: string, of: (second: Second) => number, isLogarithmic: boolean) => {
    const scaled = (value: number) => (isLogarithmic ? Math.log10(1 + value) : value);
    const most = Math.max(1, ...seconds.map((second) => scaled(of(second))));
    const points = seconds.map((second) => `${x(second.at)},${(top + CHART - (scaled(of(second)) / most) * CHART).toFixed(1)}`);
    return `<path class="${name}" d="M${points.join('L')}"/>`;
  };
  const peak = Math.max(0, ...seconds.map(({ acknowledged }) => acknowledged));
  const slowest = Math.round(Math.max(0, ...seconds.map(({ medianMs }) => medianMs)));
  const scale = `<text x="4" y="${top - 2}">stored in a second (blue, up to ${peak}); half of them within (orange, up to ${slowest} ms, logarithmic)</text>`;
  const ticks = Array.from({ length: 11 }, (_, index) => {
    const at = (end * index) / 10;
    return `<text x="${x(at)}" y="${top + CHART + 14}" text-anchor="${index === 10 ? 'end' : 'start'}">${Math.round(at / 1000)} s</text>`;
  });
  const height = top + CHART + 20;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Faults over time, and what was stored meanwhile">${[
    ...bars,
    ...names,
    scale,
    line('said', ({ acknowledged }) => acknowledged, false),
    line('median', ({ medianMs }) => medianMs, true),
    ...ticks,
  ].join('')}</svg>`;
}

function defectTable(defects: readonly Caught[]): string {
  const rows = defects.map(({ name, outcome, why, seconds }) => {
    const tone = outcome === 'caught' ? 'good' : outcome === 'not played' ? '' : 'bad';
    return `<tr><td>${name}</td><td class="${tone}">${outcome}</td><td>${escaped(why)}</td><td class="n">${seconds.toFixed(1)} s</td></tr>`;
  });
  return `<h2>Deliberate defects</h2><table>${rows.join('')}</table>`;
}
