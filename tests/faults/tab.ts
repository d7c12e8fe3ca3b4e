/** A real page in Chromium: somebody types, and what the page shows is looked at now and then. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Pass } from './rawClient.ts';
import type { Log, TabWitness } from './record.ts';

const WAITS_MS = 20_000;
const LOOKS_EVERY_MS = 200;

export type Tab = Awaited<ReturnType<typeof openTab>>;

export async function openTab(options: { browser: Browser; pagesUrl: string; pass: Pass; log: Log; now: () => number }) {
  const { browser, pagesUrl, pass, log, now } = options;
  const client = `tab of ${pass.name}`;
  const witness: TabWitness = { client, person: pass.name, typed: [], glances: [] };
  log.tabs.push(witness);
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' });
  context.setDefaultTimeout(WAITS_MS);
  await context.addCookies(cookiesOf(pass, pagesUrl));
  let page = await arrive(context, pagesUrl);
  let isAway = false;

  /** What is stored and what waits, as the page shows it. */
  const look = () =>
    page.evaluate(() => {
      const root = (globalThis as unknown as { document: PageDocument }).document;
      const rows = [...root.querySelectorAll('[role=log] [data-seq]')].flatMap((line) => {
        const words = line.querySelector('.words');
        return words === null ? [] : [{ seq: Number(line.dataset.seq), text: words.textContent.trim() }];
      });
      return { rows, pending: root.querySelectorAll('[role=log] .pending .words').length };
    });

  async function glance(isLast: boolean): Promise<void> {
    if (isAway) return;
    const seen = await Promise.race([look().catch(() => undefined), pause(WAITS_MS)]);
    if (seen !== undefined) witness.glances.push({ at: now(), ...seen, isLast });
  }

  /** A crash within the press of Enter may have left the words as a draft, for the person to see and to send. */
  async function sendsDraft() {
    const at = now();
    const composer = composerOf(page);
    const draft = await composer.inputValue();
    if (draft === '') return;
    await composer.press('Enter');
    if (!witness.typed.some(({ text }) => text === draft)) witness.typed.push({ at, text: draft });
  }

  return {
    client,
    glance,
    /** Types and presses Enter; what could not be typed because the page is away does not count. */
    async types(text: string): Promise<void> {
      if (isAway) return;
      // It may be sent at any moment from now on.
      const at = now();
      try {
        const composer = composerOf(page);
        await composer.fill(text, { timeout: 2_000 });
        await composer.press('Enter', { timeout: 2_000 });
        // Enter has been taken when the composer is empty again.
        if ((await composer.inputValue({ timeout: 2_000 })) === '') witness.typed.push({ at, text });
      } catch {
        // The page crashed or was exchanged under the fingers.
      }
    },
    async crashes(forMs: number): Promise<void> {
      isAway = true;
      await Promise.race([page.goto('chrome://crash').catch(() => undefined), pause(2_000)]);
      await pause(forMs);
      const crashed = page;
      for (let tries = 1; tries <= 10; tries++) {
        try {
          page = await arrive(context, pagesUrl);
          await sendsDraft();
          break;
        } catch {
          await pause(1_000);
        }
      }
      await crashed.close().catch(() => undefined);
      isAway = false;
    },
    async isOffline(forMs: number): Promise<void> {
      await context.setOffline(true);
      await pause(forMs);
      await context.setOffline(false);
    },
    /** Resolves to whether nothing waits and the text is there, in time. */
    async isUpToDate(text: string, withinMs: number): Promise<boolean> {
      for (const deadline = performance.now() + withinMs; performance.now() < deadline; await pause(LOOKS_EVERY_MS)) {
        const seen = await Promise.race([look().catch(() => undefined), pause(2_000)]);
        if (seen && seen.pending === 0 && seen.rows.some((row) => row.text === text)) return true;
      }
      return false;
    },
    close: () => context.close(),
  };
}

/** The little of the page's DOM that is used: these tests know no browser types. */
type Line = { dataset: { seq?: string }; querySelector(which: string): { textContent: string } | null };
type PageDocument = { querySelectorAll(which: string): Iterable<Line> & { length: number } };

async function arrive(context: BrowserContext, pagesUrl: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${pagesUrl}/chat`);
  await composerOf(page).waitFor();
  return page;
}

const composerOf = (page: Page) => page.getByRole('textbox', { name: 'Message general' });

function cookiesOf({ cookie }: Pass, pagesUrl: string) {
  return cookie.split('; ').map((pair) => {
    const at = pair.indexOf('=');
    return {
      name: pair.slice(0, at),
      value: pair.slice(at + 1),
      url: pagesUrl,
      secure: true,
      httpOnly: true,
      sameSite: 'Lax' as const,
    };
  });
}
