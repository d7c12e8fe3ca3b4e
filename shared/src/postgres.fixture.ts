/** For tests: a Postgres of one's own, on a free port of 127.0.0.1, that can be killed, frozen and started again. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { chownSync, existsSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

export type TestPostgres = Awaited<ReturnType<typeof startPostgres>>;

type Identity = { uid?: number; gid?: number };

const USER = 'securechat';
const STARTED_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 20;
/** Small and quick; what was committed is on the disk all the same, because that is what is promised. */
const settings: Record<string, string> = {
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  shared_buffers: '32MB',
  max_connections: '100',
  autovacuum_vacuum_cost_delay: '0',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

/**
 * Starts a Postgres with the system's newest binaries and an empty database. Its processes are killed and its files
 * removed when the test process exits, or earlier with `stop`.
 *
 * @param options.settings of postgresql.conf, in place of the usual ones
 * @throws when there are no binaries, or when it does not start
 */
export async function startPostgres(options: { settings?: Record<string, string> } = {}) {
  const identity = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'securechat-postgres-'));
  if (identity.uid !== undefined) chownSync(folder, identity.uid, identity.gid ?? identity.uid);
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  let server: ChildProcess | undefined;
  let family: number[] = [];
  let databases = 0;
  const onExit = () => {
    killAll(familyOf(server?.pid));
    rmSync(folder, { recursive: true, force: true });
  };
  /** How the test runner ends a file that takes too long. */
  const onTerminated = () => {
    onExit();
    process.kill(process.pid, 'SIGTERM');
  };
  process.on('exit', onExit);
  process.once('SIGTERM', onTerminated);
  initialize(folder, data, password, identity);
  const port = await startOnFreePort();
  const urlOf = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;

  async function startOnFreePort(): Promise<number> {
    for (let triesLeft = 5; ; triesLeft--) {
      const candidate = await freePort();
      const trouble = await startOn(candidate);
      if (trouble === undefined) return candidate;
      // Somebody else may have taken the port since we looked.
      if (triesLeft === 0 || !/address already in use/i.test(trouble)) throw new Error(`Postgres did not start: ${trouble}`);
    }
  }

  /** Resolves when the server answers, or to what it said when it ended instead. */
  async function startOn(onPort: number): Promise<string | undefined> {
    const words = Object.entries({ ...settings, ...options.settings, port: String(onPort) }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    const [command, ...before] = boundToUs(binary('postgres'));
    const child = spawn(command, [...before, '-D', data, ...words], {
      ...identity,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server = child;
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000);
    });
    // Its standard error must not keep a finished test process alive.
    (child.stderr as unknown as { unref?: () => void } | null)?.unref?.();
    child.unref();
    const deadline = performance.now() + STARTED_WITHIN_MS;
    while (!(await answers(onPort, password))) {
      if (hasEnded(child) || performance.now() > deadline) return said || 'it said nothing';
      await pause(LOOK_EVERY_MS);
    }
    return undefined;
  }

  /** Runs one statement on the maintenance database, as the superuser. */
  async function administer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: urlOf('postgres') });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** SIGKILL for the whole server at once, as when the machine loses its power. Resolves when nothing of it is left. */
  async function kill9(): Promise<void> {
    const all = familyOf(server?.pid);
    killAll(all);
    await gone(all);
    await ended(server);
  }

  /** Ends the server in order, as a restart does: connections are cut, what was committed is kept. */
  async function end(): Promise<void> {
    if (server === undefined || hasEnded(server)) return;
    resume();
    server.kill('SIGINT');
    await ended(server);
  }

  /** Freezes the server with all its connections: the kernel still takes what is sent, and nobody answers. */
  function freeze(): void {
    // The postmaster first, so that it starts no process that we do not know.
    if (server?.pid !== undefined) signal(server.pid, 'SIGSTOP');
    family = familyOf(server?.pid);
    for (const pid of family) signal(pid, 'SIGSTOP');
  }

  function resume(): void {
    for (const pid of family.splice(0).reverse()) signal(pid, 'SIGCONT');
  }

  return {
    /** A database that is there from the start. */
    url: urlOf('postgres'),
    port,
    /** The password of {@link url}, which must be shown nowhere. */
    password,
    /** The process id of the postmaster. */
    get pid(): number | undefined {
      return server?.pid;
    },
    /** Makes an empty database and resolves to its URL. */
    async newDatabase(): Promise<string> {
      databases += 1;
      const name = `test_${databases}`;
      await administer(`create database ${name}`);
      return urlOf(name);
    },
    kill9,
    end,
    /** Starts the ended or killed server again, on the same data and the same port. */
    async start(): Promise<void> {
      const trouble = await startOn(port);
      if (trouble !== undefined) throw new Error(`Postgres did not start again: ${trouble}`);
    },
    pause: freeze,
    resume,
    /** Ends the server and removes its files. */
    async stop(): Promise<void> {
      await kill9();
      rmSync(folder, { recursive: true, force: true });
      process.off('exit', onExit);
      process.off('SIGTERM', onTerminated);
    },
  };
}

// ---- programs ------------------------------------------------------------------------------------------------------

/** The newest Postgres of the system: Debian keeps each major version in a folder of its own. */
function binary(name: string): string {
  const version = (path: string) => Number(/postgresql\/(\d+)\//.exec(path)?.[1] ?? 0);
  const found = globSync(`/usr/lib/postgresql/*/bin/${name}`).sort((a, b) => version(b) - version(a));
  if (found[0] === undefined)
    throw new Error(`There is no ${name} in /usr/lib/postgresql/*/bin: install the package postgresql.`);
  return found[0];
}

/** Where the system can, the kernel ends the program with us even when we are killed and cannot see to it. */
function boundToUs(program: string): [string, ...string[]] {
  const setpriv = '/usr/bin/setpriv';
  return existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', program] : [program];
}

/** Postgres refuses to run as root: it runs as the user of the system's package then. */
function unprivileged(): Identity {
  if (process.getuid?.() !== 0) return {};
  const id = (which: string) => Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function initialize(folder: string, data: string, password: string, identity: Identity): void {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const words = ['--auth=scram-sha-256', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync', '--no-instructions'];
  execFileSync(binary('initdb'), ['-D', data, '-U', USER, `--pwfile=${passwordFile}`, ...words], {
    ...identity,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  rmSync(passwordFile);
}

async function answers(port: number, password: string): Promise<boolean> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: USER, password, database: 'postgres' });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

// ---- processes -----------------------------------------------------------------------------------------------------

/** A process and its children; Postgres gives each connection a process, and each a session of its own. */
function familyOf(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const parents = processes().filter(({ parent, state }) => parent === pid && !state.startsWith('Z'));
  return [pid, ...parents.map((one) => one.pid)];
}

function processes(): { pid: number; parent: number; state: string }[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' });
  return table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = '']) => ({ pid: Number(pid), parent: Number(parent), state }));
}

function killAll(pids: number[]): void {
  for (const pid of pids) signal(pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It may have ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Resolves when none of these processes runs any more; a zombie that nobody has collected yet does not. */
async function gone(pids: number[]): Promise<void> {
  while (processes().some(({ pid, state }) => pids.includes(pid) && !state.startsWith('Z'))) await pause(LOOK_EVERY_MS);
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || hasEnded(child)) return Promise.resolve();
  child.ref();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- ports ---------------------------------------------------------------------------------------------------------

/** Below the range from which the system gives ports to outgoing connections, so that nobody gets it by chance. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
