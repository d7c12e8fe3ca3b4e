import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readKeyPair } from '@securechat/shared/tls';
import { makeOwnPair, needsOwnPair, ownPair } from './certificates.ts';
import { makeCertificates } from './make-certs.ts';

const DAY_MS = 86_400_000;
const now = Date.UTC(2026, 10, 1);

test('a server that was given no certificate makes one for this machine', (t) => {
  const folder = makeFolder(t);
  assert.ok(needsOwnPair(folder, now));
  makeOwnPair(folder, now, 'Alices-Laptop');

  const { certPath, keyPath } = ownPair(folder);
  const certificate = new X509Certificate(readFileSync(certPath));
  assert.deepEqual(certificate.subjectAltName?.split(', '), [
    'DNS:localhost',
    'IP Address:127.0.0.1',
    'IP Address:0:0:0:0:0:0:0:1',
    'DNS:alices-laptop',
  ]);
  assert.equal(certificate.validToDate.getTime() - certificate.validFromDate.getTime(), 397 * DAY_MS);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  assert.ok(!certificate.ca);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(statSync(keyPath).mode & 0o777, 0o600);
  assert.ok(readKeyPair(certPath, keyPath));
  assert.deepEqual(readdirSync(folder).sort(), ['localhost-cert.pem', 'localhost-key.pem']);
});

test('an odd host name does not spoil the certificate', (t) => {
  const folder = makeFolder(t);
  makeOwnPair(folder, now, 'alice’s laptop');
  assert.doesNotMatch(certificateIn(folder).subjectAltName ?? '', /alice/);
});

test('our certificate is renewed when less than 30 days are left, and not before', (t) => {
  const folder = makeFolder(t);
  makeOwnPair(folder, now);
  assert.ok(!needsOwnPair(folder, now + 366 * DAY_MS));
  assert.ok(needsOwnPair(folder, now + 368 * DAY_MS));
});

test('a pair of ours that was cut off between key and certificate is made anew', (t) => {
  const folder = makeFolder(t);
  const other = makeFolder(t);
  makeOwnPair(folder, now);
  makeOwnPair(other, now);
  writeFileSync(ownPair(folder).keyPath, readFileSync(ownPair(other).keyPath));
  assert.ok(needsOwnPair(folder, now));
  rmSync(ownPair(folder).keyPath);
  assert.ok(needsOwnPair(folder, now));
});

test("somebody else's certificate is never replaced, even when it is over", (t) => {
  const folder = makeFolder(t);
  const { certPath, keyPath } = ownPair(folder);
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-keyout',
    keyPath,
    '-out',
    certPath,
    '-days',
    '1',
    '-nodes',
    '-subj',
    '/CN=localhost',
  );
  assert.ok(!needsOwnPair(folder, Date.now() + 400 * DAY_MS));
});

test('make-certs: what the authority signs is accepted by a strict verifier, for each name', (t) => {
  const folder = makeFolder(t);
  const made = makeCertificates(folder, [
    'chat.example.org',
    '192.168.1.20',
    '2001:db8::7',
    '*.chat.example.org',
    'bücher.example',
  ]);
  assert.ok(!('problem' in made));
  assert.ok(made.isNewAuthority);
  const verify = (...words: string[]) =>
    openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', made.authorityPath, ...words);
  for (const host of ['chat.example.org', 'side.chat.example.org', 'xn--bcher-kva.example', 'localhost']) {
    assert.match(verify('-verify_hostname', host, made.certPath), /: OK/);
  }
  for (const address of ['192.168.1.20', '2001:db8::7', '127.0.0.1', '::1']) {
    assert.match(verify('-verify_ip', address, made.certPath), /: OK/);
  }
  assert.throws(() => verify('-verify_hostname', 'example.org', made.certPath));
  assert.ok(readKeyPair(made.certPath, made.keyPath));
  for (const key of ['ca-key.pem', 'chat.example.org-key.pem']) assert.equal(statSync(join(folder, key)).mode & 0o777, 0o600);
});

test('make-certs keeps its authority', (t) => {
  const folder = makeFolder(t);
  makeCertificates(folder, ['chat.example.org'], now);
  const authority = readFileSync(join(folder, 'ca-cert.pem'), 'utf8');
  const again = makeCertificates(folder, ['chat.example.org', 'side.chat.example.org'], now + 300 * DAY_MS);
  assert.ok(!('problem' in again) && !again.isNewAuthority);
  assert.equal(readFileSync(join(folder, 'ca-cert.pem'), 'utf8'), authority);
});

test('an authority cannot vouch for names that it was not made for', (t) => {
  const folder = makeFolder(t);
  makeCertificates(folder, ['chat.example.org'], now);
  const before = readdirSync(folder).length;
  const made = makeCertificates(folder, ['bank.example.com'], now);
  assert.ok('problem' in made);
  assert.match(made.problem, /made for chat\.example\.org and cannot vouch for bank\.example\.com/);
  assert.equal(readdirSync(folder).length, before);
});

test('mallory, who stole the key of the authority, cannot pass for a bank', (t) => {
  const [folder, den] = [makeFolder(t), makeFolder(t)];
  makeCertificates(folder, ['chat.example.org']);
  const [authority, key] = [join(folder, 'ca-cert.pem'), join(folder, 'ca-key.pem')];
  const forge = (name: string) => {
    const request = join(den, 'request.pem');
    const names = join(den, 'names.conf');
    writeFileSync(names, `subjectAltName=DNS:${name}\nauthorityKeyIdentifier=keyid\n`);
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', join(den, 'key.pem'), '-out', request, '-subj', `/CN=${name}`);
    openssl('x509', '-req', '-in', request, '-CA', authority, '-CAkey', key, '-extfile', names, '-out', join(den, 'forged.pem'));
    return join(den, 'forged.pem');
  };
  assert.match(openssl('verify', '-CAfile', authority, forge('chat.example.org')), /: OK/);
  assert.throws(() => openssl('verify', '-CAfile', authority, forge('bank.example.com')), /permitted subtree violation/);
});

test('make-certs says in one line which name is none, and makes nothing', (t) => {
  const folder = makeFolder(t);
  for (const name of ['two words', 'https://chat.example.org', '-x', '', '300.1.1.1', 'a..b', 'a/../b']) {
    const made = makeCertificates(folder, ['chat.example.org', name], now);
    assert.ok('problem' in made, name);
    assert.match(made.problem, /no host name or IP address/);
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('make-certs leaves a certificate of somebody else alone', (t) => {
  const folder = makeFolder(t);
  const [cert, key] = [join(folder, 'chat.example.org-cert.pem'), join(folder, 'chat.example.org-key.pem')];
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '9',
    '-nodes',
    '-subj',
    '/CN=chat.example.org',
  );
  const content = readFileSync(cert, 'utf8');
  const made = makeCertificates(folder, ['chat.example.org'], now);
  assert.ok('problem' in made);
  assert.match(made.problem, /issued by somebody else/);
  assert.equal(readFileSync(cert, 'utf8'), content);
});

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-certs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const certificateIn = (folder: string) => new X509Certificate(readFileSync(ownPair(folder).certPath));
const openssl = (...words: string[]) => execFileSync('openssl', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
