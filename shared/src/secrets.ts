/** Keys for each purpose, all derived from SECRET_KEY, so that one secret is all there is to keep and to rotate. */
import { createHash, hkdfSync, timingSafeEqual } from 'node:crypto';

/**
 * A key for one purpose (HKDF-SHA-256, RFC 5869): knowing it tells nothing about the secret or another purpose's key.
 *
 * @returns 256 bits, base64url
 */
export function deriveKey(secret: string, purpose: string): string {
  return Buffer.from(hkdfSync('sha256', secret, '', `securechat ${purpose}`, 32)).toString('base64url');
}

// Asked at every handshake, and there are as many as there are secrets.
const internalTokens = new Map<string, string>();

/** The bearer token of the internal routes: made from the newest secret, accepted from any that is still listed. */
export function internalToken(secret: string): string {
  const token = internalTokens.get(secret) ?? deriveKey(secret, 'internal routes');
  internalTokens.set(secret, token);
  return token;
}

/** True when an `Authorization` header carries the internal token of one of the secrets; takes the same time either way. */
export function isInternal(authorization: string | undefined, secrets: readonly string[]): boolean {
  const given = digest(authorization ?? '');
  return secrets.map((secret) => timingSafeEqual(given, digest(`Bearer ${internalToken(secret)}`))).includes(true);
}

const digest = (text: string) => createHash('sha256').update(text).digest();
