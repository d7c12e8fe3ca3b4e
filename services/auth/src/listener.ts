/** The public listener: how long it waits, what it refuses before the application sees it, how it ends. */
import { createServer as createPlainServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Running } from '@securechat/shared/lifecycle';
import { type KeyPair, tlsOptions } from '@securechat/shared/tls';
import type { Express } from 'express';
import { deferContinue } from './body.ts';

const CLOSE_WITHIN_MS = 3_000;
/** Idle connections of browsers are many; those of a proxy are few, and it must never find one closed that it is about to use. */
const IDLE_MS = { browsers: 15_000, proxy: 90_000 };

/**
 * Listens and hands requests to the application.
 *
 * @param options.pair for TLS; without it a proxy in front speaks TLS
 * @returns how to end: requests in flight are finished, at most 3 s long
 * @throws what listening throws, such as EADDRINUSE
 */
export async function listen(app: Express, options: { pair: KeyPair | undefined; host: string; port: number }): Promise<Running> {
  const { pair } = options;
  const limits = {
    requireHostHeader: true,
    maxHeaderSize: 16 * 1024,
    headersTimeout: 20_000,
    requestTimeout: 60_000,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: pair === undefined ? IDLE_MS.proxy : IDLE_MS.browsers,
  };
  const server: Server =
    pair === undefined ? createPlainServer(limits, app) : createTlsServer({ ...tlsOptions(pair), ...limits }, app);
  server.maxHeadersCount = 100;
  // A client that stops reading its answer.
  server.setTimeout(90_000);
  server.on('checkContinue', (request, response) => {
    deferContinue(request, response);
    app(request, response);
  });
  refuseBarely(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return { close: () => end(server) };
}

/** What never becomes a request gets a status and nothing else: no page, no version. */
function refuseBarely(server: Server) {
  const answering = new WeakSet<Duplex>();
  server.on('request', (request, response) => {
    answering.add(request.socket);
    response.once('close', () => answering.delete(request.socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Inside an answer a second one would be taken for a part of the first.
    if (!socket.writable || answering.has(socket)) socket.destroy();
    else socket.end(bareAnswer(statusOf(error)), () => socket.destroy());
  });
  // Cut, not answered: an answer would wait for the end of a TLS hello that never ends.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('checkExpectation', (_request, response) => response.socket?.end(bareAnswer('417 Expectation Failed')));
  server.on('connect', (_request, socket) => socket.end(bareAnswer('405 Method Not Allowed', 'Allow: GET, HEAD\r\n')));
}

function statusOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
}

function bareAnswer(status: string, more = ''): string {
  const security =
    "Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\n";
  return `HTTP/1.1 ${status}\r\n${security}${more}Content-Length: 0\r\nConnection: close\r\n\r\n`;
}

async function end(server: Server): Promise<void> {
  const ended = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that becomes idle after this moment would keep us waiting for its next request.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS);
  await ended;
  clearInterval(idle);
  clearTimeout(late);
}
