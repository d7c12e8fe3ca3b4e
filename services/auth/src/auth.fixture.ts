/** For tests: auth on free ports with a directory of its own, and people who use it over real TLS. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccountNews } from '@securechat/shared/announcements';
import { createMemoryAnnouncements } from '@securechat/shared/announcements.memory';
import { createMemoryBus } from '@securechat/shared/bus.memory';
import type { Environment } from '@securechat/shared/config';
import { silentLog } from '@securechat/shared/log';
import { internalToken } from '@securechat/shared/secrets';
import type { Hasher } from './passwords.ts';
import { startAuth } from './start.ts';

export const GOOD_PASSWORD = 'a tulip in the rain';

/** As quick as a comparison of texts; counts how often it was asked. */
export function countingHasher(): Hasher & { hashes: number; comparisons: number } {
  return {
    hashes: 0,
    comparisons: 0,
    hash(secret) {
      this.hashes++;
      return Promise.resolve(`plain ${secret}`);
    },
    compare(secret, hash) {
      this.comparisons++;
      return Promise.resolve(hash === `plain ${secret}`);
    },
  };
}

/** A directory with a certificate and the smallest pages, and an environment that names them. */
export async function makePlace(): Promise<{ env: Environment; pagesRoot: string; remove: () => void }> {
  const place = mkdtempSync(join(tmpdir(), 'auth-'));
  const pagesRoot = join(place, 'dist');
  mkdirSync(join(pagesRoot, 'assets'), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(place, name), text);
  write('dist/home.html', '<!doctype html><body data-signup="{{signup}}">home</body>');
  write(
    'dist/chat.html',
    '<!doctype html><body data-id="{{user.id}}" data-name="{{user.name}}" data-port="{{chat.port}}">chat</body>',
  );
  write('dist/reset.html', '<!doctype html><body>reset</body>');
  write('dist/assets/home-a1B2c3D4.js', `console.log('${'home '.repeat(200)}')`);
  write('dist/assets/home-a1B2c3D4.js.map', '{"sources":["home.tsx"]}');
  write('dist/sw.js', 'self.onfetch = null');
  write('dist/manifest.webmanifest', '{"name":"SecureChat"}');
  write('dist/favicon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>');
  write('dist/.secret.txt', 'not for anybody');
  const pair = ['-keyout', join(place, 'key.pem'), '-out', join(place, 'cert.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...key, ...pair, '-days', '2', '-subj', '/CN=localhost'], { stdio: 'ignore' });
  const [httpPort, internalPort] = await Promise.all([freePort(), freePort()]);
  return {
    pagesRoot,
    env: {
      MODE: 'single',
      SECRET_KEY: 'a secret for this test',
      SSL_CERT_PATH: join(place, 'cert.pem'),
      SSL_KEY_PATH: join(place, 'key.pem'),
      DATA_DIR: join(place, 'data'),
      HOST: '127.0.0.1',
      HTTP_PORT: String(httpPort),
      INTERNAL_PORT: String(internalPort),
      TRUSTED_PROXIES: '127.0.0.1',
    },
    remove: () => rmSync(place, { recursive: true, force: true }),
  };
}

export type Auth = Awaited<ReturnType<typeof startTestAuth>>;

/** Starts auth; `close` removes everything again, `stop` ends the server and keeps its directory for another start. */
export async function startTestAuth(settings: Environment = {}, given?: Awaited<ReturnType<typeof makePlace>>) {
  const place = given ?? (await makePlace());
  const env = { ...place.env, ...settings };
  const bus = createMemoryBus();
  const news: AccountNews[] = [];
  const listeners = new Set<() => void>();
  await createMemoryAnnouncements(bus).listen((one) => {
    news.push(one);
    for (const listener of listeners) listener();
  });
  const hasher = countingHasher();
  const running = await startAuth({ env, log: silentLog(), bus, readiness: new Map(), pagesRoot: place.pagesRoot, hasher });

  return {
    env,
    place,
    hasher,
    news,
    url: running.url,
    internalUrl: running.internalUrl,
    person: (address?: string) => new Person(Number(env.HTTP_PORT), address),
    /** Resolves when news were told that satisfy the condition. */
    hears: (condition: (one: AccountNews) => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (news.some(condition)) resolve();
        };
        listeners.add(look);
        look();
      }),
    async internal(method: string, path: string, options: { body?: unknown; cookie?: string; token?: string } = {}) {
      const token = options.token ?? internalToken(String(env.SECRET_KEY).split(',')[0] ?? '');
      const response = await fetch(`${running.internalUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...(options.cookie !== undefined && { cookie: options.cookie }) },
        ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: text === '' ? undefined : (JSON.parse(text) as unknown),
      };
    },
    stop: () => running.close(),
    async close() {
      await running.close();
      place.remove();
    },
  };
}

export type Answer = { status: number; headers: IncomingHttpHeaders; text: string; json: Record<string, unknown> };
type Sent = { headers?: Record<string, string>; body?: string | Buffer };

/** Somebody with a browser: keeps cookies, sends forms. */
export class Person {
  readonly cookies = new Map<string, string>();
  readonly #port: number;
  readonly #address: string | undefined;

  /** @param address where the person is, as a trusted proxy tells it */
  constructor(port: number, address?: string) {
    this.#port = port;
    this.#address = address;
  }

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  gets = (path: string, headers: Record<string, string> = {}) => this.sends('GET', path, { headers });

  signsUp = (username: string, password = GOOD_PASSWORD) => this.posts('/home', { username, password, action: 'signup' });
  logsIn = (username: string, password = GOOD_PASSWORD) => this.posts('/home', { username, password, action: 'login' });

  posts(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
    const body = new URLSearchParams(fields).toString();
    return this.sends('POST', path, { body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });
  }

  sends(method: string, path: string, { headers = {}, body }: Sent = {}): Promise<Answer> {
    const own = {
      ...(this.cookies.size > 0 && { cookie: this.cookie }),
      ...(this.#address !== undefined && { 'x-forwarded-for': this.#address }),
    };
    return new Promise((resolve, reject) => {
      const target = { host: '127.0.0.1', port: this.#port, method, path, rejectUnauthorized: false, agent: false as const };
      const outgoing = request({ ...target, headers: { host: `localhost:${this.#port}`, ...own, ...headers } }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          this.#keepCookies(response.headers['set-cookie'] ?? []);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: parse(text) });
        });
        response.on('error', reject);
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  #keepCookies(set: string[]) {
    for (const line of set) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
