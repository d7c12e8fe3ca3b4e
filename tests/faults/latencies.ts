/** How long things took, from the record of a run. No promise is about these. */
import type { Log } from './record.ts';

/** Milliseconds. */
export type Latencies = { count: number; median: number; p95: number; p99: number; longest: number };

export function acknowledgementTimes(sayings: Log['sayings']): Latencies {
  return latenciesOf(sayings.flatMap(({ at, answers }) => (answers[0] === undefined ? [] : [answers[0].at - at])));
}

/** From the moment in which somebody said something to the one in which another client showed it live. */
export function showingTimes({ sayings, witnesses }: Log): Latencies {
  const saidAt = new Map<string, number>();
  for (const { at, answers } of sayings) {
    const [first] = answers;
    if (first !== undefined) saidAt.set(`${first.epoch} ${first.seq}`, at);
  }
  return latenciesOf(
    witnesses.flatMap(({ shown }) =>
      shown.flatMap((one) => {
        if (one.kind !== 'event' || one.how !== 'live') return [];
        const at = saidAt.get(`${one.epoch} ${one.event.seq}`);
        return at === undefined ? [] : [one.at - at];
      }),
    ),
  );
}

function latenciesOf(times: number[]): Latencies {
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0) * 10) / 10;
  return { count: times.length, median: at(0.5), p95: at(0.95), p99: at(0.99), longest: at(1) };
}
