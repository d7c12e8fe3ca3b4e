/**
 * Serves the chat page at once, and without a network, from what was kept: a shell that names nobody, and assets whose names
 * tell their content. Who is there the page learns from the device and from the server; nothing else is ever kept, and
 * /home, /leave, /reset and /api go straight to the server.
 *
 * The shell is kept only while somebody is here: /home and /leave drop it. So whoever is not signed in is sent to /home by the
 * server, as without a worker.
 */

type Lasting = { waitUntil: (work: Promise<unknown>) => void };
type Page = { url: string; focus: () => Promise<unknown> };
type Pressed = Event & Lasting & { notification: { close: () => void } };
type Fetched = Event & Lasting & { request: Request; respondWith: (answer: Promise<Response>) => void };
export type WorkerScope = {
  addEventListener(type: 'install' | 'activate', listener: (event: Event & Lasting) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetched) => void): void;
  addEventListener(type: 'notificationclick', listener: (event: Pressed) => void): void;
  skipWaiting: () => Promise<void>;
  clients: {
    claim: () => Promise<void>;
    matchAll: (which: { type: 'window' }) => Promise<readonly Page[]>;
    openWindow: (address: string) => Promise<unknown>;
  };
};

/** Everything that the chat page may need, by path; the build puts it here. */
declare const __ASSETS__: readonly string[];
/** Tells the builds apart; the build puts it here. */
declare const __BUILD__: string;

// Also in shellCache.ts. Nothing is imported: a worker is one file.
const SHELL_CACHE = 'securechat-shell';
const ASSETS_PREFIX = 'securechat-assets:';
const ASSETS_CACHE = `${ASSETS_PREFIX}${__BUILD__}`;
/** A tab that was opened before an update goes on with the assets it knows. */
const BUILDS_KEPT = 2;

const worker = globalThis as unknown as WorkerScope;

worker.addEventListener('install', (event) => {
  event.waitUntil(keepAssets(__ASSETS__).then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(Promise.all([refreshShell(), dropOldBuilds(), worker.clients.claim()]));
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin) return;
  if (pathname.startsWith('/assets/')) return event.respondWith(assetFor(request));
  if (request.mode !== 'navigate') return;
  if (pathname === '/chat') event.respondWith(pageFor(event));
  if (pathname === '/home' || pathname === '/leave') event.waitUntil(caches.delete(SHELL_CACHE));
});

// Where notices are shown through the worker (Android), it is the worker that hears of a press on one.
worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(bringToFront());
});

async function bringToFront() {
  const pages = await worker.clients.matchAll({ type: 'window' });
  const chat = pages.find(({ url }) => new URL(url).pathname === '/chat');
  await (chat ? chat.focus() : worker.clients.openWindow('/chat'));
}

/** The shell if there is one, and a fresh one for the next time; else what the server says. */
async function pageFor(event: Fetched): Promise<Response> {
  const shell = await caches.open(SHELL_CACHE).then((cache) => cache.match('/chat'));
  if (shell) {
    event.waitUntil(refreshShell());
    return shell;
  }
  const page = await fetch(event.request);
  if (page.ok) event.waitUntil(keepShell(page.clone()));
  return page;
}

async function refreshShell() {
  try {
    const page = await fetch('/chat', { cache: 'no-store' });
    // Led to /home: nobody is signed in.
    if (page.redirected) await caches.delete(SHELL_CACHE);
    else if (page.ok) await keepShell(page);
  } catch {
    // Without a network the old shell does.
  }
}

async function keepShell(page: Response) {
  const html = nameless(await page.text());
  await keepAssets([...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path));
  const headers = new Headers(page.headers);
  for (const name of ['content-encoding', 'content-length']) headers.delete(name);
  const cache = await caches.open(SHELL_CACHE);
  await cache.put('/chat', new Response(html, { headers }));
}

/** The page without the person it was made for. */
function nameless(html: string): string {
  return html.replace(/\b(data-user-[a-z]+)="[^"]*"/g, '$1=""');
}

async function assetFor(request: Request): Promise<Response> {
  const kept = await caches.match(request, { ignoreVary: true });
  if (kept) return kept;
  const asset = await fetch(request);
  if (asset.ok) {
    const cache = await caches.open(ASSETS_CACHE);
    await cache.put(request, asset.clone());
  }
  return asset;
}

/** Keeps the assets that no build has kept yet. */
async function keepAssets(paths: readonly string[]) {
  const cache = await caches.open(ASSETS_CACHE);
  const missing = await Promise.all(paths.map(async (path) => ((await cache.match(path)) ? [] : [path])));
  await cache.addAll(missing.flat());
}

async function dropOldBuilds() {
  const builds = (await caches.keys()).filter((name) => name.startsWith(ASSETS_PREFIX) && name !== ASSETS_CACHE);
  await Promise.all(builds.slice(0, Math.max(builds.length - BUILDS_KEPT + 1, 0)).map((name) => caches.delete(name)));
}
