import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';

test('a signal ends the process in order, with 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const story = await run(t, `async () => say('closed')`);
    story.child.kill(signal);
    assert.equal(await story.code(), 0, signal);
    assert.match(story.said(), /closed/);
    assert.match(story.said(), /"msg":"ending"/);
  }
});

test('a second signal ends it at once, with 1', async (t) => {
  const story = await run(t, `() => { say('closing'); time += 2000; return new Promise(() => {}) }`);
  story.child.kill('SIGTERM');
  await story.hears('closing');
  story.child.kill('SIGTERM');
  assert.equal(await story.code(), 1);
});

test('one Ctrl-C that comes twice, from the terminal and from npm, still ends it in order', async (t) => {
  const close = `async () => { say('closing'); await new Promise((resolve) => process.once('SIGINT', resolve)); say('closed') }`;
  const story = await run(t, close);
  story.child.kill('SIGINT');
  await story.hears('closing');
  story.child.kill('SIGINT');
  assert.equal(await story.code(), 0);
  assert.match(story.said(), /closed/);
});

test('an end that takes too long is cut short, with 1', async (t) => {
  const story = await run(t, `() => new Promise(() => {})`, 50);
  story.child.kill('SIGTERM');
  assert.equal(await story.code(), 1);
});

test('an end that fails is logged, with 1', async (t) => {
  const story = await run(t, `() => Promise.reject(new Error('disk is full'))`);
  story.child.kill('SIGTERM');
  assert.equal(await story.code(), 1);
  assert.match(story.said(), /ending_failed/);
});

test('an error that nobody caught is logged and ends the process: no limping on', async (t) => {
  for (const surprise of [`setTimeout(() => { throw new Error('surprise') })`, `Promise.reject(new Error('surprise'))`]) {
    const story = await run(t, `async () => {}`, 10_000, surprise);
    assert.equal(await story.code(), 1);
    assert.match(story.said(), /"level":60.*surprise/);
  }
});

/** A process that waits, and whose end does what `close` says. */
async function run(t: TestContext, close: string, graceMs = 10_000, then = '') {
  const from = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const program = `
    import { writeSync } from 'node:fs';
    import { endOnSignals } from ${from('./lifecycle.ts')};
    import { createLog } from ${from('./log.ts')};
    const say = (text) => writeSync(1, text + '\\n');
    let time = 0;
    endOnSignals(createLog('info'), ${close}, ${graceMs}, () => time);
    setInterval(() => {}, 1000);
    say('started');
    ${then};`;
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  let said = '';
  const news = new EventTarget();
  child.stdout?.on('data', (chunk) => {
    said += chunk;
    news.dispatchEvent(new Event('said'));
  });
  const hears = async (text: string) => {
    while (!said.includes(text)) await once(news, 'said');
  };
  await hears('started');
  return { child, said: () => said, hears, code: async () => (await ended)[0] as number };
}
