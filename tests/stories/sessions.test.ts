import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Stack, startStack } from '../support/anyStack.ts';
import { administer } from '../support/keeper.ts';
import { type Person, stranger, type Way } from '../support/person.ts';
import type { OpenSocket } from '../support/socket.ts';

const unauthorized = 'Unauthorized access. Disconnecting...';
const sessionCookie = '__Host-securechat';
const WITHIN_MS = 1_000;

let stack: Stack;
let alice: Person;
let bob: Person;
let mallory: Person;

before(async () => {
  stack = await startStack();
  [alice, bob, mallory] = await stack.people('alice', 'Bob', 'mallory');
});
after(() => stack.stop());

/** All of one session's sockets, and how they end once `signal` has been given. */
async function connectEverything(person: Person) {
  const [line, app, unnamed] = [await person.connectsText(), await person.connects(), await person.knocks('v1')];
  assert.ok(unnamed.isOpen);
  await app.opens();
  const closings = [line, app, unnamed].map(async (socket) => ({ ...(await socket.closes()), at: performance.now() }));
  return {
    async allClosedSince(signal: number) {
      for (const { code, at } of await Promise.all(closings)) {
        assert.equal(code, 4401);
        assert.ok(at - signal < WITHIN_MS, `closed ${at - signal} ms later`);
      }
    },
  };
}

/** Knocks with these cookies and sends a name; what was said then, and how it ended. */
async function tries(person: Person, version: 'v1' | 'v2', way: Way) {
  const door = await person.knocks(version, way);
  assert.ok(door.isOpen, 'the upgrade completes, or a browser could not read why it was refused');
  // The server does not wait for a name that cannot help.
  if (door.socket.readyState === 1) door.send(way.as ?? person.name);
  const { code } = await door.closes();
  return { heard: door.heard, code };
}

async function assertTurnedAway(person: Person, way: Way, what: string) {
  assert.deepEqual(await tries(person, 'v1', way), { heard: [unauthorized], code: 4401 }, what);
  const { heard, code } = await tries(person, 'v2', way);
  assert.equal(code, 4401, what);
  const [refused, ...rest] = heard.map((frame) => JSON.parse(frame));
  assert.deepEqual([refused.type, refused.code, rest], ['refused', 'unauthorized', []], what);
  assert.equal(typeof refused.message, 'string');
}

async function assertSignedOut(person: Person) {
  assert.equal((await person.get('/api/me')).status, 401);
  const chat = await person.get('/chat');
  assert.deepEqual([chat.status, chat.headers.location], [302, '/home']);
}

test('/leave ends all sockets of that session within 1 s with 4401, and the session for good; another one lives on', async () => {
  const bobs = await bob.connectsText();
  const elsewhere = stranger(stack, 'alice', alice.password);
  await elsewhere.logsIn();
  const phone = await elsewhere.connects();
  await phone.opens();
  const laptop = await connectEverything(alice);
  const cookie = alice.cookies.header();

  await alice.leaves();
  await laptop.allClosedSince(performance.now());
  await assertTurnedAway(alice, { cookie }, 'the cookie of before');
  alice.cookies.set(sessionCookie, cookie.split(`${sessionCookie}=`)[1]?.split(';')[0] ?? '');
  await assertSignedOut(alice);

  await phone.says('I am still here');
  await bobs.hearsNothingBut('alice has joined the chat!', 'alice: I am still here');
  await elsewhere.leaves();
  await phone.closes();
  const leftAt = performance.now();
  await bobs.hearsNothingBut('alice has left the chat!');
  assert.ok(performance.now() - leftAt < 3_000, 'who signs out has left at once');
  await bobs.close();

  // Signing out again, without a session, is no error; and one can come back.
  await alice.leaves();
  await alice.logsIn();
  await (await alice.connectsText()).close();
});

for (const command of ['disable', 'reset-password']) {
  test(`${command} ends all sockets of that person, in every session, within 1 s; others live on`, async () => {
    const carol = await stack.person(`carol-${command}`);
    const elsewhere = stranger(stack, carol.name, carol.password);
    await elsewhere.logsIn();
    const bobs = await bob.connects();
    await bobs.opens();
    const both = [await connectEverything(carol), await connectEverything(elsewhere)];
    assert.equal((await administer(stack, command, carol.name)).code, 0);
    const doneAt = performance.now();
    for (const sockets of both) await sockets.allClosedSince(doneAt);
    for (const person of [carol, elsewhere]) {
      await assertTurnedAway(person, {}, command);
      await assertSignedOut(person);
    }
    await bobs.says(`unmoved by ${command}`);
    await bobs.close();
  });
}

