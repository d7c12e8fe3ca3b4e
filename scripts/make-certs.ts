/** `npm run make-certs -- NAME …`: a small authority of one's own, and a certificate that it vouches for. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join, relative } from 'node:path';
import { domainToASCII } from 'node:url';
import { lifetime } from './certificates.ts';
import { contentOf, writeWhole } from './files.ts';
import { certificateFolder, projectFolder } from './home.ts';
import { type Issued, issueCertificate, type Name } from './x509.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3650;
const ORGANIZATION = 'SecureChat';
const ALWAYS = ['localhost', '127.0.0.1', '::1'];

type Authority = Issued & { name: Name; vouchesFor: readonly string[]; endsAt: number; isNew: boolean };

/** What was made, or one line that says why nothing was. */
export type Made = { authorityPath: string; isNewAuthority: boolean; certPath: string; keyPath: string } | { problem: string };

/**
 * Makes a certificate (397 days) for the given names, signed by the authority in `folder`. The authority (10 years)
 * is made when there is none, and kept. It can vouch only for the names it was made for, those below them, and
 * localhost: whoever steals its key cannot pass for the rest of the web (RFC 5280 §4.2.1.10).
 *
 * @param names DNS names (international ones too, and `*.` in front) and IP addresses
 * @param now milliseconds since 1970
 */
export function makeCertificates(folder: string, names: readonly string[], now: number = Date.now()): Made {
  const odd = names.filter((name) => asServerName(name) === undefined);
  if (odd.length > 0) {
    return { problem: `${odd.join(', ')}: no host name or IP address. Write names such as chat.example.org or 192.168.1.20.` };
  }
  const serverNames = [...new Set([...names.map((name) => asServerName(name) ?? ''), ...ALWAYS])];
  const authority = findAuthority(folder, now) ?? newAuthority(serverNames, now);
  if ('problem' in authority) return authority;
  const strange = serverNames.filter((name) => !authority.vouchesFor.some((permitted) => covers(permitted, name)));
  if (strange.length > 0) return { problem: notVouchedFor(folder, strange, authority) };
  return write(folder, serverNames, authority, now);
}

function write(folder: string, serverNames: readonly string[], authority: Authority, now: number): Made {
  const [first = ''] = serverNames;
  const file = join(folder, first.replace(/^\*/, '_').replaceAll(':', '-'));
  const [certPath, keyPath] = [`${file}-cert.pem`, `${file}-key.pem`];
  if (isOfSomebodyElse(certPath, authority)) {
    return { problem: `${certPath} was issued by somebody else and stays as it is. Move it away, then try again.` };
  }
  const { notBefore, notAfter } = lifetime(now);
  const leaf = issueCertificate(
    {
      name: { organization: ORGANIZATION, commonName: first.slice(0, 64) },
      notBefore,
      notAfter: new Date(Math.min(notAfter.getTime(), authority.endsAt)),
      use: { server: serverNames },
    },
    authority,
  );
  if (authority.isNew) {
    writeWhole(authorityIn(folder).keyPath, authority.key, 0o600);
    writeWhole(authorityIn(folder).certPath, authority.cert, 0o644);
  }
  writeWhole(keyPath, leaf.key, 0o600);
  writeWhole(certPath, leaf.cert, 0o644);
  return { authorityPath: authorityIn(folder).certPath, isNewAuthority: authority.isNew, certPath, keyPath };
}

// ---- the authority -------------------------------------------------------------------------------------------------

const authorityIn = (folder: string) => ({ certPath: join(folder, 'ca-cert.pem'), keyPath: join(folder, 'ca-key.pem') });

function findAuthority(folder: string, now: number): Authority | { problem: string } | undefined {
  const { certPath, keyPath } = authorityIn(folder);
  const [cert, key] = [contentOf(certPath), contentOf(keyPath)];
  if (cert === undefined && key === undefined) return undefined;
  const remedy = `Remove ${certPath} and ${keyPath} to have a new authority made, which devices must import anew.`;
  if (cert === undefined) return { problem: `${certPath} is missing beside its key. ${remedy}` };
  if (key === undefined) return { problem: `${keyPath} is missing beside its certificate. ${remedy}` };
  const certificate = new X509Certificate(cert);
  const endsAt = certificate.validToDate.getTime();
  if (endsAt - now < 30 * DAY_MS) return { problem: `The authority in ${certPath} ends within 30 days. ${remedy}` };
  return { cert, key, name: subjectOf(certificate), vouchesFor: namesOf(certificate), endsAt, isNew: false };
}

