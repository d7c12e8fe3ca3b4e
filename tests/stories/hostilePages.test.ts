/** Mallory at the pages: other hosts, other sites, other paths, other people's sessions, and far too much of everything. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDistributed, type Stack, startStack } from '../support/anyStack.ts';
import { type Innocents, innocents, muchMayBeSaid, pagesPort } from '../support/mallory.ts';
import { stranger } from '../support/person.ts';
import { type Answer, ask, createCookieJar } from '../support/web.ts';
import { dialTls, requestText, statusOf } from '../support/wire.ts';

const SESSION = '__Host-securechat';
const DEVICE = '__Host-securechat-device';
const REFUSED = 'Invalid username and/or password.';

let stack: Stack;
let people: Innocents;

before(async () => {
  stack = await startStack(muchMayBeSaid);
  people = await innocents(stack);
});
after(() => stack.stop());

/** The answer to a request whose path is sent as it is written here; no library tidies it up. */
async function answerTo(path: string, headers: string[] = ['Host: localhost'], method = 'GET'): Promise<string> {
  const wire = await dialTls(pagesPort(stack));
  wire.send(requestText(`${method} ${path} HTTP/1.1`, ...headers, 'Connection: close'));
  return (await wire.closes()).toString('latin1');
}

/** An answer that says what is wrong and nothing about the server. */
function assertTellsNothing({ body, headers }: Answer) {
  // What the proxy answers by itself has the proxy's name, which it cannot be taught to leave out, and no version.
  assert.ok(!headers.server || (isDistributed && headers.server === 'nginx'), String(headers.server));
  assert.equal(headers['x-powered-by'], undefined);
  assert.doesNotMatch(body, /node_modules|\.ts\b|at .*:\d+:\d+|Error:|express|sqlite|v?\d+\.\d+\.\d+/i);
}

// ---- hosts and ways ------------------------------------------------------------------------------------------------

test('a strange Host gets into no redirect, no page and, unless it is a host name, into no header', async () => {
  const strange = [
    "evil.example; script-src 'unsafe-inline' *",
    "evil.example 'unsafe-inline'",
    'evil.example, evil.example',
    'evil.example/path',
    'user@evil.example',
    '"><script>evil.example</script>',
    `${'e'.repeat(300)}.evil.example`,
  ];
  for (const host of [...strange, 'evil.example']) {
    for (const path of ['/', '/home', '/chat', '/leave', '/nothing']) {
      const answer = await answerTo(path, [`Host: ${host}`, 'X-Forwarded-Host: evil.example', 'Forwarded: host=evil.example']);
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      assert.doesNotMatch(body, /evil/);
      assert.doesNotMatch(head, /unsafe|script-src [^;]*\*/);
      assert.ok([undefined, '/home', '/chat'].includes(/^location: (.*)$/im.exec(head)?.[1]), head);
      // The host that the page was opened by is where its socket is; only whoever sends another sees another.
      if (host !== 'evil.example') assert.doesNotMatch(head, /evil/);
    }
  }
});

test('no way leads to another site, out of the pages, or to what is not meant to be read', async () => {
  const ways = [
    '//evil.example/',
    '//evil.example/%2e%2e',
    '/\\evil.example',
    '/%5cevil.example',
    '/home/..//evil.example',
    '/https://evil.example',
    '/?next=https://evil.example',
    '/leave?redirect=//evil.example',
    '/%0d%0aSet-Cookie:%20evil=1',
    '/home%0d%0aX-Evil:%201',
    '/assets/../../../../etc/passwd',
    '/assets/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
    '/assets/..%2f..%2f..%2f..%2fetc%2fpasswd',
    '/assets/..%5c..%5c..%5cetc%5cpasswd',
    '/assets/%252e%252e/%252e%252e/etc/passwd',
    '/assets/....//....//etc/passwd',
    '/assets/%c0%ae%c0%ae/package.json',
    '/assets//etc/passwd',
    '/assets/',
    '/assets',
    '/home%00.html',
    '/%zz',
    '/.env',
    '/.git/config',
    '/.git/HEAD',
    '/%2egit/config',
    '/package.json',
    '/package-lock.json',
    '/home.html',
    '/chat.html',
    '/data/securechat.db',
    '/data/secret.key',
    '/securechat.db',
    '/secret.key',
    '/certs/localhost-key.pem',
    '/src/home.ts',
    '/services/auth/src/main.ts',
    '/node_modules/express/package.json',
    '/metrics',
    '/livez',
    '/readyz',
    '/internal/session',
    '/__proto__',
    '/constructor',
    '*',
  ];
  for (const way of ways) {
    const answer = await answerTo(way);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    const location = /^location: (.*)$/im.exec(head)?.[1];
    if (location === undefined) assert.ok([400, 404].includes(statusOf(Buffer.from(head))), `${way}: ${head}`);
    else assert.ok(['/home', '/chat'].includes(location), `${way}: ${location}`);
    assert.doesNotMatch(head, /evil|^x-evil/im, way);
    assert.doesNotMatch(body, /root:|PRIVATE KEY|import |evil|securechat_/, way);
  }
});

