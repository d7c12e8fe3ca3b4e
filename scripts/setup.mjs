/**
 * Brings a clone to the point where a command can run, and does only what is missing.
 *
 *   node scripts/setup.mjs install | check | start | test | faults | image
 *
 * npm calls it before `start`, `test`, `check` and `admin`, the Dockerfile with `image`. It runs on whatever Node the machine has, before any
 * package is there: plain JavaScript that Node 20 understands, without packages.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...parts) => join(root, ...parts);
const say = (line) => process.stdout.write(`${line}\n`);

const steps = {
  install: [installWhatRuns],
  image: [installPackagesOfImage],
  check: [installPackages],
  start: [installPackages, buildPages],
  test: [installSystemPackages, installPackages, buildPages],
  faults: [installSystemPackagesOfFaults, installPackages, buildPages],
};

function main(purpose) {
  if (!Object.hasOwn(steps, purpose)) stop(`Usage: node scripts/setup.mjs ${Object.keys(steps).join(' | ')}`);
  checkNode();
  for (const step of steps[purpose]) step();
}

function stop(line) {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

// ---- Node ----------------------------------------------------------------------------------------------------------

/** Where there is a Node 24 among the packages any Node that runs npm will do; elsewhere the machine's own runs the server. */
function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const bringsNode = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
  if (major < 20)
    stop(`SecureChat needs Node 20 or newer; this is Node ${process.versions.node}. Install it from https://nodejs.org.`);
  if (bringsNode || major > 22 || (major === 22 && minor >= 18)) return;
  stop(
    `On this kind of machine SecureChat needs Node 22.18 or newer; this is ${process.versions.node}. Install it from https://nodejs.org.`,
  );
}

// ---- packages ------------------------------------------------------------------------------------------------------

const stamp = inRoot('node_modules', '.securechat-lock');
const stampOf = (kind) => `${digestOf([inRoot('package-lock.json')])} ${process.platform}-${process.arch}${kind}\n`;
const EVERYTHING = '';
const WITHOUT_TOOLS = ' without tools';

function installPackages() {
  install(EVERYTHING, ['--include=dev', '--include=optional']);
}

/** For an image, which brings its own Node and runs nothing but the servers. */
function installPackagesOfImage() {
  install(WITHOUT_TOOLS, ['--omit=dev', '--omit=optional']);
}

/** For commands that need no tools: in an image everything is there. */
function installWhatRuns() {
  if (contentOf(stamp) !== stampOf(WITHOUT_TOOLS)) installPackages();
}

/**
 * Runs `npm ci` unless node_modules was completely installed from this very lock file. The stamp is written last and
 * npm removes it first (with all of node_modules), so an interrupted installation never looks finished.
 */
function install(kind, which) {
  const wanted = stampOf(kind);
  if (contentOf(stamp) === wanted) return;
  waitForTurn();
  if (contentOf(stamp) === wanted) return;
  say('Installing packages (once, about half a minute)…');
  rmSync(stamp, { force: true });
  // Nothing of ours needs an install script, and none gets to run: bcrypt ships its binary.
  const options = ['--ignore-scripts', ...which, '--no-audit', '--no-fund', '--loglevel=error'];
  if (!run('npm', ['ci', ...options], environmentOfMachine())) {
    stop('The packages could not be installed: npm says why above. Check the network and the free space, then try again.');
  }
  writeWhole(stamp, wanted);
}

/** Without our own Node in front: npm deletes node_modules, and must not run on what it deletes. */
function environmentOfMachine() {
  const isOurs = (folder) => folder.startsWith(inRoot('node_modules'));
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !isOurs(folder));
  return { ...process.env, PATH: path.join(delimiter) };
}

// ---- pages ---------------------------------------------------------------------------------------------------------

/** Builds the client when what it is made of has changed; the old pages stay until the new ones are complete. */
function buildPages() {
  const dist = inRoot('services', 'web', 'dist');
  const wanted = `${digestOf([...filesOf(inRoot('services', 'web')), inRoot('shared', 'src', 'protocol.ts'), inRoot('package-lock.json')])}\n`;
  if (contentOf(join(dist, '.built-from')) === wanted) return;
  waitForTurn();
  if (contentOf(join(dist, '.built-from')) === wanted) return;
  say('Building the pages (a few seconds)…');
  const [fresh, old] = [`${dist}-new`, `${dist}-old`];
  for (const leftover of [fresh, old]) rmSync(leftover, { recursive: true, force: true });
  const vite = inRoot('node_modules', 'vite', 'bin', 'vite.js');
  if (!run(ourNode(), [vite, 'build', 'services/web', '--outDir', fresh, '--logLevel', 'warn'])) {
    rmSync(fresh, { recursive: true, force: true });
    stop('The pages could not be built: the lines above say why.');
  }
  writeWhole(join(fresh, '.built-from'), wanted);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

function ourNode() {
  const brought = inRoot('node_modules', '.bin', 'node');
  return existsSync(brought) ? brought : process.execPath;
}

/** Every file the pages are made of: no results, no tests. */
function filesOf(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return /^(dist(-new|-old)?|node_modules)$/.test(entry.name) ? [] : filesOf(path);
    return entry.isFile() && !entry.name.includes('.test.') ? [path] : [];
  });
}

