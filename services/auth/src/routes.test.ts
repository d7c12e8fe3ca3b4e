import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { connect } from 'node:tls';
import { type Answer, type Auth, GOOD_PASSWORD, type Person, startTestAuth } from './auth.fixture.ts';
import { sessionHandle } from './sessionStore.ts';

const SESSION = '__Host-securechat';
const DEVICE = '__Host-securechat-device';
const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

let auth: Auth;
before(async () => {
  auth = await startTestAuth();
});
after(() => auth.close());

let people = 0;
/** Somebody with an account, and an address of their own so that no story disturbs another. */
async function newcomer(): Promise<{ person: Person; name: string }> {
  const name = `person${++people}`;
  const person = auth.person(`203.0.113.${people}`);
  assert.equal((await person.signsUp(name)).status, 201);
  return { person, name };
}
async function signedIn() {
  const { person, name } = await newcomer();
  assert.equal((await person.logsIn(name)).status, 200);
  return { person, name };
}
const sessionId = (person: Person) =>
  decodeURIComponent(person.cookies.get(SESSION) ?? '')
    .slice(2)
    .split('.')[0] ?? '';
const leadsTo = (answer: Answer, path: string) =>
  assert.deepEqual([answer.status, answer.headers.location, answer.text], [302, path, '']);

