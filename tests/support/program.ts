/** A process of its own for a story, so that kill -9 is real: what it printed, how it started, how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const STARTED_WITHIN_MS = 30_000;
const ENDED_WITHIN_MS = 30_000;

/** How a process ended: its exit code, or the signal that killed it. */
export type Ending = { code: number | null; signal: NodeJS.Signals | null };

export type Program = {
  /** The process' number, for signals that the stories send themselves. */
  readonly pid: number;
  /** What it printed so far, over all its lives. */
  readonly log: string;
  /** True between a start and the end of the process. */
  readonly isRunning: boolean;
  /** Starts it, again if it has ended, and resolves once it is ready. */
  start(): Promise<void>;
  /** Ends it by a signal (SIGTERM when none is given); resolves when it has ended. */
  end(signal?: NodeJS.Signals): Promise<Ending>;
};

/**
 * @param name what it is called when it fails
 * @param script the TypeScript file that Node runs, with its arguments
 * @param isReady asked again and again, with what this life printed, until it says yes
 */
export function createProgram(
  name: string,
  [script, ...words]: readonly [string, ...string[]],
  env: Record<string, string>,
  isReady: (printed: string) => boolean | Promise<boolean>,
): Program {
  const ended = new WeakSet<ChildProcess>();
  let log = '';
  let child: ChildProcess | undefined;

  async function start() {
    const before = log.length;
    const printed = () => log.slice(before);
    const life = launch([script, ...words], env);
    child = life;
    for (const stream of [life.stdout, life.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    }
    await untilReady(life, printed);
    life.once('close', (code, signal) => {
      // A process that dies in the middle of a story explains all that fails after it.
      if (!ended.has(life)) process.stderr.write(`The ${name} ended by itself (${code ?? signal}). It printed:\n${printed()}\n`);
    });
  }

  async function untilReady(life: ChildProcess, printed: () => string): Promise<void> {
    const deadline = performance.now() + STARTED_WITHIN_MS;
    // "close" and not "exit": by then everything it printed has been read.
    const closed = once(life, 'close').then(([code, signal]) => `ended with ${code ?? signal} before it was ready`);
    for (;;) {
      const looked = Promise.resolve(isReady(printed())).catch(() => false);
      const answer = await Promise.race([closed, looked]);
      if (answer === true) return;
      const fault = typeof answer === 'string' ? answer : performance.now() > deadline && 'did not get ready';
      if (fault) {
        ended.add(life);
        life.kill('SIGKILL');
        throw new Error(`The ${name} ${fault}. It printed:\n${printed()}`);
      }
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 20))]);
    }
  }

  async function end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    if (child === undefined) throw new Error(`The ${name} was never started.`);
    ended.add(child);
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit', { signal: AbortSignal.timeout(ENDED_WITHIN_MS) });
      child.kill(signal);
      await exit;
    }
    return { code: child.exitCode, signal: child.signalCode };
  }

  return {
    get pid() {
      return child?.pid ?? 0;
    },
    get log() {
      return log;
    },
    get isRunning() {
      return child !== undefined && child.exitCode === null && child.signalCode === null;
    },
    start,
    end,
  };
}

/** Starts Node with a script; its output is piped. */
export function launch(words: readonly string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  // A story that fails before it stops its server must not leave it running.
  living.add(child);
  child.once('exit', () => living.delete(child));
  return child;
}

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});