test('no, forged, tampered and expired cookies: one sentence, 4401, nothing else, also while others talk', async () => {
  const bobs = await bob.connectsText();
  const own = mallory.cookies.get(sessionCookie) ?? '';
  const changed = (at: number) => `${own.slice(0, at)}${own[at] === 'A' ? 'B' : 'A'}${own.slice(at + 1)}`;
  const cookies = {
    none: '',
    'an empty one': `${sessionCookie}=`,
    'a forged one': `${sessionCookie}=s%3A${'A'.repeat(32)}.${'B'.repeat(43)}`,
    'nothing but an id': `${sessionCookie}=${'A'.repeat(32)}`,
    'one changed at its beginning': `${sessionCookie}=${changed(4)}`,
    'one changed at its end': `${sessionCookie}=${changed(own.length - 3)}`,
    'one cut short': `${sessionCookie}=${own.slice(0, -5)}`,
    'one without its signature': `${sessionCookie}=${own.split('.')[0]}`,
    'one under another name': `securechat=${own}; connect.sid=${own}`,
    'a name in place of a session': `${sessionCookie}=mallory; username=mallory; user=mallory`,
    'one that is no URI encoding': `${sessionCookie}=%E0%A4%A`,
  };
  for (const [what, cookie] of Object.entries(cookies)) await assertTurnedAway(mallory, { cookie }, what);
  bobs.says('heard by those who may');
  await bobs.hearsNothingBut('Bob: heard by those who may');

  const late = await stack.person('late');
  await stack.outlive('late');
  await assertTurnedAway(late, {}, 'an expired one');
  await assertSignedOut(late);
  await bobs.close();
});

test("anyone else's name is refused, and the person named is neither touched nor muted", async () => {
  const dora = await stack.person('Dora');
  const [doras, alices] = [await dora.connectsText(), await alice.connects()];
  await alices.opens();
  const names = [
    'Dora',
    'alice',
    'Mallory',
    'MALLORY',
    ' mallory',
    'mallory ',
    'mallory\n',
    'ｍallory',
    '',
    'system',
    'x'.repeat(60_000),
  ];
  for (const as of names) await assertTurnedAway(mallory, { as }, `as ${as.slice(0, 20)}`);
  await assertTurnedAway(dora, { as: 'dora' }, 'in another case');
  // What would have been said as somebody else is heard by nobody, and counts against nobody.
  for (let times = 0; times < 2; times++) {
    const door = await mallory.knocks('v1');
    assert.ok(door.isOpen);
    for (const frame of ['Dora', 'one', 'two', 'three', 'four', 'five', 'six']) door.send(frame);
    assert.equal((await door.closes()).code, 4401);
    assert.deepEqual(door.heard, [unauthorized]);
  }
  for (const line of ['1', '2', '3', '4', '5']) doras.says(line);
  await alices.hears({ type: 'message', text: '5' });
  await doras.hears('Dora: 5');
  assert.deepEqual(
    doras.heard.filter((line) => !line.includes(' has ')),
    ['Dora: 1', 'Dora: 2', 'Dora: 3', 'Dora: 4', 'Dora: 5'],
    'neither a stranger nor a mute',
  );
  await doras.close();
  await alices.close();
});

test('a binary or broken first frame is turned away like a wrong name', async () => {
  const door = await mallory.knocks('v1');
  assert.ok(door.isOpen);
  door.send(Buffer.from('mallory'));
  assert.equal((await door.closes()).code, 4401);
  assert.deepEqual(door.heard, [unauthorized]);
  const json = await mallory.knocks('v2');
  assert.ok(json.isOpen);
  json.send('{"type":"open","room":"general"}');
  assert.equal((await json.closes()).code, 4401);
  assert.equal(json.heard.length, 1);
  const own: OpenSocket = await mallory.entersAnyway('v1', {});
  await own.receive((line) => line === 'mallory has joined the chat!' || undefined, 'to be let in');
  await own.close();
});
