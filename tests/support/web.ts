/** HTTPS requests as a person makes them, over a connection of their own, with a certificate nobody vouches for. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body parsed as JSON. */
  json<T = unknown>(): T;
};

export type Asked = {
  method?: string;
  headers?: OutgoingHttpHeaders;
  body?: string | Uint8Array;
  /** The address to come from, such as 127.0.0.2. */
  localAddress?: string;
};

/** Makes one request and reads the whole answer; redirects are not followed. */
export function ask(url: string, { method = 'GET', headers = {}, body, localAddress }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, localAddress, family: 4, rejectUnauthorized: false, agent: false, timeout: 10_000 };
    const asked = request(url, options, (response) => {
      const parts: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, json: () => JSON.parse(text) });
      });
    });
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${url} got no answer within 10 s.`)));
    asked.on('error', (cause) => reject(new Error(`${method} ${url} failed.`, { cause })));
    asked.end(body);
  });
}

/** The cookies of one browser. */
export function createCookieJar() {
  const cookies = new Map<string, string>();
  return {
    /** What the browser sends; empty when it has none. */
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    get: (name: string) => cookies.get(name),
    set: (name: string, value: string) => void cookies.set(name, value),
    clear: () => cookies.clear(),
    /** Takes what an answer sets and drops what it expires (RFC 6265 §5.3). */
    keep(headers: IncomingHttpHeaders) {
      for (const line of headers['set-cookie'] ?? []) {
        const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
        const name = pair.slice(0, pair.indexOf('='));
        if (isExpired(attributes)) cookies.delete(name);
        else cookies.set(name, pair.slice(name.length + 1));
      }
    },
  };
}

export type CookieJar = ReturnType<typeof createCookieJar>;

function isExpired(attributes: readonly string[]): boolean {
  const valueGiven = (name: string) => attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
  const maxAge = valueGiven('max-age');
  if (maxAge !== undefined) return Number(maxAge) <= 0;
  const expires = valueGiven('expires');
  return expires !== undefined && Date.parse(expires) <= Date.now();
}
