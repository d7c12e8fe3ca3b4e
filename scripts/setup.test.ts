import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { projectFolder } from './home.ts';

test('the first command installs the packages, the second finds nothing to do', (t) => {
  const clone = makeClone(t);
  const first = clone.sets('install');
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /^Installing packages \(once/);
  assert.deepEqual(clone.npmCalls(), [
    'ci --ignore-scripts --include=dev --include=optional --no-audit --no-fund --loglevel=error',
  ]);
  assert.equal(clone.sets('install').stdout, '');
  assert.equal(clone.npmCalls().length, 1);
});

test('an image gets what runs and no tools, and commands in it find nothing to do', (t) => {
  const clone = makeClone(t);
  assert.equal(clone.sets('image').status, 0);
  assert.match(clone.npmCalls()[0] ?? '', /^ci --ignore-scripts --omit=dev --omit=optional /);
  assert.equal(clone.sets('install').stdout, '');
  assert.match(clone.sets('check').stdout, /^Installing packages/, 'checking needs the tools');
});

test('packages for development are installed even where NODE_ENV says production', (t) => {
  const clone = makeClone(t);
  clone.sets('check', { NODE_ENV: 'production' });
  assert.match(clone.npmCalls()[0] ?? '', /--include=dev/);
});

test('an installation that was cut off does not look finished', (t) => {
  const clone = makeClone(t);
  const cut = clone.sets('install', { NPM_FAILS: '1' });
  assert.equal(cut.status, 1);
  assert.match(cut.stderr, /could not be installed.*try again/);
  assert.ok(existsSync(clone.path('node_modules')));
  assert.match(clone.sets('install').stdout, /^Installing packages/);
  assert.equal(clone.npmCalls().length, 2);
});

test('of two commands started together one installs and the other waits for it', async (t) => {
  const clone = makeClone(t);
  const both = await Promise.all([clone.begins('install', { NPM_TAKES: '0.5' }), clone.begins('check', { NPM_TAKES: '0.5' })]);
  assert.deepEqual(both, [0, 0]);
  assert.equal(clone.npmCalls().length, 1);
  assert.ok(!existsSync(clone.path('.setup-lock')));
});

test('the mark of a command that was killed stops nobody', (t) => {
  const clone = makeClone(t);
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(clone.path('.setup-lock'), String(pid));
  assert.equal(clone.sets('install').status, 0);
});

test('a changed lock is installed again', (t) => {
  const clone = makeClone(t);
  clone.sets('install');
  writeFileSync(clone.path('package-lock.json'), '{"changed":true}');
  assert.match(clone.sets('install').stdout, /^Installing packages/);
});

test('npm never runs on the Node that it is about to delete', (t) => {
  const clone = makeClone(t);
  const brought = clone.path('node_modules', '.bin');
  clone.sets('install', { PATH: [brought, clone.tools, process.env.PATH].join(delimiter) });
  assert.ok(!clone.npmPath().split(delimiter).includes(brought));
});

test('the pages are built when their sources change, and only then', (t) => {
  const clone = makeClone(t);
  assert.match(clone.sets('start').stdout, /Building the pages/);
  assert.equal(readFileSync(clone.path('services/web/dist/home.html'), 'utf8'), 'first');
  assert.equal(clone.sets('start').stdout, '');

  writeFileSync(clone.path('services/web/home.html'), 'second');
  assert.match(clone.sets('start').stdout, /Building the pages/);
  assert.equal(readFileSync(clone.path('services/web/dist/home.html'), 'utf8'), 'second');
});

test('a build that fails leaves the old pages and nothing else', (t) => {
  const clone = makeClone(t);
  clone.sets('start');
  writeFileSync(clone.path('services/web/home.html'), 'broken');
  const failed = clone.sets('start', { VITE_FAILS: '1' });
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /could not be built/);
  assert.equal(readFileSync(clone.path('services/web/dist/home.html'), 'utf8'), 'first');
  assert.ok(!existsSync(clone.path('services/web/dist-new')));
  assert.match(clone.sets('start').stdout, /Building the pages/);
});

test('checking needs no pages', (t) => {
  const clone = makeClone(t);
  assert.doesNotMatch(clone.sets('check').stdout, /Building/);
});

test('an unknown purpose gets the usage', (t) => {
  const { status, stderr } = makeClone(t).sets('dance');
  assert.equal(status, 1);
  assert.match(stderr, /^Usage: /);
});

/** A clone as git makes it, with an npm that writes down its calls in place of installing anything. */
function makeClone(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'securechat-clone-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const path = (...parts: string[]) => join(root, ...parts);
  const tools = path('tools');
  for (const folder of ['scripts', 'tools', 'services/web', 'shared/src']) mkdirSync(path(folder), { recursive: true });
  cpSync(join(projectFolder, 'scripts', 'setup.mjs'), path('scripts', 'setup.mjs'));
  writeFileSync(path('package-lock.json'), '{}');
  writeFileSync(path('shared/src/protocol.ts'), '');
  writeFileSync(path('services/web/home.html'), 'first');
  writeFileSync(join(tools, 'npm'), fakeNpm);
  chmodSync(join(tools, 'npm'), 0o755);

  const program = path('scripts', 'setup.mjs');
  const own = { PATH: [tools, process.env.PATH].join(delimiter), CALLS: path('calls') };

  return {
    tools,
    path,
    sets: (purpose: string, env: Record<string, string> = {}) =>
      spawnSync(process.execPath, [program, purpose], { env: { ...own, ...env }, encoding: 'utf8' }),
    /** The same without waiting; resolves to the exit code. */
    async begins(purpose: string, env: Record<string, string>) {
      const [code] = await once(spawn(process.execPath, [program, purpose], { env: { ...own, ...env } }), 'exit');
      return code;
    },
    npmCalls: () => readFileSync(path('calls'), 'utf8').trim().split('\n'),
    npmPath: () => readFileSync(path('calls.path'), 'utf8'),
  };
}

const fakeNpm = `#!/bin/sh
echo "$*" >> "$CALLS"
printf %s "$PATH" > "$CALLS.path"
rm -rf node_modules
mkdir -p node_modules/vite/bin
[ -z "$NPM_TAKES" ] || sleep "$NPM_TAKES"
[ -z "$NPM_FAILS" ] || exit 1
cat > node_modules/vite/bin/vite.js <<'VITE'
const fs = require('node:fs');
const out = process.argv[process.argv.indexOf('--outDir') + 1];
fs.mkdirSync(out);
fs.copyFileSync('services/web/home.html', out + '/home.html');
if (process.env.VITE_FAILS) process.exit(1);
VITE
`;
