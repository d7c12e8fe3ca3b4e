/** The ladder before the upgrade (RFC 6455 §4.2): each step refuses early, before anything is allocated for the next. */
import type { IncomingMessage } from 'node:http';
import { clientAddress, networkOf } from '@securechat/shared/network';
import type { ChatConfig } from './config.ts';
import type { Identity, IdentityDesk } from './identity.ts';
import type { Quota } from './quota.ts';

/**
 * `identity` undefined: there is no live session; the upgrade is completed only to say so. Otherwise a place of the
 * person's quota is taken, which the caller gives back.
 */
export type Accepted = { ok: true; identity: Identity | undefined; network: string };
export type Refused = { ok: false; status: number; reason: string; retryAfterSeconds?: number };

export type Handshake = ReturnType<typeof createHandshake>;

const BURST = 200;

export function createHandshake(options: {
  config: Pick<
    ChatConfig,
    'HTTP_PORT' | 'ALLOWED_ORIGINS' | 'TRUSTED_PROXIES' | 'CONNECTIONS_PER_ADDRESS' | 'HANDSHAKES_PER_ADDRESS_PER_SECOND'
  >;
  identities: Pick<IdentityDesk, 'whoIs'>;
  /** Open and opening connections of a network. */
  countOf: (network: string) => number;
  /** Connections of a person. */
  quota: Pick<Quota, 'take'>;
  isDraining: () => boolean;
  now?: () => number;
}) {
  const { config, identities, countOf, quota, isDraining, now = () => performance.now() } = options;
  const buckets = createBuckets(config.HANDSHAKES_PER_ADDRESS_PER_SECOND, now);

  return {
    /** The network a request comes from, which limits count by. */
    networkOf: (request: IncomingMessage) => networkOf(clientAddress(request, config.TRUSTED_PROXIES)),

    async judge(request: IncomingMessage, network: string): Promise<Accepted | Refused> {
      const fault = faultOf(request) ?? refuseOrigin(request, config) ?? refuseCrowd(network);
      if (fault !== undefined) return fault;
      if (isDraining()) return refuse(503, 'This server is going away. Try again in a moment.', 3);
      const identity = await identities.whoIs(request.headers.cookie).catch(() => 'unreachable' as const);
      if (identity === 'unreachable') return unreachable;
      const hasPlace = identity === undefined || (await quota.take(identity.user.id).catch(() => 'unknown' as const));
      if (hasPlace === 'unknown') return unreachable;
      if (!hasPlace) return refuse(429, 'You are connected too many times. Close a connection and try again.', 10);
      return { ok: true, identity, network };
    },
  };

  function refuseCrowd(network: string): Refused | undefined {
    if (countOf(network) > config.CONNECTIONS_PER_ADDRESS) {
      return refuse(429, 'There are too many connections from your address.', 10);
    }
    return buckets.take(network) ? undefined : refuse(429, 'There were too many connection attempts from your address.', 1);
  }
}

const unreachable = refuse(503, 'Sessions cannot be checked at the moment. Try again shortly.', 3);

/** The answer to a handshake that RFC 6455 §4.2.1 would not have. */
export const incomplete = refuse(400, 'This is not a complete WebSocket handshake.');

/** What is wrong with a request on this port, if anything. */
export function faultOf(request: IncomingMessage): Refused | undefined {
  const { url = '', method, headers, httpVersion } = request;
  if (url.split('?')[0] !== '/') return refuse(404, 'There is nothing here.');
  if (method !== 'GET') return refuse(405, 'Only GET is possible here.');
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refuse(426, 'This port speaks WebSocket only.');
  const isComplete =
    httpVersion !== '1.0' &&
    headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '');
  return isComplete ? undefined : incomplete;
}

/** A browser's page may connect only if it is ours: cookies travel from anywhere (cross-site WebSocket hijacking). */
function refuseOrigin(
  { headers }: IncomingMessage,
  config: Pick<ChatConfig, 'HTTP_PORT' | 'ALLOWED_ORIGINS'>,
): Refused | undefined {
  const { origin } = headers;
  if (origin === undefined) return undefined;
  const hostname = /^(\[[0-9a-f:.]+\]|[^:/@\s]+)(:\d+)?$/i.exec(headers.host ?? '')?.[1]?.toLowerCase();
  const port = config.HTTP_PORT === 443 ? '' : `:${config.HTTP_PORT}`;
  const isOwn = hostname !== undefined && origin === `https://${hostname}${port}`;
  return isOwn || config.ALLOWED_ORIGINS.includes(origin) ? undefined : refuse(403, 'This page may not connect here.');
}

/** A token bucket per network: a burst, then so many a second. What is refused takes nothing. */
function createBuckets(perSecond: number, now: () => number) {
  const buckets = new Map<string, { tokens: number; at: number }>();
  const fillMs = (BURST / perSecond) * 1000;

  function dropFull() {
    for (const [key, { at }] of buckets) {
      if (at + fillMs <= now()) buckets.delete(key);
    }
  }

  return {
    take(key: string): boolean {
      const time = now();
      const { tokens, at } = buckets.get(key) ?? { tokens: BURST, at: time };
      const filled = Math.min(BURST, tokens + ((time - at) * perSecond) / 1000);
      if (filled < 1) return false;
      buckets.set(key, { tokens: filled - 1, at: time });
      if (buckets.size % 4096 === 0) dropFull();
      return true;
    },
  };
}

function refuse(status: number, reason: string, retryAfterSeconds?: number): Refused {
  return { ok: false, status, reason, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) };
}
