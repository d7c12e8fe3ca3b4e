/** A real browser for the stories: each person has a context of their own, and nothing may go wrong behind the scenes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'node:tls';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import { type Doors, stranger } from './person.ts';

const WAITS_MS = 15_000;
const LOOKS_EVERY_MS = 25;
export const PROGRAM = '/usr/bin/chromium';
/** It talks to our servers and to nobody else. */
export const SETTINGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type House = Awaited<ReturnType<typeof openBrowser>>;
export type Visitor = Awaited<ReturnType<typeof createVisitor>>;

/** What the console says when a connection breaks or is refused: for stories that break it. */
export const aBrokenConnection = /WebSocket connection to|net::ERR_/;

/**
 * Launches the machine's own Chromium without a window.
 *
 * @param env variables beside those of this process
 * @param more settings beside the usual ones
 */
export function launchChromium(env: Record<string, string> = {}, more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: PROGRAM, args: [...SETTINGS, ...more], env: { ...process.env, ...env } });
}

/**
 * Launches one browser for the pages of a server.
 *
 * @param trusts whether the server's certificate is known to the machine, as one that people bring is: service workers need it
 */
export async function openBrowser(doors: Doors, { trusts = false } = {}) {
  const browser = await launchChromium({}, trusts ? [await trustIn(doors)] : []);

  /** Somebody with a fresh browser who has not been here before. It is closed when the test ends. */
  async function visitor(t: TestContext, name: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ ignoreHTTPSErrors: !trusts, locale: 'en-GB', ...options });
    context.setDefaultTimeout(WAITS_MS);
    const someone = await createVisitor(doors, context, name);
    t.after(async () => {
      await context.close();
      someone.complainsOfNothing();
    });
    return someone;
  }

  /** Somebody with an account who looks at the chat, connected. */
  async function person(t: TestContext, name: string, options?: BrowserContextOptions) {
    const someone = await visitor(t, name, options);
    await someone.hasAnAccount();
    await someone.opensChat();
    return someone;
  }

  const people = <Names extends string[]>(t: TestContext, ...names: Names) =>
    Promise.all(names.map((name) => person(t, name))) as Promise<{ [K in keyof Names]: Visitor }>;

  return { visitor, person, people, close: () => browser.close() };
}

/** The setting that makes Chromium take a server's own certificate for a good one. */
export async function trustIn({ url }: Pick<Doors, 'url'>): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' }) ?? '';
  socket.destroy();
  return `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`;
}

/** Resolves as soon as `look` finds what is neither undefined nor false, looking again and again; fails in time. */
export async function until<T>(look: () => Promise<T | undefined | false>, what: string): Promise<T> {
  const deadline = Date.now() + WAITS_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < deadline, `${WAITS_MS / 1000} s went by while waiting for ${what}`);
    await wait(LOOKS_EVERY_MS);
  }
}

async function createVisitor(doors: Doors, context: BrowserContext, name: string) {
  const password = `the password of ${name}`;
  const complaints: string[] = [];
  const expected: RegExp[] = [];
  context.on('page', (opened) => listenForComplaints(opened, complaints));
  const page = await context.newPage();
  const chat = partsOfChat(page);

  async function asks(action: 'signup' | 'login', withPassword = password) {
    const data = { username: name, password: withPassword, action };
    const answer = await context.request.post(`${doors.url}/home`, { data, ignoreHTTPSErrors: true });
    assert.ok(answer.ok(), `${action} of ${name}: ${answer.status()}`);
  }

  return {
    name,
    password,
    context,
    page,
    ...chat,
    /** Faults that the story causes itself and that the console may speak of. */
    expects: (...faults: RegExp[]) => void expected.push(...faults),
    complainsOfNothing() {
      const unexpected = complaints.filter((complaint) => !expected.some((fault) => fault.test(complaint)));
      assert.deepEqual(unexpected, [], `${name}'s browser complained`);
    },
    /** Signs up and in without touching a page. */
    async hasAnAccount() {
      await asks('signup');
      await asks('login');
    },
    /** The same person on another device, connected by a script. */
    async elsewhere() {
      const device = stranger(doors, name, password);
      await device.logsIn();
      return await device.connects();
    },
    logsIn: (withPassword?: string) => asks('login', withPassword),
    async opensHome() {
      await page.goto(`${doors.url}/home`);
    },
    async opensChat() {
      await page.goto(`${doors.url}/chat`);
      await chat.isConnected();
    },
    /** Waits until the page is at this path. */
    arrivesAt: (path: string) => page.waitForURL(`${doors.url}${path}`),
    async says(text: string) {
      await chat.composer.fill(text);
      await chat.composer.press('Enter');
    },
    isConnected: chat.isConnected,
  };
}

function listenForComplaints(page: Page, complaints: string[]) {
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('console', (line) => {
    if (['error', 'warning'].includes(line.type())) complaints.push(`${line.type()}: ${line.text()} (${line.location().url})`);
  });
}

/** The parts of the chat page by what they are for people. */
function partsOfChat(page: Page) {
  const log = page.getByRole('log');
  const messages = log.locator('[data-seq] .words');
  const pending = log.locator('.pending .words');
  const withText = (words: Locator, text: string) => words.filter({ hasText: exactly(text) });
  return {
    log,
    /** The words of everything that is stored, of everything that waits. */
    messages,
    pending,
    composer: page.getByRole('textbox', { name: 'Message general' }),
    banner: page.locator('.banner'),
    people: page.getByRole('complementary', { name: 'People' }),
    /** Waits until the chat is connected and shows everything that was said so far. */
    isConnected: () => page.getByRole('button', { name: 'Connected', exact: true }).waitFor(),
    sees: (text: string) => withText(messages, text).waitFor(),
    seesPending: (text: string) => withText(pending, text).waitFor(),
    seesWords: (words: string | RegExp) => page.getByText(words, { exact: true }).waitFor(),
    seesNotice: (line: string) =>
      log
        .locator('.notices p')
        .filter({ hasText: exactly(line) })
        .first()
        .waitFor(),
    /** Waits until the last stored texts are exactly these, each once, in this order. */
    async seesLast(...texts: string[]) {
      let last: string[] = [];
      const areThere = async () => {
        last = (await messages.allTextContents()).slice(-texts.length);
        return JSON.stringify(last) === JSON.stringify(texts);
      };
      await until(areThere, JSON.stringify(texts)).catch(() => assert.deepEqual(last, texts));
    },
    /** How often a text is shown, stored or waiting. */
    timesShown: async (text: string) => await withText(log.locator('.words'), text).count(),
  };
}

function exactly(text: string): RegExp {
  return new RegExp(`^\\s*${RegExp.escape(text)}\\s*$`);
}
