/** What browsers are told about every answer, and what they tell about where a request comes from. */
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

const YEAR_S = 31_536_000;
const UNUSED_FEATURES =
  'accelerometer browsing-topics camera display-capture geolocation gyroscope hid magnetometer microphone midi payment serial usb xr-spatial-tracking';
const PERMISSIONS_POLICY = UNUSED_FEATURES.split(' ')
  .map((feature) => `${feature}=()`)
  .join(', ');

/**
 * Sets the security headers of every answer (OWASP ASVS 5.0 V3.4).
 *
 * @param chatPort where the pages may open sockets, on the host that they came from
 * @param isBehindProxy true when a proxy would add its own name to an answer without a Server header
 */
export function securityHeaders(chatPort: number, isBehindProxy: boolean): RequestHandler {
  const fixed = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'"],
        'connect-src': ["'self'", (request) => chatSource(request, chatPort)],
        'manifest-src': ["'self'"],
        'worker-src': ["'self'"],
        'form-action': ["'self'"],
        'base-uri': ["'none'"],
        'object-src': ["'none'"],
        'frame-ancestors': ["'none'"],
        'require-trusted-types-for': ["'script'"],
        // The one policy there is makes the address of the pages' service worker, and no other.
        'trusted-types': ['securechat-worker'],
      },
    },
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
    hsts: false,
  });
  return (request, response, next) => {
    if (isBehindProxy) response.setHeader('Server', '');
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Permissions-Policy', PERMISSIONS_POLICY);
    // HSTS counts for all ports of a host: on localhost it would break every other server of the person who tries us.
    if (hostOf(request)?.hostname !== 'localhost') response.setHeader('Strict-Transport-Security', `max-age=${YEAR_S}`);
    fixed(request, response, next);
  };
}

/** True when a page of another origin caused the request. Clients that are no browsers say nothing and are let through. */
export function isFromElsewhere(request: IncomingMessage): boolean {
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const origin = request.headers.origin;
  return origin !== undefined && origin !== hostOf(request)?.origin;
}

/** True when a browser fetches ahead of what its user may want (Fetch standard §2.2, and older ways to say so). */
export function isPrefetch(request: IncomingMessage): boolean {
  const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].map((name) => String(request.headers[name] ?? ''));
  return purposes.some((purpose) => /prefetch|prerender|preview/i.test(purpose));
}

/** The value of a cookie that the client sent. */
export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** A host as RFC 9110 §7.2 allows it; anything else never gets into a header of ours. */
const HOST = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

function hostOf(request: IncomingMessage): URL | undefined {
  const host = request.headers.host ?? '';
  const address = `https://${host}`;
  return host.length <= 255 && HOST.test(host) && URL.canParse(address) ? new URL(address) : undefined;
}

function chatSource(request: IncomingMessage, chatPort: number): string {
  const host = hostOf(request);
  if (host === undefined) return '';
  // A source expression (CSP level 3 §2.3.1) cannot name an IPv6 address.
  return host.hostname.startsWith('[') ? 'wss:' : `wss://${host.hostname}:${chatPort}`;
}
