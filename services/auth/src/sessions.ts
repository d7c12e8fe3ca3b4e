/** Who is signed in: sessions of express-session, bound to an account's generation. */
import { randomBytes } from 'node:crypto';
import type { Log } from '@securechat/shared/log';
import type { User } from '@securechat/shared/protocol';
import type { Request, RequestHandler } from 'express';
import session, { type CookieOptions } from 'express-session';
import { endOf, LIFETIMES, type SessionOwner, type SessionStore, sessionHandle } from './sessionStore.ts';

/** `session` is the session's handle, never its id; `expiresAt` is when it ends unless it is used, ms since 1970. */
export type SignedIn = { user: User; session: string; expiresAt: number };

/** The store cannot answer now: the request is answered 503, and nothing is concluded from it. */
export class SessionsUnavailable extends Error {
  constructor(cause: unknown) {
    super('The session store cannot be reached.', { cause });
    this.name = 'SessionsUnavailable';
  }
}

export type Sessions = {
  /** Finds the request's session; goes before everything below that takes a request. */
  middleware: RequestHandler;
  /** Who sent the request, as far as the store and the account say so now. */
  whoIs(request: Request): Promise<SignedIn | undefined>;
  /** Starts a session under a new id. Resolves to the handle of the session that ended by this, if there was one. */
  logIn(request: Request, owner: SessionOwner): Promise<string | undefined>;
  /** Ends the request's session. Resolves to its handle, if somebody was signed in by it. */
  logOut(request: Request): Promise<string | undefined>;
  /** Those of the sessions that live, with their end (ms since 1970); counts as use. */
  alive(handles: readonly string[]): Promise<Record<string, number>>;
};

export const SESSION_COOKIE = '__Host-securechat';

/** Attributes of our cookies; `__Host-` demands the first two (RFC 6265bis §4.1.3.2). */
export const cookieAttributes = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const satisfies CookieOptions;

/**
 * @param options.secrets keys that sign the cookie, newest first; sessions signed with an older one live on
 * @param options.generations the generations of enabled accounts, by user id
 * @param options.now milliseconds since 1970
 */
export function createSessions(options: {
  store: SessionStore;
  secrets: readonly string[];
  generations: (ids: readonly string[]) => Promise<Map<string, number>>;
  /** True when a proxy of ours speaks TLS for us, and says so in X-Forwarded-Proto. */
  isBehindProxy: boolean;
  log: Log;
  now?: () => number;
}): Sessions {
  const { store, generations, isBehindProxy, log, now = Date.now } = options;
  const find = session({
    store,
    name: SESSION_COOKIE,
    secret: [...options.secrets],
    cookie: { ...cookieAttributes, maxAge: LIFETIMES.idleMs },
    genid: () => randomBytes(32).toString('base64url'),
    rolling: true,
    resave: false,
    saveUninitialized: false,
    proxy: isBehindProxy,
  });

  async function isAlive(owner: SessionOwner) {
    const current = await generations([owner.id]);
    return current.get(owner.id) === owner.generation;
  }

  return {
    middleware(request, response, next) {
      let isFound = false;
      find(request, response, (error?: unknown) => {
        // express-session calls once more when it could not note the use of a session; by then the answer is on its way.
        if (isFound) return log.error({ err: error }, 'session_use_not_noted');
        isFound = true;
        next(error === undefined ? undefined : new SessionsUnavailable(error));
      });
    },

    async whoIs(request) {
      const { user, createdAt } = request.session;
      if (user === undefined || createdAt === undefined || !(await isAlive(user))) return undefined;
      return {
        user: { id: user.id, name: user.name },
        session: sessionHandle(request.sessionID),
        expiresAt: endOf(createdAt, now(), LIFETIMES),
      };
    },

    async logIn(request, owner) {
      const ended = handleOf(request);
      // A new id before the user is saved: an id planted before the login must not become a signed-in one.
      await done((callback) => request.session.regenerate(callback));
      request.session.user = owner;
      request.session.createdAt = now();
      await done((callback) => request.session.save(callback));
      return ended;
    },

    async logOut(request) {
      const ended = handleOf(request);
      await done((callback) => request.session.destroy(callback));
      return ended;
    },

    async alive(handles) {
      const found = await store.renew(handles);
      const owners = [...found.values()].flatMap(({ user }) => (user === undefined ? [] : [user.id]));
      const current = await generations([...new Set(owners)]);
      const living = [...found].filter(([, { user }]) => user !== undefined && current.get(user.id) === user.generation);
      return Object.fromEntries(living.map(([handle, { expiresAt }]) => [handle, expiresAt]));
    },
  };
}

const handleOf = (request: Request) => (request.session.user === undefined ? undefined : sessionHandle(request.sessionID));

/** Awaits one of express-session's callbacks. */
async function done(work: (callback: (error: unknown) => void) => void): Promise<void> {
  const error = await new Promise<unknown>((resolve) => work(resolve));
  if (error) throw new SessionsUnavailable(error);
}
