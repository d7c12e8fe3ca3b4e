/** The pages for everybody: no violations that axe knows, in both themes, wide and narrow; and a whole visit without a mouse. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import type { Locator } from 'playwright-core';
import { type Stack, startStack } from '../support/anyStack.ts';
import { aBrokenConnection, type House, openBrowser, type Visitor } from '../support/browser.ts';
import type { Connection } from '../support/person.ts';

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
/** Colours on their way from one to another are neither. */
const STILL = { reducedMotion: 'reduce' } as const;
const MOST_TABS = 30;
/** A theme changes nothing but colours, so the second one is asked about these alone. */
const rulesByTheme: Record<'light' | 'dark', axe.RunOptions> = {
  light: {},
  dark: { runOnly: ['color-contrast', 'link-in-text-block'] },
};

let stack: Stack;
let house: House;

before(async () => {
  stack = await startStack({ RATE_LIMIT_WINDOW_SECONDS: '3', RATE_LIMIT_MUTE_SECONDS: '120' });
  house = await openBrowser(stack);
});
after(async () => {
  await house.close();
  await stack.stop();
});

test('the entrance is for everybody', async (t) => {
  const alice = await house.visitor(t, 'alice', STILL);
  alice.expects(/responded with a status of 40[01] /);
  await alice.opensHome();
  await isForEverybody(alice, '/home');
  await alice.page.getByLabel('Name').fill('not a name');
  await alice.page.getByRole('button', { name: 'Sign up' }).click();
  await alice.page.getByRole('alert').waitFor();
  await isForEverybody(alice, '/home with an error');

  await alice.page.goto(`${stack.url}/reset#not-a-token`);
  await isForEverybody(alice, '/reset');
  await alice.page.getByLabel('New password').fill('a good password');
  await alice.page.getByRole('button', { name: 'Set password' }).click();
  await alice.page.getByRole('alert').waitFor();
  await isForEverybody(alice, '/reset with an error');
});

test('an empty room is for everybody', async (t) => {
  const bob = await house.person(t, 'bob', STILL);
  await bob.seesWords('It is quiet here.');
  await isForEverybody(bob, '/chat, empty');
});

test('a conversation is for everybody, whatever happens in it', async (t) => {
  const [carol, dave] = [await house.person(t, 'carol', STILL), await speaker('dave')];
  carol.expects(aBrokenConnection);
  const question = await dave.says('Who has the key to the greenhouse?');
  await carol.sees('Who has the key to the greenhouse?');
  await carol.says('me');
  await carol.sees('me');
  await carol.page.goto('about:blank');

  const erin = await speaker('erin');
  const edited = await erin.says('it hangs besides the door');
  await change(erin, { type: 'edit', target: edited.seq, text: 'It hangs beside the door, see https://example.org/map' });
  await change(erin, { type: 'react', target: question.seq, emoji: '👍', on: true });
  await erin.says('Thank you, dave!\nSee you tomorrow.', { replyTo: question.seq });
  await erin.says('🌱🌻');
  const regretted = await erin.says('oops');
  await change(erin, { type: 'delete', target: regretted.seq });
  await carol.opensChat();
  await carol.page.getByText('New', { exact: true }).waitFor();
  await isForEverybody(carol, '/chat with messages');

  await carol.log.focus();
  await carol.page.keyboard.press('ArrowUp');
  await carol.page.keyboard.press('ArrowUp');
  await carol.page.keyboard.press('Enter');
  await carol.page.getByRole('menu').waitFor();
  await isForEverybody(carol, '/chat with the menu open');
  await carol.page.keyboard.press('Escape');

  await carol.page.getByRole('button', { name: 'Connected', exact: true }).click();
  await isForEverybody(carol, '/chat with the connection open');
  await carol.page.keyboard.press('Escape');

  await carol.log.focus();
  await carol.page.keyboard.press('?');
  await carol.page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await isForEverybody(carol, '/chat with a dialog');
  await carol.page.keyboard.press('Escape');

  await carol.page.setViewportSize(NARROW);
  await carol.page.getByRole('button', { name: /^People/ }).click();
  await carol.people.waitFor();
  await isForEverybody(carol, '/chat with the people above it', [NARROW]);
  await carol.page.keyboard.press('Escape');
  await carol.page.setViewportSize(WIDE);

  for (const text of ['1', '2', '3', '4', '5', '6', '7']) await carol.says(text);
  await carol.banner.getByText(/^Rate limit exceeded!/).waitFor();
  await carol.composer.fill('x'.repeat(4001));
  await isForEverybody(carol, '/chat, muted, with a text that is too long');
  await carol.composer.fill('');

  await carol.context.setOffline(true);
  await carol.banner.getByText(/^You are offline/).waitFor();
  await isForEverybody(carol, '/chat, offline');
});

