/**
 * Draws the icons of the installed page from their SVGs, with the machine's Chromium. Run by hand after a change of a picture:
 *
 *   node scripts/icons.ts
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const folder = fileURLToPath(new URL('../services/web/src/icons/', import.meta.url));
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

for (const name of ['icon', 'maskable']) {
  for (const size of [192, 512]) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    const picture = Buffer.from(readFileSync(`${folder}${name}.svg`)).toString('base64');
    await page.setContent(`<body style="margin: 0"><img width="${size}" src="data:image/svg+xml;base64,${picture}">`);
    await page.locator('img').screenshot({ path: `${folder}${name}-${size}.png`, omitBackground: true });
  }
}
await browser.close();
