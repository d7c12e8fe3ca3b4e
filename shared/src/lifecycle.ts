/** How a process ends: told by a signal, or by an error that nobody expected. */
import type { Log } from './log.ts';

/** What every started service can do. */
export type Running = {
  /** Ends the service in order; resolves when nothing of it is left. */
  close(): Promise<void>;
};

/** Conditions that `/readyz` asks, by name. */
export type Readiness = Map<string, () => boolean | Promise<boolean>>;

/** npm passes on the Ctrl-C that the terminal has sent to the whole group already: both are one wish. */
const SAME_WISH_MS = 1_000;

/**
 * Ends the process in order on SIGTERM and SIGINT (exit 0); a signal repeated more than a second later, or `graceMs`
 * passing, ends it at once.
 * An error that nobody caught is logged and ends the process too (exit 1): whoever runs it starts it again, which is
 * better than limping on in an unknown state.
 *
 * @param now milliseconds on a clock that only moves forward
 */
export function endOnSignals(
  log: Log,
  close: () => Promise<void>,
  graceMs = 10_000,
  now: () => number = () => performance.now(),
): void {
  let toldAt: number | undefined;
  const end = (signal: string) => {
    if (toldAt !== undefined) {
      if (now() - toldAt > SAME_WISH_MS) process.exit(1);
      return;
    }
    toldAt = now();
    log.info({ signal }, 'ending');
    setTimeout(() => process.exit(1), graceMs).unref();
    close().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, 'ending_failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  const die = (err: unknown) => {
    log.fatal({ err }, 'unexpected_error');
    process.exit(1);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
