/** The port for how many connections one person may have. Guarantee: over all replicas never more than the limit. */
export type Quota = {
  /**
   * Takes a place for one more connection of this person. False when there is none.
   *
   * @throws when it cannot be said now
   */
  take(user: string): Promise<boolean>;
  /** The connection is over. */
  giveBack(user: string): void;
  close(): void;
};
