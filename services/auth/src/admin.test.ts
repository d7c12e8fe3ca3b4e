import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type AccountAdministration, announce, openAccounts } from './admin.ts';
import { type Auth, GOOD_PASSWORD, startTestAuth } from './auth.fixture.ts';

const NEW_PASSWORD = 'another tulip, another rain';

async function start(t: TestContext): Promise<{ auth: Auth; admin: AccountAdministration }> {
  const auth = await startTestAuth();
  const admin = await openAccounts(auth.env);
  t.after(async () => {
    await admin.close();
    await auth.close();
  });
  return { auth, admin };
}

async function signedIn(auth: Auth, name: string) {
  const person = auth.person();
  await person.signsUp(name);
  await person.logsIn(name);
  const { user } = (await person.gets('/api/me')).json as { user: { id: string } };
  return { person, id: user.id };
}

test('a one-time link gives alice a new password and ends all her sessions, and only hers', async (t) => {
  const { auth, admin } = await start(t);
  const alice = await signedIn(auth, 'Alice');
  const bob = await signedIn(auth, 'bob');
  const link = await admin.resetPassword('ALICE');
  assert.match(link, new RegExp(`^https://localhost:${auth.env.HTTP_PORT}/reset#[\\w-]{43}$`));
  const token = link.split('#')[1] ?? '';

  const visitor = auth.person();
  assert.equal((await visitor.posts('/reset', { token, password: 'short' })).json.field, 'password');
  assert.equal((await visitor.posts('/reset', { token, password: 'Alice' })).status, 400);
  auth.news.length = 0;
  const changed = await visitor.posts('/reset', { token, password: NEW_PASSWORD });
  assert.equal(changed.status, 200);
  assert.equal(typeof changed.json.message, 'string');
  await auth.hears((news) => news.kind === 'account_changed' && news.user === alice.id);

  assert.equal((await alice.person.gets('/api/me')).status, 401);
  assert.equal((await bob.person.gets('/api/me')).status, 200);
  assert.equal((await visitor.logsIn('alice', GOOD_PASSWORD)).status, 401);
  assert.equal((await visitor.logsIn('alice', NEW_PASSWORD)).status, 200);
  assert.equal((await visitor.posts('/reset', { token, password: 'a third password' })).status, 400);
});

test('of two who use one link at the same time one succeeds', async (t) => {
  const { auth, admin } = await start(t);
  await signedIn(auth, 'alice');
  const token = (await admin.resetPassword('alice')).split('#')[1] ?? '';
  const visitor = auth.person();
  const tries = ['the first password', 'the second password'].map((password) => visitor.posts('/reset', { token, password }));
  const statuses = (await Promise.all(tries)).map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, 400]);
});

test('a link dies after 24 hours, by a newer link, and with its account', async (t) => {
  const { auth, admin } = await start(t);
  await signedIn(auth, 'alice');
  const visitor = auth.person();
  const use = async (link: string) =>
    (await visitor.posts('/reset', { token: link.split('#')[1] ?? '', password: NEW_PASSWORD })).status;

  t.mock.timers.enable({ apis: ['Date'], now: Date.now() - 24 * 3_600_000 - 1_000 });
  const old = await admin.resetPassword('alice');
  t.mock.timers.reset();
  assert.equal(await use(old), 400);

  const first = await admin.resetPassword('alice');
  const second = await admin.resetPassword('alice');
  assert.equal(await use(first), 400);
  await admin.disable('alice');
  assert.equal(await use(second), 400);
  await admin.enable('alice');
  assert.equal(await use(second), 200);
});

test('a disabled person is signed out, told to the servers, and cannot come back until enabled', async (t) => {
  const { auth, admin } = await start(t);
  const { person: mallory, id } = await signedIn(auth, 'mallory');
  const { person: alice } = await signedIn(auth, 'alice');
  const cookie = mallory.cookie;
  assert.equal(await admin.disable('Mallory'), 'done');
  await auth.hears((news) => news.kind === 'account_changed' && news.user === id);
  assert.equal((await mallory.gets('/api/me')).status, 401);
  assert.equal((await auth.internal('GET', '/internal/session', { cookie })).status, 401);
  const before = auth.hasher.comparisons;
  assert.equal((await mallory.logsIn('mallory')).text, '{"message":"Invalid username and/or password."}');
  assert.equal(auth.hasher.comparisons - before, 1);
  assert.equal((await alice.gets('/api/me')).status, 200);

  assert.equal(await admin.enable('mallory'), 'done');
  assert.equal((await mallory.gets('/api/me')).status, 401, 'the old session stays dead');
  assert.equal((await mallory.logsIn('mallory')).status, 200);
});

test('a name that nobody has is said so', async (t) => {
  const { admin } = await start(t);
  assert.equal(await admin.resetPassword('nobody'), 'unknown_name');
  assert.equal(await admin.disable('nobody'), 'unknown_name');
  assert.equal(await admin.enable('__proto__'), 'unknown_name');
});

test('accounts can be changed while no server runs, and whoever announces learns that nobody heard it', async (t) => {
  const auth = await startTestAuth();
  t.after(() => auth.place.remove());
  await signedIn(auth, 'alice');
  assert.equal(await announce(auth.env, 'heads', { room: 'general' }), true);
  assert.equal(await announce({ ...auth.env, SECRET_KEY: 'another' }, 'heads', {}), false);
  await auth.stop();
  assert.equal(await announce(auth.env, 'heads', { room: 'general' }), false);
  const admin = await openAccounts(auth.env);
  assert.equal(await admin.disable('alice'), 'done');
  await admin.close();
});