test('words that the server will not take are for everybody', async (t) => {
  const frank = await house.person(t, 'frank', STILL);
  await frank.says('first thoughts');
  await frank.sees('first thoughts');
  await frank.composer.press('ArrowUp');
  // Deleted on another device while the change is being written here.
  const frankElsewhere = await frank.elsewhere();
  const { events } = await frankElsewhere.opens();
  await change(frankElsewhere, { type: 'delete', target: events.at(-1)?.seq ?? 0 });
  await frank.says('second thoughts');
  await frank.log.getByText('Not changed.').waitFor();
  await isForEverybody(frank, '/chat with a text that was refused');
  frankElsewhere.cut();
});

test('grace signs up, talks, answers, looks around and leaves without touching a mouse', async (t) => {
  const grace = await house.visitor(t, 'grace');
  const { keyboard } = grace.page;
  const button = (name: string | RegExp) => grace.page.getByRole('button', { name });
  await grace.opensHome();
  await keyboard.type('grace');
  await keyboard.press('Tab');
  await keyboard.type(grace.password);
  await tabTo(grace, button('Sign up'));
  await keyboard.press('Enter');
  await grace.seesWords('Signup successful. You may now log in.');
  await keyboard.press('Enter');
  await grace.arrivesAt('/chat');
  await grace.isConnected();

  await keyboard.type('Hello, I am grase');
  await keyboard.press('Enter');
  await grace.sees('Hello, I am grase');
  await keyboard.press('ArrowUp');
  for (const key of ['Backspace', 'Backspace', 'c', 'e', 'Enter']) await keyboard.press(key);
  await grace.sees('Hello, I am grace');

  await tabTo(grace, grace.log, 'Shift+Tab');
  await keyboard.press('ArrowUp');
  await keyboard.press('Enter');
  await grace.page.getByRole('menu').waitFor();
  for (let item = 1; item <= 6; item++) await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  await keyboard.type('talking to myself');
  await keyboard.press('Enter');
  await grace.log.getByText('In reply to grace:').waitFor();

  await tabTo(grace, grace.log, 'Shift+Tab');
  await keyboard.press('?');
  await grace.page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await keyboard.press('Escape');
  await grace.page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' });

  await tabTo(grace, button(/^People/));
  await keyboard.press('Enter');
  await grace.people.waitFor({ state: 'detached' });
  await tabTo(grace, button('Theme: like the system'));
  await keyboard.press('Enter');
  await grace.page.locator('html[data-theme="light"]').waitFor();
  await tabTo(grace, grace.page.getByRole('link', { name: 'Leave' }));
  await keyboard.press('Enter');
  await grace.arrivesAt('/home');
});

async function speaker(name: string): Promise<Connection> {
  const connection = await (await stack.person(name)).connects();
  await connection.opens();
  return connection;
}

/** Changes a message and waits until that is done. */
async function change(
  connection: Connection,
  fields: { type: 'edit' | 'delete' | 'react'; target: number } & Record<string, unknown>,
) {
  const clientId = crypto.randomUUID();
  connection.sends({ room: 'general', clientId, ...fields });
  await connection.receives((message) => 'clientId' in message && message.clientId === clientId, `the ${fields.type}`);
}

/** Moves the focus until it is at the wanted element, and looks whether one can see that. */
async function tabTo({ page }: Visitor, wanted: Locator, key = 'Tab') {
  const isThere = () => wanted.evaluate((element) => element === element.ownerDocument.activeElement);
  for (let tabs = 0; !(await isThere()); tabs++) {
    assert.ok(tabs < MOST_TABS, `the ${key} key does not lead to ${wanted}`);
    await page.keyboard.press(key);
  }
  const outline = await wanted.evaluate((element) => element.ownerDocument.defaultView.getComputedStyle(element).outlineStyle);
  assert.notEqual(outline, 'none', `the focus on ${wanted} cannot be seen`);
}

/** Has axe look at the page in both themes and at these sizes. */
async function isForEverybody({ page }: Visitor, what: string, sizes = [WIDE, NARROW]) {
  if (await page.evaluate<boolean>('!globalThis.axe')) await page.evaluate(axe.source);
  const violations: string[] = [];
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const [colorScheme, rules] of Object.entries(rulesByTheme)) {
      await page.emulateMedia({ ...STILL, colorScheme: colorScheme === 'dark' ? 'dark' : 'light' });
      const options = JSON.stringify({ ...rules, resultTypes: ['violations'], preload: false });
      const found = await page.evaluate<axe.Result[]>(`axe.run(${options}).then(({ violations }) => violations)`);
      for (const { id, nodes } of found) {
        violations.push(...nodes.map((node) => `${size.width} ${colorScheme} ${id}: ${node.html} ${node.failureSummary}`));
      }
    }
  }
  await page.setViewportSize(sizes[0] ?? WIDE);
  assert.deepEqual(violations, [], what);
}
