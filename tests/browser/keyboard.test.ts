/** Reading without a mouse: to an answer, to what it answers, back again, and on to the latest; the focus is never lost. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import type { Connection } from '../support/person.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const MOST_KEYS = 40;

let stack: SingleNode;
let house: House;
let bob: Connection;

before(async () => {
  stack = await startSingleNode({ RATE_LIMIT_MESSAGES: '10000' });
  house = await openBrowser(stack);
  bob = await (await stack.person('bob')).connects();
  await bob.opens();
});
after(async () => {
  bob.cut();
  await house.close();
  await stack.stop();
});

test('alice follows an answer to its question, comes back, reacts, and goes on to the latest', async (t) => {
  const question = await bob.says('Who has the key?');
  for (let i = 1; i <= 120; i++) await bob.says(`chatter ${i}`);
  const answer = await bob.says('I have it.', { replyTo: question.seq });
  const alice = await house.person(t, 'alice');
  const { keyboard } = alice.page;
  await alice.sees('I have it.');

  await pressUntil(alice, 'Shift+Tab', () => isFocused(alice, '[role="log"]'));
  await keyboard.press('ArrowUp');
  assert.ok(await isFocused(alice, `[data-seq="${answer.seq}"]`));
  await choose(alice, 'Show what it answers');
  await until(() => isFocused(alice, `[data-seq="${question.seq}"]`), 'the focus on the question');
  assert.equal(new URL(alice.page.url()).hash, `#general/${question.seq}`);

  await keyboard.press('ArrowDown');
  assert.ok(await isFocused(alice, `[data-seq="${question.seq + 1}"]`), 'and one reads on from there');
  await keyboard.press('ArrowUp');
  await choose(alice, 'React with 👍');
  await alice.log.getByRole('button', { name: /^👍 1: alice$/ }).waitFor();
  assert.ok(await isFocused(alice, `[data-seq="${question.seq}"]`), 'the focus is where it was');

  await alice.page.goBack();
  await until(() => isFocused(alice, '[data-seq]'), 'the focus on what was read before');
  await alice.sees('I have it.');
  await alice.page.goForward();
  await until(() => isFocused(alice, `[data-seq="${question.seq}"]`), 'the question again');
  await keyboard.press('Escape');
  await alice.page.getByRole('button', { name: 'Jump to latest' }).waitFor({ state: 'detached' });
  await alice.sees('I have it.');
  await pressUntil(alice, 'Tab', () => isFocused(alice, 'textarea'));
  await keyboard.type('Thank you!');
  await keyboard.press('Enter');
  await alice.sees('Thank you!');
});

test('the menu closes where it was opened, whichever way', async (t) => {
  const said = await bob.says('a message with a menu');
  const carol = await house.person(t, 'carol');
  await carol.sees('a message with a menu');
  await carol.log.locator(`[data-seq="${said.seq}"]`).focus();
  for (const key of ['Escape', 'Tab']) {
    await carol.page.keyboard.press('Enter');
    await carol.page.getByRole('menu').waitFor();
    await carol.page.keyboard.press(key);
    await carol.page.getByRole('menu').waitFor({ state: 'detached' });
    assert.ok(await isFocused(carol, `[data-seq="${said.seq}"]`), key);
  }
});

/** Opens the menu of the message that has the focus and goes to an item with the arrow keys. */
async function choose(visitor: Visitor, name: string) {
  await visitor.page.keyboard.press('Enter');
  const menu = visitor.page.getByRole('menu');
  await menu.waitFor();
  const item = menu.getByText(name, { exact: true }).or(menu.getByLabel(name, { exact: true }));
  await pressUntil(visitor, 'ArrowDown', () => item.evaluate((element) => element === element.ownerDocument.activeElement));
  await visitor.page.keyboard.press('Enter');
  await menu.waitFor({ state: 'detached' });
}

async function pressUntil({ page }: Visitor, key: string, isThere: () => Promise<boolean>) {
  for (let keys = 0; !(await isThere()); keys++) {
    assert.ok(keys < MOST_KEYS, `${key} does not lead there`);
    await page.keyboard.press(key);
  }
}

const isFocused = ({ page }: Visitor, selector: string) =>
  page.evaluate<boolean>(`document.activeElement?.matches(${JSON.stringify(selector)}) ?? false`);
