/** Time as a parameter, so that a test can be the one who lets it pass. */
export type Clock = {
  /** Milliseconds since 1970. */
  now: () => number;
  /** Runs something once after so many milliseconds; the returned function calls it off. */
  after: (ms: number, run: () => void) => () => void;
};

export const browserClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
