import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { networks } from '@securechat/shared/config';
import { createHandshake } from './handshake.ts';
import type { Identity } from './identity.ts';
import { alice, mallory } from './people.fixture.ts';

const upgrade = {
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  host: 'chat.example.org:8765',
};
const aliceIsHere: Identity = { user: alice, session: 's1', expiresAt: 1 };

test('a whole handshake with a live session is let in, with any query and without an Origin', async () => {
  const { judges } = ladder();
  assert.deepEqual(await judges({ cookie: 'alice' }), { ok: true, identity: aliceIsHere, network: '192.0.2.1' });
  assert.equal((await judges({ cookie: 'alice' }, { url: '/?v=2' })).ok, true);
  assert.equal((await judges({ cookie: 'alice', upgrade: 'WebSocket' })).ok, true);
});

test('without a live session it is let in as nobody, to be told so', async () => {
  const { judges } = ladder();
  for (const cookie of [undefined, '', 'forged'])
    assert.deepEqual(await judges({ cookie }), { ok: true, identity: undefined, network: '192.0.2.1' });
});

test('the ladder: path, method, upgrade, completeness, and auth is never asked', async () => {
  const { judges, asked } = ladder();
  const status = async (headers: IncomingHttpHeaders, line = {}) => {
    const verdict = await judges({ cookie: 'alice', ...headers }, line);
    return verdict.ok ? 101 : verdict.status;
  };
  for (const url of ['/chat', '//', '/..', '', 'http://chat.example.org/', '*'])
    assert.equal(await status({}, { url }), 404, url);
  for (const method of ['POST', 'HEAD', 'OPTIONS', 'get']) assert.equal(await status({}, { method }), 405, method);
  for (const other of [undefined, '', 'h2c', 'websocket, h2c']) assert.equal(await status({ upgrade: other }), 426, other);
  for (const version of [undefined, '8', '14', '13, 8'])
    assert.equal(await status({ 'sec-websocket-version': version }), 400, version);
  for (const key of [undefined, '', 'short==', `${'A'.repeat(22)}==A`, `${'A'.repeat(23)}=`, `${'!'.repeat(22)}==`]) {
    assert.equal(await status({ 'sec-websocket-key': key }), 400, key);
  }
  assert.equal(asked(), 0);
});

test('our own pages may connect, by whatever name the server is called', async () => {
  const { judges } = ladder();
  const own = [
    ['chat.example.org:8765', 'https://chat.example.org:5000'],
    ['localhost:8765', 'https://localhost:5000'],
    ['127.0.0.1:8765', 'https://127.0.0.1:5000'],
    ['[::1]:8765', 'https://[::1]:5000'],
    ['CHAT.example.org', 'https://chat.example.org:5000'],
  ];
  for (const [host, origin] of own) assert.equal((await judges({ cookie: 'alice', host, origin })).ok, true, origin);
});

test('on port 443 the origin is written without a port', async () => {
  const { judges } = ladder({ HTTP_PORT: 443 });
  assert.equal((await judges({ cookie: 'alice', origin: 'https://chat.example.org' })).ok, true);
  assert.equal((await judges({ cookie: 'alice', origin: 'https://chat.example.org:443' })).ok, false);
});

test('listed origins may connect, compared whole', async () => {
  const { judges } = ladder({ ALLOWED_ORIGINS: ['https://friends.example'] });
  assert.equal((await judges({ cookie: 'alice', origin: 'https://friends.example' })).ok, true);
  for (const origin of [
    'https://friends.example.evil',
    'https://friends.example:8443',
    'http://friends.example',
    'https://xfriends.example',
  ]) {
    assert.equal((await judges({ cookie: 'alice', origin })).ok, false, origin);
  }
});

test('mallory’s page may not, whatever it calls itself', async () => {
  const { judges, asked } = ladder();
  const origins = [
    'null',
    '',
    'https://evil.example',
    'http://chat.example.org:5000',
    'https://chat.example.org',
    'https://chat.example.org:8765',
    'https://chat.example.org:50000',
    'https://chat.example.org:5000/',
    'https://chat.example.org:5000.evil.example',
    'https://chat.example.org.evil.example:5000',
    'https://evilchat.example.org:5000',
    'https://evil@chat.example.org:5000',
    'https://chat.example.org:5000, https://evil.example',
    ' https://chat.example.org:5000',
    'file://',
  ];
  for (const origin of origins) {
    const verdict = await judges({ cookie: 'alice', origin });
    assert.ok(!verdict.ok && verdict.status === 403, origin);
  }
  for (const host of [undefined, '', 'evil@chat.example.org', 'chat.example.org:8765:1', '[::1', 'a b']) {
    const verdict = await judges({ cookie: 'alice', host, origin: 'https://chat.example.org:5000' });
    assert.ok(!verdict.ok && verdict.status === 403, host);
  }
  assert.equal(asked(), 0);
});

