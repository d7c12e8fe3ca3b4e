import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

const at = (path: string) => new URL(path, import.meta.url).pathname;
const page = (name: string) => at(`./${name}.html`);

/** Files that stand at the root under their own names; the manifest names the icons. */
const AT_ROOT = ['manifest.webmanifest', 'icons/icon.svg'].concat(
  ['icon-192', 'icon-512', 'maskable-192', 'maskable-512'].map((name) => `icons/${name}.png`),
);

/** Makes the pages installable: the manifest, its icons, and the worker, which is told what the chat page may need. */
const installable: Plugin = {
  name: 'installable',
  buildStart() {
    for (const path of AT_ROOT) {
      const fileName = path.split('/').at(-1) ?? path;
      this.emitFile({ type: 'asset', fileName, source: readFileSync(at(`./src/${path}`)) });
    }
  },
  transformIndexHtml: {
    order: 'post',
    handler: (html) => html.replace('</title>', '</title>\n    <link rel="manifest" href="/manifest.webmanifest">'),
  },
  generateBundle(_options, bundle) {
    const worker = bundle['sw.js'];
    if (worker?.type !== 'chunk') return;
    const assets = Object.keys(bundle)
      .filter((name) => /^assets\/(?!(?:home|reset|entrance)-)/.test(name))
      .map((name) => `/${name}`);
    const build = createHash('sha256').update(assets.join('\n')).digest('hex').slice(0, 16);
    worker.code = worker.code.replaceAll('__ASSETS__', JSON.stringify(assets)).replaceAll('__BUILD__', JSON.stringify(build));
  },
};

export default defineConfig({
  root: at('.'),
  base: '/',
  publicDir: false,
  build: {
    target: 'es2023',
    // Nothing inlined and nothing injected: the pages run under a policy that allows only files from this server.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    rolldownOptions: {
      input: { home: page('home'), chat: page('chat'), reset: page('reset'), sw: at('./src/serviceWorker.ts') },
      // A worker may be in charge of what lies below it, so it stands at the root.
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
  plugins: [
    installable,
    {
      name: 'draw-once',
      // The script sets the chosen theme; waiting for it spares people a flash of the other one.
      transformIndexHtml: {
        order: 'post',
        handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
      },
    },
  ],
});
