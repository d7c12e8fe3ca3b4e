/** What differs between one node and many. */
import type { Announcements } from '@securechat/shared/announcements';
import type { Bus } from '@securechat/shared/bus';
import type { Budget, RateLimiter } from '@securechat/shared/rateLimiter';
import type { KeyPair } from '@securechat/shared/tls';
import type { Kysely } from 'kysely';
import type { SessionStore } from './sessionStore.ts';
import type { Tables } from './userStore.ts';

export type Adapters = {
  db: Kysely<Tables>;
  store: SessionStore;
  bus: Bus;
  announcements: Announcements;
  createLimiter: (name: string, budget: Budget) => RateLimiter;
  /** The stores answer. */
  isReady: () => boolean | Promise<boolean>;
  /** Undefined when a proxy speaks TLS. */
  pair: KeyPair | undefined;
};

/** What was opened, to be closed in the opposite order. */
export type Opened = (() => Promise<void>)[];
