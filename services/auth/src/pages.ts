/** The pages and their assets: read once, kept in memory, found by exact path. Nothing else can ever be served. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ConfigError } from '@securechat/shared/config';

export type Asset = { type: string; content: Buffer; gzipped: Buffer | undefined; isImmutable: boolean };

/** What a page is told; goes into attributes of its HTML. */
export type PageValues = {
  'user.id'?: string;
  'user.name'?: string;
  'chat.port': string;
  'max.chars': string;
  signup: string;
};

export type PageName = 'home' | 'chat' | 'reset';
export type Pages = {
  /** The page's HTML with the values in place of `{{name}}`, escaped. */
  render(page: PageName, values: PageValues): string;
  /** What lies under an exact path such as `/assets/home-1a2b3c4d.js`. */
  asset(path: string): Asset | undefined;
};

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
};
const COMPRESSIBLE = /^text\/|json|svg/;
/** The bundler puts a hash of the content into these names. */
const HASHED = /^\/assets\/.+-[\w-]{8}\.\w+$/;

/**
 * Loads the built pages.
 *
 * @param root folder of home.html, chat.html, reset.html and what they use; files of other kinds, maps among them, are left out
 * @throws {ConfigError} when the pages are not built
 */
export function loadPages(root: string): Pages {
  const pages = { home: loadPage(root, 'home'), chat: loadPage(root, 'chat'), reset: loadPage(root, 'reset') };
  const assets = loadAssets(root);
  return {
    render: (page, values) => pages[page](values),
    asset: (path) => assets.get(path),
  };
}

function loadPage(root: string, name: PageName): (values: PageValues) => string {
  const html = attempt(() => readFileSync(join(root, `${name}.html`), 'utf8'));
  if (html === undefined) throw new ConfigError([`The pages are not built (${name}.html is missing): run npm run build.`]);
  return (values) => html.replace(/\{\{([a-z.]+)\}\}/g, (_, key: string) => escapeAttribute(lookUp(values, key)));
}

const lookUp = (values: PageValues, key: string) => (Object.hasOwn(values, key) && values[key as keyof PageValues]) || '';

function loadAssets(root: string): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const file of filesBelow(root)) {
    const type = TYPES[extname(file)];
    if (type === undefined) continue;
    const path = `/${relative(root, file).split(sep).join('/')}`;
    assets.set(path, { type, ...compress(type, readFileSync(file)), isImmutable: HASHED.test(path) });
  }
  return assets;
}

function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.split(sep).some((part) => part.startsWith('.')))
    .map((name) => join(root, name))
    .filter((file) => statSync(file).isFile());
}

function compress(type: string, content: Buffer): Pick<Asset, 'content' | 'gzipped'> {
  const gzipped = COMPRESSIBLE.test(type) ? gzipSync(content, { level: 9 }) : undefined;
  return { content, gzipped: gzipped !== undefined && gzipped.length < content.length ? gzipped : undefined };
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeAttribute = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
