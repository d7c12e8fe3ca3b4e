/** Who is calling: addresses that can be believed, and the networks that limits count by. */
import type { IncomingMessage } from 'node:http';
import { type BlockList, isIP } from 'node:net';

/**
 * The address of the client that made a request. `X-Forwarded-For` is believed only from trusted proxies, and only
 * as far as the chain of trusted hops reaches: the last address that no trusted proxy vouches for is the client.
 *
 * @param trusted networks of the proxies (setting TRUSTED_PROXIES)
 * @returns an IPv4 or IPv6 address; IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2) as IPv4
 */
export function clientAddress(request: IncomingMessage, trusted: BlockList): string {
  let address = plain(request.socket.remoteAddress ?? '0.0.0.0');
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((item) => plain(item.trim()));
  while (isTrusted(address, trusted)) {
    const previous = forwarded.pop();
    if (previous === undefined || isIP(previous) === 0) break;
    address = previous;
  }
  return address;
}

/** The network that limits count: an IPv4 address itself, the /64 of an IPv6 address (one household's usual share). */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = expand(address);
  return `${groups.slice(0, 4).join(':')}::/64`;
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = isIP(address);
  return family !== 0 && trusted.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function plain(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  return mapped?.[1] ?? address.replace(/%.*$/, '');
}

/** The eight groups of an IPv6 address, without leading zeros. */
function expand(address: string): string[] {
  const [head = '', tail] = address.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<string>(Math.max(0, missing)).fill('0'), ...right].map((g) => g.replace(/^0+(?=.)/, ''));
}
