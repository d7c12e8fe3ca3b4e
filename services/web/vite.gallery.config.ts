import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';

const at = (path: string) => new URL(path, import.meta.url).pathname;

/** The gallery is no page of the server: it is built by `npm run gallery` and by its test alone, into a folder of their own. */
export default defineConfig({
  root: at('.'),
  base: './',
  publicDir: false,
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: at('./gallery.html') },
  },
  plugins: [
    {
      name: 'styles-of-the-chat',
      transformIndexHtml: {
        order: 'pre',
        handler: (html) => html.replace('<!-- the styles of chat.html -->', stylesOf('./chat.html')),
      },
    },
  ],
});

function stylesOf(page: string): string {
  return [...readFileSync(at(page), 'utf8').matchAll(/<link rel="stylesheet"[^>]*>/g)].join('\n    ');
}
