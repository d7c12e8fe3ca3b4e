/** Mallory with requests that no browser sends, on both public ports, and with handshakes that are none. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { chatPort, type Innocents, innocents, muchMayBeSaid, pagesPort } from '../support/mallory.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';
import { dialPlain, dialTls, handshakeText, requestText, statusOf } from '../support/wire.ts';

let stack: SingleNode;
let people: Innocents;

before(async () => {
  stack = await startSingleNode(muchMayBeSaid);
  people = await innocents(stack);
});
after(() => stack.stop());

/** Everything that the server says to these bytes until it ends the connection. */
async function answerTo(port: number, bytes: string | Uint8Array, localAddress = '127.0.0.1'): Promise<string> {
  const wire = await dialTls(port, { localAddress });
  wire.send(bytes);
  return (await wire.closes()).toString('latin1');
}

/** Nothing in an answer tells what the server is made of or where it lives. */
function assertBare(answer: string) {
  assert.doesNotMatch(
    answer,
    /x-powered-by|^server:|node|express|nginx|\bws\b|v?\d+\.\d+\.\d+|\/src\/|\.ts\b|node_modules| at .*:\d+/im,
  );
}

// ---- both ports ----------------------------------------------------------------------------------------------------

const host = 'Host: localhost';
const last = 'Connection: close';
const flatHeaders = (count: number) => Array.from({ length: count }, (_, i) => `a${i}: b`);

/** Requests that are refused before anybody looks at what they want, and the statuses for that; 0: closed without an answer. */
const broken: [what: string, bytes: string, statuses: number[]][] = [
  ['two lengths', `${requestText('POST /home HTTP/1.1', host, 'Content-Length: 6', 'Content-Length: 7')}action`, [400]],
  [
    'a length and chunks',
    requestText('POST /home HTTP/1.1', host, 'Content-Length: 6', 'Transfer-Encoding: chunked') +
      '0\r\n\r\nGET / HTTP/1.1\r\n\r\n',
    [400],
  ],
  [
    'chunks that are not the last coding',
    `${requestText('POST /home HTTP/1.1', host, 'Transfer-Encoding: chunked, identity')}0\r\n\r\n`,
    [400],
  ],
  ['a length below zero', requestText('POST /home HTTP/1.1', host, 'Content-Length: -1'), [400]],
  ['a length with a sign', `${requestText('POST /home HTTP/1.1', host, 'Content-Length: +5')}hello`, [400]],
  [
    'a chunk of unreadable size',
    `${requestText('POST /home HTTP/1.1', host, 'Transfer-Encoding: chunked')}0x5\r\nhello\r\n0\r\n\r\n`,
    [0, 400, 404, 405],
  ],
  ['lines that end in LF alone', `GET /home HTTP/1.1\n${host}\n\n`, [400]],
  ['a lone CR in a header', requestText('GET /home HTTP/1.1', host, 'X-A: b\rSet-Cookie: c=d'), [400]],
  ['a space before the colon', requestText('GET /home HTTP/1.1', 'Host : localhost'), [400]],
  ['a folded header', requestText('GET /home HTTP/1.1', host, 'X-A: b', ' c'), [400]],
  ['U+0000 in a header', requestText('GET /home HTTP/1.1', host, 'X-A: b\0c'), [400]],
  ['no host', requestText('GET /home HTTP/1.1'), [400]],
  ['a method that nobody knows', requestText('STEAL /home HTTP/1.1', host), [400]],
  ['a version that nobody knows', requestText('GET /home HTTP/9.9', host), [400]],
  ['HTTP/2 without having agreed on it', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [0, 400]],
  ['2,000 headers', requestText('GET /home HTTP/1.1', host, ...flatHeaders(2_000)), [400, 431]],
  ['a header of 20,000 bytes', requestText('GET /home HTTP/1.1', host, `X: ${'y'.repeat(20_000)}`), [400, 431]],
  ['an address of 20,000 bytes', requestText(`GET /home?${'y'.repeat(20_000)} HTTP/1.1`, host), [400, 431]],
  ['a tunnel', requestText('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example:443'), [0, 405]],
  [
    'an expectation that nobody knows',
    requestText('POST /home HTTP/1.1', host, 'Expect: the-unexpected', 'Content-Length: 0', last),
    [417],
  ],
  ['no request at all', `\x16\x03\x01${'\0'.repeat(200)}\r\n\r\n`, [400]],
];

for (const [what, bytes, statuses] of broken) {
  test(`on both ports: ${what}`, async () => {
    for (const port of [pagesPort(stack), chatPort(stack)]) {
      const answer = await answerTo(port, bytes);
      assert.ok(statuses.includes(statusOf(Buffer.from(answer))), answer);
      assert.equal(answer.split('HTTP/1.1 ').length - 1, answer === '' ? 0 : 1, 'one answer to one request');
      assert.doesNotMatch(answer, /<html|set-cookie/i);
      assertBare(answer);
    }
  });
}

