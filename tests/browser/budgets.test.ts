/** What the pages may cost: bytes of the first load, elements, memory, and movement. Speeds are measured and told, not judged. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { CDPSession, Page } from 'playwright-core';
import { type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import { useFakeWire } from '../support/fakeWire.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const dist = fileURLToPath(new URL('../../services/web/dist', import.meta.url));

const FIRST_LOAD_BYTES = 60_000;
const MOST_MESSAGES_DRAWN = 400;
const MOST_ELEMENTS = 8_000;
const HEAP_GROWTH = 0.1;
const MOST_LAYOUT_SHIFT = 0.02;
/**
 * A reader who stays with the latest message holds 200 to 400: after 351 messages upon the first 50, and then after every
 * 201, there are exactly 200. Heaps are compared at such moments only.
 */
const UNTIL_FIRST_TRIM = 351;
const UNTIL_NEXT_TRIM = 201;

let stack: SingleNode;
let house: House;

before(async () => {
  stack = await startSingleNode({ RATE_LIMIT_MESSAGES: '10000' });
  house = await openBrowser(stack);
});
after(async () => {
  await house.close();
  await stack.stop();
});

test('both pages together load at most 60 kB of scripts and styles before they are used', async (t) => {
  const alice = await house.visitor(t, 'alice');
  const loaded = new Set<string>();
  alice.page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (/\.(js|css)$/.test(pathname) && pathname.startsWith('/assets/')) loaded.add(pathname);
  });
  await alice.opensHome();
  await alice.hasAnAccount();
  await alice.opensChat();
  const sizes = [...loaded].map((path) => ({ path, bytes: gzipSync(readFileSync(join(dist, path)), { level: 9 }).length }));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  t.diagnostic(`first load: ${(total / 1000).toFixed(1)} kB gzip in ${sizes.length} files`);
  assert.ok(sizes.length >= 4, 'the files were seen');
  assert.ok(total <= FIRST_LOAD_BYTES, sizes.map(({ path, bytes }) => `${bytes} ${path}`).join('\n'));
  const lazy = [...loaded].filter((path) => /highlight|emoji|texts\.es/i.test(path));
  assert.deepEqual(lazy, [], 'what is not always needed waits until it is');
});

test('after 5,000 messages no more than 400 are drawn, for who follows them and for who reads further up', async (t) => {
  const { visitor, wire } = await onAWire(t, 'bob', 1_000);
  await wire.say(2_500);
  await staysSmall(visitor);
  await visitor.log.evaluate((element) => {
    element.scrollTop = element.scrollHeight / 2;
  });
  await visitor.page.getByRole('button', { name: /latest|new message/ }).waitFor();
  await wire.say(2_500);
  await staysSmall(visitor);
  await visitor.page.getByRole('button', { name: /new messages/ }).click();
  await visitor.log.locator('[data-seq="6000"]').waitFor();
  await staysSmall(visitor);
});

test('50,000 messages leave the heap within 10 % of what it was', async (t) => {
  const { visitor, wire } = await onAWire(t, 'carol', 50);
  const inspector = await visitor.context.newCDPSession(visitor.page);
  await wire.say(UNTIL_FIRST_TRIM + 24 * UNTIL_NEXT_TRIM);
  const before = await heapOf(inspector, visitor.page);
  await wire.say(249 * UNTIL_NEXT_TRIM, 2_500);
  const afterwards = await heapOf(inspector, visitor.page);
  assert.equal(await visitor.log.locator('[data-seq]').count(), 200);
  const growth = afterwards / before - 1;
  t.diagnostic(`heap: ${megabytes(before)} before, ${megabytes(afterwards)} after (${(growth * 100).toFixed(1)} %)`);
  assert.ok(growth < HEAP_GROWTH, `${before} → ${afterwards}`);
});

test('nothing that one reads moves: while the page comes up, messages come, and older ones are loaded', async (t) => {
  const dave = await (await stack.person('dave')).connects();
  await dave.opens();
  for (let i = 1; i <= 150; i++) await dave.says(i % 10 ? `sentence ${i}` : `\`\`\`js\nconst number = ${i};\n\`\`\``);
  const erin = await house.visitor(t, 'erin');
  await erin.page.addInitScript({ content: watchLayout });
  await erin.hasAnAccount();
  await erin.opensChat();
  for (let i = 1; i <= 5; i++) await dave.says(`live ${i}`);
  await erin.sees('live 5');
  await erin.log.evaluate((element) => {
    element.scrollTop = 200;
  });
  await erin.sees('sentence 61');
  await dave.says('while she reads further up');
  await erin.page.getByRole('button', { name: '1 new message' }).waitFor();
  const shift = await erin.page.evaluate<number>('layoutShift()');
  t.diagnostic(`layout shift: ${shift.toFixed(4)}`);
  assert.ok(shift < MOST_LAYOUT_SHIFT, String(shift));
  dave.cut();
});