test('of the built pages nothing but what they use is served, and no source map', async () => {
  const { body } = await ask(`${stack.url}/home`);
  const assets = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
  assert.ok(assets.length > 0);
  for (const path of assets) {
    const asset = await ask(`${stack.url}${path}`);
    assert.equal(asset.status, 200);
    assert.doesNotMatch(asset.body, /sourceMappingURL/);
    assert.equal((await ask(`${stack.url}${path}.map`)).status, 404);
    assert.equal((await ask(`${stack.url}${path}/`)).status, 404);
  }
});

// ---- headers -------------------------------------------------------------------------------------------------------

test('every answer carries the security headers, refusals and redirects included', async () => {
  const form = { 'content-type': 'application/json' };
  const asked: [path: string, status: number, asked: Parameters<typeof ask>[1]][] = [
    ['/', 302, {}],
    ['/home', 200, {}],
    ['/chat', 302, {}],
    ['/leave', 302, {}],
    ['/reset', 200, {}],
    ['/api/me', 401, {}],
    ['/nothing', 404, {}],
    ['/nothing', 404, { headers: { accept: 'text/html' } }],
    ['/home', 405, { method: 'DELETE' }],
    ['/home', 400, { method: 'POST', headers: form, body: '{' }],
    [
      '/home',
      401,
      { method: 'POST', headers: form, body: JSON.stringify({ username: 'nobody', password: 'x', action: 'login' }) },
    ],
    ['/home', 413, { method: 'POST', headers: form, body: 'x'.repeat(70_000) }],
    ['/home', 403, { method: 'POST', headers: { ...form, 'sec-fetch-site': 'cross-site' }, body: '{}' }],
  ];
  for (const [path, status, options] of asked) {
    // By this name, because on localhost HSTS is left out.
    const answer = await ask(`${stack.url}${path}`, { ...options, headers: { host: 'chat.example', ...options?.headers } });
    assert.equal(answer.status, status, path);
    const { headers } = answer;
    assert.equal(headers['strict-transport-security'], 'max-age=31536000', path);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http:/);
    for (const directive of ['object-src', 'base-uri', 'frame-ancestors'])
      assert.match(policy, new RegExp(`${directive} 'none'`));
    assert.match(policy, /require-trusted-types-for 'script'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.ok(headers['referrer-policy']);
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.ok(headers['permissions-policy']);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['access-control-allow-origin'], undefined);
    if (status >= 400) assertTellsNothing(answer);
  }
});

test('the cookies cannot be read by scripts, sent without TLS, sent from other sites, or set from other paths', async () => {
  const browser = stranger(stack, 'alice');
  const answer = await browser.post('/home', { username: 'alice', password: browser.password, action: 'login' });
  const set = answer.headers['set-cookie'] ?? [];
  assert.deepEqual(
    set.map((line) => line.slice(0, line.indexOf('='))),
    [DEVICE, SESSION],
  );
  for (const line of set) {
    const attributes = line.split(';').map((part) => part.trim().toLowerCase());
    for (const needed of ['secure', 'httponly', 'path=/', 'samesite=lax']) assert.ok(attributes.includes(needed), line);
    assert.ok(!attributes.some((one) => one.startsWith('domain')), line);
    assert.ok((/=(?:s%3A)?([\w-]+)/.exec(line)?.[1]?.length ?? 0) >= 43, '256 bits');
  }
});

