/**
 * `npm test`: finds the tests and runs them.
 *
 *   npm test                              everything
 *   npm test -- services/chat             what lies below a folder, or single files
 *   npm test -- tests/stories --test-name-pattern=leave     options go to `node --test`
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { projectFolder } from './home.ts';

/** In the order of the house: what a broken stone would bring down comes after the stone. */
const GROUPS = ['shared/**', 'services/**', 'scripts/**', 'tests', 'tests/stories/**', 'tests/browser/**'];

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

function main(words: readonly string[]) {
  const options = words.filter((word) => word.startsWith('-'));
  const files = findTests(words.filter((word) => !word.startsWith('-')));
  if (files.length === 0) {
    process.stderr.write(`There are no tests in ${words.join(', ')}. Name a folder or a file that ends in .test.ts.\n`);
    process.exit(1);
  }
  const settings = ['--test-reporter=spec', `--test-concurrency=${AT_A_TIME}`, `--test-timeout=${ONE_TEST_WITHIN_MS}`];
  const runner = spawn(process.execPath, ['--test', ...settings, ...options, ...files], { cwd: projectFolder, stdio: 'inherit' });
  // Ctrl-C reaches the runner by itself; it ends its tests and then we end.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => runner.kill('SIGTERM'));
  runner.once('exit', (code) => process.exit(code ?? 1));
}

main(process.argv.slice(2));
