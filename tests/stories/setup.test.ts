import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { makeOwnPair, ownPair } from '../../scripts/certificates.ts';
import { freePorts } from '../support/ports.ts';
import { launchSingleNode, type SingleNode, startSingleNode } from '../support/stack.ts';

/** Nothing but ports is given: the server makes its secret, certificate and data directory at home. */
const nothingGiven = { SSL_CERT_PATH: '', SSL_KEY_PATH: '', DATA_DIR: '' };

test('a first start makes what is missing and says where it answers; a second start keeps it', async (t) => {
  const stack = await start(t, nothingGiven);
  assert.match(stack.log, new RegExp(`^SecureChat is ready at ${stack.url}/home$`, 'm'));
  assert.match(stack.log, /Your browser will ask about the certificate once/);
  const secret = read(stack.home, 'data', 'secret.key');
  const certificate = read(stack.home, 'certs', 'localhost-cert.pem');
  assert.equal(Buffer.from(secret.trim(), 'base64url').length, 32);
  assert.equal(modeOf(stack.home, 'data'), 0o700);
  assert.equal(modeOf(stack.home, 'data', 'secret.key'), 0o600);
  assert.equal(modeOf(stack.home, 'certs', 'localhost-key.pem'), 0o600);

  const alice = await stack.person('alice');
  const printed = stack.log.length;
  await stack.restart();
  assert.doesNotMatch(stack.log.slice(printed), /certificate/);
  assert.equal(read(stack.home, 'data', 'secret.key'), secret);
  assert.equal(read(stack.home, 'certs', 'localhost-cert.pem'), certificate);
  assert.equal((await alice.get('/api/me')).status, 200, 'alice is still signed in');
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends it cleanly: sockets are told 1001, the exit code is 0`, async (t) => {
    const stack = await start(t);
    const [alice, bob] = await stack.people('alice', 'bob');
    const connections = [await alice.connects(), await bob.connectsText()];
    const closings = connections.map((connection) => connection.closes());
    assert.deepEqual(await stack.end(signal), { code: 0, signal: null });
    for (const { code } of await Promise.all(closings)) assert.equal(code, 1001);
  });
}

test('after kill -9 it starts again, and what was said is there', async (t) => {
  const stack = await start(t);
  const alice = await stack.person('alice');
  const connection = await alice.connects();
  await connection.opens();
  await connection.says('do not forget me');
  assert.equal((await stack.kill9()).signal, 'SIGKILL');
  await stack.start();
  const { events } = await (await alice.connects()).opens();
  assert.ok(events.some((event) => event.type === 'message' && event.text === 'do not forget me'));
});

test('a pair made with openssl req -newkey rsa:4096 is accepted, by a path from the project folder', async (t) => {
  const home = makeHome(t);
  const pair = ['-keyout', join(home, 'your_key.pem'), '-out', join(home, 'your_cert.pem')];
  const made = ['req', '-x509', '-newkey', 'rsa:4096', ...pair, '-days', '365', '-nodes', '-subj', '/CN=localhost'];
  execFileSync('openssl', made, { stdio: 'ignore' });
  const stack = await start(t, { SSL_CERT_PATH: join(home, 'your_cert.pem'), SSL_KEY_PATH: join(home, 'your_key.pem') });
  assert.equal((await (await stack.person('alice')).get('/api/me')).status, 200);
});

test('.env is read, and the environment wins over it', async (t) => {
  const home = makeHome(t);
  const [http = 0, chat = 0, internal = 0, ignored = 0] = await freePorts(4);
  makeOwnPair(join(home, 'mine'));
  writeFileSync(
    join(home, '.env'),
    `# ours\nHOST=127.0.0.1\nHTTP_PORT=${ignored}\nCHAT_PORT=${chat}\nINTERNAL_PORT="${internal}"\nSIGNUP=closed\n` +
      'SSL_CERT_PATH=mine/localhost-cert.pem\nSSL_KEY_PATH=mine/localhost-key.pem\nDATA_DIR=elsewhere\nLOG_LEVEL=warn\n',
  );
  const child = launchSingleNode(home, { PATH: process.env.PATH ?? '', HTTP_PORT: String(http) });
  const [line] = (await once(child.stdout ?? assert.fail(), 'data')) as [Buffer];
  assert.equal(line.toString(), `SecureChat is ready at https://localhost:${http}/home\n`);
  assert.ok(existsSync(join(home, 'elsewhere', 'securechat.db')));
  assert.ok(!existsSync(join(home, 'certs')), 'a certificate was given, so none is made');
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a second server on the same data is refused, and the first goes on', async (t) => {
  const stack = await start(t);
  const { code, lines } = await failsToStart(t, { DATA_DIR: stack.dataDir });
  assert.equal(code, 1);
  assert.deepEqual(lines, [
    `DATA_DIR ${stack.dataDir} is in use by another SecureChat. Stop that one, or set DATA_DIR in .env to another folder.`,
  ]);
  const connection = await (await stack.person('alice')).connects();
  await connection.opens();
  await connection.says('still here');
});

