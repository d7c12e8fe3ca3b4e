import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { connect as connectTls, type SecureVersion } from 'node:tls';
import { WebSocketServer } from 'ws';
import { makeOwnPair, ownPair } from '../../scripts/certificates.ts';
import { renderProxy, upstreamsByName } from '../../scripts/proxyConfig.ts';
import { type NginxOptions, startNginx } from '../support/nginx.ts';
import { freePorts } from '../support/ports.ts';
import { knock, type OpenSocket } from '../support/socket.ts';
import { ask } from '../support/web.ts';
import { dialPlain, dialTls, handshakeText, requestText, statusOf } from '../support/wire.ts';

const certificates = mkdtempSync(join(tmpdir(), 'securechat-proxy-'));
makeOwnPair(certificates);
after(() => rmSync(certificates, { recursive: true, force: true }));

// ---- TLS -----------------------------------------------------------------------------------------------------------

for (const door of ['pages', 'chat'] as const) {
  test(`${door}: TLS 1.2 and 1.3 are spoken, older versions and suites without forward secrecy are not`, async (t) => {
    const { nginx } = await house(t);
    const port = portOf(door === 'pages' ? nginx.url : nginx.chatUrl);
    assert.equal(await protocolWith(port, { maxVersion: 'TLSv1.2' }), 'TLSv1.2');
    assert.equal(await protocolWith(port, {}), 'TLSv1.3');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await assert.rejects(protocolWith(port, old));
    await assert.rejects(protocolWith(port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }));
    await assert.rejects(protocolWith(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA256' }));
  });
}

test('plain http on the port of the pages is led to https', async (t) => {
  const { nginx } = await house(t);
  const wire = await dialPlain(portOf(nginx.url));
  wire.send(requestText('GET /reset?x=1 HTTP/1.1', 'Host: localhost:80'));
  const answer = (await wire.closes()).toString();
  assert.equal(statusOf(answer), 302);
  assert.match(answer, new RegExp(`^Location: ${nginx.url}/reset\\?x=1\r$`, 'm'));
  assert.doesNotMatch(answer, /<html/);
});

test('plain http on the port of the chat gets a bare 400', async (t) => {
  const { nginx } = await house(t);
  const wire = await dialPlain(portOf(nginx.chatUrl));
  wire.send(handshakeText());
  const answer = (await wire.closes()).toString();
  assert.equal(statusOf(answer), 400);
  assert.doesNotMatch(answer, /<|nginx\//);
});

test('a new certificate is taken up without dropping anybody', async (t) => {
  const { nginx, chat } = await house(t);
  const socket = await opens(nginx.chatUrl);
  const fresh = join(certificates, 'fresh');
  makeOwnPair(fresh);
  const before = await fingerprintOf(portOf(nginx.chatUrl));
  await nginx.reload(ownPair(fresh));
  assert.notEqual(await fingerprintOf(portOf(nginx.chatUrl)), before);
  socket.send('still here');
  await echoes(socket, 'still here');
  assert.equal(chat.sockets.size, 1);
});

// ---- what is reached, and what is told -----------------------------------------------------------------------------

test('a request reaches auth as it was made, and the answer comes back as it is', async (t) => {
  const { nginx, auth } = await house(t);
  auth.answers((_, response) => response.writeHead(418, { 'X-Own': 'yes', 'Cache-Control': 'private' }).end('tea'));
  const answer = await ask(`${nginx.url}/some%20path/?a=%2F`, { headers: { cookie: 'a=b' } });
  assert.equal(auth.last.url, '/some%20path/?a=%2F');
  assert.equal(auth.last.headers.host, new URL(nginx.url).host);
  assert.equal(auth.last.headers.cookie, 'a=b');
  assert.deepEqual([answer.status, answer.body], [418, 'tea']);
  assert.equal(answer.headers['cache-control'], 'private');
  assert.equal(answer.headers['content-security-policy'], undefined, 'auth says that itself');
});

test('nobody is believed about where they come from', async (t) => {
  const { nginx, auth, chat } = await house(t);
  const forged = { 'X-Forwarded-For': '203.0.113.9', 'X-Real-IP': '203.0.113.9', Forwarded: 'for=203.0.113.9' };
  await ask(`${nginx.url}/home`, { headers: forged, localAddress: '127.0.0.7' });
  await opens(nginx.chatUrl, { headers: forged, localAddress: '127.0.0.8' });
  for (const [{ headers }, address] of [[auth.last, '127.0.0.7'] as const, [chat.last, '127.0.0.8'] as const]) {
    assert.equal(headers['x-forwarded-for'], address);
    assert.equal(headers['x-real-ip'], undefined);
    assert.equal(headers.forwarded, undefined);
    assert.equal(headers['x-forwarded-proto'], 'https');
  }
});

test('a trusted proxy in front is believed, and only as far as its own word goes', async (t) => {
  const { nginx, auth } = await house(t, { env: { TRUSTED_PROXIES: '127.0.0.7, 192.0.2.0/24' } });
  const forwarded = { 'X-Forwarded-For': '198.51.100.66, 203.0.113.9, 192.0.2.1' };
  await ask(`${nginx.url}/home`, { headers: forwarded, localAddress: '127.0.0.7' });
  assert.equal(auth.last.headers['x-forwarded-for'], '203.0.113.9');
  await ask(`${nginx.url}/home`, { headers: forwarded, localAddress: '127.0.0.8' });
  assert.equal(auth.last.headers['x-forwarded-for'], '127.0.0.8');
});

test('on the port of the chat there is one address only', async (t) => {
  const { nginx, chat } = await house(t);
  const url = nginx.chatUrl.replace('wss:', 'https:');
  for (const path of ['metrics', 'livez', 'readyz', 'internal/session', 'home']) {
    assert.equal((await ask(`${url}${path}`)).status, 404, path);
  }
  assert.equal(chat.requests, 0);
});

test('a socket carries subprotocol, cookie, frames and close codes, both ways', async (t) => {
  const { nginx, chat } = await house(t);
  const socket = await opens(nginx.chatUrl, { cookie: 'a=b', origin: nginx.url, subprotocols: ['securechat.v2'] });
  assert.equal(socket.socket.protocol, 'securechat.v2');
  assert.equal(chat.last.headers.cookie, 'a=b');
  assert.equal(chat.last.headers.origin, nginx.url);
  socket.send('x'.repeat(65_000));
  await echoes(socket, 'x'.repeat(65_000));
  for (const server of chat.sockets) server.close(1012, '1234');
  assert.deepEqual(await socket.closes(), { code: 1012, reason: '1234' });

  const other = await opens(nginx.chatUrl);
  const [server] = [...chat.sockets].slice(-1);
  assert.ok(server);
  const closed = once(server, 'close');
  await other.close(4001);
  assert.equal((await closed)[0], 4001);
});

test('a refused handshake keeps its status, text and headers', async (t) => {
  const { nginx, chat } = await house(t);
  chat.refuses(403, { 'X-Own': 'yes' });
  const refused = await knock(nginx.chatUrl);
  assert.ok(!refused.isOpen);
  assert.equal(refused.status, 403);
  assert.equal(refused.headers['x-own'], 'yes');
});

// ---- replicas ------------------------------------------------------------------------------------------------------

test('people are spread over the replicas', async (t) => {
  const { nginx, chats } = await house(t, {}, { replicas: 2 });
  for (let count = 0; count < 4; count++) await opens(nginx.chatUrl);
  assert.deepEqual(
    chats.map(({ sockets }) => sockets.size),
    [2, 2],
  );
});

test('who knocks at a replica that is gone, or going, is let in by another', async (t) => {
  const { nginx, chats } = await house(t, {}, { replicas: 2 });
  const [going, staying] = chats;
  assert.ok(going !== undefined && staying !== undefined);
  going.refuses(503);
  for (let count = 0; count < 3; count++) await opens(nginx.chatUrl);
  await going.stop();
  for (let count = 0; count < 3; count++) await opens(nginx.chatUrl);
  assert.equal(staying.sockets.size, 6);
});

test('when every replica is going the last one is heard, and people are told to come back', async (t) => {
  const { nginx, chat } = await house(t);
  chat.refuses(503, { 'Retry-After': '7' });
  const refused = await knock(nginx.chatUrl);
  assert.ok(!refused.isOpen);
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '7']);
});

