/** What guessing and mass sign-ups cost: the budgets of logins, sign-ups and resets. */
import { createHash, randomUUID } from 'node:crypto';
import type { Budget, RateLimiter } from '@securechat/shared/rateLimiter';

/** A taken place in all budgets that apply, or how long to wait. */
export type Permission =
  | { ok: true /** As if it had not been asked for. */; giveBack(): Promise<void> }
  | { ok: false; retryAfterMs: number };

export type LoginPermission =
  | { ok: true; giveBack(): Promise<void> /** Forgets the failures of this person here. */; succeed(): Promise<void> }
  | { ok: false; retryAfterMs: number };

export type Throttles = {
  /**
   * Asks before a password is looked at, so that a hundred guesses at once are not looked at either.
   *
   * @param attempt.device hash of the browser's token, only when this person logged in from it before: failures are then
   *   counted by browser instead of by name, so that nobody can lock a person out by guessing
   */
  logIn(attempt: { folded: string; network: string; device: string | undefined }): Promise<LoginPermission>;
  signUp(network: string): Promise<Permission>;
  reset(network: string): Promise<Permission>;
};

const HOUR_MS = 3_600_000;

/** @param createLimiter makes a limiter for the budget of that name; the adapter */
export function createThrottles(
  createLimiter: (name: string, budget: Budget) => RateLimiter,
  { attempts, windowMs, signUpsPerHour }: { attempts: number; windowMs: number; signUpsPerHour: number },
): Throttles {
  const limiter = (name: string, limit: number, ms: number) => createLimiter(name, { limit, windowMs: ms, muteMs: 0 });
  const ofPair = limiter('login-pair', attempts, windowMs);
  const ofDevice = limiter('login-device', attempts, windowMs);
  const ofName = limiter('login-name', 4 * attempts, windowMs);
  const ofNetwork = limiter('login-network', 20 * attempts, windowMs);
  const ofResets = limiter('reset', 20 * attempts, windowMs);
  const ofSignUps = limiter('signup', signUpsPerHour, HOUR_MS);

  return {
    async logIn({ folded, network, device }) {
      const name = digest(folded);
      const own: Charge = device === undefined ? [ofPair, `${name} ${network}`] : [ofDevice, `${name} ${device}`];
      const charges: Charge[] = device === undefined ? [own, [ofName, name], [ofNetwork, network]] : [own, [ofNetwork, network]];
      const permission = await takeAll(charges);
      if (!permission.ok) return permission;
      const succeed = async () => {
        await permission.giveBack();
        await own[0].clear(own[1]);
      };
      return { ...permission, succeed };
    },
    signUp: (network) => takeAll([[ofSignUps, network]]),
    reset: (network) => takeAll([[ofResets, network]]),
  };
}

type Charge = readonly [limiter: RateLimiter, key: string];

/** Takes one from each budget, or none from any. */
async function takeAll(charges: readonly Charge[]): Promise<Permission> {
  const id = randomUUID();
  const taken: Charge[] = [];
  const giveBack = async () => {
    for (const [limiter, key] of taken) await limiter.giveBack(key, id);
  };
  for (const charge of charges) {
    const [limiter, key] = charge;
    const verdict = await limiter.take(key, id);
    if (!verdict.ok) {
      await giveBack();
      return { ok: false, retryAfterMs: verdict.retryAfterMs };
    }
    taken.push(charge);
  }
  return { ok: true, giveBack };
}

/** A name may be 64 KiB long; a key is not. */
const digest = (text: string) => createHash('sha256').update(text).digest('base64url');
