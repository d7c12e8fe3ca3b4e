/** What a server makes for itself and keeps when its settings do not name it: a secret and a certificate. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Environment } from '@securechat/shared/config';
import { ownPair } from './certificates.ts';
import { contentOf, writeWhole } from './files.ts';

/** Where the generated secret is. */
export const secretFile = (env: Environment) => join(env.DATA_DIR ?? '', 'secret.key');

/** True when the settings name a secret, so that none is generated. */
export const isSecretGiven = (env: Environment) => env.SECRET_KEY !== undefined || env.SECRET_KEY_FILE !== undefined;

/** True when the settings name a certificate, so that none is generated. */
export const isPairGiven = (env: Environment) => env.SSL_CERT_PATH !== undefined || env.SSL_KEY_PATH !== undefined;

/**
 * The settings completed by what was generated before: the secret, and where the certificate is.
 *
 * @param certificates the folder of generated certificates
 * @throws what reading the secret throws, except that there is none
 */
export function withKept(settings: Environment, certificates: string): Environment {
  const { certPath, keyPath } = ownPair(certificates);
  const secret = isSecretGiven(settings) ? undefined : contentOf(secretFile(settings))?.trim();
  return { SSL_CERT_PATH: certPath, SSL_KEY_PATH: keyPath, ...settings, ...(secret !== undefined && { SECRET_KEY: secret }) };
}

/** Makes a secret of 256 bits unless there is one. Throws what writing it throws. */
export function ensureSecret(settings: Environment): void {
  if (isSecretGiven(settings) || contentOf(secretFile(settings)) !== undefined) return;
  writeWhole(secretFile(settings), `${randomBytes(32).toString('base64url')}\n`, 0o600);
}
