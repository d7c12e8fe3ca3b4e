/** The public application: everything that a request passes, in order. */
import { isAway } from '@securechat/shared/away';
import type { Log } from '@securechat/shared/log';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { refuse } from './answers.ts';
import { securityHeaders } from './headers.ts';
import { measure } from './metrics.ts';
import type { Asset, Pages } from './pages.ts';
import { createRoutes, type RouteDeps } from './routes.ts';
import { SessionsUnavailable } from './sessions.ts';

/** @param deps what the routes need, and the chat's port for the pages' content security policy */
export function createApp(deps: RouteDeps & { chatPort: number; isBehindProxy: boolean; log: Log }): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);

  app.use(measure);
  app.use(securityHeaders(deps.chatPort, deps.isBehindProxy));
  app.use(serveAssets(deps.pages));
  app.use(createRoutes(deps));
  app.use(refuseUnknown);
  app.use(answerError(deps.log));
  return app;
}

function serveAssets(pages: Pages): RequestHandler {
  return (request, response, next) => {
    const asset = pages.asset(request.path);
    if (asset === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return next();
    const gzipped = request.acceptsEncodings('gzip', 'identity') === 'gzip' ? asset.gzipped : undefined;
    if (gzipped !== undefined) response.setHeader('Content-Encoding', 'gzip');
    const content = gzipped ?? asset.content;
    response.writeHead(200, { ...headersOf(asset), 'Content-Length': content.length }).end(content);
  };
}

function headersOf({ type, isImmutable }: Asset) {
  const caching = isImmutable ? { 'Cache-Control': 'public, max-age=31536000, immutable' } : {};
  return { 'Content-Type': type, Vary: 'Accept-Encoding', ...caching };
}

const refuseUnknown: RequestHandler = (request, response) => {
  if (['GET', 'HEAD', 'POST'].includes(request.method))
    return refuse(request, response, 404, 'There is nothing at this address.');
  response.setHeader('Allow', 'GET, HEAD');
  refuse(request, response, 405, 'This address cannot be used in this way.');
};

// Express knows an error handler by its four parameters.
function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    log.error({ err: error, path: request.path.slice(0, 100) }, 'request_failed');
    if (response.headersSent) return;
    if (error instanceof SessionsUnavailable || isAway(error)) {
      response.setHeader('Retry-After', 5);
      return refuse(request, response, 503, 'This is not possible right now. Please try again in a moment.');
    }
    refuse(request, response, 500, 'Something went wrong on the server. Please try again.');
  };
}