test('with auth and chat away both ports say "try again", and all is well when they are back', async (t) => {
  const { nginx, auth, chat } = await house(t);
  await auth.stop();
  await chat.stop();
  const page = await ask(`${nginx.url}/home`, { headers: { accept: 'text/html', host: 'chat.example.org' } });
  assert.equal(page.status, 503);
  assert.equal(page.body, 'This is not possible right now. Please try again in a moment.\n');
  assert.equal(page.headers['retry-after'], '3');
  isSafe(page.headers);
  const posted = await ask(`${nginx.url}/home`, { method: 'POST', body: '{}', headers: { accept: 'text/html' } });
  assert.deepEqual(posted.json(), { message: 'This is not possible right now. Please try again in a moment.' });
  assert.equal(posted.headers['content-type'], 'application/json; charset=utf-8');
  const refused = await knock(nginx.chatUrl);
  assert.ok(!refused.isOpen);
  assert.equal(refused.status, 503);

  await auth.begin();
  await chat.begin();
  assert.equal((await ask(`${nginx.url}/home`)).status, 200);
  await opens(nginx.chatUrl);
});

// ---- limits --------------------------------------------------------------------------------------------------------

test('one network has so many connections and no more, and its neighbour is not touched', async (t) => {
  const { nginx, chat } = await house(t, { env: { CONNECTIONS_PER_ADDRESS: '3' } });
  const first = await opens(nginx.chatUrl, { localAddress: '127.0.0.9' });
  for (let count = 0; count < 2; count++) await opens(nginx.chatUrl, { localAddress: '127.0.0.9' });
  const refused = await knock(nginx.chatUrl, { localAddress: '127.0.0.9' });
  assert.ok(!refused.isOpen);
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '10']);
  await opens(nginx.chatUrl, { localAddress: '127.0.0.10' });
  assert.equal(chat.sockets.size, 4, 'those who were there stay');

  await first.close();
  await opens(nginx.chatUrl, { localAddress: '127.0.0.9' });
});

