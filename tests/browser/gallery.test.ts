/**
 * Every state of the chat page, from fixtures: nothing overlaps, sticks out, is cut or too small for a finger, and nothing
 * that axe knows is wrong. The pictures go to the folder GALLERY_PICTURES, where one is named.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/browser.ts';
import { type Gallery, lookAt, openGallery, SIZES, type Size } from '../support/gallery.ts';

/** What a screen reader is told of the state `conversation`. */
const transcript = fileURLToPath(new URL('./conversation.aria.yaml', import.meta.url));
const pictures = process.env.GALLERY_PICTURES;
/** A theme changes colours alone, so the second one is asked about these. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

let gallery: Gallery;
let browser: Browser;

before(async () => {
  [gallery, browser] = await Promise.all([openGallery(), launchChromium()]);
});
after(async () => {
  await browser.close();
  await gallery.close();
});

for (const size of Object.keys(SIZES) as Size[]) {
  test(`in no state does anything overlap, stick out or hide on a ${size}`, async (t) => {
    const complaints: string[] = [];
    const visitor = await lookAt(gallery, browser, size, complaints);
    t.after(visitor.close);
    const faults: string[] = [];
    for (const name of visitor.names) {
      await visitor.show(name);
      faults.push(...(await visitor.findFaults()).map((fault) => `${name}: ${fault}`));
      if (pictures) await takePictures(visitor.page, pictures, `${name}-${SIZES[size].viewport.width}`);
    }
    assert.deepEqual(faults, []);
    assert.deepEqual(complaints, []);
  });
}

for (const size of ['phone', 'desk'] as const) {
  test(`every state is for everybody on a ${size}, in both themes`, async (t) => {
    const visitor = await lookAt(gallery, browser, size);
    t.after(visitor.close);
    await visitor.page.evaluate(axe.source);
    const violations: string[] = [];
    for (const name of visitor.names) {
      await visitor.show(name);
      violations.push(...(await violationsIn(visitor.page, {})).map((line) => `${name}: ${line}`));
      await visitor.page.emulateMedia({ colorScheme: 'dark' });
      violations.push(...(await violationsIn(visitor.page, { runOnly: COLOURS })).map((line) => `${name}, dark: ${line}`));
      await visitor.page.emulateMedia({ colorScheme: 'light' });
    }
    assert.deepEqual(violations, []);
  });
}

test('a screen reader hears of a conversation who says what when, what can be done, and nothing twice', async (t) => {
  const visitor = await lookAt(gallery, browser, 'desk');
  t.after(visitor.close);
  await visitor.show('conversation');
  const heard = `${await visitor.page.getByRole('log').ariaSnapshot()}\n`;
  if (process.env.WRITE_TRANSCRIPT) writeFileSync(transcript, heard);
  assert.equal(
    heard,
    readFileSync(transcript, 'utf8'),
    'WRITE_TRANSCRIPT=1 writes the transcript anew, to be read before it is kept',
  );
});

async function violationsIn(page: Page, options: axe.RunOptions): Promise<string[]> {
  const settings = JSON.stringify({ ...options, resultTypes: ['violations'], preload: false });
  const found = await page.evaluate<axe.Result[]>(`axe.run(${settings}).then(({ violations }) => violations)`);
  return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

async function takePictures(page: Page, folder: string, name: string) {
  mkdirSync(folder, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`) });
  }
}
