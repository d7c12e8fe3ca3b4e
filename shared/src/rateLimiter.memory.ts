import type { Budget, RateLimiter, Verdict } from './rateLimiter.ts';

/** `holders`: how many takes with this id have not been given back; together they cost one. */
type Taken = { at: number; id: string | undefined; holders: number };
type Account = { taken: Taken[]; mutedUntil: number };

/** More keys than any honest crowd needs; a stranger who invents keys makes the oldest forgotten, not the server full. */
const MOST_KEYS = 100_000;

/**
 * The limiter of a single node.
 *
 * @param now a clock in milliseconds that never goes back; a change of the machine's time must neither mute nor free
 */
export function createMemoryRateLimiter(budget: Budget, now: () => number = () => performance.now()): RateLimiter {
  const accounts = new Map<string, Account>();

  function take(key: string, id: string | undefined, isTrial: boolean): Verdict {
    const time = now();
    const account = accounts.get(key) ?? { taken: [], mutedUntil: 0 };
    account.taken = account.taken.filter(({ at }) => at > time - budget.windowMs);
    const counted = id === undefined ? undefined : account.taken.find((one) => one.id === id);
    if (counted !== undefined) {
      counted.holders += 1;
      return { ok: true };
    }
    if (account.mutedUntil > time) return refuse(account.mutedUntil - time, false);
    if (account.taken.length >= budget.limit) return refuseAndMute(account, time, isTrial);
    account.taken.push({ at: time, id, holders: 1 });
    remember(key, account);
    return { ok: true };
  }

  function refuseAndMute(account: Account, time: number, isTrial: boolean): Verdict {
    const oldest = account.taken[account.taken.length - budget.limit]?.at ?? time;
    if (budget.muteMs === 0) return refuse(oldest + budget.windowMs - time, false);
    if (!isTrial) account.mutedUntil = time + budget.muteMs;
    return refuse(budget.muteMs, !isTrial);
  }

  /** Keeps the map in order of last use, so that what falls out at the bound is what nobody used for longest. */
  function remember(key: string, account: Account) {
    accounts.delete(key);
    accounts.set(key, account);
    if (accounts.size % 1024 === 0) dropExpired();
    if (accounts.size > MOST_KEYS) accounts.delete(accounts.keys().next().value as string);
  }

  function dropExpired() {
    const time = now();
    for (const [key, { taken, mutedUntil }] of accounts) {
      const last = Math.max(mutedUntil, (taken.at(-1)?.at ?? 0) + budget.windowMs);
      if (last <= time) accounts.delete(key);
    }
  }

  return {
    take: (key, id, isTrial = false) => Promise.resolve(take(key, id, isTrial)),
    giveBack(key, id) {
      const account = accounts.get(key);
      if (account === undefined) return Promise.resolve();
      for (const one of account.taken) if (one.id === id) one.holders -= 1;
      account.taken = account.taken.filter(({ holders }) => holders > 0);
      // A key that cost its inventor nothing must not push out one that counts something.
      if (account.taken.length === 0 && account.mutedUntil <= now()) accounts.delete(key);
      return Promise.resolve();
    },
    clear(key) {
      accounts.delete(key);
      return Promise.resolve();
    },
  };
}

const refuse = (retryAfterMs: number, began: boolean): Verdict => ({ ok: false, retryAfterMs: Math.ceil(retryAfterMs), began });
