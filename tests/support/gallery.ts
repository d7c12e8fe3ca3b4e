/** The gallery of the client's states: built into a folder of its own, and a browser that looks at one state after another. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** As strict as that of the pages, so that nothing is shown here that could not be shown there. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

export const SIZES = {
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  tablet: { viewport: { width: 768, height: 1024 }, isMobile: true, hasTouch: true },
  desk: { viewport: { width: 1280, height: 800 } },
} as const satisfies Record<string, BrowserContextOptions>;

export type Size = keyof typeof SIZES;
export type Gallery = Awaited<ReturnType<typeof openGallery>>;

/** Builds the gallery and serves it on a free port of this machine, until `close`. */
export async function openGallery(port = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-gallery-'));
  await build(folder);
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
    const name = path === '/' ? 'gallery.html' : path.slice(1);
    readFile(join(folder, name)).then(
      (content) =>
        response
          .writeHead(200, {
            'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
            'content-security-policy': POLICY,
          })
          .end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function build(folder: string) {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const config = join(root, 'services', 'web', 'vite.gallery.config.ts');
  const words = [
    'build',
    join(root, 'services', 'web'),
    '--config',
    config,
    '--outDir',
    folder,
    '--emptyOutDir',
    '--logLevel',
    'warn',
  ];
  await promisify(execFile)(process.execPath, [vite, ...words], { cwd: root });
}

/**
 * A page that shows the gallery at a size.
 *
 * @param complaints gets what the page complains of
 */
export async function lookAt(gallery: Gallery, browser: Browser, size: Size, complaints: string[] = []) {
  const context = await browser.newContext({ ...SIZES[size], locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (line) => {
    if (['error', 'warning'].includes(line.type())) complaints.push(`${line.type()}: ${line.text()}`);
  });
  await page.clock.setFixedTime('2026-05-07T09:41:00Z');
  await page.goto(gallery.url);
  return {
    page,
    names: await page.evaluate<string[]>('gallery.names'),
    show: (name: string) => show(page, name),
    findFaults: () => page.evaluate<string[]>('gallery.findFaults()'),
    close: () => context.close(),
  };
}

async function show(page: Page, name: string) {
  await page.evaluate((hash) => {
    (globalThis as unknown as { location: { hash: string } }).location.hash = hash;
  }, name);
  await page.locator(`html[data-shown="${name}"]`).waitFor({ state: 'attached' });
  // What appears only after a while is a part of the state.
  await page.evaluate('Promise.all(document.getAnimations().map(({ finished }) => finished.catch(() => {})))');
}
