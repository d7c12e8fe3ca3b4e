/** The machine's own nginx with the proxy's real configuration, in front of services on this machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { renderProxy, upstreamsOnPorts } from '../../scripts/proxyConfig.ts';

const STARTED_WITHIN_MS = 10_000;
const ENDED_WITHIN_MS = 10_000;
const LOOKS_EVERY_MS = 20;

export type Nginx = Awaited<ReturnType<typeof startNginx>>;

export type NginxOptions = {
  /** The plain ports of the services behind it. */
  auth: number[];
  chat: number[];
  certPath: string;
  keyPath: string;
  /** Its public ports on 127.0.0.1. */
  httpPort: number;
  chatPort: number;
  /** Settings that the proxy reads, such as CONNECTIONS_PER_ADDRESS. */
  env?: Record<string, string>;
};

/**
 * Starts nginx and resolves once both public ports take connections.
 *
 * @throws what it printed, when it does not start
 */
export async function startNginx(options: NginxOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-nginx-'));
  const config = join(folder, 'nginx.conf');
  const accessLog = join(folder, 'access.log');
  let printed = '';
  let child: ChildProcess | undefined;

  function configure({ auth, chat, certPath, keyPath, httpPort, chatPort, env = {} }: NginxOptions) {
    const isRoot = process.getuid?.() === 0;
    const text = renderProxy(
      { HTTP_PORT: String(httpPort), ...env },
      {
        // As root its workers would become somebody who may not read the folder.
        globals: ['daemon off;', ...(isRoot ? ['user root;'] : [])],
        workers: 1,
        folder,
        certPath,
        keyPath,
        accessLog,
        errorLog: 'stderr',
        listen: { pages: `127.0.0.1:${httpPort}`, chat: `127.0.0.1:${chatPort}` },
        upstreams: upstreamsOnPorts(auth, chat),
      },
    );
    writeFileSync(config, text);
  }

  async function start() {
    const life = spawn('nginx', ['-p', folder, '-c', config], {
      env: { PATH: [process.env.PATH, '/usr/sbin', '/usr/local/sbin'].join(delimiter) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = life;
    living.add(life);
    life.once('exit', () => living.delete(life));
    life.stderr.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    await Promise.race([untilTaken([options.httpPort, options.chatPort]), failsWith(life, () => printed)]);
  }

  async function end(signal: NodeJS.Signals = 'SIGTERM') {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit', { signal: AbortSignal.timeout(ENDED_WITHIN_MS) });
    const left = signal === 'SIGKILL' ? workers() : [];
    child.kill(signal);
    await exit;
    // A master that is killed leaves its workers behind; one that lived a moment longer would start new ones.
    for (const worker of left) killIfThere(worker);
  }

  /** The processes of the workers; those of a former configuration stay as long as they have connections. */
  function workers(): number[] {
    const pid = child?.pid ?? 0;
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  }

  configure(options);
  await start().catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });

  return {
    url: `https://localhost:${options.httpPort}`,
    chatUrl: `wss://localhost:${options.chatPort}/`,
    /** The process' number, for signals that the stories send themselves. */
    get pid() {
      return child?.pid ?? 0;
    },
    workers,
    /** What it printed so far. */
    get log() {
      return printed;
    },
    /** The access log, one JSON object a line. */
    get accessLog() {
      return readFileSync(accessLog, 'utf8');
    },
    /** Takes a new configuration, and reads the certificate anew; resolves once only new workers take connections. */
    async reload(changed: Partial<NginxOptions> = {}) {
      configure({ ...options, ...changed });
      const before = workers();
      child?.kill('SIGHUP');
      await until(() => workers().some((worker) => !before.includes(worker)) && before.every(isLeaving), 'new workers');
    },
    end,
    kill9: () => end('SIGKILL'),
    /** Starts it again after it ended. */
    start,
    /** Ends it and removes what it left. */
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const living = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of living) child.kill('SIGTERM');
});

async function failsWith(child: ChildProcess, printed: () => string): Promise<never> {
  await once(child, 'close');
  throw new Error(`nginx ended with ${child.exitCode ?? child.signalCode} before it was ready. It printed:\n${printed()}`);
}

function killIfThere(worker: number) {
  try {
    process.kill(worker, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Its title says so as soon as it has closed the ports that it listened on. */
function isLeaving(worker: number): boolean {
  try {
    return readFileSync(`/proc/${worker}/cmdline`, 'utf8').includes('shutting down');
  } catch {
    return true;
  }
}

const untilTaken = (ports: number[]) =>
  until(async () => (await Promise.all(ports.map(takes))).every(Boolean), `the ports ${ports.join(', ')}`);

function takes(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isTaken = new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  return isTaken.finally(() => socket.destroy());
}

async function until(look: () => boolean | Promise<boolean>, what: string) {
  const deadline = Date.now() + STARTED_WITHIN_MS;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`${STARTED_WITHIN_MS / 1000} s went by while waiting for ${what}.`);
    await wait(LOOKS_EVERY_MS);
  }
}
