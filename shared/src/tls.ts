/** TLS as both public ports speak it. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls';
import { ConfigError } from './config.ts';

export type KeyPair = { cert: string; key: string };

/**
 * Reads a certificate (PEM, chain allowed) and its private key, and checks that they belong together and can be used.
 *
 * @throws {ConfigError} naming the variables and the files that are at fault, and what to do
 */
export function readKeyPair(certPath: string, keyPath: string): KeyPair {
  const problems: string[] = [];
  const cert = readPem('SSL_CERT_PATH', certPath, problems);
  const key = readPem('SSL_KEY_PATH', keyPath, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const certificate = attempt(() => new X509Certificate(cert));
  if (certificate === undefined) {
    throw new ConfigError([`SSL_CERT_PATH: ${certPath} holds no PEM certificate. Give a file that begins with one.`]);
  }
  const privateKey = attempt(() => createPrivateKey(key));
  if (privateKey === undefined) {
    throw new ConfigError([
      `SSL_KEY_PATH: ${keyPath} holds no PEM private key without a passphrase. Give a file that holds one.`,
    ]);
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError([
      `SSL_KEY_PATH: the key in ${keyPath} does not match the certificate in ${certPath} (SSL_CERT_PATH). Give the pair that was made together.`,
    ]);
  }
  const fault = faultOf({ cert, key });
  if (fault !== undefined) {
    throw new ConfigError([
      `SSL_CERT_PATH: ${certPath} cannot be used (${fault}). Give whole certificates, and an RSA key of 2048 bits or more or an ECDSA key.`,
    ]);
  }
  return { cert, key };
}

/** Why TLS will not work with a pair: a key that is too short, a chain with a broken link. */
function faultOf(pair: KeyPair): string | undefined {
  try {
    createSecureContext(tlsOptions(pair));
    return undefined;
  } catch (error) {
    const { reason, message } = error as Error & { reason?: string };
    return reason ?? message;
  }
}

/** Server options: TLS 1.2 and 1.3 with forward-secret AEAD suites only (ASVS 5.0 V12.1); slow hellos end after 10 s. */
export function tlsOptions(pair: KeyPair): SecureContextOptions & TlsOptions {
  return {
    ...pair,
    minVersion: 'TLSv1.2',
    ciphers: [
      'TLS_AES_128_GCM_SHA256',
      'TLS_AES_256_GCM_SHA384',
      'TLS_CHACHA20_POLY1305_SHA256',
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-RSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-RSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-CHACHA20-POLY1305',
    ].join(':'),
    honorCipherOrder: true,
    handshakeTimeout: 10_000,
    ALPNProtocols: ['http/1.1'],
  };
}

function readPem(variable: string, path: string, problems: string[]): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    problems.push(`${variable}: ${path} cannot be read (${code}). Set ${variable} to a file that the server may read.`);
    return '';
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
