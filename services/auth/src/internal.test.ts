import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { type Auth, type Person, startTestAuth } from './auth.fixture.ts';
import { LIFETIMES, sessionHandle } from './sessionStore.ts';

let auth: Auth;
before(async () => {
  auth = await startTestAuth();
});
after(() => auth.close());

async function signedIn(name: string): Promise<{ person: Person; handle: string; id: string }> {
  const person = auth.person();
  await person.signsUp(name);
  await person.logsIn(name);
  const { user } = (await person.gets('/api/me')).json as { user: { id: string } };
  const cookie = decodeURIComponent(person.cookies.get('__Host-securechat') ?? '');
  return { person, handle: sessionHandle(cookie.slice(2).split('.')[0] ?? ''), id: user.id };
}

test('chat learns who sends a cookie, under a name for the session that nobody can sign in with', async () => {
  const { person, handle, id } = await signedIn('Alice');
  const { status, body, headers } = await auth.internal('GET', '/internal/session', { cookie: person.cookie });
  assert.equal(status, 200);
  const { expiresAt, ...rest } = body as { expiresAt: number };
  assert.deepEqual(rest, { user: { id, name: 'Alice' }, session: handle });
  assert.ok(Math.abs(expiresAt - Date.now() - LIFETIMES.idleMs) < 60_000);
  assert.equal(headers.get('set-cookie'), null);
  assert.ok(!person.cookie.includes(handle));
});

test('no cookie, a forged one and one that left are nobody', async () => {
  const { person } = await signedIn('bob');
  const cookie = person.cookie;
  assert.equal((await auth.internal('GET', '/internal/session')).status, 401);
  assert.equal((await auth.internal('GET', '/internal/session', { cookie: `${cookie}x` })).status, 401);
  assert.equal((await auth.internal('GET', '/internal/session', { cookie })).status, 200);
  await person.gets('/leave');
  assert.equal((await auth.internal('GET', '/internal/session', { cookie })).status, 401);
});

test('of a batch of sessions those that live are told, with their end', async () => {
  const carol = await signedIn('carol');
  const dave = await signedIn('dave');
  await dave.person.gets('/leave');
  const asked = { sessions: [carol.handle, dave.handle, 'nonsense'] };
  const { status, body } = await auth.internal('POST', '/internal/sessions', { body: asked });
  assert.equal(status, 200);
  const { alive } = body as { alive: Record<string, number> };
  assert.deepEqual(Object.keys(alive), [carol.handle]);
  assert.ok((alive[carol.handle] ?? 0) > Date.now());
  assert.deepEqual((await auth.internal('POST', '/internal/sessions', { body: { sessions: [] } })).body, { alive: {} });
});

test('a batch that is too long or none at all is refused', async () => {
  for (const body of [{ sessions: Array<string>(501).fill('x') }, { sessions: [1] }, { sessions: 'x' }, {}, []]) {
    assert.equal((await auth.internal('POST', '/internal/sessions', { body })).status, 400);
  }
});

test('what the administrator announces is heard on the bus', async () => {
  const news = { kind: 'account_changed', user: 'somebody' };
  assert.equal((await auth.internal('POST', '/internal/announce', { body: { channel: 'accounts', news } })).status, 204);
  await auth.hears((one) => one.kind === 'account_changed' && one.user === 'somebody');
  for (const body of [{ channel: 'room:general', news }, { channel: 'accounts', news: 'text' }, { channel: 'accounts' }]) {
    assert.equal((await auth.internal('POST', '/internal/announce', { body })).status, 400);
  }
});

test('what people do is counted, by result', async () => {
  await signedIn('frank');
  await auth.person().logsIn('frank', 'a wrong guess');
  const metrics = await (await fetch(`${auth.internalUrl}/metrics`)).text();
  assert.match(metrics, /securechat_signups_total\{result="created"\} [1-9]/);
  assert.match(metrics, /securechat_logins_total\{result="wrong"\} [1-9]/);
  assert.match(metrics, /securechat_http_request_seconds_count\{path="\/home",status="2xx"\} [1-9]/);
  assert.equal((await fetch(`${auth.internalUrl}/readyz`)).status, 200);
});

test('without the service token nothing is told, and nothing else is there', async () => {
  const { person } = await signedIn('erin');
  for (const token of ['', 'wrong', String(auth.env.SECRET_KEY)]) {
    assert.equal((await auth.internal('GET', '/internal/session', { cookie: person.cookie, token })).status, 401);
    assert.equal((await auth.internal('POST', '/internal/announce', { body: {}, token })).status, 401);
  }
  assert.equal((await auth.internal('GET', '/internal/users')).status, 404);
  assert.equal((await auth.internal('GET', '/home')).status, 404);
});
