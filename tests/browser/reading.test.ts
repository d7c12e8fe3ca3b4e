/** Reading: a long history keeps its place, words stay words, and nothing is wider than a phone. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true };

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

test('alice arrives after 120 messages: she reads back to the first one without losing her place', async (t) => {
  const bob = await (await stack.person('bob')).connects();
  await bob.opens();
  const texts = Array.from({ length: 120 }, (_, index) => `message ${index + 1}\nand its second line`);
  for (const text of texts) await bob.says(text);

  const alice = await house.person(t, 'alice');
  await alice.seesLast(...texts.slice(-50));
  assert.equal(await alice.messages.count(), 50);
  await isInSight(alice, texts.at(-1) ?? '');

  // The answer is held back, so that it comes while she reads and not while she scrolls.
  process.kill(stack.pid, 'SIGSTOP');
  let standsAt = 0;
  try {
    await scrollsTo(alice, 300);
    await alice.log.getByText('Loading older messages…').waitFor();
    standsAt = await topOf(alice, 'message 80');
  } finally {
    process.kill(stack.pid, 'SIGCONT');
  }
  await alice.seesLast(...texts.slice(-100));
  assert.ok(Math.abs((await topOf(alice, 'message 80')) - standsAt) <= 1, 'what she reads stands where it stood');

  await bob.says('something new');
  await alice.page.getByRole('button', { name: '1 new message' }).waitFor();
  assert.ok(Math.abs((await topOf(alice, 'message 80')) - standsAt) <= 1, 'new messages move nothing either');

  await scrollsTo(alice, 0);
  await alice.log.getByText('This is the beginning of the conversation.').waitFor();
  assert.deepEqual(await alice.messages.allTextContents(), [...texts, 'something new']);

  await alice.page.getByRole('button', { name: '1 new message' }).click();
  await isInSight(alice, 'something new');
  await bob.says('and once more');
  await isInSight(alice, 'and once more');
});

test('what looks like a page or a script stays words, and only web addresses become links', async (t) => {
  const mallory = await (await stack.person('mallory')).connects();
  await mallory.opens();
  const texts = [
    '<img src=x onerror="document.title = \'stolen\'"><script>document.title = "stolen"</script>',
    'javascript:alert(1) data:text/html,<b>bold</b> [click](javascript:alert(1))',
    '&lt;b&gt;&amp;nbsp; not ** bold ** \u202ereversed\u202c {{user.name}}',
    'but see https://example.org/a?b=c&d="e"',
  ];
  const carol = await house.person(t, 'carol');
  for (const text of texts) await mallory.says(text);
  await carol.seesLast(...texts);
  assert.equal(await carol.log.locator('img, script, b, strong, iframe').count(), 0);
  const links = await carol.log.locator('.words a').evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  assert.deepEqual(links, ['https://example.org/a?b=c&d=']);
  assert.equal(await carol.page.title(), 'general – SecureChat');
});

test('long names and long words fit on a phone', async (t) => {
  const longest = 'W'.repeat(32);
  const dave = await house.visitor(t, longest, PHONE);
  await dave.hasAnAccount();
  await dave.opensChat();
  const texts = [
    'w'.repeat(1000),
    `https://example.org/${'path/'.repeat(100)}`,
    '😀'.repeat(200),
    `- ${'_'.repeat(500)}\n\t${'	'.repeat(40)}x`,
  ];
  for (const text of texts) {
    await dave.says(text);
    await dave.sees(text);
  }
  await staysInside(dave);
  await dave.page.getByRole('button', { name: /^People/ }).click();
  await dave.people.getByText('you', { exact: true }).waitFor();
  await staysInside(dave);
  await dave.page.goBack();
  await dave.people.waitFor({ state: 'detached' });
  await dave.composer.fill(texts.join('\n'));
  await staysInside(dave);
  const [composer, log] = [await dave.composer.boundingBox(), await dave.log.boundingBox()];
  assert.ok(composer && log && log.y + log.height <= composer.y, 'the composer covers no message');
  assert.ok(composer.y + composer.height <= PHONE.viewport.height, 'and stays in sight');
});

test('what elsa reads stays where it is, however the window is turned and resized', async (t) => {
  const fred = await (await stack.person('fred')).connects();
  await fred.opens();
  for (let i = 1; i <= 120; i++) await fred.says(`fred ${i}\n${'and his many words '.repeat(20)}`);
  const elsa = await house.person(t, 'elsa', { viewport: { width: 360, height: 400 } });
  await elsa.log.getByText('fred 120').waitFor();
  await elsa.log.evaluate((element) => {
    element.scrollTop -= 4000;
  });
  const read = await firstInSight(elsa);
  for (const size of [
    { width: 1280, height: 800 },
    { width: 740, height: 360 },
    { width: 360, height: 400 },
  ]) {
    await elsa.page.setViewportSize(size);
    await until(async () => (await firstInSight(elsa)) === read, `${read} to be the first in sight at ${size.width} px`);
  }
});

test('who asks for the latest while the conversation still scrolls gets there', async (t) => {
  const greta = await (await stack.person('greta')).connects();
  await greta.opens();
  for (let i = 1; i <= 60; i++) await greta.says(`greta ${i}`);
  const hugo = await house.person(t, 'hugo');
  await hugo.sees('greta 60');
  const jump = hugo.page.getByRole('button', { name: 'Jump to latest' });
  for (let times = 0; times < 3; times++) {
    await hugo.log.evaluate((element) => {
      element.scrollTop -= 800;
    });
    await jump.waitFor();
    await jump.evaluate((button) => {
      // The browser tells of the scrolling in the next frame, before anything is drawn.
      const log = button.ownerDocument.querySelector('[role="log"]');
      if (log) log.scrollTop -= 10;
      button.dispatchEvent(new button.ownerDocument.defaultView.MouseEvent('click', { bubbles: true }));
    });
    await jump.waitFor({ state: 'detached' });
    await isInSight(hugo, 'greta 60');
  }
});

async function scrollsTo({ log }: Visitor, top: number) {
  await log.evaluate((element, to) => {
    element.scrollTop = to;
  }, top);
}

/** Where the message that begins with this line stands, in pixels from the top of the window. */
async function topOf({ messages }: Visitor, line: string): Promise<number> {
  const box = await messages.filter({ hasText: new RegExp(`^${line}\\n`) }).boundingBox();
  assert.ok(box, `${line} is not shown`);
  return box.y;
}

/** The seq of the message that stands first in sight. */
function firstInSight({ log }: Visitor): Promise<string | null | undefined> {
  return log.evaluate((element) => {
    const { top } = element.getBoundingClientRect();
    const lines = [...element.querySelectorAll('[data-seq]')];
    return lines.find((line) => line.getBoundingClientRect().bottom > top)?.getAttribute('data-seq');
  });
}

async function isInSight({ log, messages }: Visitor, text: string) {
  await until(async () => {
    const [box, frame] = [await messages.filter({ hasText: text }).last().boundingBox(), await log.boundingBox()];
    return box !== null && frame !== null && box.y >= frame.y && box.y + box.height <= frame.y + frame.height + 1;
  }, `${text} to be in sight`);
}

/** Nothing makes the page, or the conversation, scroll sideways. */
async function staysInside({ page, log }: Visitor) {
  for (const part of [page.locator('html'), log, page.locator('.people, .composer').first()]) {
    const { scrollWidth, clientWidth } = await part.evaluate(({ scrollWidth, clientWidth }) => ({ scrollWidth, clientWidth }));
    assert.ok(scrollWidth <= clientWidth, `${scrollWidth} px in ${clientWidth} px`);
  }
}
