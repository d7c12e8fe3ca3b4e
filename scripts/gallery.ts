/**
 * `npm run gallery`: shows every state of the chat page, from fixtures, at an address of this machine.
 *
 *   npm run gallery                    until Ctrl-C
 *   npm run gallery -- pictures        writes the pictures to this folder, in both themes at three sizes, and ends
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { launchChromium } from '../tests/support/browser.ts';
import { type Gallery, lookAt, openGallery, SIZES, type Size } from '../tests/support/gallery.ts';

const PORT = 5173;

async function main(folder: string | undefined) {
  const gallery = await openGallery(folder === undefined ? PORT : 0);
  if (folder === undefined) {
    process.stdout.write(`The gallery is open at ${gallery.url} (Ctrl-C closes it)\n`);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void gallery.close());
    return;
  }
  await takePictures(gallery, resolve(folder)).finally(gallery.close);
}

async function takePictures(gallery: Gallery, folder: string) {
  mkdirSync(folder, { recursive: true });
  const browser = await launchChromium();
  try {
    for (const size of Object.keys(SIZES) as Size[]) {
      const visitor = await lookAt(gallery, browser, size);
      for (const name of visitor.names) {
        await visitor.show(name);
        for (const colorScheme of ['light', 'dark'] as const) {
          await visitor.page.emulateMedia({ colorScheme });
          await visitor.page.screenshot({ path: join(folder, `${name}-${SIZES[size].viewport.width}-${colorScheme}.png`) });
        }
      }
      process.stdout.write(`${visitor.names.length * 2} pictures at ${SIZES[size].viewport.width} px\n`);
      await visitor.close();
    }
  } finally {
    await browser.close();
  }
}

await main(process.argv[2]);
