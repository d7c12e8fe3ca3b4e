/** Deliberate mistakes, each a patch to a copy of the tree, that the harness has to catch: a checker that cannot fail proves nothing. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { check, type Promised, type Violation } from './checker.ts';
import { getPasses } from './passes.ts';
import { hasBrowser } from './run.ts';
import * as scenarios from './scenarios.ts';
import { type Base, checkout, startBase, temporary } from './world.ts';

const execute = promisify(execFile);

type Defect = {
  /** The patch's name. */
  name: string;
  /** Which promises it may break; the first finding about one of these is what is wanted. */
  breaks: readonly Promised[];
  play: (root: string, shared: Shared) => Promise<scenarios.Told>;
  needs?: 'chromium' | 'strace';
};

/** Servers and accounts that the stories share. */
type Shared = { base: Base; passes: Awaited<ReturnType<typeof getPasses>> };

export type Caught = {
  name: string;
  seconds: number;
  outcome: 'caught' | 'missed' | 'not played' | 'broken';
  why: string;
  findings: Violation[];
};

const replicas =
  (story: Parameters<typeof scenarios.playOnReplicas>[3]): Defect['play'] =>
  (root, { base, passes }) =>
    scenarios.playOnReplicas(root, base, passes, story);

const defects: readonly Defect[] = [
  // The one that takes longest comes first, so that no lane waits for it in the end.
  { name: 'outbox-dropped-on-mute', breaks: ['D4'], play: typesTooFast, needs: 'chromium' },
  { name: 'publish-before-commit', breaks: ['D1', 'D6'], play: replicas(scenarios.postgresIsOutOfReach) },
  { name: 'no-dedup', breaks: ['D2'], play: replicas(scenarios.saidAgainElsewhere) },
  { name: 'no-hole-filling', breaks: ['D1'], play: replicas(scenarios.publicationLost) },
  { name: 'no-tail-check', breaks: ['D1'], play: replicas(scenarios.lastPublicationLost) },
  { name: 'ack-before-fsync-postgres', breaks: ['D1'], play: replicas(scenarios.powerIsCut) },
  { name: 'ack-before-fsync-sqlite', breaks: ['D1'], play: (root) => scenarios.countsSyncs(root), needs: 'strace' },
  { name: 'resume-off-by-one', breaks: ['D3'], play: replicas(scenarios.missedSomething) },
  { name: 'read-mark-shrinks', breaks: ['D7'], play: replicas(scenarios.readsLessLater) },
  { name: 'await-before-joining', breaks: ['D1'], play: replicas(scenarios.joinsWhileOthersTalk) },
  { name: 'flush-without-cursor', breaks: ['D1'], play: replicas(scenarios.joinsACrowd) },
  { name: 'number-kept-for-a-duplicate', breaks: ['D1'], play: replicas(scenarios.doubleBesideSomethingNew) },
  { name: 'edit-after-delete', breaks: ['D3'], play: replicas(scenarios.editsWhatIsGone) },
];

/** Stories wait more than they work. */
const LANES = 2;

const has = { chromium: hasBrowser, strace: () => existsSync('/usr/bin/strace') };

/**
 * Plays each story with the code as it is, where nothing may be found, and with its defect, which has to be found.
 *
 * @param options.only parts of names; all when empty
 */
export async function playDefects(options: { only: readonly string[]; say: (line: string) => void }): Promise<Caught[]> {
  const { only, say } = options;
  const wanted = defects.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
  assertAllPatchesAreKnown();
  const results: Caught[] = [];
  const waiting = [...wanted];
  const lane = async () => {
    // One for the code as it is, one for the code with the defect: they are played at the same time.
    const both = await Promise.all([startShared(), startShared()]);
    try {
      for (let defect = waiting.shift(); defect !== undefined; defect = waiting.shift()) {
        const result = await playOne(defect, both);
        results.push(result);
        say(`${result.outcome.padEnd(10)} ${defect.name} (${result.seconds.toFixed(1)} s): ${result.why}`);
      }
    } finally {
      await Promise.all(both.map(({ base }) => base.stop()));
    }
  };
  await Promise.all(Array.from({ length: Math.min(LANES, wanted.length) }, lane));
  return results;
}