test('one network knocks so often and no more, and its neighbour is not touched', async (t) => {
  const { nginx } = await house(t, { env: { HANDSHAKES_PER_ADDRESS_PER_SECOND: '1' } });
  const url = nginx.chatUrl.replace('wss:', 'https:');
  const asks = (localAddress: string) => ask(url, { localAddress });
  const statuses: number[] = [];
  for (let round = 0; round < 12; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => asks('127.0.0.9')));
    statuses.push(...answers.map(({ status }) => status));
  }
  const refused = statuses.filter((status) => status === 429).length;
  assert.ok(refused > 0 && refused <= 40, `${refused} were refused`);
  const last = await asks('127.0.0.9');
  assert.equal(last.headers['retry-after'], '1');
  assert.equal((await asks('127.0.0.10')).status, 426);
});

test('connections of one IPv6 /64 count as one network, however its address is written', async (t) => {
  const { nginx, chat } = await house(t, { env: { CONNECTIONS_PER_ADDRESS: '1', TRUSTED_PROXIES: '127.0.0.0/8' } });
  const from = (address: string) => knock(nginx.chatUrl, { headers: { 'X-Forwarded-For': address } });
  const status = async (address: string) => {
    const door = await from(address);
    return door.isOpen ? 101 : door.status;
  };
  const households = [
    ['2001:db8:1:2:a:b:c:d', '2001:db8:1:2::7'],
    ['2001:db8::1', '2001:db8::5:6:7:8'],
    ['2001::a:b:c:d:e', '2001::a:1:2:3:4'],
  ] as const;
  for (const [one, other] of households) {
    assert.deepEqual([await status(one), await status(other)], [101, 429], `${one} and ${other}`);
  }
  assert.equal(await status('2001:db8:1:3::7'), 101, 'the next /64');
  assert.equal(chat.sockets.size, 4);
});

test('headers without end are cut with 431, and those that are long are for auth to judge', async (t) => {
  const { nginx, auth } = await house(t);
  const long = await ask(`${nginx.url}/home`, { headers: { cookie: 'x'.repeat(7_000) } });
  assert.equal(long.status, 200);
  assert.equal(auth.last.headers.cookie?.length, 7_000);
  const endless = await ask(`${nginx.url}/home`, { headers: { cookie: 'x'.repeat(20_000) } });
  assert.equal(endless.status, 431);
  isSafe(endless.headers, { isLocal: true });
});

test('a body of any size reaches auth as it comes, which answers before the end', async (t) => {
  const { nginx, auth } = await house(t);
  auth.answers((_, response) => response.writeHead(413, { 'Content-Length': 5 }).end('large'));
  const wire = await dialTls(portOf(nginx.url));
  wire.send(requestText('POST /home HTTP/1.1', 'Host: localhost', 'Content-Length: 200000'));
  wire.send('x'.repeat(1_000));
  assert.equal(statusOf(await wire.head()), 413);
  wire.cut();
});

