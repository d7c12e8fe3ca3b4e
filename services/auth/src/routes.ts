/** What can be asked of auth over the public port, path by path. */
import type { Announcements } from '@securechat/shared/announcements';
import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import * as v from 'valibot';
import type { Accounts, LogIn, Reset, SignUp } from './accounts.ts';
import { redirect, refuse, sayJson, tooMany } from './answers.ts';
import { endWhileReceiving, readForm } from './body.ts';
import { cookieOf, isFromElsewhere, isPrefetch } from './headers.ts';
import type { Journal } from './journal.ts';
import { logins, signups } from './metrics.ts';
import type { PageName, Pages, PageValues } from './pages.ts';
import { cookieAttributes, SESSION_COOKIE, type Sessions } from './sessions.ts';

export type RouteDeps = {
  pages: Pages;
  accounts: Accounts;
  sessions: Sessions;
  announcements: Pick<Announcements, 'announce'>;
  journal: Journal;
  /** The client's address, and the network that limits count it by. */
  whereIs: (request: Request) => { address: string; network: string };
  /** What every page is told. */
  settings: Pick<PageValues, 'chat.port' | 'max.chars' | 'signup'>;
};

export const DEVICE_COOKIE = '__Host-securechat-device';
const YEAR_MS = 365 * 86_400_000;

const credentials = v.object({ username: v.string(), password: v.string(), action: v.picklist(['signup', 'login']) });
const newPassword = v.object({ token: v.string(), password: v.string() });
type Credentials = v.InferOutput<typeof credentials>;

/** The public routes; what ends a session is announced, so that its open sockets end too. */
export function createRoutes({ pages, accounts, sessions, announcements, journal, whereIs, settings }: RouteDeps): Router {
  const router = express.Router({ caseSensitive: true, strict: true });
  const withSession = sessions.middleware;

  router.get('/', (_request, response) => redirect(response, '/home'));
  router.get('/home', withSession, async (request, response) => {
    if ((await sessions.whoIs(request)) !== undefined) return redirect(response, '/chat');
    show(response, 'home');
  });
  router.post('/home', refuseElsewhere, withSession, async (request, response) => {
    const form = await readForm(request, response, credentials);
    if (form.kind === 'too_large') return sayTooLarge(request, response);
    if (form.kind === 'malformed') {
      return sayJson(response, 400, { message: 'Please send a username, a password, and the action signup or login.' });
    }
    if (form.fields.action === 'signup') await signUp(request, response, form.fields);
    else await logIn(request, response, form.fields);
  });
  router.get('/chat', withSession, async (request, response) => {
    const person = await sessions.whoIs(request);
    if (person === undefined) return redirect(response, '/home');
    show(response, 'chat', { 'user.id': person.user.id, 'user.name': person.user.name });
  });
  // An image on another site, or a browser that loads links ahead, must not sign anybody out.
  router.get('/leave', ignoreUnmeant, withSession, leave);
  router.get('/api/me', withSession, async (request, response) => {
    const person = await sessions.whoIs(request);
    if (person === undefined) return sayJson(response, 401, { message: 'You are not signed in.' });
    sayJson(response, 200, { user: person.user });
  });
  router.get('/reset', (_request, response) => show(response, 'reset'));
  router.post('/reset', refuseElsewhere, async (request, response) => {
    const form = await readForm(request, response, newPassword);
    if (form.kind === 'too_large') return sayTooLarge(request, response);
    if (form.kind === 'malformed') return sayJson(response, 400, { message: 'Please send a token and a new password.' });
    const { address, network } = whereIs(request);
    const result = await accounts.reset(form.fields, network);
    if (result.kind === 'changed') {
      journal.event('password_changed', { userId: result.userId, address });
      await announcements.announce({ kind: 'account_changed', user: result.userId });
    } else journal.refusal({ reason: `reset_${result.kind}`, address });
    answerReset(response, result);
  });

  router.all(['/home', '/reset'], refuseMethod('GET, HEAD, POST'));
  router.all(['/', '/chat', '/leave', '/api/me'], refuseMethod('GET, HEAD'));
  return router;

  function show(response: Response, page: PageName, values: Partial<PageValues> = {}) {
    const html = pages.render(page, { ...settings, ...values });
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': Buffer.byteLength(html) }).end(html);
  }

  async function signUp(request: Request, response: Response, form: Credentials) {
    const { address, network } = whereIs(request);
    const result = await accounts.signUp(form, network);
    signups.inc({ result: result.kind });
    if (result.kind === 'created') journal.event('signed_up', { userId: result.userId, address });
    else journal.refusal({ reason: `signup_${result.kind}`, address });
    answerSignUp(response, result);
  }

  async function logIn(request: Request, response: Response, form: Credentials) {
    const { address, network } = whereIs(request);
    const result = await accounts.logIn(form, network, cookieOf(request, DEVICE_COOKIE));
    logins.inc({ result: result.kind });
    if (result.kind !== 'welcome') {
      journal.refusal({ reason: `login_${result.kind}`, address, ...(result.kind === 'wrong' && { userId: result.userId }) });
      return answerRefusedLogIn(response, result);
    }
    const ended = await sessions.logIn(request, result.owner);
    if (ended !== undefined) await announcements.announce({ kind: 'session_ended', session: ended });
    journal.event('logged_in', { userId: result.owner.id, address });
    response.cookie(DEVICE_COOKIE, result.device, { ...cookieAttributes, maxAge: YEAR_MS });
    sayJson(response, 200, { redirect: '/chat' });
  }

  async function leave(request: Request, response: Response) {
    const person = await sessions.whoIs(request);
    const ended = await sessions.logOut(request);
    if (ended !== undefined) await announcements.announce({ kind: 'session_ended', session: ended });
    if (person !== undefined) journal.event('left', { userId: person.user.id, address: whereIs(request).address });
    response.clearCookie(SESSION_COOKIE, cookieAttributes);
    redirect(response, '/home');
  }
}

