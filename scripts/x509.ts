/**
 * Certificates (X.509 v3, RFC 5280) with ECDSA P-256 keys: just the shapes that a chat server and its local
 * authority need, written in DER (ITU-T X.690). Keys and signatures are node:crypto's.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its private key, both PEM. */
export type Issued = { cert: string; key: string };

/** Whom a certificate is of, or from. */
export type Name = { organization: string; commonName: string };

export type Certificate = {
  name: Name;
  notBefore: Date;
  notAfter: Date;
  /** What it is for: a server under these names, or an authority that may vouch only for these and those below them. */
  use: { server: readonly string[] } | { authorityFor: readonly string[] };
};

/**
 * Issues a certificate for a new key.
 *
 * @param issuer who signs it; without one it signs itself
 */
export function issueCertificate(certificate: Certificate, issuer?: Issued & { name: Name }): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signingKey = issuer === undefined ? privateKey : createPrivateKey(issuer.key);
  const tbs = toBeSigned(certificate, publicKey, (issuer ?? certificate).name, createPublicKey(signingKey));
  const signed = sequence(tbs, sequence(oid('1.2.840.10045.4.3.2')), bitString(sign('sha256', tbs, signingKey)));
  return {
    cert: pem('CERTIFICATE', signed),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function toBeSigned(certificate: Certificate, publicKey: KeyObject, issuer: Name, issuerKey: KeyObject): Buffer {
  return sequence(
    der(0xa0, integer(Buffer.from([2]))), // v3
    integer(positive(randomBytes(16))),
    sequence(oid('1.2.840.10045.4.3.2')), // ecdsa-with-SHA256, RFC 5758
    distinguishedName(issuer),
    sequence(time(certificate.notBefore), time(certificate.notAfter)),
    distinguishedName(certificate.name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions(certificate.use), ...keyIdentifiers(publicKey, issuerKey))),
  );
}

// ---- extensions ----------------------------------------------------------------------------------------------------

function extensions(use: Certificate['use']): Buffer[] {
  if ('server' in use) {
    return [
      extension('2.5.29.19', sequence(), { isCritical: true }), // basicConstraints: no authority
      extension('2.5.29.15', der(0x03, Buffer.from([7, 0x80])), { isCritical: true }), // keyUsage: digitalSignature
      extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))), // extKeyUsage: serverAuth
      extension('2.5.29.17', sequence(...use.server.map(subjectAltName))),
    ];
  }
  const permitted = use.authorityFor.map((name) => sequence(permittedSubtree(name)));
  return [
    extension('2.5.29.19', sequence(der(0x01, Buffer.from([0xff])), integer(Buffer.from([0]))), { isCritical: true }), // CA, pathLen 0
    extension('2.5.29.15', der(0x03, Buffer.from([1, 0x06])), { isCritical: true }), // keyUsage: keyCertSign, cRLSign
    extension('2.5.29.30', sequence(der(0xa0, ...permitted)), { isCritical: true }), // nameConstraints
    extension('2.5.29.17', sequence(...use.authorityFor.map(subjectAltName))), // the same names, legible to X509Certificate
  ];
}

/** Subject and authority key identifiers by RFC 7093 §2 (1); strict clients refuse an issued certificate without them. */
function keyIdentifiers(publicKey: KeyObject, issuerKey: KeyObject): Buffer[] {
  return [
    extension('2.5.29.14', der(0x04, keyIdentifier(publicKey))),
    extension('2.5.29.35', sequence(der(0x80, keyIdentifier(issuerKey)))),
  ];
}

function keyIdentifier(key: KeyObject): Buffer {
  const point = key.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha256').update(point).digest().subarray(0, 20);
}

function extension(id: string, value: Buffer, { isCritical } = { isCritical: false }): Buffer {
  return sequence(oid(id), ...(isCritical ? [der(0x01, Buffer.from([0xff]))] : []), der(0x04, value));
}

function subjectAltName(name: string): Buffer {
  return isIP(name) === 0 ? der(0x82, Buffer.from(name)) : der(0x87, addressBytes(name));
}

/** A name with all names below it; of addresses the one alone. */
function permittedSubtree(name: string): Buffer {
  if (isIP(name) === 0) return der(0x82, Buffer.from(name.replace(/^\*\./, '')));
  const address = addressBytes(name);
  return der(0x87, address, Buffer.alloc(address.length, 0xff));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1); // RFC 5952: hexadecimal groups, at most one "::"
  const [head = '', tail = ''] = canonical.split('::');
  const [left, right] = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = Array<string>(8 - (left?.length ?? 0) - (right?.length ?? 0)).fill('0');
  const groups = [...(left ?? []), ...zeros, ...(right ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

// ---- DER -----------------------------------------------------------------------------------------------------------

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = positiveBytes(content.length);
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length, ...length]), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const integer = (bigEndian: Buffer) => der(0x02, bigEndian);
const bitString = (bytes: Buffer) => der(0x03, Buffer.from([0]), bytes);

/** Random bytes as a positive integer without leading zeros (RFC 5280 §4.1.2.2). */
function positive(bytes: Buffer): Buffer {
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function positiveBytes(value: number): number[] {
  return value === 0 ? [] : [...positiveBytes(Math.floor(value / 256)), value % 256];
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const base128 = (value: number): number[] =>
    value < 128 ? [value] : [...base128(value >> 7).map((b) => b | 0x80), value & 0x7f];
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function distinguishedName({ organization, commonName }: Name): Buffer {
  const attribute = (id: string, value: string) => der(0x31, sequence(oid(id), der(0x0c, Buffer.from(value))));
  return sequence(attribute('2.5.4.10', organization), attribute('2.5.4.3', commonName));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
function time(date: Date): Buffer {
  const digits = `${date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/\D/g, '')}Z`;
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(digits.slice(2))) : der(0x18, Buffer.from(digits));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
