/** The proxy's configuration: proxy/nginx.conf.template with everything filled in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, integer, networks, readConfig, seconds } from '@securechat/shared/config';
import { projectFolder } from './home.ts';

const template = join(projectFolder, 'proxy', 'nginx.conf.template');
const LONGEST_SILENCE_S = 30;
/** nginx counts with 16 bits, and does not start with more; beyond it each chat replica counts by itself. */
const MOST_CONNECTIONS = 65_535;

const settings = {
  HTTP_PORT: integer(5000, 1, 65_535),
  CONNECTIONS_PER_ADDRESS: integer(200, 1, 1_000_000),
  HANDSHAKES_PER_ADDRESS_PER_SECOND: integer(20, 1, 100_000),
  HEARTBEAT_INTERVAL_SECONDS: seconds(10),
  TRUSTED_PROXIES: networks(),
} as const;

/** Where an nginx runs and what it finds there. */
export type ProxyPlace = {
  /** What stands at the top, such as `daemon off;`. */
  globals: string[];
  workers: number;
  /** For the pid file and temporary files. */
  folder: string;
  certPath: string;
  keyPath: string;
  accessLog: string;
  errorLog: string;
  /** What `listen` takes: a port, or an address and a port. */
  listen: { pages: string | number; chat: string | number };
  /** The blocks `upstream auth` and `upstream chat`. */
  upstreams: string;
};

/**
 * The text of an nginx.conf.
 *
 * @param env the server's settings, of which the proxy reads its own: limits, trusted proxies, the port of the pages
 * @throws {ConfigError} with one line for each setting that is wrong
 */
export function renderProxy(env: Environment, place: ProxyPlace): string {
  const config = readConfig(settings, env);
  const values: Record<string, string> = {
    GLOBALS: place.globals.join('\n'),
    WORKERS: String(place.workers),
    FOLDER: place.folder,
    CERTIFICATE: place.certPath,
    KEY: place.keyPath,
    ACCESS_LOG: place.accessLog,
    ERROR_LOG: place.errorLog,
    PAGES_LISTEN: String(place.listen.pages),
    CHAT_LISTEN: String(place.listen.chat),
    PAGES_PORT: config.HTTP_PORT === 443 ? '' : `:${config.HTTP_PORT}`,
    CONNECTIONS: String(Math.min(config.CONNECTIONS_PER_ADDRESS, MOST_CONNECTIONS)),
    HANDSHAKES: String(config.HANDSHAKES_PER_ADDRESS_PER_SECOND),
    SILENCE: String(Math.max(LONGEST_SILENCE_S, Math.ceil((3 * config.HEARTBEAT_INTERVAL_SECONDS) / 1000))),
    TRUSTED_PROXIES: trustedProxies(env.TRUSTED_PROXIES),
    CLIENT_HEADERS: clientHeaders,
    OWN_HEADERS: ownHeaders,
    UPSTREAMS: place.upstreams,
  };
  return readFileSync(template, 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => lookUp(values, name));
}

function lookUp(values: Record<string, string>, name: string): string {
  const value = values[name];
  if (value === undefined) throw new Error(`${template} asks for ${name}, which nobody knows.`);
  return value;
}

/** Upstreams by name, looked up again every second: replicas come and go while nginx runs (nginx 1.27.3 and newer). */
export const upstreamsByName = `  resolver 127.0.0.11 valid=1s ipv6=off;
  resolver_timeout 2s;
${upstream('auth', ['auth:5000 resolve'], 'keepalive 32;', 'keepalive_timeout 60s;')}
${upstream('chat', ['chat:8765 resolve'])}`;

/** Upstreams on fixed ports of this machine. */
export function upstreamsOnPorts(auth: readonly number[], chat: readonly number[]): string {
  const here = (ports: readonly number[]) => ports.map((port) => `127.0.0.1:${port}`);
  return `${upstream('auth', here(auth), 'keepalive 32;', 'keepalive_timeout 60s;')}\n${upstream('chat', here(chat))}`;
}

// max_fails=0: while auth is away every replica of chat answers 503, and none of them may count as dead for it.
function upstream(name: string, servers: readonly string[], ...more: string[]): string {
  const lines = [`zone ${name} 256k;`, 'least_conn;', ...servers.map((server) => `server ${server} max_fails=0;`), ...more];
  return [`  upstream ${name} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n');
}

/** Who in front of us is believed about the client's address. */
function trustedProxies(given: string | undefined): string {
  const all = (given ?? '').split(',').map((network) => network.trim());
  const lines = all.filter((network) => network !== '').map((network) => `  set_real_ip_from ${network};`);
  return lines.length === 0 ? '' : [...lines, '  real_ip_header X-Forwarded-For;', '  real_ip_recursive on;', ''].join('\n');
}

/** What the services are told about a request; what clients say about it themselves is overwritten. */
const clientHeaders = [
  'proxy_set_header Host $http_host;',
  'proxy_set_header X-Forwarded-For $remote_addr;',
  'proxy_set_header X-Forwarded-Proto https;',
  ...['X-Forwarded-Host', 'X-Forwarded-Port', 'X-Real-IP', 'Forwarded'].map((name) => `proxy_set_header ${name} "";`),
].join('\n      ');

/** The headers of nginx's own answers; an empty value leaves one out. */
const ownHeaders = [
  `add_header Content-Security-Policy "default-src 'none'; frame-ancestors 'none'" always;`,
  'add_header X-Content-Type-Options nosniff always;',
  'add_header Referrer-Policy no-referrer always;',
  'add_header Cache-Control no-store always;',
  'add_header Strict-Transport-Security $hsts always;',
  'add_header Retry-After $retry_after always;',
].join('\n      ');