test('a short SECRET_KEY works, with a warning that does not show it', async (t) => {
  const stack = await start(t, { SECRET_KEY: 'hush-hush' });
  assert.match(stack.log, /secret_key_is_short/);
  assert.doesNotMatch(stack.log, /hush-hush/);
  assert.ok(!existsSync(join(stack.dataDir, 'secret.key')));
});

// ---- what is wrong is said in one line -----------------------------------------------------------------------------

test('a taken port', async (t) => {
  const [port = 0] = await freePorts(1);
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  await isRefused(t, { HTTP_PORT: String(port) }, /^HTTP_PORT \d+ is in use by another program\. .* set HTTP_PORT in \.env/);
});

test('a certificate that is not there', async (t) => {
  const home = makeHome(t);
  makeOwnPair(home);
  const pair = { SSL_CERT_PATH: 'nowhere/cert.pem', SSL_KEY_PATH: ownPair(home).keyPath };
  await isRefused(t, pair, /^SSL_CERT_PATH: .*nowhere\/cert\.pem cannot be read \(ENOENT\)/);
});

test('a file that holds no certificate', async (t) => {
  const home = makeHome(t);
  const { certPath, keyPath } = ownPair(home);
  makeOwnPair(home);
  writeFileSync(certPath, 'not a certificate');
  await isRefused(t, { SSL_CERT_PATH: certPath, SSL_KEY_PATH: keyPath }, /^SSL_CERT_PATH: .* holds no PEM certificate/);
});

test('a key that does not match its certificate', async (t) => {
  const [alices, bobs] = [makeHome(t), makeHome(t)];
  for (const home of [alices, bobs]) makeOwnPair(home);
  const pair = { SSL_CERT_PATH: ownPair(alices).certPath, SSL_KEY_PATH: ownPair(bobs).keyPath };
  await isRefused(t, pair, /^SSL_KEY_PATH: the key in .* does not match the certificate/);
});

test('a certificate without its key', async (t) => {
  await isRefused(t, { SSL_CERT_PATH: 'cert.pem' }, /^SSL_KEY_PATH is missing beside SSL_CERT_PATH/);
});

test('a key that is too short for TLS', async (t) => {
  const home = makeHome(t);
  const pair = { SSL_CERT_PATH: join(home, 'cert.pem'), SSL_KEY_PATH: join(home, 'key.pem') };
  const files = ['-keyout', pair.SSL_KEY_PATH, '-out', pair.SSL_CERT_PATH];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:1024', ...files, '-nodes', '-subj', '/CN=localhost'], {
    stdio: 'ignore',
  });
  await isRefused(t, pair, /^SSL_CERT_PATH: .* cannot be used \(.*key too small\)/);
});