test('what is no request for us gets 400, TRACE gets 405, without a page or a version', async (t) => {
  const { nginx, auth } = await house(t);
  const doors = [portOf(nginx.url), portOf(nginx.chatUrl)];
  const requests: [string, number][] = [
    ['nonsense\r\n\r\n', 400],
    [requestText('GET / HTTP/1.1'), 400],
    [requestText('POST /home HTTP/1.1', 'Host: localhost', 'Content-Length: 3', 'Content-Length: 4'), 400],
    [requestText('POST /home HTTP/1.1', 'Host: localhost', 'Content-Length: 3', 'Transfer-Encoding: chunked'), 400],
    [requestText('GET /../../etc/passwd HTTP/1.1', 'Host: localhost'), 400],
    [requestText('TRACE / HTTP/1.1', 'Host: localhost'), 405],
    [requestText('CONNECT localhost:443 HTTP/1.1', 'Host: localhost'), 400],
  ];
  for (const port of doors) {
    for (const [text, status] of requests) {
      const wire = await dialTls(port);
      wire.send(text);
      const answer = await wire.head();
      assert.equal(statusOf(answer), status, text);
      assert.match(answer, /^Content-Security-Policy: default-src 'none'/m, text);
      assert.doesNotMatch(answer, /nginx\//);
      wire.cut();
    }
  }
  assert.equal(auth.requests, 0);
});

test('somebody who says nothing, or drips headers, is cut after ten seconds', async (t) => {
  const { nginx } = await house(t);
  const began = performance.now();
  const silent = await dialPlain(portOf(nginx.url));
  const dripping = await dialTls(portOf(nginx.chatUrl));
  dripping.send('GET / HTTP/1.1\r\n');
  const drops = setInterval(() => dripping.send('X: y\r\n'), 1_000);
  t.after(() => clearInterval(drops));
  await Promise.all([silent.closes(15_000), dripping.closes(15_000)]);
  const seconds = (performance.now() - began) / 1000;
  assert.ok(seconds > 8 && seconds < 13, `${seconds} s`);
});

// ---- what is told to others ----------------------------------------------------------------------------------------

test('HSTS is sent with answers of the proxy, except to localhost', async (t) => {
  const { nginx } = await house(t);
  const url = `${nginx.chatUrl.replace('wss:', 'https:')}nothing`;
  const elsewhere = await ask(url, { headers: { host: 'chat.example.org:8765' } });
  isSafe(elsewhere.headers);
  assert.equal(elsewhere.headers['strict-transport-security'], 'max-age=31536000');
  assert.equal((await ask(url)).headers['strict-transport-security'], undefined);
  const almost = await ask(url, { headers: { host: 'localhost.example.org' } });
  assert.equal(almost.headers['strict-transport-security'], 'max-age=31536000');
});

test('the log tells who asked for what, and nothing that is a secret', async (t) => {
  const { nginx, auth } = await house(t);
  await ask(`${nginx.url}/home?token=hush`, { headers: { cookie: 'a=hush', referer: 'https://localhost/?hush' } });
  await auth.stop();
  await ask(`${nginx.url}/chat?token=hush`, { method: 'POST', headers: { cookie: 'a=hush' } });
  await ask(`${nginx.url}/x%0a{"forged":"line"}?hush`);
  await nginx.end();
  const lines = nginx.accessLog.trim().split('\n');
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.length, 3);
  assert.deepEqual([first?.method, first?.path, first?.status, first?.address], ['GET', '/home', 200, '127.0.0.1']);
  assert.deepEqual([second?.method, second?.path, second?.status], ['POST', '/chat', 503]);
  assert.doesNotMatch(nginx.accessLog + nginx.log, /hush/);
});

// ---- the configuration ---------------------------------------------------------------------------------------------

