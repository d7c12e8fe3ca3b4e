/** A TCP proxy that does to connections what networks do: delays, stalls, resets, half-open ends, answers that are lost. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type FaultProxy = Awaited<ReturnType<typeof startFaultProxy>>;

/** Takes bytes of one connection, whole or in pieces, and passes on what it likes. */
export type Edit = (pass: (bytes: Buffer) => void) => (bytes: Buffer) => void;

type Pair = { client: Socket; server: Socket };

/**
 * Starts a proxy on a free port of 127.0.0.1 in front of another port of this machine.
 *
 * @param options.keepsAddress connections reach the target from the address that they came from (127.0.0.0/8)
 * @param options.editAnswers changes what the target says; made anew for each connection
 */
export async function startFaultProxy(options: { target: number; keepsAddress?: boolean; editAnswers?: Edit }) {
  const pairs = new Set<Pair>();
  let stalls = 0;
  const isStalled = () => stalls > 0;
  let latencyMs = 0;
  const awaited = new Map<string, (() => void)[]>();
  let cut: { after: Buffer; done: () => void } | undefined;

  const server = createServer({ pauseOnConnect: true, noDelay: true }, (client) => {
    const localAddress = options.keepsAddress ? client.remoteAddress?.replace(/^::ffff:/, '') : undefined;
    const target = connect({ host: '127.0.0.1', port: options.target, noDelay: true, ...(localAddress && { localAddress }) });
    const pair = { client, server: target };
    pairs.add(pair);
    const asks = inOrder(client, target);
    const answers = inOrder(target, client);
    const editedAnswers = options.editAnswers?.(answers) ?? answers;
    client.on('data', (bytes: Buffer) => {
      asks(bytes);
      for (const words of awaited.keys()) if (bytes.includes(words)) tellAsked(words);
      if (cut !== undefined && bytes.includes(cut.after)) loseAnswer(pair);
    });
    target.on('data', (bytes: Buffer) => editedAnswers(bytes));
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      one.on('error', () => one.destroy());
      one.on('end', () => other.end());
      one.on('close', () => {
        pairs.delete(pair);
        halfOpen.delete(one);
        orphans.delete(one);
        if (isStalled()) orphans.add(other);
        else if (!halfOpen.has(other)) other.destroy();
      });
    }
    if (isStalled()) target.pause();
    else client.resume();
  });
  const halfOpen = new Set<Socket>();
  /** The other side went while nothing passed: they hear of it when something passes again. */
  const orphans = new Set<Socket>();

  /** Writes to `to` in the order of the calls, each after the latency of its time. */
  function inOrder(from: Socket, to: Socket) {
    let under = 0;
    let readyAt = 0;
    const write = (bytes: Buffer) => {
      if (to.destroyed || to.write(bytes)) return;
      from.pause();
      to.once('drain', () => isStalled() || from.resume());
    };
    return (bytes: Buffer) => {
      if (latencyMs === 0 && under === 0) return write(bytes);
      under += 1;
      readyAt = Math.max(readyAt, performance.now() + latencyMs);
      setTimeout(() => {
        under -= 1;
        write(bytes);
      }, readyAt - performance.now());
    };
  }

  function tellAsked(words: string) {
    for (const tell of awaited.get(words) ?? []) tell();
    awaited.delete(words);
  }

  /** The request is under way; whatever is answered never arrives. */
  function loseAnswer(pair: Pair) {
    const { done } = cut as { done: () => void };
    cut = undefined;
    pair.server.removeAllListeners('data');
    pair.server.once('data', () => {
      pair.client.resetAndDestroy();
      pair.server.destroy();
      done();
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The fault proxy has no port.');

  return {
    port: address.port,
    /** How many connections there are. */
    count: () => pairs.size,
    delay: (ms: number) => {
      latencyMs = ms;
    },
    /** Nothing passes any more, in neither direction, and nobody is told. New connections are taken and hang. Several hands may stall. */
    stall() {
      stalls += 1;
      for (const { client, server: target } of pairs) {
        client.pause();
        target.pause();
      }
    },
    /** What was stalled goes on where it was, as soon as everybody who stalled it has healed it. */
    heal() {
      stalls = Math.max(0, stalls - 1);
      if (stalls > 0) return;
      latencyMs = 0;
      for (const orphan of orphans) orphan.destroy();
      for (const { client, server: target } of pairs) {
        client.resume();
        target.resume();
      }
    },
    /** Cuts connections by RST on both sides; all of them unless told which share. */
    reset(isChosen: () => boolean = () => true) {
      for (const { client, server: target } of [...pairs]) {
        if (!isChosen()) continue;
        client.resetAndDestroy();
        target.resetAndDestroy();
      }
    },
    /** The target's ends are gone, and the clients are not told: to them the connections look quiet. */
    halfOpen(isChosen: () => boolean = () => true) {
      for (const { client, server: target } of [...pairs]) {
        if (!isChosen()) continue;
        halfOpen.add(client);
        target.destroy();
        client.resume();
      }
    },
    /** Resolves when a request that holds these words was passed on, and the connection was cut before its answer. */
    cutAfter(words: string): Promise<void> {
      return new Promise((done) => {
        cut = { after: Buffer.from(words), done };
      });
    },
    /** Resolves in the very turn in which a request with these words was passed on: its answer is still to come. */
    asked(words: string): Promise<void> {
      return new Promise((resolve) => awaited.set(words, [...(awaited.get(words) ?? []), resolve]));
    },
    /** Gives up a cut that has not come to pass. */
    cutNoMore() {
      cut?.done();
      cut = undefined;
    },
    close(): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const all = [...halfOpen, ...orphans, ...[...pairs].flatMap((pair) => [pair.client, pair.server])];
      for (const socket of all) socket.destroy();
      return closed;
    },
  };
}
