/** The certificate that a server makes for itself when it was given none. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { contentOf, writeWhole } from './files.ts';
import { issueCertificate } from './x509.ts';

const DAY_MS = 86_400_000;

/** How long our certificates live: what browsers accept at most (398 days), less one. */
export const CERTIFICATE_DAYS = 397;
const RENEWED_BELOW_DAYS = 30;
const ORGANIZATION = 'SecureChat on this machine';

/** Where the generated pair lives. */
export function ownPair(folder: string) {
  return { certPath: join(folder, 'localhost-cert.pem'), keyPath: join(folder, 'localhost-key.pem') };
}

/**
 * True when the pair has to be made: it is missing, or it is one of ours that is incomplete or has less than 30 days
 * left. A certificate under that name that we did not make is never touched.
 *
 * @param now milliseconds since 1970
 * @throws what reading the files throws, except that they are missing
 */
export function needsOwnPair(folder: string, now: number = Date.now()): boolean {
  const { certPath, keyPath } = ownPair(folder);
  const [cert, key] = [contentOf(certPath), contentOf(keyPath)];
  if (cert === undefined) return true;
  const certificate = attempt(() => new X509Certificate(cert));
  if (certificate === undefined || !certificate.subject.includes(`O=${ORGANIZATION}`)) return false;
  const isWhole = attempt(() => key !== undefined && certificate.checkPrivateKey(createPrivateKey(key))) ?? false;
  return !isWhole || certificate.validToDate.getTime() - now < RENEWED_BELOW_DAYS * DAY_MS;
}

/**
 * Makes a self-signed pair for localhost and this machine's name.
 *
 * @param now milliseconds since 1970
 * @throws what writing into the folder throws
 */
export function makeOwnPair(folder: string, now: number = Date.now(), host: string = hostname()): void {
  const { certPath, keyPath } = ownPair(folder);
  const { cert, key } = issueCertificate({
    name: { organization: ORGANIZATION, commonName: 'localhost' },
    ...lifetime(now),
    use: { server: localNames(host) },
  });
  // The key first: a pair cut off in between is ours and does not match, so the next start makes it anew.
  writeWhole(keyPath, key, 0o600);
  writeWhole(certPath, cert, 0o644);
}

/** From an hour ago, for devices whose clock is a little behind, to {@link CERTIFICATE_DAYS} later. */
export function lifetime(now: number, days: number = CERTIFICATE_DAYS) {
  const notBefore = now - 3_600_000;
  return { notBefore: new Date(notBefore), notAfter: new Date(notBefore + days * DAY_MS) };
}

function localNames(host: string): string[] {
  const isHostName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(host);
  return [...new Set(['localhost', '127.0.0.1', '::1', ...(isHostName ? [host.toLowerCase()] : [])])];
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