test('plain HTTP, and bytes that are nothing, on a port that speaks TLS: closed, and never a page', async () => {
  const greetings = [
    requestText('GET /home HTTP/1.1', host),
    handshakeText(),
    'A'.repeat(300),
    'SSH-2.0-OpenSSH_9.6\r\n',
    '\0'.repeat(300),
  ];
  for (const port of [pagesPort(stack), chatPort(stack)]) {
    for (const bytes of greetings) {
      const wire = await dialPlain(port);
      wire.send(bytes);
      const answer = (await wire.closes()).toString('latin1');
      assert.doesNotMatch(answer, /<html|securechat/i);
      assertBare(answer);
    }
  }
  await people.chat();
});

test('TRACE, and every other method that is not used, is refused with what is allowed', async () => {
  for (const method of ['TRACE', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'PURGE']) {
    for (const port of [pagesPort(stack), chatPort(stack)]) {
      const answer = await answerTo(port, requestText(`${method} / HTTP/1.1`, host, 'X-Secret: seen', last));
      assert.equal(statusOf(Buffer.from(answer)), 405, answer);
      assert.match(answer, /^allow: GET/im);
      assert.doesNotMatch(answer, /X-Secret/);
      assertBare(answer);
    }
  }
});

// ---- the chat's port -----------------------------------------------------------------------------------------------

const wrongHandshakes: [what: string, text: string, status: number][] = [
  ['version 8', handshakeText({ 'Sec-WebSocket-Version': '8' }), 400],
  ['versions 13 and 8', handshakeText({ 'Sec-WebSocket-Version': '13, 8' }), 400],
  ['no version', handshakeText({ 'Sec-WebSocket-Version': undefined }), 400],
  ['no key', handshakeText({ 'Sec-WebSocket-Key': undefined }), 400],
  ['a short key', handshakeText({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }), 400],
  ['a key of 8,000 bytes', handshakeText({ 'Sec-WebSocket-Key': 'A'.repeat(8_000) }), 400],
  ['HTTP/1.0', handshakeText({}, 'GET / HTTP/1.0'), 400],
  ['POST', handshakeText({}, 'POST / HTTP/1.1'), 405],
  ['another path', handshakeText({}, 'GET /chat HTTP/1.1'), 404],
  ['two slashes', handshakeText({}, 'GET // HTTP/1.1'), 404],
  ['a way up', handshakeText({}, 'GET /%2e%2e/ HTTP/1.1'), 404],
  ['a whole address', handshakeText({}, 'GET wss://evil.example/ HTTP/1.1'), 404],
  ['another upgrade', handshakeText({ Upgrade: 'h2c' }), 426],
  ['no upgrade', handshakeText({ Upgrade: undefined, Connection: 'close' }), 426],
  ['one subprotocol twice', handshakeText({ 'Sec-WebSocket-Protocol': 'securechat.v2, securechat.v2' }), 400],
  ['a subprotocol with spaces', handshakeText({ 'Sec-WebSocket-Protocol': `${'a '.repeat(4_000)}b` }), 400],
];

for (const [what, text, status] of wrongHandshakes) {
  test(`a handshake with ${what} is answered ${status} in plain words`, async () => {
    const answer = await answerTo(chatPort(stack), text, '127.0.0.21');
    assert.equal(statusOf(Buffer.from(answer)), status, answer);
    assert.match(answer, /^Content-Type: text\/plain/im);
    assert.match(answer, /^X-Content-Type-Options: nosniff/im);
    assert.match(answer, /^Cache-Control: no-store/im);
    assertBare(answer);
  });
}

test('odd cookies, extensions and subprotocols are no handshake errors: nobody is told so, and alice is let in', async () => {
  const odd: Record<string, string>[] = [
    { Cookie: `__Host-securechat=${'x'.repeat(15_000)}` },
    { Cookie: '__Host-securechat=\xff\xfe%ZZ%00; __proto__=1; constructor=2; =; ;;' },
    { Cookie: '__Host-securechat=s%3A../../etc/passwd.signature' },
    { 'Sec-WebSocket-Extensions': 'constructor; __proto__=1' },
    { 'Sec-WebSocket-Extensions': 'a=;;"' },
    { 'Sec-WebSocket-Protocol': '__proto__, constructor' },
    { 'X-Forwarded-For': 'not, an, address', Forwarded: 'for="[::1]"' },
  ];
  for (const headers of odd) {
    const wire = await dialTls(chatPort(stack), { localAddress: '127.0.0.22' });
    wire.send(handshakeText(headers));
    const head = await wire.head();
    assert.equal(statusOf(head), 101, JSON.stringify(headers).slice(0, 80));
    assert.doesNotMatch(head, /Sec-WebSocket-(Extensions|Protocol)/i);
    const [first] = await wire.frames((frames) => frames.length > 0);
    assert.equal(first?.payload.toString(), 'Unauthorized access. Disconnecting...');
    wire.cut();
  }
  await people.chat();
  await (await people.alice.connects()).close();
});
