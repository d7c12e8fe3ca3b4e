/**
 * The tabs of one person on one device: they tell each other what happened, and one at a time has the turn.
 *
 * News reach all other tabs that live, in order, and never the teller. At most one tab has the turn, except for the moment
 * in which it is seized from one that sleeps; when its tab goes, however, the next one gets it.
 */
export type Tabs<News> = {
  /** Begins to listen and to wait for the turn. */
  join: (member: { hear: (news: News) => void; turn: (isOurs: boolean) => void }) => void;
  tell: (news: News) => void;
  /** Takes the turn from a tab that does nothing with it. */
  seizeTurn: () => void;
};

/**
 * The tabs as the browser knows them: BroadcastChannel for the news, Web Locks for the turn. Where one is missing a tab
 * is by itself.
 *
 * @param name of what they share; everybody who knows it takes part
 */
export function createTabs<News>(name: string): Tabs<News> {
  const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : undefined;
  let turn = (_isOurs: boolean) => {};

  function waitForTurn(options: LockOptions) {
    if (!('locks' in navigator)) return turn(true);
    const held = navigator.locks.request(name, options, () => {
      turn(true);
      // The turn lasts as long as the tab does.
      return new Promise<never>(() => {});
    });
    held.catch((error: unknown) => {
      const isSeized = error instanceof DOMException && error.name === 'AbortError';
      turn(!isSeized);
      if (isSeized) waitForTurn({});
    });
  }

  return {
    join(member) {
      turn = member.turn;
      if (channel) channel.onmessage = (event: MessageEvent<News>) => member.hear(event.data);
      waitForTurn({});
    },
    tell: (news) => channel?.postMessage(news),
    seizeTurn: () => waitForTurn({ steal: true }),
  };
}