test('too many connections from one address: the next is refused; an innocent from elsewhere is not', async () => {
  const { judges } = ladder({ CONNECTIONS_PER_ADDRESS: 3 }, { '192.0.2.66': 4, '192.0.2.1': 3 });
  const refused = await judges({ cookie: 'mallory' }, { from: '192.0.2.66' });
  assert.ok(!refused.ok && refused.status === 429 && (refused.retryAfterSeconds ?? 0) > 0);
  assert.equal((await judges({ cookie: 'alice' }, { from: '192.0.2.1' })).ok, true);
});

test('too many connections of one person: the next is refused; others are not', async () => {
  const { judges } = ladder({}, {}, new Set([mallory.id]));
  const refused = await judges({ cookie: 'mallory' });
  assert.ok(!refused.ok && refused.status === 429 && (refused.retryAfterSeconds ?? 0) > 0);
  assert.equal((await judges({ cookie: 'alice' })).ok, true);
});

test('too many attempts: a burst of 200, then 20 a second; refused ones do not keep the bucket empty', async () => {
  const { judges, pass, asked } = ladder();
  const tries = async (count: number, from: string) => {
    let accepted = 0;
    for (let n = 0; n < count; n++) if ((await judges({ cookie: 'forged' }, { from })).ok) accepted++;
    return accepted;
  };
  assert.equal(await tries(300, '192.0.2.66'), 200);
  assert.equal(asked(), 200);
  assert.equal(await tries(1, '192.0.2.1'), 1);
  pass(1_000);
  assert.equal(await tries(100, '192.0.2.66'), 20);
  pass(60_000);
  assert.equal(await tries(300, '192.0.2.66'), 200);
});

test('mallory changes the end of an IPv6 address and is still one network; the neighbour is another', async () => {
  const { judges } = ladder();
  for (let n = 0; n < 200; n++) await judges({ cookie: 'forged' }, { from: `2001:db8:0:1::${n.toString(16)}` });
  assert.equal((await judges({ cookie: 'forged' }, { from: '2001:db8:0:1:ffff::1' })).ok, false);
  assert.equal((await judges({ cookie: 'alice' }, { from: '2001:db8:0:2::1' })).ok, true);
});

test('requests that are refused earlier take nothing from the bucket', async () => {
  const { judges } = ladder();
  for (let n = 0; n < 300; n++) await judges({ origin: 'https://evil.example' });
  assert.equal((await judges({ cookie: 'alice' })).ok, true);
});

test('the address of a forwarded request is believed from trusted proxies alone', async () => {
  const { handshake } = ladder({ TRUSTED_PROXIES: networks().parse('10.0.0.0/8') });
  const forwarded = { 'x-forwarded-for': '198.51.100.1' };
  assert.equal(handshake.networkOf(requestOf(forwarded, { from: '10.0.0.1' })), '198.51.100.1');
  assert.equal(handshake.networkOf(requestOf(forwarded, { from: '192.0.2.66' })), '192.0.2.66');
});

test('while nobody can say who somebody is, and while the server goes away: 503, to be tried again', async () => {
  const unreachable = ladder();
  const away = await unreachable.judges({ cookie: 'unreachable' });
  assert.ok(!away.ok && away.status === 503 && (away.retryAfterSeconds ?? 0) > 0);
  const draining = ladder({}, {}, new Set(), true);
  const going = await draining.judges({ cookie: 'alice' });
  assert.ok(!going.ok && going.status === 503 && (going.retryAfterSeconds ?? 0) > 0);
  assert.equal(draining.asked(), 0);
});

type Settings = Parameters<typeof createHandshake>[0]['config'];
type Line = { url?: string; method?: string; from?: string };

function ladder(
  settings: Partial<Settings> = {},
  connections: Record<string, number> = {},
  withoutPlace: ReadonlySet<string> = new Set(),
  isDraining = false,
) {
  let [time, asked] = [0, 0];
  const config: Settings = {
    HTTP_PORT: 5000,
    ALLOWED_ORIGINS: [],
    TRUSTED_PROXIES: networks().parse(undefined),
    CONNECTIONS_PER_ADDRESS: 200,
    HANDSHAKES_PER_ADDRESS_PER_SECOND: 20,
    ...settings,
  };
  async function whoIs(cookie: string | undefined): Promise<Identity | undefined> {
    asked += 1;
    if (cookie === 'unreachable') throw new Error('auth does not answer');
    if (cookie === 'mallory') return { ...aliceIsHere, user: mallory };
    return cookie === 'alice' ? aliceIsHere : undefined;
  }
  const handshake = createHandshake({
    config,
    identities: { whoIs },
    countOf: (network) => connections[network] ?? 1,
    quota: { take: (user) => Promise.resolve(!withoutPlace.has(user)) },
    isDraining: () => isDraining,
    now: () => time,
  });
  return {
    handshake,
    asked: () => asked,
    pass: (ms: number) => {
      time += ms;
    },
    judges(headers: IncomingHttpHeaders, line: Line = {}) {
      const request = requestOf({ ...upgrade, ...headers }, line);
      return handshake.judge(request, handshake.networkOf(request));
    },
  };
}

function requestOf(headers: IncomingHttpHeaders, { url = '/', method = 'GET', from = '192.0.2.1' }: Line): IncomingMessage {
  const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
  return { url, method, headers: given, socket: { remoteAddress: from } } as unknown as IncomingMessage;
}