/** No defect here is about the rate limit of replicas, and talk without end would only wait for it. */
async function startShared(): Promise<Shared> {
  const base = await startBase({ env: { RATE_LIMIT_MESSAGES: '1000000' } });
  return { base, passes: await getPasses(base.authUrl, ['alice', 'bob', 'carol'], () => '127.0.0.1') };
}

async function playOne(defect: Defect, [first, second]: readonly [Shared, Shared]): Promise<Caught> {
  const startedAt = performance.now();
  const result = (outcome: Caught['outcome'], why: string, findings: Violation[] = []): Caught => {
    return { name: defect.name, seconds: (performance.now() - startedAt) / 1000, outcome, why, findings };
  };
  // Whether it still applies is found out also where it cannot be played.
  const copy = copyOfTree();
  try {
    applyPatch(copy, defect.name);
    if (defect.needs !== undefined && !has[defect.needs]())
      return result('not played', `needs ${defect.needs}, which is not here`);
    const [sound, findings] = await Promise.all([
      tell(() => defect.play(checkout, first)),
      tell(() => defect.play(copy, second)),
    ]);
    if (sound.length > 0) return result('broken', `found without the defect: ${sound[0]?.what}`, sound);
    const proof = findings.find(({ promise }) => defect.breaks.includes(promise));
    if (proof === undefined)
      return result('missed', `wanted ${defect.breaks.join(' or ')}, found ${findings.length} others`, findings);
    return result('caught', `${proof.promise}: ${proof.what}`, [proof]);
  } catch (error) {
    return result('broken', String(error));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

async function tell(play: () => Promise<scenarios.Told>): Promise<Violation[]> {
  const { log, truth } = await play();
  return check(log, truth);
}

// ---- the copy ----------------------------------------------------------------------------------------------------------

const patches = join(import.meta.dirname, 'defects');

/** A patch that no story plays would look as if it had been caught. */
function assertAllPatchesAreKnown() {
  const known = new Set(defects.map(({ name }) => `${name}.patch`));
  const unknown = readdirSync(patches).filter((file) => !known.has(file));
  if (unknown.length > 0) throw new Error(`No story plays ${unknown.join(', ')}.`);
}

/** The tree without its history; packages are linked, ours to the copy. */
function copyOfTree(): string {
  const copy = mkdtempSync(join(temporary, 'securechat-defect-'));
  for (const part of ['package.json', 'tsconfig.json', 'services', 'shared', 'scripts', 'tests']) {
    cpSync(join(checkout, part), join(copy, part), { recursive: true, filter: (path) => basename(path) !== 'node_modules' });
  }
  const packages = join(copy, 'node_modules');
  mkdirSync(join(packages, '@securechat'), { recursive: true });
  for (const name of readdirSync(join(checkout, 'node_modules'))) {
    if (name !== '@securechat') symlinkSync(join(checkout, 'node_modules', name), join(packages, name));
  }
  for (const [name, folder] of Object.entries({
    shared: 'shared',
    auth: 'services/auth',
    chat: 'services/chat',
    web: 'services/web',
  })) {
    symlinkSync(join(copy, folder), join(packages, '@securechat', name));
  }
  return copy;
}

function applyPatch(copy: string, name: string) {
  try {
    execFileSync('git', ['apply', '--whitespace=nowarn', join(patches, `${name}.patch`)], { cwd: copy, stdio: 'pipe' });
  } catch (error) {
    throw new Error(`the patch no longer applies: ${(error as { stderr?: Buffer }).stderr?.toString().trim()}`);
  }
}

/** Pages are built first; the tree as it is has its own already. Another story goes on meanwhile. */
async function typesTooFast(root: string): Promise<scenarios.Told> {
  const vite = join(checkout, 'node_modules/vite/bin/vite.js');
  if (root !== checkout) await execute(process.execPath, [vite, 'build', 'services/web', '--logLevel', 'warn'], { cwd: root });
  return scenarios.typesTooFast(root);
}
