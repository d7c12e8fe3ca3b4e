import type { Bus } from './bus.ts';

/** The bus of a single node: subscribers are in this process, nothing is ever lost. */
export function createMemoryBus(): Bus {
  const channels = new Map<string, Set<(payload: Uint8Array) => void>>();
  let isClosed = false;

  function deliver(channel: string, payload: Uint8Array) {
    if (isClosed) return;
    for (const listener of channels.get(channel) ?? []) listener(payload);
  }

  return {
    // A later turn, as over a network: nobody hears of a change inside the call that made it.
    publish(channel, payload) {
      setImmediate(deliver, channel, payload);
    },
    subscribe(channel, onPayload) {
      const listeners = channels.get(channel) ?? new Set();
      channels.set(channel, listeners.add(onPayload));
      return Promise.resolve(() => {
        listeners.delete(onPayload);
        if (listeners.size === 0 && channels.get(channel) === listeners) channels.delete(channel);
        return Promise.resolve();
      });
    },
    onInterrupted() {},
    close() {
      isClosed = true;
      channels.clear();
      return Promise.resolve();
    },
  };
}
