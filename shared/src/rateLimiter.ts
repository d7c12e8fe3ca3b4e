/** The port for budgets: at most so many things in a sliding window, and a mute for whoever wants more. */

/** `began` is true for the one refusal that started the mute. */
export type Verdict = { ok: true } | { ok: false; retryAfterMs: number; began: boolean };

export type Budget = {
  /** How many are allowed in any window. */
  limit: number;
  windowMs: number;
  /** How long everything is refused after one too many; 0: only until the window has room again. */
  muteMs: number;
};

/**
 * Guarantee: over all callers and replicas at most `limit` takes of one key succeed in any `windowMs`; a take is
 * atomic. What is refused neither counts nor prolongs a mute. An `id` that was counted stays free while it is in the
 * window, even during a mute, so that the repetition of a request whose answer was lost costs nothing.
 */
export type RateLimiter = {
  /**
   * Spends one from the key's budget. With `isTrial` a refusal changes nothing (no mute begins), so that the caller
   * can look whether the request is a repetition before it is refused for good.
   */
  take(key: string, id?: string, isTrial?: boolean): Promise<Verdict>;
  /**
   * Takes one take with this id back. What the id spent is free again when all its takes were given back: of two
   * copies of a request that are under way at once the failure of one must not make the other cost nothing.
   */
  giveBack(key: string, id: string): Promise<void>;
  /** Forgets the key: its whole budget is there again. */
  clear(key: string): Promise<void>;
};