describe('signing up and logging in', () => {
  test('alice signs up, logs in, and is shown to herself', async () => {
    const alice = auth.person('203.0.113.200');
    const signUp = await alice.signsUp('Alice');
    assert.deepEqual([signUp.status, signUp.text], [201, '{"message":"Signup successful. You may now log in."}']);
    assert.equal(signUp.headers['set-cookie'], undefined);
    const logIn = await alice.logsIn('aLICE');
    assert.deepEqual([logIn.status, logIn.text], [200, '{"redirect":"/chat"}']);
    const me = await alice.gets('/api/me');
    assert.equal(me.status, 200);
    assert.equal((me.json.user as { name: string }).name, 'Alice');
  });

  test('a name that is taken, or that looks the same, is answered in one text', async () => {
    const { person, name } = await newcomer();
    for (const twin of [name, name.toUpperCase()]) {
      const answer = await person.signsUp(twin);
      assert.deepEqual([answer.status, answer.text], [400, '{"message":"Username already exists."}']);
    }
    const mallory = auth.person('203.0.113.201');
    assert.equal((await mallory.signsUp('coco')).status, 201);
    assert.equal((await mallory.signsUp('сосо')).text, '{"message":"Username already exists."}');
  });

  test('of twelve sign-ups for one name at once, one succeeds', async () => {
    const crowd = auth.person('203.0.113.202');
    const answers = await Promise.all(Array.from({ length: 12 }, () => crowd.signsUp('highlander')));
    const statuses = answers.map(({ status }) => status).sort();
    assert.deepEqual(statuses, [201, ...Array<number>(11).fill(400)]);
  });

  test('a name or a password that is not acceptable is refused with what to change', async () => {
    const person = auth.person('203.0.113.203');
    const badName = await person.signsUp('a b');
    assert.deepEqual([badName.status, badName.json.field], [400, 'username']);
    const badPassword = await person.signsUp('goodname', 'password');
    assert.deepEqual([badPassword.status, badPassword.json.field], [400, 'password']);
    const ownName = await person.signsUp('longusername', 'LongUserName');
    assert.equal(ownName.json.field, 'password');
  });

  test('wrong password, unknown name and impossible name are told apart by nothing, one comparison each', async () => {
    const { person, name } = await newcomer();
    const answers = [];
    for (const [username, password] of [
      [name, 'not the password'],
      ['nobody-here', GOOD_PASSWORD],
      ['<>: \u0000', GOOD_PASSWORD],
      ['', ''],
      ['ﷺ'.repeat(5_000), 'y'],
    ]) {
      const before = auth.hasher.comparisons;
      answers.push(await person.logsIn(username ?? '', password));
      assert.equal(auth.hasher.comparisons - before, 1, username);
    }
    for (const { status, text, headers } of answers) {
      assert.deepEqual([status, text], [401, '{"message":"Invalid username and/or password."}']);
      assert.equal(headers['set-cookie'], undefined);
    }
  });

  test('a form may be JSON or multipart as well', async () => {
    const { person, name } = await newcomer();
    const json = JSON.stringify({ username: name, password: GOOD_PASSWORD, action: 'login' });
    assert.equal(
      (await person.sends('POST', '/home', { body: json, headers: { 'content-type': 'application/json' } })).status,
      200,
    );
    const parts = Object.entries({ username: name, password: GOOD_PASSWORD, action: 'login' });
    const multipart = parts
      .map(([key, value]) => `--x\r\nContent-Disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`)
      .join('');
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    assert.equal((await person.sends('POST', '/home', { body: `${multipart}--x--\r\n`, headers })).status, 200);
  });

  test('missing, odd, repeated and unknown fields are a bad request in words', async () => {
    const person = auth.person('203.0.113.204');
    const forms: Record<string, string>[] = [
      {},
      { username: 'a' },
      { username: 'a', password: 'b' },
      { username: 'a', password: 'b', action: 'delete' },
    ];
    const more: Record<string, string>[] = [{ username: 'a', password: 'b', action: 'login', admin: '1' }];
    for (const form of [...forms, ...more]) {
      const answer = await person.posts('/home', form, HTML);
      assert.equal(answer.status, 400);
      assert.equal(typeof answer.json.message, 'string');
    }
    const odd = [
      '{"username":"a","password":"b","action":"login","__proto__":"x"}',
      '{"username":["a"],"password":"b","action":"login"}',
      '{',
    ];
    for (const body of odd) {
      assert.equal(
        (await person.sends('POST', '/home', { body, headers: { 'content-type': 'application/json' } })).status,
        400,
        body,
      );
    }
    assert.equal((await person.sends('POST', '/home', { body: 'username=a' })).status, 400);
  });

  test('an id that was planted before the login is not signed in by it, and the old session ends', async () => {
    const { person: alice, name } = await signedIn();
    const old = new Map(alice.cookies);
    const oldHandle = sessionHandle(sessionId(alice));
    await alice.logsIn(name);
    assert.notEqual(alice.cookies.get(SESSION), old.get(SESSION));
    await auth.hears((news) => news.kind === 'session_ended' && news.session === oldHandle);
    const mallory = auth.person('203.0.113.205');
    mallory.cookies.set(SESSION, old.get(SESSION) ?? '');
    assert.equal((await mallory.gets('/api/me')).status, 401);
    assert.equal((await alice.gets('/api/me')).status, 200);
  });

  test('forged, tampered and unsigned cookies are nobody', async () => {
    const { person } = await signedIn();
    const good = person.cookies.get(SESSION) ?? '';
    for (const bad of [
      'x',
      good.slice(0, -2),
      good.replace(/^s%3A./, 's%3AX'),
      sessionId(person),
      `s%3A${sessionId(person)}.x`,
      '',
    ]) {
      const mallory = auth.person('203.0.113.206');
      mallory.cookies.set(SESSION, bad);
      assert.equal((await mallory.gets('/api/me')).status, 401, bad);
    }
  });

  test('the cookies have their attributes, and the known-browser one comes first', async () => {
    const { person, name } = await newcomer();
    const [device = '', session = '', ...others] = (await person.logsIn(name)).headers['set-cookie'] ?? [];
    assert.match(
      device,
      /^__Host-securechat-device=[\w-]{43}; Max-Age=31536000; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/,
    );
    assert.match(session, /^__Host-securechat=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
    assert.deepEqual(others, []);
    const rolled = (await person.gets('/api/me')).headers['set-cookie'] ?? [];
    assert.equal(rolled.length, 1);
    assert.match(rolled[0] ?? '', /^__Host-securechat=[^;]+; Path=\/; Expires=[^;]+; HttpOnly; Secure; SameSite=Lax$/);
    const token = person.cookies.get(DEVICE);
    await person.logsIn(name);
    assert.equal(person.cookies.get(DEVICE), token);
  });
});

describe('throttling', () => {
  test('after five wrong passwords the sixth login waits, without a comparison; bob beside her does not', async () => {
    const { name } = await newcomer();
    const mallory = auth.person('198.51.100.1');
    for (let i = 0; i < 5; i++) assert.equal((await mallory.logsIn(name, 'a wrong guess')).status, 401);
    const before = auth.hasher.comparisons;
    const refused = await mallory.logsIn(name);
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.match(String(refused.json.message), /Please wait/);
    assert.equal(auth.hasher.comparisons, before);
    const { person: bob, name: bobsName } = await newcomer();
    assert.equal((await bob.logsIn(bobsName)).status, 200);
  });

  test('unknown names are throttled like known ones', async () => {
    const mallory = auth.person('198.51.100.2');
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await mallory.logsIn('no-such-name')).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
  });

  test('nobody can lock alice out: her own browser is let in while all the world guesses at her name', async () => {
    const { person: alice, name } = await signedIn();
    await alice.gets('/leave');
    for (let i = 0; i < 30; i++) await auth.person(`198.51.100.${100 + i}`).logsIn(name, 'a wrong guess');
    assert.equal((await auth.person('198.51.100.3').logsIn(name)).status, 429);
    assert.equal((await alice.logsIn(name)).status, 200);
  });

  test('a forged X-Forwarded-For in front of the real one gives mallory no new budget', async () => {
    const { name } = await newcomer();
    const statuses = [];
    for (let i = 0; i < 6; i++)
      statuses.push((await auth.person(`10.0.0.${i}, 198.51.100.4`).logsIn(name, 'a wrong guess')).status);
    assert.equal(statuses.at(-1), 429);
  });

  test('sign-ups are limited by network, with how long to wait', async (t) => {
    const small = await startTestAuth({ SIGNUPS_PER_ADDRESS_PER_HOUR: '2' });
    t.after(() => small.close());
    const mallory = small.person('2001:db8::1');
    assert.equal((await mallory.signsUp('mallory1')).status, 201);
    assert.equal((await small.person('2001:db8::2').signsUp('mallory2')).status, 201);
    const refused = await small.person('2001:db8::3').signsUp('mallory3');
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers['retry-after']) > 3_000);
    assert.equal((await small.person('2001:db8:0:1::1').signsUp('alice')).status, 201);
  });

  test('when too many wait for their password to be looked at, the rest is told to come back, and nothing is counted', async (t) => {
    const slow = await startTestAuth();
    t.after(() => slow.close());
    const gates: (() => void)[] = [];
    slow.hasher.compare = async () => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return false;
    };
    const crowd = slow.person('198.51.100.5');
    const answers = Array.from({ length: 67 }, (_, i) => crowd.logsIn(`name${i}`));
    const busy = await Promise.race(answers);
    assert.deepEqual([busy.status, busy.headers['retry-after']], [429, '5']);
    const opening = setInterval(() => {
      for (const open of gates.splice(0)) open();
    }, 0);
    t.after(() => clearInterval(opening));
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 401).length, 66);
    let allowed = 0;
    for (let i = 0; i < 40; i++) if ((await crowd.logsIn(`other${i}`)).status === 401) allowed++;
    assert.equal(allowed, 34);
  });

  test('when sign-up is closed it says so, and the page knows', async (t) => {
    const closed = await startTestAuth({ SIGNUP: 'closed' });
    t.after(() => closed.close());
    const answer = await closed.person().signsUp('alice');
    assert.deepEqual(
      [answer.status, answer.text],
      [403, '{"message":"Sign-up is closed. Ask the person who runs this server."}'],
    );
    assert.match((await closed.person().gets('/home')).text, /data-signup="closed"/);
  });
});

