/**
 * The browser is killed between key press, send and event, at moments that a seed chooses. Each text is afterwards in the
 * field where it was written, or delivered, and never both, never twice.
 *
 * CRASHES says how often (10), CRASH_SEED from where the moments are drawn (a fresh one each time; it is printed).
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { BrowserContext, Page } from 'playwright-core';
import { type Stack, startStack } from '../support/anyStack.ts';
import { until } from '../support/browser.ts';
import { kept } from '../support/kept.ts';
import type { Connection, Person } from '../support/person.ts';
import { createProfile } from '../support/profile.ts';

const CRASHES = Number(process.env.CRASHES ?? 10);
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
/** From the key press on, everything has happened by then on an idle machine (ms). */
const LATEST_MS = 120;

let stack: Stack;
let alice: Person;
let witness: Connection;
let profile: Awaited<ReturnType<typeof createProfile>>;

before(async () => {
  stack = await startStack();
  alice = await stack.person('alice');
  witness = await (await stack.person('bob')).connects();
  profile = await createProfile(stack);
});
after(async () => {
  profile?.remove();
  await stack.stop();
});

test(`whenever the browser is killed, each text is a draft or delivered once (${CRASHES} times, seed ${SEED})`, async () => {
  const random = createRandom(SEED);
  for (let round = 1; round <= CRASHES; round++) {
    const text = `text number ${round}`;
    const moment = Math.round(random() ** 2 * LATEST_MS);
    const what = await crashes(text, { isSent: random() < 0.85, moment });
    const { drafts, delivered } = await finds(text);
    const found = `after ${what} the text was found ${drafts} times as a draft and ${delivered} times delivered`;
    assert.equal(drafts + delivered, 1, found);
  }
});

/** Writes a text and kills the browser: after it was written, or so many ms after Enter was pressed. */
async function crashes(text: string, { isSent, moment }: { isSent: boolean; moment: number }): Promise<string> {
  const browser = await profile.start();
  const page = await opensChat(browser.context);
  await composerOf(page).fill(text);
  await until(async () => JSON.stringify(await kept(page, 'drafts')).includes(text), 'the draft to be kept');
  const pressed = isSent ? composerOf(page).press('Enter', { noWaitAfter: true }) : Promise.resolve();
  const isPressed = pressed.catch(() => {});
  if (isSent) await wait(moment);
  await browser.kill();
  await isPressed;
  return isSent ? `${moment} ms` : 'the draft was kept';
}

/** Starts the browser again, lets go out what waits, and looks for the text: in the field, and on the server. */
async function finds(text: string) {
  const browser = await profile.start();
  try {
    const page = await opensChat(browser.context);
    await until(async () => (await kept(page, 'outbox')).length === 0, 'everything to be delivered');
    const drafts = (await composerOf(page).inputValue()) === text ? 1 : 0;
    const { events } = await witness.opens();
    const delivered = events.filter((event) => 'text' in event && event.text === text).length;
    if (drafts > 0) await clears(page);
    return { drafts, delivered };
  } finally {
    await browser.kill();
  }
}

async function clears(page: Page) {
  await composerOf(page).fill('');
  await until(async () => (await kept(page, 'drafts')).length === 0, 'the draft to be gone');
}

async function opensChat(context: BrowserContext): Promise<Page> {
  const [name = '', value = ''] =
    alice.cookies
      .header()
      .split('; ')
      .find((pair) => pair.startsWith('__Host-securechat='))
      ?.split('=') ?? [];
  await context.addCookies([{ name, value, url: stack.url, secure: true, httpOnly: true, sameSite: 'Lax' }]);
  const page = await context.newPage();
  await page.goto(`${stack.url}/chat`);
  await page.getByRole('button', { name: 'Connected', exact: true }).waitFor();
  return page;
}

const composerOf = (page: Page) => page.getByRole('textbox', { name: 'Message general' });

/** Numbers from 0 to 1 that a seed decides (mulberry32). */
function createRandom(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
