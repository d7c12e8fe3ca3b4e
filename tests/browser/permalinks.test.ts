/** The address of a message: it leads there, from anywhere and back again, and says so where there is nothing. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import type { Connection } from '../support/person.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };
const SAID = 400;

let stack: SingleNode;
let house: House;
let bob: Connection;

before(async () => {
  stack = await startSingleNode({ RATE_LIMIT_MESSAGES: '10000' });
  house = await openBrowser(stack);
  bob = await (await stack.person('bob')).connects();
  await bob.opens();
  for (let i = 1; i <= SAID; i++) await bob.says(`message ${i}`);
});
after(async () => {
  bob.cut();
  await house.close();
  await stack.stop();
});

test('the address of a message far back shows it with its surroundings, marked and focused; scrolling goes on both ways', async (t) => {
  const alice = await house.visitor(t, 'alice');
  await alice.hasAnAccount();
  await alice.page.goto(`${stack.url}/chat#general/100`);
  await isShown(alice, 100);
  assert.equal((await shownNumbers(alice)).includes(SAID), false, 'what lies between here and the latest is not loaded');

  await until(async () => {
    await scrollsTo(alice, 0);
    return (await shownNumbers(alice)).includes(1);
  }, 'the first message');
  await until(async () => {
    await scrollsToEnd(alice);
    return ((await shownNumbers(alice)).at(-1) ?? 0) >= SAID;
  }, 'the latest message');
  await alice.page.getByRole('button', { name: 'Jump to latest' }).waitFor({ state: 'detached' });
  assert.ok((await shownNumbers(alice)).length <= 400);
});

test('the address of a message opened by somebody who is not signed in leads over the login to it', async (t) => {
  const ivy = await house.visitor(t, 'ivy');
  await ivy.hasAnAccount();
  await ivy.context.clearCookies();
  await ivy.page.goto(`${stack.url}/chat#general/150`);
  await ivy.page.getByLabel('Name').fill('ivy');
  await ivy.page.getByLabel('Password', { exact: true }).fill(ivy.password);
  await ivy.page.getByRole('button', { name: 'Log in' }).click();
  await isShown(ivy, 150);
});

test('an answer leads to what it answers, and "back" to where one was', async (t) => {
  const carol = await house.person(t, 'carol');
  const answer = await bob.says('an answer', { replyTo: 20 });
  await carol.sees('an answer');
  await line(carol, answer.seq)
    .getByRole('link', { name: /^In reply to an earlier message/ })
    .click();
  await isShown(carol, 20);
  assert.equal(new URL(carol.page.url()).hash, '#general/20');

  await carol.page.goBack();
  await carol.sees('an answer');
  await isInSight(carol, 'an answer');
  assert.equal(new URL(carol.page.url()).hash, '');
  await carol.page.goForward();
  await isShown(carol, 20);

  await carol.page.keyboard.press('Escape');
  await isInSight(carol, 'an answer');
  assert.equal(new URL(carol.page.url()).hash, '', 'at the latest message the address names none');
});

test('dave copies the address of a message from its menu', async (t) => {
  const dave = await house.person(t, 'dave', { permissions: ['clipboard-read', 'clipboard-write'] });
  const last = await bob.says('look here');
  await dave.sees('look here');
  await line(dave, last.seq).focus();
  await dave.page.keyboard.press('Enter');
  await dave.page.getByRole('menuitem', { name: 'Copy link' }).click();
  const copied = await dave.page.evaluate<string>('navigator.clipboard.readText()');
  assert.equal(copied, `${stack.url}/chat#general/${last.seq}`);
});

test('a message that was deleted or never was is said to be so, in words that can be put away', async (t) => {
  const regretted = await bob.says('a slip of the tongue');
  const clientId = crypto.randomUUID();
  bob.sends({ type: 'delete', room: 'general', clientId, target: regretted.seq });
  await bob.receives((message) => 'clientId' in message && message.clientId === clientId);
  const erin = await house.person(t, 'erin');
  await erin.page.goto(`${stack.url}/chat#general/${regretted.seq}`);
  await erin.seesWords(`Message #${regretted.seq} was deleted.`);
  await isMarked(erin, regretted.seq);

  await goesTo(erin, '#general/99999');
  await erin.seesWords('There is no message #99999 here.');
  await goesTo(erin, `#general/${regretted.seq + 1}`);
  await erin.seesWords(`There is no message #${regretted.seq + 1} here.`);
  await erin.page.getByRole('button', { name: 'Close', exact: true }).click();
  await erin.page.getByText(/^There is no message/).waitFor({ state: 'detached' });
});

test('who reads far back is told how much is new, loses nothing of their place, and is at the latest with one press', async (t) => {
  const frank = await house.person(t, 'frank', PHONE);
  await goesTo(frank, '#general/60');
  await isShown(frank, 60);
  const standsAt = await topOf(frank, 60);
  for (let i = 1; i <= 3; i++) await bob.says(`meanwhile ${i}`);
  const jump = frank.page.getByRole('button', { name: '3 new messages' });
  await jump.waitFor();
  assert.ok(Math.abs((await topOf(frank, 60)) - standsAt) <= 1);
  await frank.context.setOffline(true);
  frank.expects(/WebSocket connection to|net::ERR_/);
  await jump.click();
  await isInSight(frank, 'meanwhile 3');
});

test('what is copied over several messages reads like a conversation', async (t) => {
  const grace = await house.person(t, 'grace', { permissions: ['clipboard-read', 'clipboard-write'] });
  const first = await bob.says('the *first* of two');
  await bob.says('and the second');
  await grace.says('mine');
  await grace.sees('mine');
  await grace.page.evaluate(`{
    const lines = [...document.querySelectorAll('[data-seq]')].filter((line) => Number(line.dataset.seq) >= ${first.seq});
    getSelection().setBaseAndExtent(lines[0], 0, lines.at(-1), lines.at(-1).childNodes.length);
  }`);
  await grace.page.keyboard.press('ControlOrMeta+c');
  const copied = await grace.page.evaluate<string>('navigator.clipboard.readText()');
  assert.match(copied, /^bob, \d\d:\d\d\nthe \*first\* of two\nand the second\n\ngrace, \d\d:\d\d\nmine$/);
});

const line = ({ log }: Visitor, seq: number) => log.locator(`[data-seq="${seq}"]`);

async function isMarked(visitor: Visitor, seq: number) {
  await visitor.log.locator(`[data-seq="${seq}"][aria-current="true"]`).waitFor();
}

/** The message is there, marked, in sight, and has the focus. */
async function isShown(visitor: Visitor, seq: number) {
  await isMarked(visitor, seq);
  await until(
    () => line(visitor, seq).evaluate((element) => element === element.ownerDocument.activeElement),
    `the focus on ${seq}`,
  );
  await isInSight(visitor, `message ${seq}`);
}

async function goesTo({ page }: Visitor, hash: string) {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

const shownNumbers = ({ log }: Visitor) =>
  log.locator('[data-seq]').evaluateAll((lines) => lines.map((one) => Number(one.getAttribute('data-seq'))));

async function scrollsTo({ log }: Visitor, top: number) {
  await log.evaluate((element, to) => {
    element.scrollTop = to;
  }, top);
}

async function scrollsToEnd({ log }: Visitor) {
  await log.evaluate((element) => {
    element.scrollTop = element.scrollHeight;
  });
}

async function topOf(visitor: Visitor, seq: number): Promise<number> {
  const box = await line(visitor, seq).boundingBox();
  assert.ok(box, `message ${seq} is not shown`);
  return box.y;
}

async function isInSight({ log, messages }: Visitor, text: string) {
  await until(async () => {
    const words = messages.filter({ hasText: new RegExp(`^\\s*${text}\\s*$`) }).last();
    if ((await words.count()) === 0) return false;
    const [box, frame] = [await words.boundingBox(), await log.boundingBox()];
    return box !== null && frame !== null && box.y >= frame.y && box.y + box.height <= frame.y + frame.height + 1;
  }, `${text} to be in sight`);
}
