/** Chance that can be repeated: the same seed gives the same numbers on every machine. */
export type Random = ReturnType<typeof createRandom>;

/** @param seed any integer */
export function createRandom(seed: number) {
  let state = seed >>> 0;

  /** 0 ≤ x < 1, by mulberry32. */
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  const below = (limit: number) => Math.floor(next() * limit);

  return {
    next,
    /** A whole number from `low` to below `high`. */
    between: (low: number, high: number) => low + below(high - low),
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new Error('There is nothing to pick from.');
      return from[below(from.length)] as T;
    },
    shuffled<T>(from: readonly T[]): T[] {
      const left = [...from];
      return Array.from(from, () => left.splice(below(left.length), 1)[0] as T);
    },
  };
}
