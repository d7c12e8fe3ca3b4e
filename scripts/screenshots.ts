/**
 * `npm run screenshots`: takes the pictures of the README anew, from a real server with a conversation of sample people.
 *
 * What is said goes through the real doors; only the clock is another one, so that the pictures do not tell when they were taken.
 * The colours of people follow from their random ids: where two look alike, take the pictures again.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MessageEvent } from '@securechat/shared/protocol';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchChromium } from '../tests/support/browser.ts';
import { type Connection, createPerson } from '../tests/support/person.ts';
import { type SingleNode, startSingleNode } from '../tests/support/stack.ts';
import { projectFolder } from './home.ts';

const folder = join(projectFolder, 'docs', 'images');
/** A Thursday in spring; the pages show it in their own zone. */
const NOW = '2026-05-07T09:41:00Z';
const unlimited = { RATE_LIMIT_MESSAGES: '1000', CONNECTIONS_PER_ADDRESS: '1000' };
const desktop = { viewport: { width: 1280, height: 800 }, colorScheme: 'light' } as const;
const phone = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  colorScheme: 'dark',
  isMobile: true,
  hasTouch: true,
} as const;

/** When each text was said, in milliseconds since 1970. */
type Times = Map<string, number>;
type Garden = Awaited<ReturnType<typeof inviteGardeners>>;

async function main() {
  const stack = await startSingleNode(unlimited);
  const fonts = join(stack.home, 'fonts.conf');
  writeFileSync(fonts, fontSettings());
  const browser = await launchChromium({ FONTCONFIG_FILE: fonts });
  try {
    await takePictures(stack, browser);
  } finally {
    await browser.close();
    await stack.stop();
  }
}

async function takePictures(stack: SingleNode, browser: Browser) {
  const times: Times = new Map();
  const garden = await inviteGardeners(stack, times);
  await talkYesterday(garden);
  const atDesk = await look(stack, browser, garden.marta.cookie, times, desktop);
  const onPhone = await look(stack, browser, garden.marta.cookie, times, phone);
  const lastWords = await talkToday(garden);

  mkdirSync(folder, { recursive: true });
  for (const [page, name] of [
    [atDesk, 'chat-desktop'],
    [onPhone, 'chat-phone'],
  ] as const) {
    await page.getByRole('log').getByText(lastWords).waitFor();
    garden.jonas.type();
    await page.getByText('Jonas is typing…').waitFor();
    await page.screenshot({ path: join(folder, `${name}.png`) });
    process.stdout.write(`docs/images/${name}.png\n`);
  }
}

// ---- the conversation ----------------------------------------------------------------------------------------------

async function talkYesterday({ lin, jonas }: Garden) {
  const radishes = await lin.says('2026-05-06T18:20', 'The first radishes are up! I counted eleven.');
  await jonas.says('2026-05-06T18:32', 'Already? Mine are still thinking about it.');
  await jonas.reacts(radishes, '🎉');
}

/** Resolves with the words that end it. */
async function talkToday({ lin, jonas, marta, yusuf }: Garden) {
  const question = await jonas.says(
    '2026-05-07T09:12',
    'Good morning! Who can open the greenhouse today? I only get there at noon.',
  );
  await marta.says('2026-05-07T09:14', 'I have the key. I will be there at ten and leave the door open.', question);
  await yusuf.arrives();
  const swap = await yusuf.says('2026-05-07T09:30', 'The seed swap is on Saturday at three, in the shed if it rains.');
  await yusuf.says('2026-05-07T09:31', 'Who brings what: https://garden.example/swap');
  await jonas.reacts(swap, '👍');
  await marta.reacts(swap, '👍');
  await lin.reacts(swap, '❤️');
  const beans = await lin.says('2026-05-07T09:34', 'Three kinds of beans from me, and dill.');
  await lin.edits(beans, 'Three kinds of beans from me, and my grandmother’s dill.');
  await yusuf.says('2026-05-07T09:36', 'The dill! Keep a spoonful for me.', beans);
  await marta.says('2026-05-07T09:38', 'And I will bake something with the last of the plums.');
  const lastWords = '🥧😍';
  await lin.says('2026-05-07T09:39', lastWords);
  return lastWords;
}

