/** What is kept on the device: nothing typed is lost, the last messages are there at once, and nobody finds another's. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type Stack, startStack } from '../support/anyStack.ts';
import { aBrokenConnection, type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import { kept } from '../support/kept.ts';

let stack: Stack;
let house: House;

before(async () => {
  stack = await startStack();
  house = await openBrowser(stack, { trusts: true });
});
after(async () => {
  await house.close();
  await stack.stop();
});

test('a draft and what it answers are there again after the tab was closed', async (t) => {
  const alice = await house.person(t, 'alice');
  await alice.says('shall we meet?');
  await alice.sees('shall we meet?');
  await alice.messages.getByText('shall we meet?').hover();
  await alice.log.getByRole('button', { name: 'Reply' }).first().click();
  await alice.composer.pressSequentially('tomorrow at n');
  await until(async () => (await keptDraft(alice.page))?.text === 'tomorrow at n', 'the draft to be kept');

  const later = await anotherTab(alice);
  assert.equal(await composerOf(later).inputValue(), 'tomorrow at n');
  await later.getByText('Replying to alice').waitFor();
  await composerOf(later).pressSequentially('oon');
  await composerOf(later).press('Enter');
  await alice.sees('tomorrow at noon');
  await until(async () => (await keptDraft(later)) === undefined, 'the draft to be gone');
});

test('two tabs show what waits, and it goes out once although the first of them is closed', async (t) => {
  const carol = await house.person(t, 'carol');
  carol.expects(aBrokenConnection);
  const second = await anotherTab(carol);
  await carol.context.setOffline(true);
  await isOffline(carol.page);
  await isOffline(second);
  await carol.says('from the first tab');
  await pendingIn(second, 'from the first tab').waitFor();
  await composerOf(second).fill('from the second tab');
  await composerOf(second).press('Enter');
  await carol.seesPending('from the second tab');
  await carol.page.close();
  await carol.context.setOffline(false);
  await isConnected(second);
  await storedIn(second, 'from the second tab').waitFor();
  for (const text of ['from the first tab', 'from the second tab']) assert.equal(await said(carol, text), 1, text);
  await until(async () => (await keptEntries(second)) === 0, 'nothing to wait any more');
});

test('without a network the page opens with the last messages and what waits; later all goes out by itself', async (t) => {
  const dave = await house.person(t, 'dave');
  dave.expects(aBrokenConnection);
  await dave.says('said before');
  await dave.sees('said before');
  await hasShell(dave.page);
  await until(() => keepsMessage(dave.page, 'said before'), 'the message to be kept');
  await dave.context.setOffline(true);
  await isOffline(dave.page);
  await dave.says('written in the tunnel');
  await dave.seesPending('written in the tunnel');
  await until(async () => (await keptEntries(dave.page)) === 1, 'the words to be kept');
  await dave.page.close();

  const offline = await dave.context.newPage();
  await offline.goto(`${stack.url}/chat`);
  await storedIn(offline, 'said before').waitFor();
  await pendingIn(offline, 'written in the tunnel').waitFor();
  await isOffline(offline);
  await dave.context.setOffline(false);
  await isConnected(offline);
  await storedIn(offline, 'written in the tunnel').waitFor();
  assert.equal(await said(dave, 'written in the tunnel'), 1);
});

test('the shell that is kept names nobody, and is gone after Leave with all messages', async (t) => {
  const erin = await house.person(t, 'erin');
  await erin.says('a word of erin');
  await erin.sees('a word of erin');
  await hasShell(erin.page);
  const cached = await erin.page.evaluate<{ paths: string[]; shell: string }>(`(async () => {
    const keys = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()));
    const paths = keys.flat().map(({ url }) => new URL(url).pathname);
    return { paths, shell: await (await caches.match('/chat')).text() };
  })()`);
  assert.match(cached.shell, /data-user-name=""/);
  assert.doesNotMatch(cached.shell, /erin/);
  for (const path of cached.paths) assert.match(path, /^\/chat$|^\/assets\//);

  await until(() => keepsMessage(erin.page, 'a word of erin'), 'the message to be kept');
  await erin.page.getByRole('link', { name: 'Leave' }).click();
  await erin.arrivesAt('/home');
  await keepsNothingOfAnybody(erin.page);
  await erin.page.goto(`${stack.url}/chat`);
  await erin.arrivesAt('/home');
});

test('who was signed out elsewhere is told so, and finds no messages left on the device', async (t) => {
  const frank = await house.person(t, 'frank');
  frank.expects(/status of 401/);
  await frank.says('a word of frank');
  await frank.sees('a word of frank');
  await hasShell(frank.page);
  await until(() => keepsMessage(frank.page, 'a word of frank'), 'the message to be kept');
  await frank.page.goto('about:blank');
  await stack.outlive('frank');
  await frank.page.goto(`${stack.url}/chat`);
  await frank.seesWords('Your session has ended. Please log in again.');
  await keepsNothingOfAnybody(frank.page);
});

test('what grace left unsent waits for grace: henry, who comes after her, neither sees nor sends it', async (t) => {
  const grace = await house.person(t, 'grace');
  grace.expects(aBrokenConnection, /status of 401/);
  await hasShell(grace.page);
  await grace.context.setOffline(true);
  await isOffline(grace.page);
  await grace.says('for later');
  await grace.seesPending('for later');
  await until(async () => (await keptEntries(grace.page)) === 1, 'the words to be kept');
  await grace.page.close();
  await grace.context.clearCookies();
  await grace.context.setOffline(false);

  for (const action of ['signup', 'login']) await enters(grace, action, 'henry');
  const page = await grace.context.newPage();
  await page.goto(`${stack.url}/chat`);
  await isConnected(page);
  await details(page, 'henry');
  assert.equal(await pendingIn(page, 'for later').count(), 0);
  assert.equal(await said(grace, 'for later'), 0);

  await page.goto(`${stack.url}/leave`);
  await grace.logsIn();
  await page.goto(`${stack.url}/chat`);
  await storedIn(page, 'for later').waitFor();
  assert.equal(await said(grace, 'for later'), 1);
});

test('a text that was too fast waits over a reload and goes out by itself', async (t) => {
  const ivan = await house.person(t, 'ivan');
  const texts = ['one', 'two', 'three', 'four', 'five', 'six'].map((number) => `ivan says ${number}`);
  for (const text of texts) await ivan.says(text);
  await ivan.banner.getByText('1 message is waiting and will be sent in').waitFor();
  await ivan.page.reload();
  await ivan.sees('ivan says six');
  await ivan.seesLast(...texts);
});

test('Leave asks when words were not sent, and whoever leaves all the same leaves none of them behind', async (t) => {
  const kim = await house.person(t, 'kim');
  for (const number of ['one', 'two', 'three', 'four', 'five', 'six']) await kim.says(`kim says ${number}`);
  await kim.banner.getByText('1 message is waiting and will be sent in').waitFor();
  await kim.composer.fill('half a sentence');
  await until(async () => (await keptDraft(kim.page))?.text === 'half a sentence', 'the draft to be kept');
  await kim.page.getByRole('link', { name: 'Leave' }).click();
  await kim.seesWords('2 messages have not been sent yet and would be lost.');
  await kim.page.getByRole('button', { name: 'Stay' }).click();
  assert.equal(await kim.composer.inputValue(), 'half a sentence');

  await kim.page.getByRole('link', { name: 'Leave' }).click();
  await kim.page.getByRole('button', { name: 'Leave and discard' }).click();
  await kim.arrivesAt('/home');
  await keepsNothingOfAnybody(kim.page);
  assert.deepEqual([await kept(kim.page, 'drafts'), await kept(kim.page, 'outbox')], [[], []]);
});

test('where the browser keeps nothing the page says so once and works', async (t) => {
  const judy = await house.visitor(t, 'judy');
  await judy.context.addInitScript("indexedDB.open = () => { throw new DOMException('Not here.', 'InvalidStateError'); };");
  await judy.hasAnAccount();
  await judy.opensChat();
  await judy.seesWords(/^This browser keeps nothing for us\./);
  await judy.page.getByRole('button', { name: 'OK', exact: true }).click();
  await judy.page.getByText('This browser keeps nothing for us.').waitFor({ state: 'detached' });
  await judy.says('still here');
  await judy.sees('still here');
});

const composerOf = (page: Page) => page.getByRole('textbox', { name: 'Message general' });
const isConnected = (page: Page) => page.getByRole('button', { name: 'Connected', exact: true }).waitFor();
const isOffline = (page: Page) => page.getByRole('button', { name: 'You are offline' }).waitFor();
const storedIn = (page: Page, text: string) => page.locator('[data-seq] .words').getByText(text, { exact: true });
const pendingIn = (page: Page, text: string) => page.locator('.pending .words').getByText(text, { exact: true });

async function anotherTab(person: Visitor): Promise<Page> {
  const page = await person.context.newPage();
  await page.goto(`${stack.url}/chat`);
  await isConnected(page);
  return page;
}

/** How often the server holds a text. */
async function said(person: Visitor, text: string): Promise<number> {
  const witness = await stack.person(`witness${Math.random().toString(36).slice(2, 12)}`);
  const connection = await witness.connects();
  const { events } = await connection.opens();
  assert.ok(person.name);
  return events.filter((event) => 'text' in event && event.text === text).length;
}

