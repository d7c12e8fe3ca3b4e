/** The port by which auth tells every chat server that sessions ended or accounts changed. */

/** What is announced. */
export type AccountNews = { kind: 'session_ended'; session: string } | { kind: 'account_changed'; user: string };

/**
 * Guarantee: what was announced is heard by every server that listens, within a second or so even if a message on the
 * way was lost, and by one that was cut off as soon as it is back (within ten minutes). It may be heard more than once.
 */
export type Announcements = {
  /**
   * Resolves when every server will hear of it.
   *
   * @throws when that cannot be said now
   */
  announce(news: AccountNews): Promise<void>;
  /** Hears the news from now on. Returns how to stop. */
  listen(onNews: (news: AccountNews) => void): Promise<() => Promise<void>>;
};
