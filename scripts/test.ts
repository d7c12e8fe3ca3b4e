/**
 * `npm test`: finds the tests and runs them, and then once more, against replicas, the stories that hold for every kind
 * of server.
 *
 *   npm test                              everything
 *   npm test -- services/chat             what lies below a folder, or single files
 *   npm test -- tests/stories --test-name-pattern=leave     options go to `node --test`
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { projectFolder } from './home.ts';

/**
 * In the order of the house: what a broken stone would bring down comes after the stone. The containers and the fault
 * runs have commands of their own; of the latter only what checks and breaks is tested here.
 */
const GROUPS = [
  'shared/**',
  'services/**',
  'scripts/**',
  'tests',
  'tests/faults/**',
  'tests/stories/**',
  'tests/replicas/**',
  'tests/browser/**',
];
/** What such a story imports. */
const ANY_STACK = '/support/anyStack.ts';

/** Two files at a time: most of them wait for servers and browsers that want a core too. */
const AT_A_TIME = 2;
const ONE_TEST_WITHIN_MS = 180_000;

function findTests(wanted: readonly string[]): string[] {
  const all = GROUPS.flatMap((group) => globSync(`${group}/*.test.ts`, { cwd: projectFolder }).sort());
  const ours = all.filter((path) => !path.includes('node_modules'));
  if (wanted.length === 0) return ours;
  const prefixes = wanted.map((path) => relative(projectFolder, resolve(path)));
  return ours.filter((path) => prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`) || prefix === ''));
}

const isForEveryStack = (path: string) =>
  path.startsWith('tests/stories/') && readFileSync(resolve(projectFolder, path), 'utf8').includes(ANY_STACK);

/** Resolves to the exit code. */
function run(files: readonly string[], options: readonly string[], env: Record<string, string>): Promise<number> {
  const settings = ['--test-reporter=spec', `--test-concurrency=${AT_A_TIME}`, `--test-timeout=${ONE_TEST_WITHIN_MS}`];
  const runner = spawn(process.execPath, ['--test', ...settings, ...options, ...files], {
    cwd: projectFolder,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const pass = () => runner.kill('SIGTERM');
  process.once('SIGTERM', pass);
  return new Promise((done) => {
    runner.once('exit', (code) => {
      process.off('SIGTERM', pass);
      done(code ?? 1);
    });
  });
}

async function main(words: readonly string[]): Promise<number> {
  const options = words.filter((word) => word.startsWith('-'));
  const files = findTests(words.filter((word) => !word.startsWith('-')));
  if (files.length === 0) {
    process.stderr.write(`There are no tests in ${words.join(', ')}. Name a folder or a file that ends in .test.ts.\n`);
    return 1;
  }
  const first = await run(files, options, {});
  const again = files.filter(isForEveryStack);
  if (again.length === 0) return first;
  process.stdout.write('\nThe stories again, against replicas behind the proxy\n\n');
  const second = await run(again, options, { STACK: 'replicas' });
  return first || second;
}

// Ctrl-C reaches the runner by itself; it ends its tests and then we end.
process.on('SIGINT', () => {});
process.exit(await main(process.argv.slice(2)));
