import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError, type Environment } from '@securechat/shared/config';
import { freePorts } from '../tests/support/ports.ts';
import { makeOwnPair, ownPair } from './certificates.ts';
import { settingsOf } from './home.ts';
import { findProblems } from './preflight.ts';
import { takeAlone } from './soleUse.ts';

const [http, chat, internal] = await freePorts(3);
const quiet: Environment = { HOST: '127.0.0.1', HTTP_PORT: `${http}`, CHAT_PORT: `${chat}`, INTERNAL_PORT: `${internal}` };

const problems = (home: string, env: Environment = {}) => findProblems(settingsOf({ ...quiet, ...env }, home), home, []);

test('a machine with nothing prepared has no problems, and nothing is made by looking', async (t) => {
  const home = makeHome(t);
  assert.deepEqual(await problems(home), []);
  assert.deepEqual(readdirSync(home), []);
});

test('all that is wrong is told together, each once', async (t) => {
  const home = makeHome(t);
  writeFileSync(join(home, 'file'), '');
  const refuses = () => {
    throw new ConfigError(['SIGNUP must be "open" or "closed", not "maybe".', 'LOG_LEVEL must be another.']);
  };
  const lines = await findProblems(
    settingsOf({ ...quiet, SSL_CERT_PATH: 'none.pem', SSL_KEY_PATH: 'none.pem', DATA_DIR: 'file/data' }, home),
    home,
    [refuses, refuses],
  );
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['SIGNUP', 'LOG_LEVEL', 'SSL_CERT_PATH:', 'SSL_KEY_PATH:', 'DATA_DIR'],
  );
});

test('one half of a certificate pair is not enough', async (t) => {
  const home = makeHome(t);
  assert.match(only(await problems(home, { SSL_CERT_PATH: 'cert.pem' })), /^SSL_KEY_PATH is missing beside SSL_CERT_PATH/);
  assert.match(only(await problems(home, { SSL_KEY_PATH: 'key.pem' })), /^SSL_CERT_PATH is missing beside SSL_KEY_PATH/);
});

test('a certificate that was made here and then damaged is told with how to have a new one', async (t) => {
  const home = makeHome(t);
  makeOwnPair(join(home, 'certs'));
  writeFileSync(ownPair(join(home, 'certs')).certPath, '');
  assert.match(only(await problems(home)), /localhost-cert\.pem holds no PEM certificate.* Or remove .*localhost-cert\.pem/);
});

test('a key of another certificate is named', async (t) => {
  const home = makeHome(t);
  for (const folder of ['a', 'b']) makeOwnPair(join(home, folder));
  const [a, b] = [ownPair(join(home, 'a')), ownPair(join(home, 'b'))];
  assert.match(
    only(await problems(home, { SSL_CERT_PATH: a.certPath, SSL_KEY_PATH: b.keyPath })),
    /^SSL_KEY_PATH: .* does not match/,
  );
  assert.deepEqual(await problems(home, { SSL_CERT_PATH: a.certPath, SSL_KEY_PATH: a.keyPath }), []);
});

test('a taken port is told with its variable and what to do; a free one is not', async (t) => {
  const home = makeHome(t);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const line = only(await problems(home, { CHAT_PORT: String(port) }));
  assert.equal(
    line,
    `CHAT_PORT ${port} is in use by another program. Stop that program, or set CHAT_PORT in .env to a free port.`,
  );
});

test('two listeners cannot share a port', async (t) => {
  const line = only(await problems(makeHome(t), { HTTP_PORT: '21001', CHAT_PORT: '21001' }));
  assert.equal(line, 'HTTP_PORT and CHAT_PORT are both 21001. Set one of them to another port.');
});

test('an address of another machine is told', async (t) => {
  assert.match(only(await problems(makeHome(t), { HOST: '192.0.2.1' })), /^HOST 192\.0\.2\.1 is no address of this machine/);
});

test('a damaged secret is not replaced in silence', async (t) => {
  const home = makeHome(t);
  mkdirSync(join(home, 'data'));
  writeFileSync(join(home, 'data', 'secret.key'), 'short\n');
  assert.match(only(await problems(home)), /secret\.key does not hold a whole secret/);
  assert.deepEqual(await problems(home, { SECRET_KEY: 'given, so the file is not read' }), []);
});

test('settings: the environment wins over .env, paths start at home, empty values count as missing', (t) => {
  const home = makeHome(t);
  writeFileSync(join(home, '.env'), 'HTTP_PORT=6000\nCHAT_PORT=6001\nSSL_CERT_PATH=certs/your_cert.pem\n');
  const settings = settingsOf({ HTTP_PORT: '7000', DATA_DIR: '', LOG_LEVEL: '  ' }, home);
  assert.deepEqual(settings, {
    MODE: 'single',
    HTTP_PORT: '7000',
    CHAT_PORT: '6001',
    SSL_CERT_PATH: join(home, 'certs/your_cert.pem'),
    DATA_DIR: join(home, 'data'),
  });
});

test('a data directory has one server at a time', (t) => {
  const home = makeHome(t);
  const giveBack = takeAlone(home);
  assert.ok(giveBack);
  assert.equal(takeAlone(home), undefined);
  giveBack();
  const next = takeAlone(home);
  assert.ok(next);
  next();
});

function only(lines: readonly string[]): string {
  assert.equal(lines.length, 1, lines.join('\n'));
  return lines[0] ?? '';
}

function makeHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'securechat-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}
