import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Stack, startStack } from '../support/anyStack.ts';
import { stranger } from '../support/person.ts';

const program = fileURLToPath(new URL('../support/admin.ts', import.meta.url));

test('reset-password ends the sessions of one person and lets them choose a new password, once', async (t) => {
  const stack = await start(t);
  const [alice, bob] = await stack.people('alice', 'bob');
  const [alices, bobs] = [await alice.connectsText(), await bob.connects()];
  await bobs.opens();

  const { code, out } = await admin(stack, 'reset-password', 'Alice');
  assert.equal(code, 0);
  assert.equal((await alices.closes()).code, 4401);
  assert.equal((await alice.get('/api/me')).status, 401);

  const token = /https:\/\/localhost:\d+\/reset#(\S+)/.exec(out)?.[1];
  assert.equal((await alice.post('/reset', { token, password: 'a better one than before' })).status, 200);
  assert.equal((await alice.post('/reset', { token, password: 'and yet another one' })).status, 400);
  await stranger(stack, 'alice', 'a better one than before').logsIn();
  await bobs.says('bob heard nothing of all this');
});

test('disable shuts one person out at once, enable lets them in again', async (t) => {
  const stack = await start(t);
  const [mallory, bob] = await stack.people('mallory', 'bob');
  const [mallorys, bobs] = [await mallory.connects(), await bob.connects()];
  await bobs.opens();

  assert.equal((await admin(stack, 'disable', 'mallory')).code, 0);
  assert.equal((await mallorys.closes()).code, 4401);
  assert.equal((await mallory.post('/home', { username: 'mallory', password: mallory.password, action: 'login' })).status, 401);
  await bobs.says('finally');

  assert.equal((await admin(stack, 'enable', 'mallory')).code, 0);
  await mallory.logsIn();
  await mallory.connects();
});

test('delete-message erases the words everywhere; nobody has to connect again', async (t) => {
  const stack = await start(t);
  const [mallory, bob] = await stack.people('mallory', 'bob');
  const [mallorys, bobs] = [await mallory.connects(), await bob.connects()];
  for (const connection of [mallorys, bobs]) await connection.opens();
  const { seq } = await mallorys.says('something awful');
  await bobs.hears({ type: 'message', seq });

  assert.deepEqual(await admin(stack, 'delete-message', String(seq)), { code: 0, out: `Message ${seq} is deleted.\n`, err: '' });
  await bobs.hears({ type: 'deleted', target: seq });
  assert.match((await admin(stack, 'delete-message', String(seq))).err, /was deleted before/);
  assert.match((await admin(stack, 'delete-message', '4711')).err, /^There is no message number 4711/);
});

test('restored gives the conversation a new epoch, with and without a running server', async (t) => {
  const stack = await start(t);
  const alice = await stack.person('alice');
  const before = await alice.connects();
  await before.opens();
  assert.equal((await admin(stack, 'restored')).code, 0);
  assert.equal((await before.closes()).code, 1012);
  const after = await (await alice.connects()).opens({ since: 0, epoch: before.welcome.rooms[0]?.epoch ?? '' });
  assert.notEqual(after.opened.epoch, before.welcome.rooms[0]?.epoch);
  assert.equal(after.opened.complete, false);

  await stack.end();
  assert.equal((await admin(stack, 'restored')).code, 0);
  await stack.start();
  assert.notEqual((await alice.connects()).welcome.rooms[0]?.epoch, after.opened.epoch);
});

test('what cannot be done is said, with exit code 1', async (t) => {
  const stack = await start(t);
  for (const command of ['reset-password', 'disable', 'enable']) {
    const { code, err } = await admin(stack, command, 'nobody');
    assert.equal(code, 1);
    assert.equal(err, 'There is no account named "nobody".\n');
  }
  assert.equal(
    (await admin(stack, 'disable', '--help')).err,
    'There is no account named "--help".\n',
    'names may look like that',
  );
  for (const words of [[], ['dance'], ['disable'], ['disable', 'a', 'b'], ['delete-message', 'x'], ['restored', 'now']]) {
    const { code, out, err } = await admin(stack, ...words);
    assert.equal(code, 1, words.join(' '));
    assert.match(out + err, /^Usage: npm run admin/);
  }
});

test('without a database there is nothing to administer, and none is made', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'securechat-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const { code, err } = await admin({ home, env: { PATH: process.env.PATH ?? '' } }, 'disable', 'alice');
  assert.equal(code, 1);
  assert.match(err, /^There is no database in DATA_DIR .* yet\. Start SecureChat once/);
  assert.deepEqual(readdirSync(home), []);
});

function admin({ home, env }: Pick<Stack, 'home' | 'env'>, ...words: string[]) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const child = execFile(process.execPath, [program, home, ...words], { env }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

async function start(t: TestContext): Promise<Stack> {
  const stack = await startStack();
  t.after(() => stack.stop());
  return stack;
}