test('a database that is none', async (t) => {
  const { code, lines } = await failsToStart(t, {}, (home) => {
    mkdirSync(join(home, 'data'));
    writeFileSync(join(home, 'data', 'securechat.db'), 'not a database '.repeat(100));
  });
  assert.equal(code, 1);
  assert.match(only(lines), /data\/securechat\.db cannot be opened \(file is not a database\).*restore it from a backup/);
});

test('a data directory that cannot be made', async (t) => {
  await isRefused(t, { DATA_DIR: '/proc/securechat' }, /^DATA_DIR \/proc\/securechat cannot be written/);
  const home = makeHome(t);
  writeFileSync(join(home, 'file'), '');
  await isRefused(t, { DATA_DIR: join(home, 'file', 'data') }, /^DATA_DIR .* cannot be written \(ENOTDIR\)/);
});

test('a certificate folder that cannot be written', async (t) => {
  const { code, lines, left } = await failsToStart(t, {}, (home) => writeFileSync(join(home, 'certs'), ''));
  assert.equal(code, 1);
  assert.match(only(lines), /certs cannot be written, so no certificate can be made \(ENOTDIR\).*SSL_CERT_PATH and SSL_KEY_PATH/);
  assert.deepEqual(left, ['certs']);
});

test('a wrong value in .env', async (t) => {
  const { code, lines, left } = await failsToStart(t, {}, (home) =>
    writeFileSync(join(home, '.env'), 'MAX_MESSAGE_CHARS=many\n'),
  );
  assert.equal(code, 1);
  assert.equal(only(lines), 'MAX_MESSAGE_CHARS must be a whole number from 1 to 10000, not "many".');
  assert.deepEqual(left, ['.env']);
});

test('several wrong values of both services at once: one line each', async (t) => {
  const { lines } = await failsToStart(t, { HTTP_PORT: '70000', SIGNUP: 'maybe', RATE_LIMIT_MESSAGES: '0', LOG_LEVEL: 'loud' });
  assert.deepEqual(lines.map((line) => line.split(' ')[0]).sort(), ['HTTP_PORT', 'LOG_LEVEL', 'RATE_LIMIT_MESSAGES', 'SIGNUP']);
});

test('a mode that this command does not run', async (t) => {
  await isRefused(t, { MODE: 'many' }, /^MODE must be /);
});

test('a .env that cannot be read', async (t) => {
  const { code, lines } = await failsToStart(t, {}, (home) => mkdirSync(join(home, '.env')));
  assert.equal(code, 1);
  assert.match(only(lines), /\.env cannot be read \(EISDIR\)/);
});

/** The start fails with this one line, exit code 1, and nothing left behind. */
async function isRefused(t: TestContext, env: Record<string, string>, line: RegExp) {
  const { code, lines, left } = await failsToStart(t, env);
  assert.match(only(lines), line);
  assert.equal(code, 1);
  assert.deepEqual(left, []);
}

async function failsToStart(t: TestContext, env: Record<string, string>, prepare: (home: string) => void = () => {}) {
  const home = makeHome(t);
  prepare(home);
  const [http, chat, internal] = await freePorts(3);
  const own = { HOST: '127.0.0.1', HTTP_PORT: `${http}`, CHAT_PORT: `${chat}`, INTERNAL_PORT: `${internal}` };
  const child = launchSingleNode(home, { PATH: process.env.PATH ?? '', ...own, ...env });
  assert.ok(child.stdout !== null && child.stderr !== null);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, lines: `${out}${err}`.trimEnd().split('\n'), left: readdirSync(home) };
}

function only(lines: readonly string[]): string {
  assert.equal(lines.length, 1, lines.join('\n'));
  return lines[0] ?? '';
}

async function start(t: TestContext, overrides: Record<string, string> = {}): Promise<SingleNode> {
  const stack = await startSingleNode(overrides);
  t.after(() => stack.stop());
  return stack;
}

function makeHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'securechat-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

const read = (...parts: string[]) => readFileSync(join(...parts), 'utf8');
const modeOf = (...parts: string[]) => statSync(join(...parts)).mode & 0o777;
