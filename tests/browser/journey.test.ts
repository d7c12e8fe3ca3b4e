/** What people do on an ordinary day, on the real pages of a real server. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type House, openBrowser, until, type Visitor } from '../support/browser.ts';
import { administer } from '../support/keeper.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';

const SLOW_DOWN = 'Rate limit exceeded! Please wait 2 seconds before sending more messages.';
/** The console tells of every answer that is no success. */
const refusedBy = (status: number) => new RegExp(`responded with a status of ${status} `);

let stack: SingleNode;
let house: House;

before(async () => {
  stack = await startSingleNode({ RATE_LIMIT_WINDOW_SECONDS: '2', RATE_LIMIT_MUTE_SECONDS: '2' });
  house = await openBrowser(stack);
});
after(async () => {
  await house.close();
  await stack.stop();
});

test('alice signs up, is told to log in, and finds an empty room that helps her to invite others', async (t) => {
  const alice = await house.visitor(t, 'alice');
  await alice.page.goto(stack.url);
  await alice.arrivesAt('/home');
  await fillIn(alice);
  await press(alice, 'Sign up');
  await alice.seesWords('Signup successful. You may now log in.');
  assert.equal(await alice.page.getByLabel('Name').inputValue(), 'alice');

  await press(alice, 'Log in');
  await alice.arrivesAt('/chat');
  await alice.isConnected();
  await alice.seesWords('It is quiet here.');
  await alice.seesWords(`${stack.url}/home`);
  await alice.seesNotice('alice has joined the chat!');

  const fields = alice.page.locator('input, textarea, [contenteditable], [role="textbox"], [role="searchbox"]');
  assert.equal(await fields.count(), 1, 'the composer is the only text field');
  assert.ok(await alice.composer.evaluate((field) => field === field.ownerDocument.activeElement), 'and it has the focus');
  await alice.opensHome();
  await alice.arrivesAt('/chat');
});

test('bob is told what is wrong, word for word, and keeps what he typed', async (t) => {
  const bob = await house.visitor(t, 'bob');
  bob.expects(refusedBy(400), refusedBy(401));
  await bob.hasAnAccount();
  await bob.context.clearCookies();
  await bob.opensHome();
  await fillIn(bob);
  await press(bob, 'Sign up');
  await bob.seesWords('Username already exists.');
  await bob.page.getByLabel('Password', { exact: true }).fill('not his password');
  await press(bob, 'Log in');
  await bob.seesWords('Invalid username and/or password.');
  assert.equal(await bob.page.getByLabel('Name').inputValue(), 'bob');
  await bob.page.getByLabel('Password', { exact: true }).fill(bob.password);
  await bob.page.keyboard.press('Enter');
  await bob.arrivesAt('/chat');
});

test('what carol says waits until the server has it, and dave sees it', async (t) => {
  // One after the other: whoever is there sees the other come.
  const carol = await house.person(t, 'carol');
  const dave = await house.person(t, 'dave');
  await carol.seesNotice('dave has joined the chat!');
  for (const name of ['carol', 'dave']) await carol.people.getByText(name, { exact: true }).waitFor();

  // A server that stands still for a moment: nothing can be stored meanwhile.
  process.kill(stack.pid, 'SIGSTOP');
  try {
    await carol.says('is anybody there?');
    await carol.seesPending('is anybody there?');
  } finally {
    process.kill(stack.pid, 'SIGCONT');
  }
  await carol.sees('is anybody there?');
  await dave.sees('is anybody there?');
  assert.equal(await carol.pending.count(), 0);
  assert.equal(await carol.composer.inputValue(), '');

  await dave.composer.pressSequentially('yes,');
  await carol.seesWords('dave is typing…');
  await dave.composer.press('Shift+Enter');
  await dave.composer.pressSequentially('I am');
  await dave.composer.press('Enter');
  await carol.seesLast('is anybody there?', 'yes,\nI am');
});

