import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ConnectionOptions, connect, createServer } from 'node:tls';
import { ConfigError } from './config.ts';
import { readKeyPair, tlsOptions } from './tls.ts';

const folder = mkdtempSync(join(tmpdir(), 'securechat-tls-'));
after(() => rmSync(folder, { recursive: true }));
const [mine, other] = [makePair(), makePair()];

test('a certificate and its key are read', () => {
  const pair = readKeyPair(file('cert.pem', mine.cert), file('key.pem', mine.private));
  assert.deepEqual(pair, { cert: mine.cert, key: mine.private });
});

test('a chain is taken: the first certificate is ours', () => {
  const chain = `${mine.cert}\n${other.cert}`;
  assert.equal(readKeyPair(file('chain.pem', chain), file('key.pem', mine.private)).cert, chain);
});

test('a key of another certificate is refused, both files named', () => {
  const [cert, key] = [file('cert.pem', mine.cert), file('other.pem', other.private)];
  refuses(cert, key, /SSL_KEY_PATH.*other\.pem does not match.*cert\.pem.*SSL_CERT_PATH/);
});

test('a missing file, an empty one, and the two exchanged are each told by name', () => {
  const [cert, key, empty] = [file('cert.pem', mine.cert), file('key.pem', mine.private), file('empty.pem', '')];
  refuses(join(folder, 'gone.pem'), key, /SSL_CERT_PATH.*gone\.pem cannot be read \(ENOENT\)/);
  refuses(cert, join(folder, 'gone.pem'), /SSL_KEY_PATH.*gone\.pem cannot be read \(ENOENT\)/);
  refuses(empty, key, /SSL_CERT_PATH.*empty\.pem holds no PEM certificate/);
  refuses(cert, empty, /SSL_KEY_PATH.*empty\.pem holds no PEM private key/);
  refuses(key, cert, /SSL_CERT_PATH.*key\.pem holds no PEM certificate/);
});

test('both files missing are told together', () => {
  const gone = join(folder, 'gone.pem');
  refuses(gone, gone, /^SSL_CERT_PATH: .*\nSSL_KEY_PATH: .*$/);
});

test('a key that is too short, and a chain that is broken, are refused before anything listens', () => {
  const short = makePair(['-newkey', 'rsa:1024']);
  refuses(file('short.pem', short.cert), file('short.key', short.private), /SSL_CERT_PATH.*short\.pem.*key too small.*2048/);
  const broken = `${mine.cert}-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n`;
  refuses(file('broken.pem', broken), file('key.pem', mine.private), /SSL_CERT_PATH.*broken\.pem cannot be used/);
});

test('a key behind a passphrase is refused with a sentence that says so', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
  refuses(file('cert.pem', mine.cert), file('locked.pem', locked), /SSL_KEY_PATH.*without a passphrase/);
});

test('TLS 1.3 and 1.2 with forward secrecy are spoken, 1.1 and old suites are not', async () => {
  const server = createServer(tlsOptions({ cert: mine.cert, key: mine.private }), (socket) => socket.end());
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    assert.equal(await versionOf(port, {}), 'TLSv1.3');
    assert.equal(await versionOf(port, { maxVersion: 'TLSv1.2' }), 'TLSv1.2');
    const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    assert.match(await versionOf(port, old), /ERR_|EPROTO|alert|ECONNRESET/i);
    for (const ciphers of ['AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA', 'AES128-SHA']) {
      assert.match(await versionOf(port, { maxVersion: 'TLSv1.2', ciphers }), /alert|ECONNRESET|EPROTO|ERR_/i, ciphers);
    }
  } finally {
    server.close();
  }
});

/** The version that was agreed on, or the error that came instead. */
function versionOf(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol() ?? '');
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(`${error.code} ${error.message}`));
  });
}

function refuses(certPath: string, keyPath: string, sentence: RegExp) {
  assert.throws(
    () => readKeyPair(certPath, keyPath),
    (error: Error) => error instanceof ConfigError && sentence.test(error.message),
  );
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A self-signed pair, made by the openssl of the machine. */
function makePair(kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']) {
  const [certPath, keyPath] = [join(folder, 'made.crt'), join(folder, 'made.key')];
  const key = [...kind, '-nodes', '-keyout', keyPath];
  execFileSync('openssl', ['req', '-x509', ...key, '-subj', '/CN=localhost', '-out', certPath], { stdio: 'ignore' });
  return { cert: readFileSync(certPath, 'utf8'), private: readFileSync(keyPath, 'utf8') };
}
