/** What auth counts, for GET /metrics on the internal listener. */
import { Counter, Histogram } from '@prometheus-io/client';
import type { RequestHandler } from 'express';

export const logins = new Counter({ name: 'securechat_logins_total', help: 'Log-ins by result', labelNames: ['result'] });
export const signups = new Counter({ name: 'securechat_signups_total', help: 'Sign-ups by result', labelNames: ['result'] });
const durations = new Histogram({
  name: 'securechat_http_request_seconds',
  help: 'Time to answer requests for pages, by path and kind of status',
  labelNames: ['path', 'status'],
  buckets: [0.001, 0.005, 0.02, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});

/** Paths that get a series of their own; a stranger who invents others makes none. */
const PATHS = new Set(['/', '/home', '/chat', '/leave', '/reset', '/api/me']);

/** Measures from the request's arrival until its answer is handed over. */
export const measure: RequestHandler = (request, response, next) => {
  const stop = durations.startTimer({ path: PATHS.has(request.path) ? request.path : 'other' });
  response.once('finish', () => stop({ status: `${Math.floor(response.statusCode / 100)}xx` }));
  next();
};