// ---- system packages -----------------------------------------------------------------------------------------------

/** Programs that the tests run, and the Debian packages that bring them. */
const systemPrograms = {
  chromium: 'chromium',
  openssl: 'openssl',
  nginx: 'nginx',
  'redis-server': 'redis-server',
  postgres: 'postgresql',
};

/** The fault runs also move clocks and watch what reaches the disk. */
const faultPrograms = { faketime: 'faketime', strace: 'strace' };

function installSystemPackages() {
  installPrograms(systemPrograms);
}

function installSystemPackagesOfFaults() {
  installPrograms({ ...systemPrograms, ...faultPrograms });
}

function installPrograms(programs) {
  const missing = Object.entries(programs).filter(([program]) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(([, name]) => name))];
  const isDebian = existsSync('/etc/debian_version') && isIn(pathFolders(), 'apt-get');
  if (!isDebian || process.getuid?.() !== 0) {
    stop(
      `The tests need these programs, which are missing: ${missing.map(([program]) => program).join(', ')}. Install them, then try again.`,
    );
  }
  say(`Installing system packages for the tests (once): ${packages.join(', ')}…`);
  const add = () => apt('install', '-y', '--no-install-recommends', ...packages);
  // The lists of a fresh machine are missing, those of an old one name versions that are gone: then update and try again.
  const areThere = withoutStarting(() => (hasPackageLists() && add()) || (apt('update') && add()));
  if (!areThere) stop(`These packages could not be installed: ${packages.join(', ')}. apt-get says why above.`);
}

const apt = (...words) => run('apt-get', words, { ...process.env, DEBIAN_FRONTEND: 'noninteractive' });

/** Debian starts what it installs, unless this file says no; the tests start servers of their own, on ports of their own. */
function withoutStarting(work) {
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    if (isOurs) rmSync(policy, { force: true });
  }
}

function hasPackageLists() {
  const lists = '/var/lib/apt/lists';
  return existsSync(lists) && readdirSync(lists).some((name) => name.includes('_Packages'));
}

/** Servers are outside of the usual PATH: those for administrators, and Postgres, which lies there by version. */
function isInstalled(program) {
  const versions = '/usr/lib/postgresql';
  const byVersion = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];
  return isIn([...pathFolders(), '/usr/sbin', '/usr/local/sbin', ...byVersion], program);
}

const pathFolders = () => (process.env.PATH ?? '').split(delimiter);

function isIn(folders, program) {
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// ---- one at a time -------------------------------------------------------------------------------------------------

const turn = inRoot('.setup-lock');
const TURN_ENDS_AFTER_MS = 15 * 60_000;
let isOurTurn = false;

/** Two commands started together would install into the same folder at once: the second waits until the first is done. */
function waitForTurn() {
  if (isOurTurn) return;
  if (!takeTurn()) say('Waiting for another command that is setting things up…');
  while (!isOurTurn && !takeTurn()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
}

function takeTurn() {
  try {
    writeFileSync(turn, String(process.pid), { flag: 'wx' });
    process.once('exit', () => rmSync(turn, { force: true }));
    isOurTurn = true;
  } catch (error) {
    if (error.code !== 'EEXIST') stop(`${root} cannot be written (${error.code}). Make it writable, then try again.`);
    if (isTurnOver()) rmSync(turn, { force: true });
  }
  return isOurTurn;
}

/** A command that was killed left its mark behind. */
function isTurnOver() {
  try {
    if (Date.now() - statSync(turn).mtimeMs > TURN_ENDS_AFTER_MS) return true;
    const holder = Number(contentOf(turn));
    if (holder > 0) process.kill(holder, 0);
    return false;
  } catch (error) {
    if (!['ESRCH', 'ENOENT', 'EPERM'].includes(error.code)) throw error;
    return error.code === 'ESRCH';
  }
}

// ---- files and programs --------------------------------------------------------------------------------------------

/** Runs a program in the project's folder with its output shown. True when it succeeded; a signal it got is ours too. */
function run(program, words, env = process.env) {
  const { status, signal, error } = spawnSync(program, words, {
    cwd: root,
    env,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (signal !== null) process.exit(130);
  if (error !== undefined) process.stderr.write(`${program}: ${error.message}\n`);
  return status === 0;
}

/** SHA-256 over names and contents, whatever order the system lists them in. */
function digestOf(paths) {
  const hash = createHash('sha256');
  for (const path of [...paths].sort()) {
    const content = readFileSync(path);
    hash.update(`${relative(root, path).split(sep).join('/')} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}

function contentOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function writeWhole(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

main(process.argv[2] ?? '');
