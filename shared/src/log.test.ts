import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { atMost, silentLog } from './log.ts';

test('a flood of lines is cut to so many a second, and the next line tells how many are missing', () => {
  let time = 0;
  const lines: [suppressed: number, name: string][] = [];
  const say = atMost<string>(
    2,
    (suppressed, name) => lines.push([suppressed, name]),
    () => time,
  );
  for (const name of ['alice', 'bob', 'mallory', 'mallory', 'mallory']) say(name);
  assert.deepEqual(lines, [
    [0, 'alice'],
    [0, 'bob'],
  ]);
  time = 1_000;
  say('carol');
  say('dave');
  assert.deepEqual(lines.slice(2), [
    [3, 'carol'],
    [0, 'dave'],
  ]);
});

test('a line break that mallory sends cannot make a line of its own', () => {
  const forged = 'mallory\n{"level":30,"msg":"admin_signed_in"}\r\u2028\u001b[2J';
  const lines = linesOf(`createLog('info').info({ name: ${JSON.stringify(forged)} }, 'refused')`);
  assert.equal(lines.length, 1);
  const line = JSON.parse(lines[0] ?? '');
  assert.equal(line.msg, 'refused');
  assert.equal(line.name, forged);
  assert.ok(!lines[0]?.includes('\u001b'));
});

test('what is below the level is not written', () => {
  assert.deepEqual(linesOf(`createLog('warn').info('quiet')`), []);
  assert.equal(linesOf(`createLog('warn').warn('loud')`).length, 1);
});

test('the silent log says nothing', () => {
  assert.equal(silentLog().isLevelEnabled('fatal'), false);
});

/** What a process that logs writes to its standard output. */
function linesOf(statement: string): string[] {
  const program = `import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)}; ${statement};`;
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '');
}
