import { defineConfig } from 'vite';

const page = (name: string) => new URL(`./${name}.html`, import.meta.url).pathname;

export default defineConfig({
  root: new URL('.', import.meta.url).pathname,
  base: '/',
  publicDir: false,
  build: {
    target: 'es2023',
    // Nothing inlined and nothing injected: the pages run under a policy that allows only files from this server.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    rolldownOptions: { input: { home: page('home'), chat: page('chat'), reset: page('reset') } },
  },
  plugins: [
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
