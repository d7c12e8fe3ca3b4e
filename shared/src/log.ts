/** Logging: events with fields, one JSON object a line; readable lines on a terminal. */
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type Log = Logger;
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * A logger on standard output. Never give it a cookie, a password or a message's text. JSON escapes control
 * characters, so that nothing a stranger sends can forge a line.
 */
export function createLog(level: LogLevel): Log {
  const options = { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime };
  return process.stdout.isTTY ? pino(options, pretty({ sync: true, ignore: 'pid', translateTime: 'HH:MM:ss' })) : pino(options);
}

/** A logger that says nothing, for tests and tools. */
export const silentLog = (): Log => pino({ level: 'silent' });

/**
 * Bounds the volume of one kind of line under attack: at most `perSecond` calls pass in any second, the number
 * suppressed is told with the next one that passes.
 */
export function atMost<T>(perSecond: number, write: (suppressed: number, fields: T) => void, now: () => number = Date.now) {
  let second = 0;
  let written = 0;
  let suppressed = 0;
  return (fields: T) => {
    const current = Math.floor(now() / 1000);
    if (current !== second) [second, written] = [current, 0];
    if (written >= perSecond) {
      suppressed++;
      return;
    }
    written++;
    write(suppressed, fields);
    suppressed = 0;
  };
}
