import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  ConfigError,
  commonSettings,
  distributedSettings,
  type Environment,
  integer,
  networks,
  oneOf,
  origins,
  readConfig,
  type Setting,
  seconds,
  singleSettings,
  text,
  withEnvFile,
} from './config.ts';

const complete: Environment = { MODE: 'single', SECRET_KEY: 'a long random text' };

test('a complete environment becomes a typed record, defaults filled in', () => {
  const config = readConfig(commonSettings, complete);
  assert.deepEqual(config.SECRET_KEY, ['a long random text']);
  assert.equal(config.HTTP_PORT, 5000);
  assert.equal(config.CHAT_PORT, 8765);
  assert.equal(config.MAX_MESSAGE_CHARS, 4000);
  assert.equal(config.TRUSTED_PROXIES.check('10.0.0.1'), false);
});

test('all problems are told together, each with the name of its variable', () => {
  const { problems } = configErrorOf(() =>
    readConfig({ ...commonSettings, ...singleSettings }, { HTTP_PORT: 'eighty', MAX_MESSAGE_CHARS: '10001' }),
  );
  const named = ['MODE', 'SSL_CERT_PATH', 'SSL_KEY_PATH', 'SECRET_KEY', 'HTTP_PORT', 'MAX_MESSAGE_CHARS'];
  assert.equal(problems.length, named.length);
  for (const name of named)
    assert.ok(
      problems.some((problem) => problem.startsWith(name)),
      `${name} is not named`,
    );
});

test('a secret that is wrong is never shown, other values are', () => {
  const error = configErrorOf(() => readConfig(commonSettings, { ...complete, LOG_LEVEL: 'loud', SECRET_KEY: ' , ' }));
  assert.match(error.message, /"loud"/);
  assert.match(error.message, /SECRET_KEY is missing/);
});

test('an empty or blank value counts as missing', () => {
  const config = readConfig(commonSettings, { ...complete, HTTP_PORT: '', HOST: '   ' });
  assert.equal(config.HTTP_PORT, 5000);
  assert.equal(config.HOST, '0.0.0.0');
});

test('a secret may stand in a file, without the line break at its end', (t) => {
  const path = join(emptyFolder(t), 'secret');
  writeFileSync(path, 'from a file\n');
  const { SECRET_KEY } = readConfig(commonSettings, { MODE: 'single', SECRET_KEY_FILE: path });
  assert.deepEqual(SECRET_KEY, ['from a file']);
});

test('a secret and a file for it at once is a question nobody can answer', (t) => {
  const path = join(emptyFolder(t), 'secret');
  writeFileSync(path, 'from a file');
  const { message } = configErrorOf(() => readConfig(commonSettings, { ...complete, SECRET_KEY_FILE: path }));
  assert.match(message, /SECRET_KEY and SECRET_KEY_FILE/);
  assert.doesNotMatch(message, /from a file|a long random text/);
});

test('a secret file that is missing is named', () => {
  const { message } = configErrorOf(() => readConfig(commonSettings, { MODE: 'single', SECRET_KEY_FILE: '/nowhere/at/all' }));
  assert.match(message, /SECRET_KEY_FILE names \/nowhere\/at\/all.*ENOENT/);
});

test('an empty secret file is named', (t) => {
  const path = join(emptyFolder(t), 'secret');
  writeFileSync(path, '\n');
  const { message } = configErrorOf(() => readConfig(commonSettings, { MODE: 'single', SECRET_KEY_FILE: path }));
  assert.equal(message, `SECRET_KEY_FILE names ${path}, which is empty. Put a long random text into it.`);
});

test('only secrets are read from files', (t) => {
  const path = join(emptyFolder(t), 'port');
  writeFileSync(path, '6000');
  assert.equal(readConfig(commonSettings, { ...complete, HTTP_PORT_FILE: path }).HTTP_PORT, 5000);
});

test('a list of secrets rotates them: the newest first', () => {
  const { SECRET_KEY } = readConfig(commonSettings, { ...complete, SECRET_KEY: 'new, old ,older' });
  assert.deepEqual(SECRET_KEY, ['new', 'old', 'older']);
});

test('the environment wins over the .env file, which fills what is missing or empty', (t) => {
  const path = join(emptyFolder(t), '.env');
  writeFileSync(path, '# ports\nHTTP_PORT=6000\nCHAT_PORT="7000"\nHOST=127.0.0.1\n');
  const env = withEnvFile({ HTTP_PORT: '5555', CHAT_PORT: '' }, path);
  assert.deepEqual({ ...env }, { HTTP_PORT: '5555', CHAT_PORT: '7000', HOST: '127.0.0.1' });
});

