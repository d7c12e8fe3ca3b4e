/** How a process ends: told by a signal, or by an error that nobody expected. */
import { inspect } from 'node:util';
import { ConfigError, commonSettings, type Environment, readConfig, withEnvFile } from './config.ts';
import { createLog, type Log } from './log.ts';

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

/** Longer than any service takes to send its people away. */
const SERVICE_GRACE_MS = 15_000;

/**
 * Runs one service as the whole process: starts it, and ends it in order on SIGTERM. What is wrong with its settings or
 * its stores is one clear line each on standard error, and exit 1.
 *
 * @param envFile the path of a file that completes the environment, if it is there
 */
export async function runService(
  given: Environment,
  envFile: string,
  start: (given: { env: Environment; log: Log }) => Promise<Running>,
): Promise<void> {
  try {
    const env = withEnvFile(given, envFile);
    const log = createLog(readConfig({ LOG_LEVEL: commonSettings.LOG_LEVEL }, env).LOG_LEVEL);
    const service = await start({ env, log });
    endOnSignals(log, service.close, SERVICE_GRACE_MS);
    log.info('ready');
  } catch (error) {
    process.stderr.write(`${error instanceof ConfigError ? error.message : inspect(error)}\n`);
    process.exit(1);
  }
}
