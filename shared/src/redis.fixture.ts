/** A Redis of its own for a test: a real server on a free port, which the test may end, freeze and start again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type TestRedis = Awaited<ReturnType<typeof startRedis>>;

const MOST_TRIES = 20;

/**
 * Starts a redis-server that keeps what it is told on disk (append-only file) and demands a password. It is killed when
 * this process ends, however it does.
 *
 * @param options.port the port instead of any free one
 * @throws when there is no redis-server on the PATH, or it does not start
 */
export async function startRedis(options: { password?: string; port?: number } = {}) {
  const password = options.password ?? randomUUID();
  const dir = mkdtempSync(join(tmpdir(), 'securechat-redis-'));
  let [child, port, logs]: [ChildProcess | undefined, number, string] = [undefined, options.port ?? 0, ''];

  /** Resolves true when the server answers, false when somebody else has the port. */
  function launch(): Promise<boolean> {
    const launched = spawn('redis-server', ['-'], { cwd: dir, stdio: ['pipe', 'pipe', 'pipe'] });
    child = launched;
    watch(launched, dir);
    launched.stdin.end(configuration({ port, dir, password }));
    return new Promise((resolve, reject) => {
      let said = '';
      const read = (chunk: Buffer) => {
        logs += chunk;
        said += chunk;
        if (said.includes('Ready to accept connections')) resolve(true);
      };
      launched.stdout.on('data', read);
      launched.stderr.on('data', read);
      launched.once('error', reject);
      launched.once('close', () => {
        if (said.includes('Address already in use')) resolve(false);
        else reject(new Error(`redis-server ended:\n${said}`));
      });
    });
  }

  async function start(): Promise<void> {
    const isPortFixed = port !== 0;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      if (!isPortFixed) port = await freePort();
      if (await launch()) return;
    }
    throw new Error(`redis-server finds port ${port} taken`);
  }

  async function endBy(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    // What is frozen does not see its end.
    child.kill('SIGCONT');
    await ended;
  }

  await start();
  return {
    url: `redis://:${password}@127.0.0.1:${port}`,
    password,
    port,
    pid: () => child?.pid ?? 0,
    /** All that the server has written. */
    logs: () => logs,
    /** Ends it as a power cut does. */
    kill9: () => endBy('SIGKILL'),
    /** Ends it in order. */
    end: () => endBy('SIGTERM'),
    /** Starts it again, on the same port and with what it had on disk. */
    start,
    /** Freezes it: connections stay, nothing is answered. */
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    /** Ends it for good and removes its files. */
    async stop(): Promise<void> {
      await endBy('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A killed process cannot clean up; a shell of its own notices that its input ends, and does. */
function watch(child: ChildProcess, dir: string): void {
  if (child.pid === undefined) return;
  const cleanUp = 'cat >/dev/null; kill -9 "$0"; rm -rf "$1"';
  const shell = spawn('sh', ['-c', cleanUp, `${child.pid}`, dir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  child.once('exit', () => shell.kill('SIGKILL'));
}

const configuration = ({ port, dir, password }: { port: number; dir: string; password: string }) =>
  [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `requirepass ${password}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    '',
  ].join('\n');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
