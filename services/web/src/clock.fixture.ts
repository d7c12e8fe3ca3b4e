import type { Clock } from './clock.ts';

/** A clock whose time passes only when the test says so. */
export function createFakeClock(start = 1_000_000): Clock & { pass: (ms: number) => void } {
  let time = start;
  let alarms: { at: number; run: () => void }[] = [];
  return {
    now: () => time,
    after: (ms, run) => {
      const alarm = { at: time + ms, run };
      alarms.push(alarm);
      return () => {
        alarms = alarms.filter((other) => other !== alarm);
      };
    },
    pass: (ms) => {
      const end = time + ms;
      for (;;) {
        const next = alarms.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        alarms = alarms.filter((alarm) => alarm !== next);
        time = Math.max(time, next.at);
        next.run();
      }
      time = end;
    },
  };
}
