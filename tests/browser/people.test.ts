/** People and their senses: who is here, what tells of words said while one looks elsewhere, languages, keys, second thoughts. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import axe from 'axe-core';
import { type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const SPANISH = { locale: 'es-MX' };
const PHONE = { width: 360, height: 640 };

let stack: SingleNode;
let house: House;

before(async () => {
  stack = await startSingleNode({ RATE_LIMIT_MESSAGES: '1000', CONNECTIONS_PER_ADDRESS: '1000' });
  house = await openBrowser(stack);
});
after(async () => {
  await house.close();
  await stack.stop();
});

test('ana reads everything in Spanish, but for the sentences that are the same everywhere', async (t) => {
  const ana = await house.visitor(t, 'ana', SPANISH);
  await ana.opensHome();
  await ana.page.locator('html[lang="es"]').waitFor();
  await ana.page.getByLabel('Nombre').fill('ana');
  await ana.page.getByLabel('Contraseña', { exact: true }).fill(ana.password);
  await isForEverybody(ana, '/home in Spanish');
  await ana.page.getByRole('button', { name: 'Registrarse' }).click();
  await ana.seesWords('Signup successful. You may now log in.');
  await ana.page.getByRole('button', { name: 'Entrar' }).click();
  await ana.arrivesAt('/chat');
  await ana.page.getByRole('button', { name: 'Conectado', exact: true }).waitFor();
  await ana.seesNotice('ana has joined the chat!');
  await ana.page.getByRole('textbox', { name: 'Mensaje en general' }).fill('hola');
  await ana.page.keyboard.press('Enter');
  await ana.sees('hola');
  await ana.page.getByRole('heading', { name: 'Hoy' }).waitFor();
});

test('a language once chosen stays, on both pages, and what was being written too', async (t) => {
  const alba = await house.person(t, 'alba');
  await alba.composer.fill('half a thought');
  await opensSettings(alba);
  await alba.page.getByLabel('Español').check();
  await alba.page.getByRole('dialog', { name: 'Ajustes' }).waitFor();
  const focused = alba.page.locator('input[name="language"]:focus');
  assert.equal(await focused.getAttribute('value'), 'es', 'the focus stays at the language');
  await alba.page.keyboard.press('Escape');
  assert.equal(await alba.page.getByRole('textbox', { name: 'Mensaje en general' }).inputValue(), 'half a thought');

  await alba.page.reload();
  await alba.page.getByRole('button', { name: 'Conectado', exact: true }).waitFor();
  await alba.context.clearCookies();
  await alba.opensHome();
  await alba.page.getByRole('button', { name: 'English' }).click();
  await alba.page.getByRole('button', { name: 'Log in' }).waitFor();
  await alba.page.locator('html[lang="en"]').waitFor();
  await alba.page.reload();
  await alba.page.getByRole('button', { name: 'Log in' }).waitFor();
});

test('another language leaves what is being edited, and what for', async (t) => {
  const aldo = await house.person(t, 'aldo');
  await aldo.says('seven o’clock');
  await aldo.sees('seven o’clock');
  await aldo.composer.press('ArrowUp');
  await aldo.composer.press('End');
  await aldo.composer.pressSequentially(' sharp');
  await opensSettings(aldo);
  await aldo.page.getByLabel('Español').check();
  await aldo.page.getByRole('dialog', { name: 'Ajustes' }).waitFor();
  await aldo.page.keyboard.press('Escape');
  const field = aldo.page.getByRole('textbox', { name: 'Mensaje en general' });
  await aldo.seesWords('Editando tu mensaje');
  assert.equal(await field.inputValue(), 'seven o’clock sharp');
  await field.press('Enter');
  await aldo.sees('seven o’clock sharp');
  assert.equal(await aldo.messages.filter({ hasText: 'seven' }).count(), 1);
});

test('many who come and go are one quiet line, and each of them in exact words when asked for', async (t) => {
  const beth = await house.person(t, 'beth');
  for (const name of ['abe', 'ada', 'amy']) {
    const visitor = await (await stack.person(name)).connects();
    await visitor.opens();
    await beth.seesNotice(`${name} has joined the chat!`);
    await visitor.close();
    await beth.seesNotice(`${name} has left the chat!`);
  }
  // Whoever left in an earlier story may be among them.
  const summary = beth.log.getByRole('button', { name: /^\d people came and went$/ });
  await summary.waitFor();
  assert.equal(await beth.log.getByText('abe has joined the chat!').count(), 0);
  await summary.click();
  for (const name of ['abe', 'ada', 'amy']) {
    await beth.seesNotice(`${name} has joined the chat!`);
    await beth.seesNotice(`${name} has left the chat!`);
  }
});

test('a card tells of somebody, and mentions them in what is being written', async (t) => {
  const carol = await house.person(t, 'carol');
  const dan = await (await stack.person('dan')).connects();
  await dan.opens();
  await dan.says('I water the tomatoes');
  await carol.composer.fill('ask');
  await carol.people.getByRole('button', { name: 'dan', exact: true }).click();
  const card = carol.page.getByRole('dialog', { name: 'About dan' });
  await card.getByText('I water the tomatoes').waitFor();
  await card.getByText(/^Here since /).waitFor();
  await isForEverybody(carol, 'a card');
  await card.getByRole('button', { name: 'Mention' }).click();
  await carol.page.keyboard.type('please');
  assert.equal(await carol.composer.inputValue(), 'ask @dan please');

  await dan.close();
  await carol.seesNotice('dan has left the chat!');
  const group = carol.log.locator('.group').filter({ hasText: 'I water the tomatoes' });
  await group.locator('.avatar').click();
  await card.getByText('Not here now').waitFor();
  await carol.page.keyboard.press('Escape');
  await card.waitFor({ state: 'detached' });
});

test('erik finds a person by a few letters, and comes back to where he was', async (t) => {
  const [erik, frida] = await house.people(t, 'erik', 'frida');
  await erik.people.getByText('frida', { exact: true }).waitFor();
  await erik.composer.focus();
  // As with Caps Lock on.
  await erik.page.keyboard.press('Control+K');
  await erik.page.getByRole('combobox', { name: 'Name of the person' }).fill('zzz');
  await erik.seesWords('Nobody here goes by that name.');
  await erik.page.getByRole('combobox').fill('FRI');
  await erik.page.getByRole('option', { name: 'frida' }).waitFor();
  await isForEverybody(erik, 'finding a person');
  await erik.page.keyboard.press('Enter');
  await erik.page.getByRole('dialog', { name: 'About frida' }).waitFor();
  await erik.page.keyboard.press('Escape');
  await erik.page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.ok(await hasFocus(erik), 'the focus is where it was');

  await erik.composer.pressSequentially('?');
  assert.equal(await erik.composer.inputValue(), '?', 'a question mark is a character like any other where one writes');
  await erik.page.keyboard.press('Control+/');
  await erik.page.getByRole('dialog', { name: 'Keys' }).waitFor();
  frida.complainsOfNothing();
});

test('an edit that leaves nothing is a deletion, and can be taken back like one', async (t) => {
  const iris = await house.person(t, 'iris');
  await iris.says('not worth keeping');
  await iris.sees('not worth keeping');
  await iris.composer.press('ArrowUp');
  await iris.seesWords('Editing your message');
  await iris.composer.fill('');
  await iris.composer.press('Enter');
  await iris.page.getByRole('button', { name: 'Undo' }).waitFor();
  await iris.log.getByText('not worth keeping').waitFor({ state: 'detached' });
});

test('a deletion can be taken back for a while, and then it happens', async (t) => {
  const [gina, hugo] = await house.people(t, 'gina', 'hugo');
  await gina.says('better not');
  await hugo.sees('better not');
  await deletes(gina, 'better not');
  const undo = gina.page.getByRole('button', { name: 'Undo' });
  await undo.waitFor();
  await isForEverybody(gina, 'a deletion that can be taken back');
  await gina.composer.focus();
  await gina.page.keyboard.press('Control+z');
  await undo.waitFor({ state: 'detached' });
  await gina.says('it stays');
  await hugo.seesLast('better not', 'it stays');

  await deletes(gina, 'better not');
  await hugo.log.getByText('Message deleted').waitFor();
  await undo.waitFor({ state: 'detached' });
});

test('a deletion that could still be taken back happens when its author leaves', async (t) => {
  const [jana, karl] = await house.people(t, 'jana', 'karl');
  await jana.says('nobody needs this');
  await karl.sees('nobody needs this');
  await deletes(jana, 'nobody needs this');
  await jana.page.getByRole('button', { name: 'Undo' }).waitFor();
  await jana.page.getByRole('link', { name: 'Leave' }).click();
  await jana.arrivesAt('/home');
  await karl.log.getByText('nobody needs this').waitFor({ state: 'detached' });
});

test('a deletion that was not sent when the page went is none', async (t) => {
  const ines = await house.person(t, 'ines');
  await ines.says('think twice');
  await ines.sees('think twice');
  await deletes(ines, 'think twice');
  await ines.page.getByRole('button', { name: 'Undo' }).waitFor();
  await ines.page.reload();
  await ines.isConnected();
  await ines.sees('think twice');
  assert.equal(await ines.page.getByRole('button', { name: 'Undo' }).count(), 0);
});

test('what was not read is counted in the title and on the icon', async (t) => {
  const [jane, kurt] = await house.people(t, 'jane', 'kurt');
  await kurt.says('seen');
  await jane.sees('seen');
  await looksAway(jane);
  await kurt.says('not seen');
  await kurt.says('nor this');
  await isTitled(jane, '(2) general – SecureChat');
  assert.match(await iconOf(jane), />2<\/text>/);
  await looksBack(jane);
  await isTitled(jane, 'general – SecureChat');
  assert.doesNotMatch(await iconOf(jane), /<text/);
});

test('the desktop tells lena of her name, once for all her tabs, and not while she looks', async (t) => {
  const lena = await visitorWithDesktop(t, 'lena', 'granted');
  const max = await (await stack.person('max')).connects();
  await max.opens();
  await opensSettings(lena);
  await lena.page.getByLabel('Mentions of me').check();
  await lena.page.keyboard.press('Escape');
  const other = await lena.context.newPage();
  await other.goto(`${stack.url}/chat`);
  await other.getByRole('button', { name: 'Connected', exact: true }).waitFor();

  await looksAway(lena);
  await max.says('@lena in sight of the other tab');
  await lena.sees('@lena in sight of the other tab');
  await looksAway({ ...lena, page: other });
  await max.says('about nobody');
  await max.says('hello @lena!');
  const shown = () => noticesOf(lena, other);
  await until(async () => (await shown()).includes('max: hello @lena!'), 'a notice');
  await max.says('good night @Lena');
  await until(async () => (await shown()).includes('max: good night @Lena'), 'another notice');
  assert.deepEqual(await shown(), ['max: good night @Lena', 'max: hello @lena!']);
});

test('whose browser blocks notices is told what to do', async (t) => {
  const nora = await visitorWithDesktop(t, 'nora', 'denied');
  await opensSettings(nora);
  await nora.page.getByLabel('All messages').check();
  await nora.seesWords(/^Your browser blocks notifications/);
  await isForEverybody(nora, 'the settings');
  await nora.page.setViewportSize(PHONE);
  assert.deepEqual(await nora.page.evaluate('[document.documentElement.scrollWidth, innerWidth]'), [360, 360]);
  await nora.page.getByLabel('None').check();
  await nora.page.getByText(/^Your browser blocks notifications/).waitFor({ state: 'detached' });
});

test('permission is asked for on the click that needs it, and not before', async (t) => {
  const olga = await visitorWithDesktop(t, 'olga', 'default');
  const asked = () => olga.page.evaluate<number>('asked');
  assert.equal(await asked(), 0);
  await opensSettings(olga);
  await olga.page.getByLabel('None').check();
  assert.equal(await asked(), 0);
  await olga.page.getByLabel('All messages').check();
  assert.equal(await asked(), 1);
});

async function opensSettings({ page }: Visitor) {
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('dialog', { name: 'Settings' }).waitFor();
}

async function deletes({ page, log }: Visitor, text: string) {
  const line = log.getByRole('article').filter({ hasText: text });
  await line.hover();
  await line.getByRole('button', { name: /^Message actions/ }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
}

/** The page goes out of sight, as far as it can tell. */
const looksAway = (person: Pick<Visitor, 'page'>) => turns(person, true);
const looksBack = (person: Pick<Visitor, 'page'>) => turns(person, false);

