/** What a page does while its server or its network is away: it says so, keeps every word, and comes back by itself. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Stack, startStack } from '../support/anyStack.ts';
import { aBrokenConnection, type House, openBrowser, until, type Visitor } from '../support/browser.ts';

let stack: Stack;
let house: House;

before(async () => {
  stack = await startStack();
  house = await openBrowser(stack);
});
after(async () => {
  await house.close();
  await stack.stop();
});

test('alice writes in a tunnel, and bob goes on talking: afterwards both have everything once', async (t) => {
  const [alice, bob] = await house.people(t, 'alice', 'bob');
  alice.expects(aBrokenConnection);
  await alice.context.setOffline(true);
  await waits(alice, 'You are offline.');
  await alice.page.getByRole('button', { name: 'You are offline' }).waitFor();

  await alice.says('written in the tunnel');
  await alice.seesPending('written in the tunnel');
  await alice.banner.getByText('1 message is waiting and will be sent.').waitFor();
  await bob.says('said meanwhile');
  await bob.sees('said meanwhile');

  await alice.context.setOffline(false);
  await comesBack(alice);
  for (const person of [alice, bob]) {
    await person.seesLast('said meanwhile', 'written in the tunnel');
    assert.equal(await person.messages.count(), 2);
    assert.equal(await person.pending.count(), 0);
  }
});

test('the server is killed and started again: what carol wrote meanwhile goes out once, and she missed nothing', async (t) => {
  const [carol, dave] = await house.people(t, 'carol', 'dave');
  for (const person of [carol, dave]) person.expects(aBrokenConnection);
  await carol.says('before the fall');
  await dave.sees('before the fall');

  await stack.kill9();
  for (const person of [carol, dave]) await waits(person, 'The connection was lost.');
  await carol.says('first, to nobody');
  await carol.says('second, to nobody');
  await carol.banner.getByText('2 messages are waiting and will be sent.').waitFor();

  await stack.start();
  await dave.says('dave is back first');
  await tryNow(dave);
  await dave.sees('dave is back first');
  await tryNow(carol);
  // Carol's page may have come back by itself before dave's, and then her words are the first.
  const [hers, his] = [['first, to nobody', 'second, to nobody'], 'dave is back first'];
  await carol.sees(his);
  for (const text of hers) await dave.sees(text);
  const everything = (await dave.messages.allTextContents()).slice(-4);
  assert.equal(everything[0], 'before the fall');
  assert.deepEqual(
    everything.filter((text) => text !== his),
    ['before the fall', ...hers],
    'in the order in which she wrote',
  );
  for (const person of [carol, dave]) {
    await person.seesLast(...everything);
    for (const text of everything) assert.equal(await person.timesShown(text), 1, text);
  }
});

test('a server that is restarted in order says so, and the pages come back by themselves', async (t) => {
  const [erin, frank] = await house.people(t, 'erin', 'frank');
  for (const person of [erin, frank]) person.expects(aBrokenConnection);
  const ended = stack.end();
  await waits(erin, 'The server is restarting.');
  await erin.says('during the restart');
  await ended;
  await stack.start();
  for (const person of [erin, frank]) {
    await comesBack(person);
    await person.sees('during the restart');
    assert.equal(await person.timesShown('during the restart'), 1);
  }
});

test('words that wait are not left behind by mistake, and survive a reload even while the server is down', async (t) => {
  const grace = await house.person(t, 'grace');
  grace.expects(aBrokenConnection);
  await stack.kill9();
  await waits(grace, 'The connection was lost.');
  await grace.says('kept over a reload');
  await grace.seesPending('kept over a reload');
  await grace.page.getByRole('link', { name: 'Leave' }).click();
  const question = grace.page.getByRole('dialog', { name: 'Leave now?' });
  await question.getByText('1 message has not been sent yet and would be lost.').waitFor();
  await question.getByRole('button', { name: 'Stay' }).click();
  // While it is there nothing else takes what is typed.
  await question.waitFor({ state: 'detached' });
  await grace.composer.fill('half a thou');
  await assert.rejects(grace.page.reload(), /ERR_CONNECTION_REFUSED/);

  await stack.start();
  await grace.opensChat();
  await grace.sees('kept over a reload');
  assert.equal(await grace.timesShown('kept over a reload'), 1);
  assert.equal(await grace.composer.inputValue(), 'half a thou');
});

/** Waits until the page tells what happened and counts the seconds down. */
async function waits({ banner }: Visitor, sentence: string) {
  await banner.getByText(sentence).waitFor();
  const seconds = async () =>
    Number(/^Reconnecting in (\d+)\ss…$/.exec((await banner.getByRole('timer').textContent()) ?? '')?.[1]);
  const first = await seconds();
  assert.ok(first >= 0, 'the seconds are told');
  await until(async () => (await seconds()) !== first, 'the countdown to move');
}

async function comesBack(person: Visitor) {
  await person.isConnected();
  await person.banner.waitFor({ state: 'detached' });
}

async function tryNow(person: Visitor) {
  const button = person.page.getByRole('button', { name: 'Try now' });
  const connected = person.page.getByRole('button', { name: 'Connected', exact: true });
  await button.or(connected).first().waitFor();
  // Its time may come in the very moment in which it is pressed.
  if (await button.isVisible()) await button.click({ timeout: 2_000 }).catch(() => undefined);
  await comesBack(person);
}
