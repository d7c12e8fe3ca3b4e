import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '@securechat/shared/config';
import { makeOwnPair, ownPair } from './certificates.ts';
import { prepare } from './init.ts';

test('with nothing given everything is made, and each reader finds what it needs', (t) => {
  const place = makePlace(t);
  prepare({}, place);
  const password = place.read('postgres/password');
  assert.equal(place.read('services/database-url'), `postgres://securechat:${password}@postgres:5432/securechat\n`);
  assert.equal(place.read('services/redis-url'), `redis://:${place.read('redis/password')}@redis:6379\n`);
  assert.match(place.read('redis/redis.conf'), new RegExp(`^requirepass ${place.read('redis/password')}$`, 'm'));
  assert.match(place.read('redis/redis.conf'), /^appendonly yes$/m);
  assert.match(place.read('proxy/cert.pem'), /BEGIN CERTIFICATE/);
  assert.match(place.read('proxy/nginx.conf'), /server chat:8765 resolve/);
  const secrets = [place.read('services/secret-key').trim(), password, place.read('redis/password')];
  for (const secret of secrets) assert.equal(Buffer.from(secret, 'base64url').length, 32);
  assert.equal(new Set(secrets).size, 3);
});

test('a second run keeps it all', (t) => {
  const place = makePlace(t);
  const files = ['services/secret-key', 'services/database-url', 'redis/redis.conf', 'proxy/key.pem'];
  prepare({}, place);
  const before = files.map(place.read);
  prepare({}, place);
  assert.deepEqual(files.map(place.read), before);
});

test('nobody but the group of a folder reads what is in it', (t) => {
  const place = makePlace(t);
  prepare({}, place);
  for (const file of ['services/secret-key', 'postgres/password', 'redis/redis.conf', 'proxy/key.pem', 'kept/secret-key']) {
    assert.equal(place.modeOf(file), 0o640, file);
  }
});

test('what was given wins, as a value or as a file, and the kept one comes back when it is taken away', (t) => {
  const place = makePlace(t);
  prepare({}, place);
  const made = place.read('services/secret-key');
  place.gives('DATABASE_URL_FILE', 'postgres://me:pass@db.example.org/chat\n');
  prepare({ SECRET_KEY: 'newest,older', DATABASE_URL_FILE: '/etc/my/url', REDIS_URL: 'rediss://cache.example.org' }, place);
  assert.equal(place.read('services/secret-key'), 'newest,older\n');
  assert.equal(place.read('services/database-url'), 'postgres://me:pass@db.example.org/chat\n');
  assert.equal(place.read('services/redis-url'), 'rediss://cache.example.org\n');
  prepare({}, place);
  assert.equal(place.read('services/secret-key'), made);
});

test('a given certificate is used, and a renewed one taken up', (t) => {
  const place = makePlace(t);
  const env = { SSL_CERT_PATH: 'certs/a.pem', SSL_KEY_PATH: 'certs/b.pem' };
  for (const _ of ['first', 'renewed']) {
    const { cert, key } = makePair(t);
    place.gives('SSL_CERT_PATH', cert);
    place.gives('SSL_KEY_PATH', key);
    prepare(env, place);
    assert.equal(place.read('proxy/cert.pem'), cert);
    assert.equal(place.read('proxy/key.pem'), key);
  }
});

test('a key that does not match is one line that names the files as they were given', (t) => {
  const place = makePlace(t);
  place.gives('SSL_CERT_PATH', makePair(t).cert);
  place.gives('SSL_KEY_PATH', makePair(t).key);
  const lines = problemsOf({ SSL_CERT_PATH: 'certs/a.pem', SSL_KEY_PATH: 'certs/b.pem' }, place);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^SSL_KEY_PATH: the key in certs\/b\.pem does not match the certificate in certs\/a\.pem/);
});

test('all that is wrong is told at once, and nothing is written for anybody', (t) => {
  const place = makePlace(t);
  const env = { SSL_CERT_PATH: 'a.pem', SIGNUP: 'maybe', MAX_MESSAGE_CHARS: '0', TRUSTED_PROXIES: 'x', DATABASE_URL: 'nonsense' };
  const lines = problemsOf(env, place);
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]).sort(),
    ['DATABASE_URL', 'MAX_MESSAGE_CHARS', 'SIGNUP', 'SSL_KEY_PATH', 'TRUSTED_PROXIES'],
    lines.join('\n'),
  );
  assert.throws(() => place.read('services/secret-key'), /ENOENT/);
});

function problemsOf(env: Record<string, string>, place: ReturnType<typeof makePlace>): readonly string[] {
  try {
    prepare(env, place);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return assert.fail('nothing was wrong');
}

function makePlace(t: TestContext) {
  const root = makeFolder(t);
  const [given, volumes] = [join(root, 'given'), join(root, 'volumes')];
  return {
    given,
    volumes,
    read: (file: string) => readFileSync(join(volumes, file), 'utf8'),
    modeOf: (file: string) => statSync(join(volumes, file)).mode & 0o777,
    gives(name: string, content: string) {
      const path = join(given, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    },
  };
}

function makePair(t: TestContext) {
  const folder = makeFolder(t);
  makeOwnPair(folder);
  const { certPath, keyPath } = ownPair(folder);
  return { cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-init-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