async function turns({ page }: Pick<Visitor, 'page'>, isHidden: boolean) {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
    document.dispatchEvent(new Event('visibilitychange'));`);
}

const isTitled = ({ page }: Visitor, title: string) => until(async () => (await page.title()) === title, title);

async function iconOf({ page }: Visitor): Promise<string> {
  return decodeURIComponent(await page.evaluate<string>(`document.querySelector('link[rel="icon"]').href`));
}

/** Somebody whose desktop writes down what it is asked to show. */
async function visitorWithDesktop(t: TestContext, name: string, permission: 'granted' | 'denied' | 'default') {
  const visitor = await house.visitor(t, name);
  await visitor.context.addInitScript(`
    globalThis.shown = [];
    globalThis.asked = 0;
    globalThis.Notification = class {
      static permission = '${permission}';
      static async requestPermission() { asked++; return this.permission; }
      constructor(title, { body }) { shown.push(title + ': ' + body); }
      close() {}
    };`);
  await visitor.hasAnAccount();
  await visitor.opensChat();
  return visitor;
}

/** What the desktop was asked to show, by whichever tab. */
async function noticesOf({ page }: Visitor, other: Visitor['page']): Promise<string[]> {
  return [...(await page.evaluate<string[]>('shown')), ...(await other.evaluate<string[]>('shown'))].sort();
}

const hasFocus = ({ composer }: Visitor) => composer.evaluate((field) => field === field.ownerDocument.activeElement);

async function isForEverybody({ page }: Visitor, what: string) {
  await page.evaluate(axe.source);
  const options = JSON.stringify({ resultTypes: ['violations'], preload: false });
  const found = await page.evaluate<axe.Result[]>(`axe.run(${options}).then(({ violations }) => violations)`);
  const violations = found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  assert.deepEqual(violations, [], what);
}