describe('pages', () => {
  test('visitors get the start page, and are led to it', async () => {
    const visitor = auth.person();
    leadsTo(await visitor.gets('/'), '/home');
    leadsTo(await visitor.gets('/chat'), '/home');
    const home = await visitor.gets('/home', HTML);
    assert.equal(home.status, 200);
    assert.match(home.text, /data-signup="open"/);
    assert.equal(home.headers['set-cookie'], undefined);
    assert.equal((await visitor.gets('/api/me')).status, 401);
    assert.equal((await visitor.gets('/reset')).status, 200);
  });

  test('the chat page carries the name and the port', async () => {
    const { person, name } = await signedIn();
    leadsTo(await person.gets('/home'), '/chat');
    const chat = await person.gets('/chat');
    assert.equal(chat.status, 200);
    assert.match(chat.text, new RegExp(`data-name="${name}" data-port="8765"`));
  });

  test('HEAD answers like GET without a body', async () => {
    const { person } = await signedIn();
    for (const path of ['/chat', '/reset', '/api/me', '/assets/home-a1B2c3D4.js']) {
      const [get, head] = [await person.gets(path), await person.sends('HEAD', path)];
      assert.deepEqual([head.status, head.headers['content-length'], head.text], [get.status, get.headers['content-length'], '']);
    }
  });

  test('hashed assets are kept for ever, everything else is not kept', async () => {
    const visitor = auth.person();
    const asset = await visitor.gets('/assets/home-a1B2c3D4.js', { 'accept-encoding': 'gzip' });
    assert.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(asset.headers['content-encoding'], 'gzip');
    assert.equal(asset.headers['content-type'], 'text/javascript; charset=utf-8');
    assert.match((await visitor.gets('/assets/home-a1B2c3D4.js')).text, /console/);
    for (const path of [
      '/',
      '/home',
      '/chat',
      '/leave',
      '/api/me',
      '/reset',
      '/nothing',
      '/favicon.svg',
      '/sw.js',
      '/manifest.webmanifest',
      '/assets/none.js',
    ]) {
      assert.equal((await visitor.gets(path)).headers['cache-control'], 'no-store', path);
    }
  });

  test('the worker and the manifest come from the root, as what they are', async () => {
    const visitor = auth.person();
    const types = {
      '/sw.js': 'text/javascript; charset=utf-8',
      '/manifest.webmanifest': 'application/manifest+json; charset=utf-8',
    };
    for (const [path, type] of Object.entries(types)) {
      const answer = await visitor.gets(path);
      assert.deepEqual([answer.status, answer.headers['content-type']], [200, type]);
    }
  });

  test('nothing but the pages and their assets is served', async () => {
    const visitor = auth.person();
    const paths = [
      '/assets/../../key.pem',
      '/../key.pem',
      '/%2e%2e/key.pem',
      '/assets/%2e%2e%2fkey.pem',
      '/..%5ckey.pem',
      '/.secret.txt',
      '/.env',
      '/.git/HEAD',
    ];
    const more = [
      '/home.html',
      '/chat.html',
      '/assets/home-a1B2c3D4.js.map',
      '/assets/',
      '/assets',
      '//evil.example/home',
      '/home/',
      '/HOME',
      '/%',
      '/home%00',
      '/package.json',
      '/livez',
      '/metrics',
      '/internal/session',
    ];
    for (const path of [...paths, ...more]) assert.equal((await visitor.gets(path)).status, 404, path);
  });

  test('people get a page for an error, programs get JSON; neither learns what we are made of', async () => {
    const visitor = auth.person();
    const page = await visitor.gets('/<script>nothing', HTML);
    assert.equal(page.status, 404);
    assert.match(page.headers['content-type'] ?? '', /^text\/html/);
    assert.doesNotMatch(page.text, /<script|Express|node|Error:/);
    assert.deepEqual(Object.keys((await visitor.gets('/nothing')).json), ['message']);
    for (const { headers } of [page, await visitor.gets('/home')]) {
      assert.equal(headers.server, undefined);
      assert.equal(headers['x-powered-by'], undefined);
    }
  });

  test('other methods are refused with those that are allowed', async () => {
    const visitor = auth.person();
    const expected: [string, string, string][] = [
      ['PUT', '/home', 'GET, HEAD, POST'],
      ['OPTIONS', '/home', 'GET, HEAD, POST'],
      ['TRACE', '/home', 'GET, HEAD, POST'],
      ['DELETE', '/reset', 'GET, HEAD, POST'],
      ['POST', '/chat', 'GET, HEAD'],
      ['POST', '/leave', 'GET, HEAD'],
      ['POST', '/api/me', 'GET, HEAD'],
      ['PATCH', '/', 'GET, HEAD'],
      ['OPTIONS', '/nothing', 'GET, HEAD'],
      ['TRACE', '/nothing', 'GET, HEAD'],
    ];
    for (const [method, path, allow] of expected) {
      const { status, headers } = await visitor.sends(method, path);
      assert.deepEqual([status, headers.allow], [405, allow], `${method} ${path}`);
    }
  });

  test('every answer has the security headers: pages, redirects, refusals, assets, errors', async () => {
    const visitor = auth.person('203.0.113.207');
    const elsewhere = { host: 'chat.example.org:5000' };
    const answers = [
      await visitor.gets('/', elsewhere),
      await visitor.gets('/home', elsewhere),
      await visitor.gets('/nothing', elsewhere),
      await visitor.gets('/assets/home-a1B2c3D4.js', elsewhere),
      await visitor.gets('/api/me', elsewhere),
      await visitor.posts('/home', {}, elsewhere),
      await visitor.posts('/home', {}, { ...elsewhere, 'sec-fetch-site': 'cross-site' }),
      await visitor.sends('POST', '/home', { body: 'x'.repeat(70_000), headers: elsewhere }),
      await visitor.sends('TRACE', '/home', { headers: elsewhere }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [302, 200, 404, 200, 401, 400, 403, 413, 405],
    );
    for (const { headers } of answers) {
      assert.equal(headers['strict-transport-security'], 'max-age=31536000');
      const policy = String(headers['content-security-policy']);
      for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        'trusted-types securechat-worker',
      ]) {
        assert.ok(policy.includes(part), part);
      }
      assert.ok(policy.includes("connect-src 'self' wss://chat.example.org:8765;"), policy);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'same-origin');
      assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
      assert.match(String(headers['permissions-policy']), /camera=\(\)/);
    }
  });

  test('localhost is not made https-only for its other servers, and an odd Host gets into no header', async () => {
    const visitor = auth.person();
    assert.equal((await visitor.gets('/home')).headers['strict-transport-security'], undefined);
    assert.equal((await visitor.gets('/home', { host: 'LOCALHOST:1' })).headers['strict-transport-security'], undefined);
    assert.ok((await visitor.gets('/home', { host: 'localhost.example.org' })).headers['strict-transport-security']);
    for (const host of [
      "evil.example; script-src 'unsafe-inline'",
      'a b',
      'evil.example,x',
      'user@evil.example',
      'evil.example/x',
    ]) {
      const { headers, status } = await visitor.gets('/home', { host });
      assert.equal(status, 200);
      assert.doesNotMatch(JSON.stringify(headers), /evil|unsafe/, host);
    }
  });
});