async function enters(person: Visitor, action: string, username: string) {
  const data = { username, password: `the password of ${username}`, action };
  assert.ok((await person.context.request.post(`${stack.url}/home`, { data, ignoreHTTPSErrors: true })).ok());
}

async function details(page: Page, name: string) {
  await page.getByRole('button', { name: 'Connected', exact: true }).click();
  await page.getByRole('dialog').getByText(name, { exact: true }).waitFor();
  await page.keyboard.press('Escape');
}

/** Waits until the worker is in charge and keeps the shell. */
const hasShell = (page: Page) =>
  until(() => page.evaluate<boolean>("navigator.serviceWorker.controller && caches.match('/chat').then(Boolean)"), 'the shell');

const keptDraft = async (page: Page) => (await kept(page, 'drafts'))[0] as { text: string } | undefined;
const keptEntries = async (page: Page) => (await kept(page, 'outbox')).length;
const keepsMessage = async (page: Page, text: string) => JSON.stringify(await kept(page, 'rooms')).includes(text);

async function keepsNothingOfAnybody(page: Page) {
  const isEmpty = async () => (await kept(page, 'rooms')).length + (await kept(page, 'people')).length === 0;
  await until(isEmpty, 'everything to be forgotten');
  assert.equal(await page.evaluate("caches.match('/chat').then(Boolean)"), false);
}
