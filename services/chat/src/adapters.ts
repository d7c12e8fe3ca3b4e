/** What differs between one node and many, and what both ways of opening it share. */
import type { Announcements } from '@securechat/shared/announcements';
import type { Bus } from '@securechat/shared/bus';
import type { Budget, RateLimiter } from '@securechat/shared/rateLimiter';
import type { KeyPair } from '@securechat/shared/tls';
import type { Append, EventStore } from './eventStore.ts';
import type { Presence } from './presence.ts';
import type { Quota } from './quota.ts';
import type { Farewell } from './server.ts';

export type Adapters = {
  bus: Bus;
  announcements: Announcements;
  store: EventStore;
  append: Append;
  presence: Presence;
  quota: Quota;
  createLimiter: (name: string, budget: Budget) => RateLimiter;
  /** How people are sent away at a shutdown. */
  farewell: (settled: () => Promise<void>) => Farewell;
  /** Undefined when a proxy speaks TLS. */
  pair: KeyPair | undefined;
};

/** What was opened, to be closed in the opposite order. */
export type Opened = (() => Promise<void>)[];

export type OnError = (err: unknown) => void;

const WITNESS_EVERY_MS = 1_000;

/** A witness is written anew once a second while there is something new to note; an older one does no harm. */
export function keepFresh(write: () => Promise<void>, onError: OnError) {
  let isStale = false;
  const keeper = setInterval(() => {
    if (!isStale) return;
    isStale = false;
    write().catch(() => {
      isStale = true;
    });
  }, WITNESS_EVERY_MS);
  keeper.unref();
  return {
    touch() {
      isStale = true;
    },
    async close() {
      clearInterval(keeper);
      await write().catch(onError);
    },
  };
}

/** Appends as before, and notes that there is something new. */
export const afterEach =
  (append: Append, note: () => void): Append =>
  (room, drafts, floor, epoch) => {
    note();
    return append(room, drafts, floor, epoch);
  };