describe('requests from elsewhere', () => {
  test('a form on another site cannot sign anybody up or in', async () => {
    const { person, name } = await newcomer();
    const form = { username: name, password: GOOD_PASSWORD, action: 'login' };
    const own = `https://localhost:${auth.env.HTTP_PORT}`;
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `${own}.evil.example` },
      { origin: own.replace('https', 'http') },
    ]) {
      const answer = await person.posts('/home', form, headers);
      assert.deepEqual([answer.status, answer.headers['set-cookie']], [403, undefined], JSON.stringify(headers));
    }
    assert.equal((await person.posts('/reset', { token: 'x', password: 'y' }, { 'sec-fetch-site': 'cross-site' })).status, 403);
    for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, { origin: own }, {}]) {
      const { status } = await person.posts('/home', form, headers as Record<string, string>);
      assert.equal(status, 200, JSON.stringify(headers));
    }
  });

  test('leaving ends the session on the server, tells everybody, and takes the cookie', async () => {
    const { person } = await signedIn();
    const cookie = person.cookies.get(SESSION) ?? '';
    const handle = sessionHandle(sessionId(person));
    leadsTo(await person.gets('/leave'), '/home');
    assert.equal(person.cookies.has(SESSION), false);
    await auth.hears((news) => news.kind === 'session_ended' && news.session === handle);
    person.cookies.set(SESSION, cookie);
    assert.equal((await person.gets('/api/me')).status, 401);
    leadsTo(await auth.person().gets('/leave'), '/home');
  });

  test('another site, a prefetch or a link checker signs nobody out', async () => {
    const { person } = await signedIn();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-purpose': 'prefetch' },
      { 'sec-purpose': 'prefetch;prerender' },
      { purpose: 'prefetch' },
      { 'x-moz': 'prefetch' },
    ]) {
      leadsTo(await person.gets('/leave', headers as Record<string, string>), '/chat');
    }
    leadsTo(await person.sends('HEAD', '/leave'), '/chat');
    assert.equal((await person.gets('/api/me')).status, 200);
    leadsTo(await person.gets('/leave', { 'sec-fetch-site': 'same-origin' }), '/home');
  });
});

