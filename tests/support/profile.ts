/** A browser that keeps its profile on disk: it can be killed at any moment and started again as the same one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { PROGRAM, SETTINGS, trustIn } from './browser.ts';
import type { Doors } from './person.ts';

export type Running = {
  context: BrowserContext;
  /** Ends all its processes here and now, without a word to any of them. */
  kill: () => Promise<void>;
};

/** Creates an empty profile for the pages of a server; it trusts the server's certificate. */
export async function createProfile(doors: Doors) {
  const folder = mkdtempSync(join(tmpdir(), 'profile-'));
  const trust = await trustIn(doors);
  const own = [`--user-data-dir=${folder}`, '--remote-debugging-port=0', '--headless=new', '--hide-crash-restore-bubble'];

  /** Starts the browser; its pages are those of before, if they are opened again. */
  async function start(): Promise<Running> {
    // A group of its own: a browser is many processes, and a crash takes them all.
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const child = spawn(PROGRAM, [...SETTINGS, ...own, trust, 'about:blank'], { detached: true, stdio: [...stdio] });
    const ended = once(child, 'exit');
    const browser = await connect(child.stderr);
    const context = browser.contexts()[0] ?? (await browser.newContext());
    return {
      context,
      async kill() {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
        await ended;
        await browser.close().catch(() => {});
      },
    };
  }

  return { start, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
}

async function connect(printed: NodeJS.ReadableStream): Promise<Browser> {
  for await (const line of createInterface({ input: printed })) {
    const address = /^DevTools listening on (ws:.*)$/.exec(line)?.[1];
    if (address === undefined) continue;
    printed.resume();
    return await chromium.connectOverCDP(address);
  }
  throw new Error('The browser ended before it listened.');
}