test('erin answers, reacts, edits and deletes with the mouse, and frank sees each of it', async (t) => {
  const [erin, frank] = await house.people(t, 'erin', 'frank');
  await frank.says('who brings the cake?');
  await erin.sees('who brings the cake?');
  const question = erin.log.getByRole('article').filter({ hasText: /^frank: who brings/ });
  await choose(erin, question, 'Reply');
  await erin.says('me');
  await frank.log
    .getByRole('blockquote')
    .filter({ hasText: /^In reply to frank: .*who brings the cake\?$/ })
    .waitFor();

  await choose(erin, question, 'React with 🎉', 'menuitemcheckbox');
  await frank.page.getByRole('button', { name: '🎉 1: erin' }).click();
  await erin.page.getByRole('button', { name: '🎉 2: erin and frank' }).waitFor();

  await erin.composer.press('ArrowUp');
  await erin.says('me, with cherries');
  await frank.sees('me, with cherries');
  await frank.seesWords('edited');

  await choose(erin, erin.log.getByRole('article').filter({ hasText: 'with cherries' }), 'Delete');
  await frank.log.getByText('Message deleted').waitFor();
  assert.equal(await frank.log.getByText('with cherries').count(), 0);
});

test('who writes too fast is told so with a countdown, and nothing of it is lost', async (t) => {
  const [grace, heidi] = await house.people(t, 'grace', 'heidi');
  const texts = ['one', 'two', 'three', 'four', 'five', 'six'];
  for (const text of texts) await grace.says(text);
  await grace.banner.getByText(SLOW_DOWN, { exact: true }).waitFor();
  await grace.banner
    .getByRole('timer')
    .getByText(/^1 message is waiting and will be sent in [12]\ss\.$/)
    .waitFor();
  await grace.seesPending('six');

  await grace.says('seven, written meanwhile');
  await grace.seesPending('seven, written meanwhile');
  await heidi.says('heidi may speak');
  await grace.sees('heidi may speak');

  await heidi.seesLast(...texts.slice(0, 5), 'heidi may speak', 'six', 'seven, written meanwhile');
  await grace.seesLast(...texts.slice(0, 5), 'heidi may speak', 'six', 'seven, written meanwhile');
  await grace.banner.waitFor({ state: 'detached' });
  assert.equal(await grace.pending.count(), 0);
});

test('who leaves is at the entrance, the others are told, and the way back is closed', async (t) => {
  const [ivan, judy] = await house.people(t, 'ivan', 'judy');
  await judy.people.getByText('ivan', { exact: true }).waitFor();
  await ivan.page.getByRole('link', { name: 'Leave' }).click();
  await ivan.arrivesAt('/home');
  await ivan.seesWords('You have left the chat.');
  await judy.seesNotice('ivan has left the chat!');
  assert.equal(await judy.people.getByText('ivan', { exact: true }).count(), 0);

  await ivan.page.goBack();
  await ivan.arrivesAt('/home');
  await ivan.page.getByRole('button', { name: 'Log in' }).waitFor();
  assert.equal(await ivan.composer.count(), 0);
});

test('a session that ends in another tab ends here too, with a word why', async (t) => {
  const [kim, leo] = await house.people(t, 'kim', 'leo');
  kim.expects(refusedBy(401));
  const other = await kim.context.newPage();
  await other.goto(`${stack.url}/leave`);
  await kim.arrivesAt('/home');
  await kim.seesWords('Your session has ended. Please log in again.');
  await leo.says('leo stays');
  await leo.sees('leo stays');
});

test('whom the keeper disables is at the entrance at once, and nobody else is', async (t) => {
  const [mallory, nina] = await house.people(t, 'mallory', 'nina');
  mallory.expects(refusedBy(401));
  assert.equal((await administer(stack, 'disable', 'mallory')).code, 0);
  await mallory.arrivesAt('/home');
  await mallory.seesWords('Your session has ended. Please log in again.');
  await fillIn(mallory);
  await press(mallory, 'Log in');
  await mallory.seesWords('Invalid username and/or password.');
  await nina.says('nina stays');
  await nina.sees('nina stays');
});