const ignoreUnmeant: RequestHandler = (request, response, next) => {
  if (request.method === 'HEAD' || isFromElsewhere(request) || isPrefetch(request)) return redirect(response, '/chat');
  next();
};

const refuseElsewhere: RequestHandler = (request, response, next) => {
  if (!isFromElsewhere(request)) return next();
  sayJson(response, 403, { message: 'This form was sent from another site. Please open the start page and try again.' });
};

function refuseMethod(allowed: string): RequestHandler {
  return (request, response) => {
    response.setHeader('Allow', allowed);
    refuse(request, response, 405, 'This address cannot be used in this way.');
  };
}

async function sayTooLarge(request: Request, response: Response) {
  response.status(413).setHeader('Content-Type', 'application/json; charset=utf-8');
  await endWhileReceiving(request, response, JSON.stringify({ message: 'This is more than can be sent at once.' }));
}

function answerSignUp(response: Response, result: SignUp) {
  switch (result.kind) {
    case 'created':
      return sayJson(response, 201, { message: 'Signup successful. You may now log in.' });
    case 'taken':
      return sayJson(response, 400, { message: 'Username already exists.' });
    case 'unacceptable':
      return sayJson(response, 400, { message: result.message, field: result.field });
    case 'closed':
      return sayJson(response, 403, { message: 'Sign-up is closed. Ask the person who runs this server.' });
    case 'throttled':
    case 'busy':
      return tooMany(response, result.retryAfterMs);
  }
}

function answerRefusedLogIn(response: Response, result: Exclude<LogIn, { kind: 'welcome' }>) {
  if (result.kind === 'wrong') return sayJson(response, 401, { message: 'Invalid username and/or password.' });
  tooMany(response, result.retryAfterMs);
}

function answerReset(response: Response, result: Reset) {
  switch (result.kind) {
    case 'changed':
      return sayJson(response, 200, { message: 'Your password is changed. You may now log in.' });
    case 'unknown_token':
      return sayJson(response, 400, {
        message: 'This link was used already or is too old. Ask the person who runs this server for a new one.',
      });
    case 'unacceptable':
      return sayJson(response, 400, { message: result.message, field: result.field });
    case 'throttled':
    case 'busy':
      return tooMany(response, result.retryAfterMs);
  }
}
