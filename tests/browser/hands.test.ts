/** What hands do: the focus is never nowhere, a finger is never quite still, and what was deleted meanwhile is gone from everywhere. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Locator } from 'playwright-core';
import { aBrokenConnection, type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import type { Connection } from '../support/person.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

let stack: SingleNode;
let house: House;
let bob: Connection;

before(async () => {
  stack = await startSingleNode({ RATE_LIMIT_MESSAGES: '1000' });
  house = await openBrowser(stack);
  bob = await (await stack.person('bob')).connects();
  await bob.opens();
});
after(async () => {
  bob.cut();
  await house.close();
  await stack.stop();
});

test('whatever alice presses may go away: the focus stays beside it, or is where she writes', async (t) => {
  for (let i = 1; i <= 60; i++) await bob.says(`chatter ${i}`);
  const { seq } = await bob.says('Who brings cake?');
  const alice = await house.person(t, 'alice');
  const { keyboard } = alice.page;
  const line = lineOf(alice, seq);
  const item = (name: string) => alice.page.getByRole('menuitem', { name });

  await line.focus();
  await keyboard.press('Enter');
  await alice.page.getByLabel('React with 👍').press('Enter');
  const reaction = line.getByRole('button', { name: '👍 1: alice' });
  await reaction.press('Enter');
  await reaction.waitFor({ state: 'detached' });
  assert.ok(await hasFocus(line), 'the reaction was taken back: its message has the focus');

  await alice.log.evaluate((element) => element.scrollTo(0, 600));
  await alice.page.getByRole('button', { name: 'Jump to latest' }).press('Enter');
  await until(() => hasFocus(alice.composer), 'the focus in the field after the jump');

  await alice.says('I do.');
  await alice.sees('I do.');
  const own = alice.log.locator('.own .line').last();
  await own.focus();
  await keyboard.press('Enter');
  await item('Delete').press('Enter');
  await alice.page.getByRole('button', { name: 'Undo' }).press('Enter');
  await until(() => hasFocus(alice.composer), 'the focus in the field after the deletion was taken back');

  await own.hover();
  await own.getByRole('button', { name: /^Message actions/ }).click();
  await item('Delete').click();
  await until(() => hasFocus(own), 'the focus on the message whose buttons went with the mouse');
  await keyboard.press('Escape');
  await alice.page.getByRole('button', { name: 'Undo' }).click();

  alice.expects(aBrokenConnection);
  await stack.end();
  const again = alice.page.getByRole('button', { name: 'Try now' });
  await again.focus();
  await stack.start();
  await again.press('Enter');
  await alice.isConnected();
  await until(() => hasFocus(alice.composer), 'the focus in the field when the connection is back');
  bob = await (await stack.person('bea')).connects();
  await bob.opens();
});

test('a press beside everything is meant: what goes afterwards brings no focus back', async (t) => {
  const { seq } = await bob.says('a message with a reaction');
  const reacts = (on: boolean) =>
    bob.sends({ type: 'react', room: 'general', clientId: randomUUID(), target: seq, emoji: '🎉', on });
  reacts(true);
  const carla = await house.person(t, 'carla');
  const reaction = lineOf(carla, seq).getByRole('button', { name: '🎉 1: bea' });
  await reaction.focus();
  await carla.page.locator('.header').click({ position: { x: 400, y: 10 } });
  reacts(false);
  await reaction.waitFor({ state: 'detached' });
  assert.ok(await hasFocus(carla.page.locator('body')));
});

test('on a phone the people give the focus back, and make way for a mention', async (t) => {
  const dora = await house.person(t, 'dora', PHONE);
  const opener = dora.page.getByRole('button', { name: /^People/ });
  await opener.tap();
  await dora.people.getByRole('button', { name: 'Close' }).tap();
  await until(() => hasFocus(opener), 'the focus on what opened the people');

  await opener.tap();
  await dora.people.getByRole('button', { name: 'bea', exact: true }).tap();
  await dora.page.getByRole('button', { name: 'Mention' }).tap();
  await dora.people.waitFor({ state: 'detached' });
  assert.equal(await dora.composer.inputValue(), '@bea ');
  assert.ok(await hasFocus(dora.composer));
  assert.match(dora.page.url(), /\/chat$/);
});

test('a long press opens the menu although the finger trembles, and one that scrolls does not', async (t) => {
  const { seq } = await bob.says('press me long');
  const emma = await house.person(t, 'emma', PHONE);
  const menu = emma.page.getByRole('menu');
  await emma.sees('press me long');
  await presses(emma, lineOf(emma, seq), 40);
  assert.equal(await menu.count(), 0, 'the finger scrolled');

  await presses(emma, lineOf(emma, seq), 3);
  await menu.waitFor();
  assert.ok(await hasFocus(menu.locator(':focus')), 'lifting the finger leaves the focus in the menu');
  await emma.page.keyboard.press('Escape');
  await menu.waitFor({ state: 'detached' });
});

test('words that are deleted can neither be copied from an open menu nor be read above the field', async (t) => {
  const [first, second] = [await bob.says('a secret for nobody'), await bob.says('another secret')];
  const fran = await house.person(t, 'fran');
  const menu = fran.page.getByRole('menu');
  const line = lineOf(fran, first.seq);
  await line.focus();
  await fran.page.keyboard.press('Enter');
  await menu.waitFor();
  bob.sends({ type: 'delete', room: 'general', clientId: randomUUID(), target: first.seq });
  await menu.waitFor({ state: 'detached' });
  assert.ok(await hasFocus(line));

  await lineOf(fran, second.seq).focus();
  await fran.page.keyboard.press('Enter');
  await fran.page.getByRole('menuitem', { name: 'Reply' }).press('Enter');
  await fran.seesWords('Replying to bea: another secret');
  bob.sends({ type: 'delete', room: 'general', clientId: randomUUID(), target: second.seq });
  await fran.seesWords('Replying to bea: Message deleted');
  await fran.says('Which one?');
  await fran.sees('Which one?');
});

test('a reaction pressed without a connection is seen at once, and pressed again it is taken back', async (t) => {
  const { seq } = await bob.says('press this twice');
  bob.sends({ type: 'react', room: 'general', clientId: randomUUID(), target: seq, emoji: '🎉', on: true });
  const gina = await house.person(t, 'gina');
  const reaction = lineOf(gina, seq).getByRole('button', { name: /^🎉/ });
  await reaction.waitFor();
  gina.expects(aBrokenConnection);
  await gina.context.setOffline(true);
  await gina.seesWords(/^You are offline\./);
  await reaction.press('Enter');
  await lineOf(gina, seq).getByRole('button', { name: '🎉 2: bea and gina', pressed: true }).waitFor();
  await reaction.press('Enter');
  await lineOf(gina, seq).getByRole('button', { name: '🎉 1: bea', pressed: false }).waitFor();
  await gina.context.setOffline(false);
  await gina.isConnected();
  for (const on of [true, false]) {
    await bob.receives((heard) => heard.type === 'reacted' && heard.author.name === 'gina' && heard.on === on, `on: ${on}`);
  }
});

test('with the colours of the system one sees where one writes, and what one pressed', async (t) => {
  const { seq } = await bob.says('press this in high contrast');
  const hana = await house.person(t, 'hana', { forcedColors: 'active' });
  const field = hana.page.locator('.composer-field');
  await hana.composer.focus();
  assert.equal(await outlineOf(field), 'solid');
  await lineOf(hana, seq).focus();
  assert.equal(await outlineOf(field), 'none');
  await hana.page.keyboard.press('Enter');
  await hana.page.getByLabel('React with 👍').press('Enter');
  assert.equal(await outlineOf(lineOf(hana, seq).getByRole('button', { name: '👍 1: hana' })), 'solid');
});

const outlineOf = (part: Locator) =>
  part.evaluate((element) => element.ownerDocument.defaultView?.getComputedStyle(element).outlineStyle);

const lineOf = ({ log }: Visitor, seq: number) => log.locator(`[data-seq="${seq}"]`);

const hasFocus = async (part: Locator) =>
  (await part.count()) === 1 && (await part.evaluate((element) => element === element.ownerDocument.activeElement));

/** Puts a finger on something, moves it by so many pixels, and lifts it after a while. */
async function presses({ context, page }: Visitor, part: Locator, moved: number) {
  const cdp = await context.newCDPSession(page);
  const box = await part.boundingBox();
  assert.ok(box);
  const [x, y] = [box.x + 60, box.y + box.height / 2];
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: x + moved, y }] });
  // As long as a long press lasts, and a bit.
  await page.waitForTimeout(700);
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await cdp.detach();
}
