import { randomBytes } from 'node:crypto';
import type { Bus } from './bus.ts';
import { connectRedis, untilRedisAnswers, withoutCommand } from './redis.ts';

export type RedisBus = Bus & {
  /** Whether publications go out and come in now, as far as is known. */
  isConnected(): boolean;
};

export type BusTiming = {
  /** How often the bus listens to itself. */
  probeEveryMs: number;
  /** How long after Redis took a probe it must have been heard. */
  deafAfterMs: number;
  /** How long subscribing may wait for Redis to be back. */
  subscribeWithinMs: number;
  /** How long the start waits for Redis. */
  startWithinMs: number;
};

type Channel = { listeners: Set<(payload: Uint8Array) => void>; isConfirmed: boolean };

const usualTiming: BusTiming = { probeEveryMs: 2_000, deafAfterMs: 3_000, subscribeWithinMs: 2_000, startWithinMs: 10_000 };
const SUBSCRIBE_AGAIN_AFTER_MS = 100;
/** Tells whose publication it is; in front of each payload. */
const ORIGIN_BYTES = 16;
/** What may be under way to a Redis that does not answer; more is dropped, since a publication is a hint. */
const MOST_BYTES_UNDER_WAY = 16 * 1024 * 1024;
const MOST_UNDER_WAY = 10_000;

/**
 * The bus of many replicas, on Redis' publish and subscribe. Own publications are handed to own subscribers here and
 * their echo is dropped: they are heard a hop earlier, and also while Redis is away.
 *
 * Resolves when Redis has answered and subscribing works.
 *
 * @param options.onError hears why publications or connections failed, once for each
 * @param options.onDeaf hears that a connection looked alive but nothing came through it, and was opened anew
 * @throws {ConfigError} when there is no Redis at `url`, or it refuses the password
 */