describe('bodies and connections', () => {
  test('a megabyte of password is answered at once, and so that the client can read it', async () => {
    const person = auth.person('203.0.113.208');
    for (const size of [65_537, 1024 * 1024]) {
      const answer = await person.posts('/home', { username: 'alice', password: 'x'.repeat(size), action: 'login' });
      assert.equal(answer.status, 413);
      assert.equal(typeof answer.json.message, 'string');
    }
    const fits = 'username=alice&action=login&password=';
    const body = fits + 'x'.repeat(65_536 - fits.length);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    assert.equal((await person.sends('POST', '/home', { body, headers })).status, 401);
  });

  test('an endless body is answered after 64 KiB and cut', async () => {
    const socket = connect({ host: '127.0.0.1', port: Number(auth.env.HTTP_PORT), rejectUnauthorized: false });
    socket.on('error', () => {});
    let heard = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      heard += chunk;
    });
    socket.write('POST /home HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pour);
    pour();
    await new Promise((resolve) => socket.once('close', resolve));
    assert.match(heard, /^HTTP\/1\.1 413 /);
  });

  test('a client that asks before it sends is told to go on, or the refusal instead', async () => {
    const ask = (length: number) =>
      `POST /home HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
    assert.match(await sayRaw(ask(70_000)), /^HTTP\/1\.1 413 /);
    assert.match(await sayRaw(`${ask(2)}{}`), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
    assert.match(await sayRaw(ask(2).replace('POST /home', 'POST /nothing')), /^HTTP\/1\.1 404 /);
  });

  test('what is no HTTP gets a bare refusal', async () => {
    for (const nonsense of [
      'nonsense\r\n\r\n',
      'GET /home HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx',
      'GET /home HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b: c\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'GET /home HTTP/1.1\r\n\r\n',
    ]) {
      const answer = await sayRaw(nonsense);
      assert.match(answer, /^HTTP\/1\.1 400 /, nonsense);
      assert.doesNotMatch(answer, /server|express|node|<html/i);
    }
    assert.match(await sayRaw('CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n'), /^HTTP\/1\.1 405 /);
    assert.match(await sayRaw(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  });

  /** Everything that the server says to these bytes until it closes, or until it has said a whole final answer. */
  function sayRaw(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: Number(auth.env.HTTP_PORT), rejectUnauthorized: false });
      let heard = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        heard += chunk;
        if (/HTTP\/1\.1 [2-5]\d\d [\s\S]*?\r\n\r\n/.test(heard)) socket.destroy();
      });
      socket.on('close', () => resolve(heard));
      socket.on('error', reject);
      socket.write(bytes);
    });
  }
});