test('typing while fifty messages a second come, told in milliseconds', async (t) => {
  const { visitor, wire } = await onAWire(t, 'frank', 400);
  await visitor.page.evaluate(watchTyping);
  const typing = visitor.composer.pressSequentially('words that are typed while everybody talks', { delay: 40 });
  let isTyping = true;
  void typing.finally(() => {
    isTyping = false;
  });
  const began = Date.now();
  for (let told = 0; isTyping; await wait(5)) {
    const due = Math.floor((Date.now() - began) / 20);
    if (due > told) await wire.say(due - told);
    told = Math.max(due, told);
  }
  const longest = await visitor.page.evaluate<number>('longestKey()');
  t.diagnostic(`longest wait for a key, drawn: ${longest < 16 ? 'under 16' : longest} ms`);
  const longestTask = await visitor.page.evaluate<number>('longestTask()');
  t.diagnostic(`longest task of the page: ${longestTask < 50 ? 'under 50' : Math.round(longestTask)} ms`);
  assert.equal(await visitor.composer.inputValue(), 'words that are typed while everybody talks');
});

test('the second visit on a slow phone, told in milliseconds', async (t) => {
  const trusting = await openBrowser(stack, { trusts: true });
  t.after(trusting.close);
  const grace = await trusting.visitor(t, 'grace');
  const henry = await (await stack.person('henry')).connects();
  await henry.opens();
  for (let i = 1; i <= 50; i++) await henry.says(`word ${i}`);
  await grace.page.addInitScript({ content: watchPaint });
  await grace.hasAnAccount();
  await grace.opensChat();
  await until(() => grace.page.evaluate<boolean>("caches.match('/chat').then(Boolean)"), 'the shell');
  const inspector = await grace.context.newCDPSession(grace.page);
  await inspector.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 150,
    downloadThroughput: (1.6 * 1024 * 1024) / 8,
    uploadThroughput: (0.75 * 1024 * 1024) / 8,
  });
  await inspector.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await grace.page.reload();
  const painted = await until(
    async () => (await grace.page.evaluate<number | null>('fiftyPainted')) ?? undefined,
    'fifty messages',
  );
  t.diagnostic(`fifty messages painted after ${Math.round(painted)} ms`);
  henry.cut();
});

/** Somebody whose page talks to a server inside it. */
async function onAWire(t: Parameters<House['visitor']>[0], name: string, messagesBefore: number) {
  const visitor = await house.visitor(t, name);
  const wire = await useFakeWire(visitor.page, messagesBefore);
  await visitor.hasAnAccount();
  await visitor.opensChat();
  await visitor.log.locator(`[data-seq="${messagesBefore}"]`).waitFor();
  return { visitor, wire };
}

async function staysSmall({ page, log }: Visitor) {
  const [messages, elements] = [await log.locator('[data-seq]').count(), await page.locator('*').count()];
  assert.ok(messages > 0 && messages <= MOST_MESSAGES_DRAWN, `${messages} messages`);
  assert.ok(elements <= MOST_ELEMENTS, `${elements} elements`);
}

async function heapOf(inspector: CDPSession, page: Page): Promise<number> {
  // What the drawing still holds goes with the next frame, what an idle database holds with the next second.
  await page.evaluate('new Promise((resolve) => requestIdleCallback(resolve))');
  for (let i = 0; i < 3; i++) await inspector.send('HeapProfiler.collectGarbage');
  return (await inspector.send('Runtime.getHeapUsage')).usedSize;
}

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(2)} MiB`;

const watchLayout = `{
  let total = 0;
  const add = (entries) => { for (const { value, hadRecentInput } of entries) if (!hadRecentInput) total += value; };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ type: 'layout-shift', buffered: true });
  globalThis.layoutShift = () => { add(observer.takeRecords()); return total; };
}`;

const watchTyping = `{
  let longest = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) if (/^key|input/.test(name)) longest = Math.max(longest, duration);
  });
  observer.observe({ type: 'event', durationThreshold: 16 });
  globalThis.longestKey = () => longest;
  let longestTask = 0;
  const tasks = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestTask = Math.max(longestTask, duration);
  });
  tasks.observe({ type: 'longtask' });
  globalThis.longestTask = () => longestTask;
}`;

const watchPaint = `{
  globalThis.fiftyPainted = null;
  const look = () => {
    if (document.querySelectorAll('[data-seq]').length < 50) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => { globalThis.fiftyPainted = performance.now(); }));
  };
  requestAnimationFrame(look);
}`;