test('oscar forgot his password, gets a link from the keeper and comes in again with a new one', async (t) => {
  const oscar = await house.person(t, 'oscar');
  oscar.expects(refusedBy(400), refusedBy(401));
  const { out } = await administer(stack, 'reset-password', 'oscar');
  await oscar.arrivesAt('/home');
  const path = /\/reset#\S+/.exec(out)?.[0] ?? '';

  await oscar.page.goto(stack.url + path);
  assert.equal(new URL(oscar.page.url()).hash, '', 'the token does not stay in the address');
  await oscar.page.getByLabel('New password').fill('short');
  await press(oscar, 'Set password');
  await oscar.page.getByRole('alert').waitFor();
  await oscar.page.getByLabel('New password').fill('a much better password');
  await press(oscar, 'Set password');
  await oscar.page.getByRole('status').waitFor();
  await oscar.page.getByRole('link', { name: 'Go to log in' }).click();
  await oscar.arrivesAt('/home');
  await fillIn(oscar, 'a much better password');
  await press(oscar, 'Log in');
  await oscar.arrivesAt('/chat');
  await oscar.isConnected();

  await oscar.page.goto(stack.url + path);
  await oscar.page.getByLabel('New password').fill('the link works only once');
  await press(oscar, 'Set password');
  await oscar.page.getByRole('alert').waitFor();
});

test('a quick hand says each thing once: what is typed right after Enter is a new text', async (t) => {
  const rita = await house.person(t, 'rita');
  // Within one task, as keys arrive while a slow machine has not drawn the first one yet.
  await rita.composer.evaluate((field) => {
    const { InputEvent, KeyboardEvent } = field.ownerDocument.defaultView;
    const types = (letters: string) => {
      field.value += letters;
      field.dispatchEvent(new InputEvent('input', { bubbles: true }));
    };
    const pressesEnter = () =>
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    types('once');
    pressesEnter();
    pressesEnter();
    types('and then');
  });
  await rita.sees('once');
  assert.equal(await rita.composer.inputValue(), 'and then');
  await rita.composer.press('Enter');
  await rita.seesLast('once', 'and then');
  assert.equal(await rita.timesShown('once'), 1);
});

test('a script on the page takes part with the login cookie alone', async (t) => {
  const peggy = await house.person(t, 'peggy');
  await peggy.page.locator('html').evaluate((html, port) => {
    const page = html.ownerDocument.defaultView;
    const socket = new page.WebSocket(`wss://${page.location.hostname}:${port}`);
    page.heard = [];
    socket.onopen = () => {
      socket.send('peggy');
      socket.send('said by a script');
    };
    socket.onmessage = ({ data }: { data: string }) => page.heard.push(data);
  }, new URL(stack.chatUrl).port);
  await peggy.sees('said by a script');
  const heard = await until(async () => {
    const lines = await peggy.page.evaluate<string[]>('heard');
    return lines.length === 2 && lines;
  }, 'two lines');
  assert.deepEqual(heard, ['peggy has joined the chat!', 'peggy: said by a script']);
});

async function fillIn({ page, name, password }: Visitor, withPassword = password) {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(withPassword);
}

async function press({ page }: Visitor, name: string) {
  await page.getByRole('button', { name }).click();
}

type Line = ReturnType<Visitor['log']['getByRole']>;

/** Points at a message and chooses something from its menu. */
async function choose({ page }: Visitor, line: Line, item: string, role: 'menuitem' | 'menuitemcheckbox' = 'menuitem') {
  await line.hover();
  await line.getByRole('button', { name: /^Message actions/ }).click();
  await page.getByRole(role, { name: item }).click();
}