export async function createRedisBus(options: {
  url: string;
  onError: (err: unknown) => void;
  onDeaf?: () => void;
  timing?: Partial<BusTiming>;
}): Promise<RedisBus> {
  const { url, onError, onDeaf = () => {} } = options;
  const timing = { ...usualTiming, ...options.timing };
  const channels = new Map<string, Channel>();
  const interruptionListeners: ((channels: string[]) => void)[] = [];
  const origin = randomBytes(ORIGIN_BYTES);
  const underWay = { count: 0, bytes: 0 };
  const publisher = connectRedis(url, { name: 'securechat-publisher', onError });
  const subscriber = connectRedis(url, { name: 'securechat-subscriber', onError });
  let isClosed = false;

  // ---- publishing --------------------------------------------------------------------------------------------------

  function publish(channel: string, payload: Uint8Array) {
    if (isClosed) return;
    // A later turn, as over the network: nobody hears of a change inside the call that made it.
    setImmediate(deliver, channel, payload);
    if (underWay.count >= MOST_UNDER_WAY || underWay.bytes >= MOST_BYTES_UNDER_WAY) {
      return onError(new Error('Redis takes publications too slowly: one was dropped'));
    }
    send(channel, Buffer.concat([origin, payload])).catch(onError);
  }

  async function send(channel: string, bytes: Buffer): Promise<void> {
    underWay.count += 1;
    underWay.bytes += bytes.length;
    try {
      await publisher.publish(channel, bytes);
    } catch (error) {
      throw withoutCommand(error);
    } finally {
      underWay.count -= 1;
      underWay.bytes -= bytes.length;
    }
  }

  // ---- hearing -----------------------------------------------------------------------------------------------------

  function hear(channel: string, bytes: Buffer) {
    if (channel === probes.channel) return probes.hear(bytes);
    if (bytes.length < ORIGIN_BYTES || bytes.subarray(0, ORIGIN_BYTES).equals(origin)) return;
    deliver(channel, bytes.subarray(ORIGIN_BYTES));
  }

  function deliver(channel: string, payload: Uint8Array) {
    for (const listener of channels.get(channel)?.listeners ?? []) listener(payload);
  }

  async function subscribe(name: string, onPayload: (payload: Uint8Array) => void): Promise<() => Promise<void>> {
    const channel = channels.get(name) ?? { listeners: new Set(), isConfirmed: false };
    channels.set(name, channel);
    // Before the confirmation: what follows it at once on the connection is for this listener too.
    channel.listeners.add(onPayload);
    const stop = () => stopHearing(name, channel, onPayload);
    try {
      await confirm(name, channel);
      return stop;
    } catch (error) {
      await stop();
      throw withoutCommand(error);
    }
  }

  /** Resolves when Redis says that the channel is heard on the present connection; waits a little for it to be back. */
  async function confirm(name: string, channel: Channel): Promise<void> {
    const deadline = performance.now() + timing.subscribeWithinMs;
    while (!channel.isConfirmed) {
      try {
        await subscriber.subscribe(name);
        channel.isConfirmed = true;
      } catch (error) {
        if (isClosed || performance.now() >= deadline) throw error;
        await new Promise((resolve) => setTimeout(resolve, SUBSCRIBE_AGAIN_AFTER_MS));
      }
    }
  }

  async function stopHearing(name: string, channel: Channel, onPayload: (payload: Uint8Array) => void): Promise<void> {
    channel.listeners.delete(onPayload);
    if (channel.listeners.size > 0 || channels.get(name) !== channel) return;
    channels.delete(name);
    // Unheard, because Redis is away: nothing is subscribed on the next connection that nobody wants.
    await subscriber.unsubscribe(name).catch(() => {});
  }

  // ---- interruptions -----------------------------------------------------------------------------------------------

  /** Each new connection knows nothing: all is subscribed again, and then whoever must not miss anything looks. */
  async function takeUp(): Promise<void> {
    const wanted = [...channels];
    await subscriber.subscribe(probes.channel, ...wanted.map(([name]) => name));
    for (const [, channel] of wanted) channel.isConfirmed = true;
    probes.begin();
    tellInterrupted();
  }

  function takeUpOrReconnect() {
    takeUp().catch((error: unknown) => {
      if (isClosed) return;
      onError(withoutCommand(error));
      reconnect();
    });
  }

  function reconnect() {
    // In any other state it is reconnecting already.
    if (subscriber.status === 'ready') subscriber.disconnect(true);
  }

  function tellInterrupted() {
    const names = [...channels.keys()];
    if (names.length === 0) return;
    for (const listener of interruptionListeners) listener(names);
  }

  const probes = createProbes({
    timing,
    publish: (channel, text) => publisher.publish(channel, text),
    onDeaf() {
      if (isClosed || subscriber.status !== 'ready') return;
      onDeaf();
      reconnect();
    },
    onHeardAgain: tellInterrupted,
  });

  async function close(): Promise<void> {
    isClosed = true;
    probes.end();
    channels.clear();
    subscriber.disconnect();
    // The last publications go out before the goodbye.
    await publisher.quit().catch(() => {});
    publisher.disconnect();
  }

  subscriber.on('messageBuffer', (channel: Buffer, bytes: Buffer) => hear(channel.toString(), bytes));
  subscriber.on('close', () => {
    for (const channel of channels.values()) channel.isConfirmed = false;
  });
  try {
    await Promise.all([
      untilRedisAnswers(publisher, url, timing.startWithinMs),
      untilRedisAnswers(subscriber, url, timing.startWithinMs),
    ]);
    subscriber.on('ready', takeUpOrReconnect);
    await takeUp();
  } catch (error) {
    await close();
    throw withoutCommand(error);
  }

  return {
    publish,
    subscribe,
    onInterrupted: (listener) => void interruptionListeners.push(listener),
    isConnected: () => !isClosed && publisher.status === 'ready' && subscriber.status === 'ready' && probes.areHeard(),
    close,
  };
}

/**
 * Says something to itself again and again: a subscription that is gone, or whose connection is dead without an end,
 * looks like a quiet one.
 */
function createProbes(options: {
  timing: BusTiming;
  publish: (channel: string, text: string) => Promise<unknown>;
  /** A probe that Redis took was not heard. */
  onDeaf: () => void;
  /** Heard again after Redis did not take a probe: what others said meanwhile may not have been taken either. */
  onHeardAgain: () => void;
}) {
  const { timing, publish, onDeaf, onHeardAgain } = options;
  const channel = `probe:${randomBytes(ORIGIN_BYTES).toString('hex')}`;
  const timers = new Set<NodeJS.Timeout>();
  let [sent, heard, wasRefused] = [0, 0, false];

  async function probe(): Promise<void> {
    const number = ++sent;
    try {
      await publish(channel, `${number}`);
      if (heard < number) expect(number);
    } catch {
      // Redis is away for everybody, or for our publisher: nothing is known about the subscriptions.
      wasRefused = true;
    }
  }

  function expect(number: number) {
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (heard < number) onDeaf();
    }, timing.deafAfterMs);
    timers.add(timer.unref());
  }

  const prober = setInterval(() => void probe(), timing.probeEveryMs);
  prober.unref();

  return {
    channel,
    areHeard: () => !wasRefused,
    hear(bytes: Buffer) {
      heard = Math.max(heard, Number(bytes.toString()));
      if (!wasRefused) return;
      wasRefused = false;
      onHeardAgain();
    },
    /** A new connection: what was said on the old one is not waited for any longer. */
    begin() {
      heard = sent;
    },
    end() {
      clearInterval(prober);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