test('the proxy of the containers asks for its replicas by name, again and again', () => {
  const text = renderProxy({}, { ...anywhere, upstreams: upstreamsByName });
  assert.match(text, /server chat:8765 resolve max_fails=0;/);
  assert.match(text, /resolver 127\.0\.0\.11 valid=1s/);
  assert.doesNotMatch(text, /\{\{/);
});

test('a wrong setting is named', () => {
  assert.throws(() => renderProxy({ CONNECTIONS_PER_ADDRESS: 'many' }, anywhere), /CONNECTIONS_PER_ADDRESS must be/);
  assert.throws(() => renderProxy({ TRUSTED_PROXIES: '10.0.0.0/8; evil' }, anywhere), /TRUSTED_PROXIES lists/);
});

test('slow heartbeats make the proxy more patient', () => {
  assert.match(renderProxy({}, anywhere), /proxy_read_timeout 30s;/);
  assert.match(renderProxy({ HEARTBEAT_INTERVAL_SECONDS: '60' }, anywhere), /proxy_read_timeout 180s;/);
});

const anywhere = {
  globals: [],
  workers: 1,
  folder: '/tmp',
  certPath: 'cert.pem',
  keyPath: 'key.pem',
  accessLog: 'off',
  errorLog: 'stderr',
  listen: { pages: 5000, chat: 8765 },
  upstreams: '',
};

// ---- the house -----------------------------------------------------------------------------------------------------

/** An nginx with a stub of auth and as many of chat behind it. */
async function house(t: TestContext, options: Pick<NginxOptions, 'env'> = {}, { replicas = 1 } = {}) {
  const auth = await stubAuth();
  const chats = await Promise.all(Array.from({ length: replicas }, stubChat));
  const [chat] = chats;
  assert.ok(chat);
  const [httpPort = 0, chatPort = 0] = await freePorts(2);
  const ports = { auth: [auth.port], chat: chats.map(({ port }) => port), httpPort, chatPort };
  const nginx = await startNginx({ ...ports, ...ownPair(certificates), ...options });
  t.after(async () => {
    await nginx.stop();
    await Promise.all([auth, ...chats].map((stub) => stub.stop()));
  });
  return { nginx, auth, chat, chats };
}

/** A server on a port of its own that can go away and come back. */
async function stub(listener: RequestListener) {
  const server = createServer(listener);
  const begin = async (port = 0) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await begin();
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    begin: () => begin(port),
    async stop() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function stubAuth() {
  const requests: IncomingMessage[] = [];
  let answer = (_: IncomingMessage, response: ServerResponse) => void response.end('hello');
  const own = await stub((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  return {
    ...own,
    get requests() {
      return requests.length;
    },
    get last(): IncomingMessage {
      return requests.at(-1) ?? assert.fail('Nobody asked auth.');
    },
    answers(how: (request: IncomingMessage, response: ServerResponse) => unknown) {
      answer = (request, response) => void how(request, response);
    },
  };
}

/** Lets everybody in and says everything back. */
async function stubChat() {
  const requests: IncomingMessage[] = [];
  const upgrader = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
  let refusal: { status: number; headers: Record<string, string> } | undefined;
  const own = await stub((request, response) => {
    requests.push(request);
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end();
  });
  own.server.on('upgrade', (request, socket, head) => {
    requests.push(request);
    if (refusal !== undefined) {
      const lines = Object.entries(refusal.headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return void socket.end(`HTTP/1.1 ${refusal.status} No\r\n${lines.join('')}Content-Length: 0\r\nConnection: close\r\n\r\n`);
    }
    upgrader.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => {});
      ws.on('message', (frame: Buffer) => ws.send(frame.toString()));
    });
  });
  return {
    ...own,
    get requests() {
      return requests.length;
    },
    get last(): IncomingMessage {
      return requests.at(-1) ?? assert.fail('Nobody knocked.');
    },
    sockets: upgrader.clients,
    refuses(status: number, headers: Record<string, string> = {}) {
      refusal = { status, headers };
    },
    async stop() {
      for (const socket of upgrader.clients) socket.terminate();
      await own.stop();
    },
  };
}

const portOf = (url: string) => Number(new URL(url).port);

async function opens(url: string, way: Parameters<typeof knock>[1] = {}): Promise<OpenSocket> {
  const door = await knock(url, way);
  assert.ok(door.isOpen, `not let in: ${door.isOpen || door.status}`);
  return door;
}

const echoes = (socket: OpenSocket, text: string) =>
  socket.receive((frame) => (frame === text ? frame : undefined), `${text.slice(0, 20)} to come back`);

type TlsWay = { minVersion?: SecureVersion; maxVersion?: SecureVersion; ciphers?: string };

async function greet(port: number, way: TlsWay) {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...way });
  await once(socket, 'secureConnect');
  return socket;
}

async function protocolWith(port: number, way: TlsWay) {
  const socket = await greet(port, way);
  const protocol = socket.getProtocol();
  socket.destroy();
  return protocol;
}

async function fingerprintOf(port: number) {
  const socket = await greet(port, {});
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

/** The headers that every answer of the proxy itself has. */
function isSafe(headers: IncomingMessage['headers'], { isLocal = false } = {}) {
  assert.match(String(headers['content-security-policy']), /^default-src 'none'/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['strict-transport-security'], isLocal ? undefined : 'max-age=31536000');
  assert.doesNotMatch(String(headers.server), /\d/);
}