// ---- too much, and odd ---------------------------------------------------------------------------------------------

const json = { 'content-type': 'application/json' };
const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
const multipart = { 'content-type': 'multipart/form-data; boundary=b' };
const field = (name: string, value: string, more = '') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const goodFields = field('username', 'alice') + field('password', 'whatever it is') + field('action', 'login');
const good = { username: 'alice', password: 'whatever it is', action: 'login' };

const bombs: [what: string, headers: Record<string, string>, body: string, status: number][] = [
  ['a password of 1 MiB', json, JSON.stringify({ ...good, password: 'p'.repeat(1_048_576) }), 413],
  ['20 MB', urlencoded, 'a'.repeat(20_000_000), 413],
  [
    'a password of 60,000 ligatures of eighteen letters',
    json,
    JSON.stringify({ ...good, password: '\ufdfa'.repeat(20_000) }),
    401,
  ],
  ['a name of 60,000 letters', json, JSON.stringify({ ...good, username: 'a'.repeat(60_000) }), 401],
  ['brackets 60,000 deep', json, '['.repeat(30_000) + ']'.repeat(30_000), 400],
  ['objects 10,000 deep', json, `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 400],
  ['6,000 fields', urlencoded, Array.from({ length: 6_000 }, (_, i) => `f${i}=1`).join('&'), 400],
  ['1,000 parts', multipart, `${Array.from({ length: 1_000 }, (_, i) => field(`f${i}`, '')).join('')}--b--`, 400],
  [
    '1,000 files',
    multipart,
    `${Array.from({ length: 600 }, (_, i) => field(`f${i}`, 'x', '; filename="x"')).join('')}--b--`,
    400,
  ],
  [
    'a file as the password',
    multipart,
    `${field('username', 'alice')}${field('password', 'x', '; filename="x"')}${field('action', 'login')}--b--`,
    400,
  ],
  ['a part without an end', multipart, goodFields, 400],
  ['no boundary', { 'content-type': 'multipart/form-data' }, goodFields, 400],
  ['a name twice', urlencoded, 'username=alice&username=bob&password=whatever&action=login', 400],
  ['a name twice in JSON', json, '{"username":"alice","username":"bob","password":"whatever","action":"login"}', 400],
  ['a list as the name', json, JSON.stringify({ ...good, username: ['alice'] }), 400],
  ['a list as PHP writes it', urlencoded, 'username[]=alice&password=whatever&action=login', 400],
  ['an object as the password', json, JSON.stringify({ ...good, password: { $ne: '' } }), 400],
  ['a password that is true', json, JSON.stringify({ ...good, password: true }), 400],
  ['__proto__', json, '{"username":"alice","password":"whatever","action":"login","__proto__":{"isAdmin":true}}', 400],
  ['constructor', urlencoded, 'username=alice&password=whatever&action=login&constructor[prototype][isAdmin]=1', 400],
  ['another action', json, JSON.stringify({ ...good, action: '__proto__' }), 400],
  ['no action', json, JSON.stringify({ ...good, action: undefined }), 400],
  ['no fields', json, '{}', 400],
  ['nothing', json, '', 400],
  ['null', json, 'null', 400],
  [
    'bytes of UTF-16 that call themselves JSON',
    { 'content-type': 'application/json; charset=utf-16le' },
    '{\0"\0a\0"\0:\x001\0}\0',
    400,
  ],
  ['another type', { 'content-type': 'text/plain' }, JSON.stringify(good), 400],
  ['no type', {}, JSON.stringify(good), 400],
  ['XML', { 'content-type': 'application/xml' }, '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', 400],
  ['a type as long as a novel', { 'content-type': `application/json; ${'a=b; '.repeat(2_000)}` }, '{}', 400],
];

describe('forms that are none', { concurrency: 4 }, () => {
  for (const [i, [what, headers, body, status]] of bombs.entries()) {
    test(`${what}: ${status}, quickly, and told plainly`, async () => {
      const startedAt = performance.now();
      const answer = await ask(`${stack.url}/home`, { method: 'POST', headers, body, localAddress: `127.0.5.${i + 1}` });
      assert.equal(answer.status, status, answer.body);
      // What costs a bcrypt waits for its turn.
      if (status !== 401) assert.ok(performance.now() - startedAt < 5_000);
      assert.equal(typeof answer.json<{ message: string }>().message, 'string');
      assert.equal(answer.headers['set-cookie'], undefined);
      assertTellsNothing(answer);
    });
  }
});

test('20 MB in chunks that do not say how many they will be: 413, and then cut', async () => {
  const wire = await dialTls(pagesPort(stack), { localAddress: '127.0.5.100' });
  wire.send(
    requestText('POST /home HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
  );
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  for (let sent = 0; sent < 320 && wire.socket.writable; sent++) await wire.pours(chunk);
  assert.equal(statusOf(await wire.closes()), 413);
  await people.chat();
});

// ---- other sites ---------------------------------------------------------------------------------------------------

test('a form on another site signs nobody in or up', async () => {
  const foreign: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: stack.url },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: stack.url.replace('https', 'http') },
    { origin: `${stack.url}.evil.example` },
  ];
  for (const headers of foreign) {
    for (const action of ['login', 'signup']) {
      const body = `username=alice&password=${encodeURIComponent(people.alice.password)}&action=${action}`;
      const answer = await ask(`${stack.url}/home`, { method: 'POST', headers: { ...urlencoded, ...headers }, body });
      assert.equal(answer.status, 403, JSON.stringify(headers));
      assert.equal(answer.headers['set-cookie'], undefined);
    }
  }
  const own = stranger(stack, 'alice');
  const fields = { username: 'alice', password: people.alice.password, action: 'login' };
  const answer = await own.post('/home', fields, { headers: { 'sec-fetch-site': 'same-origin', origin: stack.url } });
  assert.equal(answer.status, 200);
});

test('an image, a link ahead and a HEAD do not sign alice out; her own click does', async () => {
  const browser = stranger(stack, 'alice');
  await browser.logsIn();
  const unmeant: [method: string, headers: Record<string, string>][] = [
    ['GET', { 'sec-fetch-site': 'cross-site' }],
    ['GET', { 'sec-fetch-site': 'same-site' }],
    ['GET', { 'sec-fetch-site': 'same-origin', 'sec-purpose': 'prefetch' }],
    ['GET', { 'sec-purpose': 'prefetch;prerender' }],
    ['GET', { purpose: 'prefetch' }],
    ['GET', { 'x-moz': 'prefetch' }],
    ['HEAD', {}],
  ];
  for (const [method, headers] of unmeant) {
    const answer = await browser.asks('/leave', { method, headers });
    assert.equal(answer.status, 302);
    assert.equal(answer.headers.location, '/chat', JSON.stringify(headers));
    assert.equal((await browser.get('/api/me')).status, 200, JSON.stringify(headers));
  }
  assert.equal((await browser.get('/leave', { headers: { 'sec-fetch-site': 'same-origin' } })).headers.location, '/home');
  assert.equal((await browser.get('/api/me')).status, 401);
  assert.equal((await people.alice.get('/api/me')).status, 200, 'her other browser is still signed in');
});

test('a session that mallory planted in bob’s browser is not bob’s after his login, and her own is of no use either', async () => {
  const mallory = await stack.person('mallory');
  const planted = mallory.cookies.get(SESSION) ?? '';
  const browser = stranger(stack, 'bob');
  browser.cookies.set(SESSION, planted);
  await browser.logsIn();
  assert.notEqual(browser.cookies.get(SESSION), planted);
  assert.equal((await browser.get('/api/me')).json<{ user: { name: string } }>().user.name, 'bob');
  assert.equal((await mallory.get('/api/me')).status, 401);
});

test('what was signed out stays signed out: the cookie that was stolen before is of no use', async () => {
  const browser = stranger(stack, 'bob');
  await browser.logsIn();
  const stolen = createCookieJar();
  stolen.set(SESSION, browser.cookies.get(SESSION) ?? '');
  const headers = { cookie: stolen.header() };
  assert.equal((await ask(`${stack.url}/api/me`, { headers })).status, 200);
  await browser.leaves();
  assert.equal((await ask(`${stack.url}/api/me`, { headers })).status, 401);
  assert.equal((await ask(`${stack.url}/chat`, { headers })).headers.location, '/home');
});

// ---- guessing ------------------------------------------------------------------------------------------------------

test('mallory guesses five times, whatever she says her address is, and alice still gets in where she is known', async () => {
  const strict = await startStack();
  try {
    const alice = await strict.person('alice');
    const guess = (i: number, localAddress: string) =>
      ask(`${strict.url}/home`, {
        method: 'POST',
        localAddress,
        headers: {
          ...json,
          'x-forwarded-for': `192.0.2.${i}`,
          forwarded: `for=192.0.2.${i}`,
          'x-real-ip': `192.0.2.${i}`,
          'true-client-ip': `192.0.2.${i}`,
        },
        body: JSON.stringify({ username: i % 2 ? 'alice' : 'ALICE', password: `guess number ${i}`, action: 'login' }),
      });
    const answers: Answer[] = [];
    for (let i = 1; i <= 8; i++) answers.push(await guess(i, '127.0.0.31'));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 401, 401, 401, 401, 429, 429, 429],
    );
    assert.equal(answers[0]?.json<{ message: string }>().message, REFUSED);
    assert.ok(Number(answers[5]?.headers['retry-after']) > 0);
    // From everywhere at once, until nobody who is unknown may try this name any more.
    for (let network = 32; network <= 34; network++) {
      await Promise.all(Array.from({ length: 5 }, (_, i) => guess(i, `127.0.0.${network}`)));
    }
    assert.equal((await guess(1, '127.0.0.40')).status, 429);
    await alice.logsIn();
    assert.equal((await alice.get('/api/me')).status, 200);
    const bob = await strict.person('bob');
    assert.equal((await bob.get('/api/me')).status, 200);
  } finally {
    await strict.stop();
  }
});

test('a name that is known and one that is not are refused in the same words', async () => {
  const refusals: Answer[] = [];
  for (const username of ['bob', 'nobody', '__proto__', 'constructor', 'no such name at all', '', 'a\u0000b', '\ud800']) {
    const body = JSON.stringify({ username, password: 'a wrong password', action: 'login' });
    refusals.push(await ask(`${stack.url}/home`, { method: 'POST', headers: json, body, localAddress: '127.0.0.41' }));
  }
  for (const { status, body, headers } of refusals) {
    assert.equal(status, 401);
    assert.equal(body, refusals[0]?.body);
    assert.equal(headers['set-cookie'], undefined);
    assert.deepEqual(Object.keys(headers), Object.keys(refusals[0]?.headers ?? {}));
  }
});

test('a flood of logins makes logins slow, not chat', async () => {
  const answers: Answer[] = [];
  const flood = Array.from({ length: 100 }, async (_, i) => {
    const body = JSON.stringify({ username: `guessed${i}`, password: 'a wrong password', action: 'login' });
    answers.push(
      await ask(`${stack.url}/home`, { method: 'POST', headers: json, body, localAddress: `127.0.6.${1 + (i % 30)}` }),
    );
  });
  // The last of them wait longer than this story does.
  for (const one of flood) one.catch(() => undefined);
  const trips: number[] = [];
  while (answers.length < 36) trips.push(await people.chat());
  assert.ok(Math.max(...trips) < 2_000, `${Math.max(...trips)} ms`);
  const busy = answers.filter(({ status }) => status === 429);
  assert.ok(busy.length > 0, 'more wait than can be served soon');
  for (const { headers } of busy) assert.equal(headers['retry-after'], '5');
  assert.ok(answers.every(({ status }) => [401, 429].includes(status)));
});
