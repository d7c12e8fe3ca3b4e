/** What people write: its marks, code, links and mentions; and what helps them to write names and emoji. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import { type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import type { Connection } from '../support/person.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

let stack: SingleNode;
let house: House;

before(async () => {
  stack = await startSingleNode({ RATE_LIMIT_MESSAGES: '1000' });
  house = await openBrowser(stack);
});
after(async () => {
  await house.close();
  await stack.stop();
});

test('what alice marks is drawn as she means it, and bob on a plain client reads what she typed', async (t) => {
  const [alice, bob] = [await house.person(t, 'alice'), await speaker('bob')];
  const typed = 'see **bold** and *italic* ~~struck~~ `code`\n> quoted\n- one\n- two';
  await alice.says(typed);
  await bob.receives((message) => message.type === 'message' && message.text === typed, 'the text as typed');
  const words = alice.messages.filter({ hasText: 'quoted' });
  for (const [element, text] of [
    ['strong', 'bold'],
    ['em', 'italic'],
    ['s', 'struck'],
    ['code', 'code'],
    ['blockquote', 'quoted\n'],
    ['li:first-child', '- one\n'],
  ] as const) {
    assert.equal(await words.locator(element).first().textContent(), text);
  }
});

test('mallory’s pages, scripts and addresses stay words', async (t) => {
  const [carol, mallory] = [await house.person(t, 'carol'), await speaker('mallory')];
  const texts = [
    '<b>bold</b> <img src=x onerror="document.title = 1">',
    '[click](javascript:document.title=1) [here](data:text/html,hi) [c](//evil.example)',
    '![picture](https://example.org/x.png)',
    '# heading\n| a | b |\n|---|---|',
  ];
  for (const text of texts) await mallory.says(text);
  await mallory.says('>'.repeat(4_000));
  await mallory.says('*a **b '.repeat(500));
  await mallory.says('that was all');
  await carol.sees('that was all');
  for (const text of [texts[0], texts[1], texts[3]]) await carol.sees(text ?? '');
  assert.equal(await carol.log.locator('img, script, iframe, b, h1, table').count(), 0);
  const links = await carol.log.locator('.words a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  assert.deepEqual(links, ['https://example.org/x.png']);
});

test('a link tells where it leads, and the page there learns nothing of this one', async (t) => {
  const dave = await house.person(t, 'dave');
  await dave.says('my [bank](https://evil.example/login) and https://example.org/a_b_c.');
  await dave.log.getByText('(evil.example)').waitFor();
  const link = dave.log.getByRole('link', { name: 'bank' });
  assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow ugc');
  assert.equal(await link.getAttribute('target'), '_blank');
  await dave.log.getByRole('link', { name: 'https://example.org/a_b_c', exact: true }).waitFor();
});

test('code keeps its columns, is coloured when it is seen, scrolls by itself and can be copied', async (t) => {
  const erin = await house.person(t, 'erin', { permissions: ['clipboard-read', 'clipboard-write'] });
  const code = `const long = '${'x'.repeat(400)}';\n\tif (long) return;`;
  await erin.says(`look\n\`\`\`ts\n${code}\n\`\`\``);
  const block = erin.log.locator('.words pre');
  await block.locator('.hljs-keyword').first().waitFor();
  assert.equal(await block.textContent(), code);
  assert.ok(await block.evaluate((pre) => pre.scrollWidth > pre.clientWidth), 'the long line is not broken');
  assert.ok(await erin.log.evaluate((log) => log.scrollWidth <= log.clientWidth), 'the conversation does not scroll sideways');
  await block.hover();
  await erin.log.getByRole('button', { name: 'Copy code' }).click();
  await erin.log.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await erin.page.evaluate('navigator.clipboard.readText()'), code);
});

test('frank mentions grace by a few letters, and only she sees herself spoken to', async (t) => {
  const grace = await house.person(t, 'Grace');
  const frank = await house.person(t, 'frank');
  await frank.people.getByText('Grace', { exact: true }).waitFor();
  await frank.composer.pressSequentially('hi @gr');
  const option = frank.page.getByRole('option', { name: /Grace/ });
  await option.waitFor();
  assert.equal(await frank.composer.getAttribute('aria-activedescendant'), await option.getAttribute('id'));
  await isForEverybody(frank, 'the suggestions');
  await frank.composer.press('Enter');
  assert.equal(await frank.composer.inputValue(), 'hi @Grace ');
  await frank.composer.pressSequentially('and @nobody');
  await frank.composer.press('Enter');
  await grace.sees('hi @Grace and @nobody');
  assert.deepEqual(await grace.log.locator('mark.mention').allTextContents(), ['@Grace']);
  assert.deepEqual(await frank.log.locator('mark').allTextContents(), []);
  assert.deepEqual(await frank.log.locator('.mention').allTextContents(), ['@Grace']);
});

test('no suggestion stands in the way of Enter, Esc or what was typed', async (t) => {
  const heidi = await house.person(t, 'heidi');
  const ivan = await house.person(t, 'ivan');
  await heidi.people.getByText('ivan', { exact: true }).waitFor();
  const options = heidi.page.getByRole('option');

  await heidi.says('hello @ivan');
  await ivan.sees('hello @ivan');
  await heidi.says('at home @');
  await ivan.sees('at home @');

  await heidi.composer.pressSequentially('@iv');
  await options.first().waitFor();
  await heidi.composer.press('Escape');
  await options.first().waitFor({ state: 'detached' });
  await heidi.composer.press('Enter');
  await ivan.sees('@iv');

  await heidi.composer.pressSequentially('before after');
  for (let step = 0; step < 'after'.length; step++) await heidi.composer.press('ArrowLeft');
  await heidi.composer.pressSequentially('@iv');
  await options.first().waitFor();
  await heidi.composer.press('Tab');
  assert.equal(await heidi.composer.inputValue(), 'before @ivan after');
  await heidi.composer.press('ControlOrMeta+z');
  assert.equal(await heidi.composer.inputValue(), 'before @ivafter');
});

test('judy writes emoji by their names', async (t) => {
  const judy = await house.person(t, 'judy');
  await judy.composer.pressSequentially('so :tad');
  await judy.page.getByRole('option', { name: ':tada:' }).waitFor();
  await judy.composer.press('Tab');
  assert.equal(await judy.composer.inputValue(), 'so 🎉 ');
  await judy.composer.pressSequentially(':+1:');
  assert.equal(await judy.composer.inputValue(), 'so 🎉 👍');
  await judy.composer.press('Enter');
  await judy.sees('so 🎉 👍');
  await judy.says('10:30 :) note: :nosuchname:');
  await judy.sees('10:30 :) note: :nosuchname:');
  await judy.says('🎉👍');
  await judy.log.locator('.words.emoji', { hasText: '🎉👍' }).waitFor();
});

test('kim chooses an emoji with the keyboard alone, in her skin tone, and finds it again', async (t) => {
  const kim = await house.person(t, 'kim', { reducedMotion: 'reduce' });
  const { keyboard } = kim.page;
  const picker = kim.page.getByRole('dialog', { name: 'Emoji' });
  await kim.composer.fill('yes ');
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await picker.getByRole('searchbox').waitFor();
  await isForEverybody(kim, 'the choice of emoji');
  await keyboard.type('pulgar');
  await picker.getByRole('button', { name: '+1' }).waitFor();
  await picker.getByRole('button', { name: 'Medium', exact: true }).focus();
  await keyboard.press('Enter');
  await picker.getByRole('searchbox').focus();
  await keyboard.press('ArrowDown');
  await keyboard.press('ArrowRight');
  await keyboard.press('ArrowLeft');
  await keyboard.press('Enter');
  await picker.waitFor({ state: 'detached' });
  assert.equal(await kim.composer.inputValue(), 'yes 👍🏽');
  assert.ok(await kim.composer.evaluate((field) => field === field.ownerDocument.activeElement), 'the focus is in the composer');

  await kim.page.reload();
  await kim.isConnected();
  const opener = kim.page.getByRole('button', { name: 'Emoji', exact: true });
  await opener.click();
  await picker.getByRole('searchbox').waitFor();
  await opener.click();
  await picker.waitFor({ state: 'detached' });
  await opener.click();
  await picker.getByText('Used lately').waitFor();
  await picker.getByRole('button', { name: '+1' }).waitFor();
  await keyboard.press('Escape');
  await picker.waitFor({ state: 'detached' });
  const fields = kim.page.locator('input, textarea, [contenteditable], [role="textbox"], [role="searchbox"]');
  assert.equal(await fields.count(), 1, 'the composer is the only text field again');
});

test('lena reacts on her phone with any emoji, and "back" closes the choice', async (t) => {
  const lena = await house.person(t, 'lena', PHONE);
  const picker = lena.page.getByRole('dialog', { name: 'Emoji' });
  await lena.says('we have seeds');
  await lena.sees('we have seeds');
  await lena.log.getByRole('article').filter({ hasText: 'we have seeds' }).focus();
  await lena.page.keyboard.press('Enter');
  await lena.page.getByRole('menuitem', { name: 'Other emoji…' }).click();
  await picker.getByRole('searchbox').waitFor();
  await until(async () => {
    const box = await picker.boundingBox();
    return box !== null && box.x === 0 && box.width === 360 && Math.abs(box.y + box.height - 740) < 1;
  }, 'the choice to stand at the bottom');
  await lena.page.goBack();
  await picker.waitFor({ state: 'detached' });

  await lena.page.keyboard.press('Enter');
  await lena.page.getByRole('menuitem', { name: 'Other emoji…' }).click();
  await picker.getByRole('button', { name: 'Animals and nature' }).click();
  await picker.getByRole('button', { name: 'seedling', exact: true }).click();
  await lena.page.getByRole('button', { name: '🌱 1: lena' }).waitFor();
  assert.match(lena.page.url(), /\/chat$/);
});

test('the composer grows to eight lines and no further, and keeps what is pasted', async (t) => {
  const nina = await house.person(t, 'nina', { permissions: ['clipboard-read', 'clipboard-write'] });
  const heightOf = async () => (await nina.composer.boundingBox())?.height ?? 0;
  const one = await heightOf();
  const pasted = Array.from({ length: 8 }, (_, i) => `line ${i} <b>`).join('\n');
  await nina.page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(pasted)})`);
  await nina.composer.press('ControlOrMeta+v');
  assert.equal(await nina.composer.inputValue(), pasted);
  const eight = await heightOf();
  assert.ok(eight >= one + 7 * 23, `${eight} px are eight lines`);
  await nina.composer.fill(`${pasted}\n${pasted}`);
  await until(async () => Math.abs((await heightOf()) - eight) < 2, 'the composer to stay as it is');
});

async function speaker(name: string): Promise<Connection> {
  const connection = await (await stack.person(name)).connects();
  await connection.opens();
  return connection;
}

/** Has axe look at the page as it is. */
async function isForEverybody({ page }: Visitor, what: string) {
  if (await page.evaluate<boolean>('!globalThis.axe')) await page.evaluate(axe.source);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const options = JSON.stringify({ resultTypes: ['violations'], preload: false });
    const found = await page.evaluate<axe.Result[]>(`axe.run(${options}).then(({ violations }) => violations)`);
    assert.deepEqual(
      found.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${colorScheme} ${id}: ${html} ${failureSummary}`),
      ),
      [],
      what,
    );
  }
}

test('at 400 % zoom the choice of emoji shows emoji', async (t) => {
  const pia = await house.person(t, 'pia', { viewport: { width: 320, height: 256 } });
  await pia.page.getByRole('button', { name: 'Emoji', exact: true }).click();
  const first = pia.page.getByRole('toolbar', { name: 'Smileys' }).getByRole('button').first();
  await until(async () => {
    const box = await first.boundingBox();
    const grid = await first.locator('..').boundingBox();
    return box !== null && grid !== null && box.y + box.height <= 256 && grid.height >= 2 * box.height;
  }, 'the first row of emoji to be in sight');
});

test('at 400 % zoom a long draft scrolls by itself: the way to send it and the header stay in sight', async (t) => {
  // WCAG 2.2, 1.4.10: 1280 × 1024 px at 400 % are 320 × 256.
  const olga = await house.person(t, 'olga', { viewport: { width: 320, height: 256 } });
  await olga.composer.fill(Array.from({ length: 12 }, (_, i) => `line ${i}`).join('\n'));
  for (const name of ['Send', 'Connected']) {
    const box = await olga.page.getByRole('button', { name, exact: true }).boundingBox();
    assert.ok(box && box.y >= 0 && box.y + box.height <= 256, `${name}: ${JSON.stringify(box)}`);
  }
});