// ---- the people ----------------------------------------------------------------------------------------------------

async function inviteGardeners(stack: SingleNode, times: Times) {
  const [lin, jonas, marta, yusuf] = [
    await inviteGardener(stack, times, 'Lin'),
    await inviteGardener(stack, times, 'Jonas'),
    await inviteGardener(stack, times, 'Marta'),
    await inviteGardener(stack, times, 'Yusuf'),
  ];
  for (const early of [lin, jonas, marta]) await early.arrives();
  return { lin, jonas, marta, yusuf };
}

async function inviteGardener(stack: SingleNode, times: Times, name: string) {
  const person = await createPerson(stack, name);
  let connection: Connection;

  async function change(request: { type: 'edit' | 'react'; target: number } & Record<string, unknown>) {
    const clientId = crypto.randomUUID();
    connection.sends({ ...request, room: 'general', clientId });
    await connection.receives((message) => 'clientId' in message && message.clientId === clientId);
  }

  return {
    /** What a browser needs to be this person's. */
    cookie: { name: '__Host-securechat', value: person.cookies.get('__Host-securechat') ?? '', url: stack.url },
    async arrives() {
      connection = await person.connects();
      await connection.opens();
    },
    says(at: string, text: string, answered?: MessageEvent) {
      // Noted before anybody can hear it.
      times.set(text, Date.parse(`${at}Z`));
      return connection.says(text, answered && { replyTo: answered.seq });
    },
    edits: ({ seq }: MessageEvent, text: string) => change({ type: 'edit', target: seq, text }),
    reacts: ({ seq }: MessageEvent, emoji: string) => change({ type: 'react', target: seq, emoji, on: true }),
    type: () => connection.sends({ type: 'typing', room: 'general' }),
  };
}

// ---- the pages -----------------------------------------------------------------------------------------------------

async function look(
  stack: SingleNode,
  browser: Browser,
  cookie: Garden['marta']['cookie'],
  times: Times,
  device: BrowserContextOptions,
) {
  const context = await browser.newContext({ ...device, ignoreHTTPSErrors: true, locale: 'en-GB', timezoneId: 'UTC' });
  await context.addCookies([{ ...cookie, secure: true, httpOnly: true, sameSite: 'Lax' }]);
  const page = await context.newPage();
  await page.clock.setSystemTime(NOW);
  await tellOtherTimes(page, stack, times);
  await page.goto(`${stack.url}/chat`);
  await page.getByRole('button', { name: 'Connected', exact: true }).waitFor();
  return page;
}

/** Passes everything on between a page and the server; only the times are those of the sample clock. */
async function tellOtherTimes(page: Page, stack: SingleNode, times: Times) {
  await page.routeWebSocket(stack.chatUrl, (socket) => {
    const server = socket.connectToServer();
    server.onMessage((frame) => socket.send(JSON.stringify(JSON.parse(String(frame), (_, value) => atOtherTime(value, times)))));
  });
}

function atOtherTime(value: unknown, times: Times): unknown {
  const isMessage = typeof value === 'object' && value !== null && 'text' in value && 'at' in value;
  return isMessage ? { ...value, at: times.get(String(value.text)) ?? value.at } : value;
}

/** Servers have plain fonts where desktops and phones have good ones; the pictures take Inter where it is installed. */
function fontSettings(): string {
  const prefer = (family: string) => `
    <match target="pattern">
      <test name="family"><string>${family}</string></test>
      <edit name="family" mode="prepend" binding="strong"><string>Inter</string><string>Liberation Sans</string></edit>
    </match>`;
  return `<?xml version="1.0"?>
    <!DOCTYPE fontconfig SYSTEM "fonts.dtd">
    <fontconfig>
      <include>/etc/fonts/fonts.conf</include>${['system-ui', 'sans', 'sans-serif'].map(prefer).join('')}
    </fontconfig>`;
}

await main();
