/** What the other services and the administrator's tool ask of auth, on the listener that no proxy routes to. */
import type { Announcements } from '@securechat/shared/announcements';
import { type Bus, headsChannel, toPayload } from '@securechat/shared/bus';
import type { Log } from '@securechat/shared/log';
import { isInternal } from '@securechat/shared/secrets';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import * as v from 'valibot';
import { sayJson } from './answers.ts';
import { readJson } from './body.ts';
import type { Sessions } from './sessions.ts';

const sessionList = v.object({ sessions: v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(500)) });
const accountNews = v.variant('kind', [
  v.object({ kind: v.literal('session_ended'), session: v.string() }),
  v.object({ kind: v.literal('account_changed'), user: v.string() }),
]);
const announcement = v.variant('channel', [
  v.object({ channel: v.literal('accounts'), news: accountNews }),
  v.object({ channel: v.literal('heads'), news: v.object({ room: v.string() }) }),
]);

/**
 * The internal routes; each demands the bearer token (RFC 6750) of shared/secrets.
 *
 * - `GET /internal/session` with the client's Cookie header: 200 `{user, session, expiresAt}` or 401
 * - `POST /internal/sessions` `{sessions}`: 200 `{alive: {[session]: expiresAt}}`
 * - `POST /internal/announce` `{channel, news}`: 204
 */
export function createInternalRoutes(deps: {
  sessions: Sessions;
  announcements: Pick<Announcements, 'announce'>;
  bus: Pick<Bus, 'publish'>;
  secrets: readonly string[];
  log: Log;
}): Express {
  const { sessions, announcements, bus, log } = deps;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  app.use('/internal', demandToken(deps.secrets));
  app.get('/internal/session', sessions.middleware, async (request, response) => {
    const person = await sessions.whoIs(request);
    if (person === undefined) return sayJson(response, 401, { message: 'No live session.' });
    sayJson(response, 200, person);
  });
  app.post('/internal/sessions', async (request, response) => {
    const asked = v.safeParse(sessionList, await readJson(request, response));
    if (!asked.success) return sayJson(response, 400, { message: 'Not a list of at most 500 sessions.' });
    sayJson(response, 200, { alive: await sessions.alive(asked.output.sessions) });
  });
  app.post('/internal/announce', async (request, response) => {
    const given = v.safeParse(announcement, await readJson(request, response));
    if (!given.success) return sayJson(response, 400, { message: 'Not an announcement.' });
    const { channel, news } = given.output;
    if (channel === 'accounts') await announcements.announce(news);
    else bus.publish(headsChannel, toPayload(news));
    response.writeHead(204).end();
  });
  app.use((_request, response) => sayJson(response, 404, { message: 'There is nothing at this address.' }));
  app.use(answerError(log));
  return app;
}

function demandToken(secrets: readonly string[]): RequestHandler {
  return (request, response, next) => {
    if (isInternal(request.headers.authorization, secrets)) return next();
    // RFC 6750 §3: so the asker can tell this from "no session", which is a 401 too.
    response.setHeader('WWW-Authenticate', 'Bearer');
    sayJson(response, 401, { message: 'A service token is needed.' });
  };
}

// Not knowing is never a "no": the asker must be able to tell the two apart. Express knows this by its four parameters.
function answerError(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    log.error({ err: error, path: request.path }, 'internal_request_failed');
    if (!response.headersSent) sayJson(response, 503, { message: 'Cannot be answered now.' });
  };
}
