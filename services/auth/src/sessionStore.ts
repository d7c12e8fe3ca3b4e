/** The port for sessions: express-session's own Store, and what other services ask beyond it. */
import { createHash } from 'node:crypto';
import type session from 'express-session';

/** Who a session belongs to. It is dead when the account has another generation. */
export type SessionOwner = { id: string; name: string; generation: number };

declare module 'express-session' {
  interface SessionData {
    user?: SessionOwner;
    /** Milliseconds since 1970. */
    createdAt?: number;
  }
}

export type Lifetimes = { idleMs: number; absoluteMs: number };

/** A week without use, a month in all (OWASP ASVS 5.0 V7.3). */
export const LIFETIMES: Lifetimes = { idleMs: 7 * 86_400_000, absoluteMs: 30 * 86_400_000 };

/**
 * Guarantee: a session is found until it was unused for `idleMs`, is `absoluteMs` old, or was destroyed, whichever comes
 * first; what `set` acknowledged survives a restart. Use is noted to the minute.
 */
export type SessionStore = session.Store & {
  /** Notes that these sessions are in use. Resolves to those that exist, with their owner and end (ms since 1970). */
  renew(handles: readonly string[]): Promise<Map<string, { user: SessionOwner | undefined; expiresAt: number }>>;
  /** Forgets what has expired. */
  purge(): Promise<void>;
};

/** The name of a session for logs, stores and other services: SHA-256 of its id, base64url. Nobody can sign in with it. */
export const sessionHandle = (sessionId: string) => createHash('sha256').update(sessionId).digest('base64url');

/** When a session ends if nobody uses it from `now` on; milliseconds since 1970. */
export const endOf = (createdAt: number, now: number, { idleMs, absoluteMs }: Lifetimes) =>
  Math.min(now + idleMs, createdAt + absoluteMs);