/** The first O and CN; ours have one of each. */
function subjectOf(certificate: X509Certificate): Name {
  const { O, CN } = certificate.toLegacyObject().subject;
  const [organization = '', commonName = ''] = [O, CN].map((value) => [value].flat()[0]);
  return { organization, commonName };
}

function newAuthority(serverNames: readonly string[], now: number): Authority {
  const name = { organization: ORGANIZATION, commonName: `SecureChat authority of ${hostname()}`.slice(0, 64) };
  const vouchesFor = serverNames.map((serverName) => serverName.replace(/^\*\./, ''));
  const { notBefore, notAfter } = lifetime(now, AUTHORITY_DAYS);
  const issued = issueCertificate({ name, notBefore, notAfter, use: { authorityFor: vouchesFor } });
  return { ...issued, name, vouchesFor, endsAt: notAfter.getTime(), isNew: true };
}

function notVouchedFor(folder: string, strange: readonly string[], { vouchesFor }: Authority): string {
  const { certPath, keyPath } = authorityIn(folder);
  const known = vouchesFor.filter((name) => !ALWAYS.includes(name)).join(', ');
  return (
    `The authority in ${certPath} was made for ${known} and cannot vouch for ${strange.join(', ')}. ` +
    `Remove ${certPath} and ${keyPath} and name all of them together; devices must then import the new authority.`
  );
}

function isOfSomebodyElse(certPath: string, authority: Authority): boolean {
  const content = contentOf(certPath);
  return content !== undefined && !new X509Certificate(content).checkIssued(new X509Certificate(authority.cert));
}

// ---- names ---------------------------------------------------------------------------------------------------------

/** The name as certificates write it, or undefined when it is none. */
function asServerName(name: string): string | undefined {
  if (isIP(name) === 6) return name.includes('%') ? undefined : new URL(`http://[${name}]`).hostname.slice(1, -1);
  if (isIP(name) === 4) return name;
  const [, star = '', rest = ''] = /^(\*\.)?([\p{L}\p{M}\p{N}.-]+)$/u.exec(name) ?? [];
  const ascii = domainToASCII(rest);
  const isHostName =
    ascii.length <= 253 && /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(ascii);
  return isHostName ? star + ascii : undefined;
}

/** An authority's own alternative names are the names that it may vouch for. */
function namesOf(certificate: X509Certificate): string[] {
  const listed = (certificate.subjectAltName ?? '').split(', ');
  return listed.flatMap((entry) => asServerName(entry.replace(/^(DNS|IP Address):/, '')) ?? []);
}

function covers(permitted: string, name: string): boolean {
  if (isIP(name) !== 0) return name === permitted;
  return `.${name.replace(/^\*\./, '')}`.endsWith(`.${permitted}`);
}

// ---- the command ---------------------------------------------------------------------------------------------------

const say = (...lines: string[]) => process.stdout.write(`${lines.join('\n')}\n`);

function main(names: readonly string[]): number {
  if (names.length === 0 || names.some((name) => name.startsWith('-'))) {
    say('Usage: npm run make-certs -- NAME …', 'NAME is a host name or an IP address, such as chat.example.org or 192.168.1.20.');
    return names.includes('--help') ? 0 : 1;
  }
  const made = makeCertificates(certificateFolder(projectFolder), names);
  if ('problem' in made) {
    process.stderr.write(`${made.problem}\n`);
    return 1;
  }
  const shown = (path: string) => relative(projectFolder, path);
  say(
    `${made.isNewAuthority ? 'Made' : 'Used'} the authority ${shown(made.authorityPath)} and made a certificate for ${names.join(', ')}.`,
    'Put these two lines into .env and start SecureChat again:',
    '',
    `SSL_CERT_PATH=${shown(made.certPath)}`,
    `SSL_KEY_PATH=${shown(made.keyPath)}`,
    '',
    `Import ${shown(made.authorityPath)} on every device that shall trust it; certs/README.md says how.`,
  );
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