test('a .env file saved on Windows is read like any other', (t) => {
  const path = join(emptyFolder(t), '.env');
  writeFileSync(path, '\uFEFFHTTP_PORT=6000\r\nCHAT_PORT="7000"\r\nSIGNUP=closed\r\n');
  assert.deepEqual({ ...withEnvFile({}, path) }, { HTTP_PORT: '6000', CHAT_PORT: '7000', SIGNUP: 'closed' });
});

test('no .env file is no problem; one that cannot be read is', (t) => {
  const folder = emptyFolder(t);
  assert.deepEqual(withEnvFile({ HOST: 'a' }, join(folder, '.env')), { HOST: 'a' });
  assert.match(configErrorOf(() => withEnvFile({}, folder)).message, /cannot be read \(EISDIR\)/);
});

test('each kind of setting takes what it should', () => {
  assert.equal(parse(integer(1, 0, 10), ' 7 '), 7);
  assert.equal(parse(integer(1, 0, 10), '10'), 10);
  assert.equal(parse(seconds(10), undefined), 10_000);
  assert.equal(parse(seconds(10), '0.25'), 250);
  assert.equal(parse(oneOf('open', 'open', 'closed'), undefined), 'open');
  assert.equal(parse(oneOf('open', 'open', 'closed'), 'closed'), 'closed');
  assert.equal(parse(text('here'), ' there '), 'there');
  assert.deepEqual(parse(origins(), undefined), []);
  assert.deepEqual(parse(origins(), 'https://a.example, http://[::1]:8080'), ['https://a.example', 'http://[::1]:8080']);
  const trusted = parse(networks(), '10.0.0.0/8, 192.0.2.7, 2001:db8::/32, 0.0.0.0/32');
  assert.ok(trusted.check('10.255.0.1') && trusted.check('192.0.2.7') && trusted.check('2001:db8:1::1', 'ipv6'));
  assert.ok(!trusted.check('11.0.0.1') && !trusted.check('192.0.2.8') && !trusted.check('2001:db9::1', 'ipv6'));
});

const refused: [kind: string, setting: Setting<unknown>, given: (string | undefined)[]][] = [
  ['integer', integer(1, 0, 10), ['11', '-1', '1.5', '1e1', '0x1', 'ten', '١', '9999999999999999']],
  ['seconds', seconds(10), ['0', '-1', '86401', '1,5', '1.2345', 'Infinity', '.5', '5s']],
  ['oneOf', oneOf('open', 'open', 'closed'), ['Open', 'shut', 'open closed']],
  ['oneOf without a default', oneOf(undefined, 'single'), [undefined]],
  [
    'origins',
    origins(),
    [
      'example.org',
      'https://a.example/',
      'https://a.example/chat',
      'https://A.example',
      '*',
      'null',
      'ftp://a.example',
      'wss://a.example',
    ],
  ],
  ['networks', networks(), ['10.0.0.0/33', '10.0.0/8', '10.0.0.0/', '10.0.0.0/8/8', '::/129', 'localhost', '10.0.0.0/-1', 'x']],
];
for (const [kind, setting, given] of refused) {
  test(`${kind}: what it cannot be is refused with a sentence`, () => {
    for (const one of given) {
      assert.throws(() => setting.parse(one), /^Error: (must be|lists) .{10,}\.$/s, String(one));
    }
  });
}

test('a value as long as a book is shown in part', () => {
  assert.throws(
    () => integer(1, 0, 10).parse('9'.repeat(10_000)),
    ({ message }: Error) => message.length < 200,
  );
});

function parse<T>(setting: Setting<T>, given: string | undefined): T {
  return setting.parse(given);
}

function configErrorOf(work: () => unknown): ConfigError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error;
  }
  throw new assert.AssertionError({ message: 'the configuration was taken' });
}

function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('each mode demands what it needs, and nothing of the other', () => {
  const { problems } = configErrorOf(() => readConfig(distributedSettings, { MODE: 'single' }));
  assert.deepEqual(
    problems.map((problem) => problem.split(' ')[0]),
    ['MODE', 'DATABASE_URL', 'REDIS_URL'],
  );
  const single = configErrorOf(() => readConfig(singleSettings, { MODE: 'cluster', SSL_CERT_PATH: 'a', SSL_KEY_PATH: 'b' }));
  assert.deepEqual(single.problems, ['MODE must be "single" or "distributed", not "cluster".']);
});

test('the address of a store is checked, and its password never shown', () => {
  for (const address of ['tulip', 'http://user:tulip@host', 'redis//:tulip@host']) {
    const { message } = configErrorOf(() => readConfig({ REDIS_URL: distributedSettings.REDIS_URL }, { REDIS_URL: address }));
    assert.match(message, /^REDIS_URL must be an address such as redis:/);
    assert.doesNotMatch(message, /tulip/);
  }
});
