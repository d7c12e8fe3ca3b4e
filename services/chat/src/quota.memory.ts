import type { Quota } from './quota.ts';

/** The places of a single node. */
export function createMemoryQuota(limit: number): Quota {
  const taken = new Map<string, number>();
  return {
    take(user) {
      const count = taken.get(user) ?? 0;
      if (count >= limit) return Promise.resolve(false);
      taken.set(user, count + 1);
      return Promise.resolve(true);
    },
    giveBack(user) {
      const count = (taken.get(user) ?? 0) - 1;
      if (count > 0) taken.set(user, count);
      else taken.delete(user);
    },
    close() {},
  };
}
