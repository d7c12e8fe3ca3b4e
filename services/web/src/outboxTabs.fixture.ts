/** A person with several tabs, one device and a server, all of which fail as the test says. */
import assert from 'node:assert/strict';
import type { Refused } from '@securechat/shared/protocol';
import { createFakeClock } from './clock.fixture.ts';
import type { Entry, News, Request, Shared } from './outbox.ts';
import { createOutbox, idOf, isUnsent } from './outbox.ts';

type Member = { hear: (news: News) => void; turn: (isOurs: boolean) => void };
/** Whoever hears what the server says. */
type Listener = { outbox: Pick<ReturnType<typeof createOutbox>, 'acknowledge' | 'settle'> };
type Write = { entry: Entry; done: (isKept: boolean) => void };
export type Tab = ReturnType<ReturnType<typeof createWorld>['open']>;

/** Lets everything happen that has only to be waited for. */
export async function settled() {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setImmediate(resolve));
}

/** Creates a device without tabs and a server that has heard nothing. */
export function createWorld() {
  const clock = createFakeClock();
  const disk = new Map<string, Entry>();
  const stored: { seq: number; clientId: string; text: string }[] = [];
  let waiting: { member: Member; isHolder: boolean }[] = [];
  let ids = 0;

  // A database gives them by their ids, which are random, so that it is the time alone that orders them.
  const inOrder = () => [...disk.values()].reverse().sort((one, other) => one.at - other.at);

  function grantTurn() {
    const first = waiting[0];
    if (!first || waiting.some(({ isHolder }) => isHolder)) return;
    first.isHolder = true;
    first.member.turn(true);
  }

  function seize(member: Member) {
    const holder = waiting.find(({ isHolder }) => isHolder);
    const thief = waiting.find((candidate) => candidate.member === member);
    if (!thief) return;
    assert.notEqual(thief, holder, 'nobody seizes their own turn');
    if (holder) holder.isHolder = false;
    thief.isHolder = true;
    waiting = [thief, ...waiting.filter((other) => other !== thief)];
    holder?.member.turn(false);
    thief.member.turn(true);
  }

  /** What the server does with a request, once it arrives there. */
  function store(request: Request): { seq: number; clientId: string } {
    const known = stored.find(({ clientId }) => clientId === request.clientId);
    if (known) return known;
    const event = { seq: stored.length + 1, clientId: request.clientId, text: 'text' in request ? request.text : '' };
    stored.push(event);
    return event;
  }

  /** Opens a tab; it is not connected yet. */
  function open() {
    let member: Member | undefined;
    let isAlive = true;
    let isConnected = false;
    let writes: Write[] = [];
    let requests: Request[] = [];

    const shared: Shared = {
      entries: inOrder(),
      ledger: {
        // What was there when it was asked for; meanwhile more may happen.
        read: () => {
          const entries = inOrder();
          return new Promise((resolve) => setImmediate(resolve, entries));
        },
        write: (entry) => new Promise((done) => writes.push({ entry, done })),
        erase: (clientId) => void disk.delete(clientId),
      },
      tabs: {
        join(joined) {
          member = joined;
          waiting.push({ member: joined, isHolder: false });
        },
        tell: (news) => {
          for (const other of waiting) if (other.member !== member) other.member.hear(structuredClone(news));
        },
        seizeTurn: () => member && seize(member),
      },
    };
    const outbox = createOutbox({
      shared,
      clock: { now: clock.now, after: (ms, run) => clock.after(ms, () => isAlive && run()) },
      transmit: (request) => requests.push(request) > 0,
      onSilence: () => disconnect(),
      onChange: () => {},
    });
    grantTurn();

    function disconnect() {
      requests = [];
      isConnected = false;
      outbox.close();
    }

    return {
      outbox,
      isAlive: () => isAlive,
      says(text: string) {
        outbox.put({ type: 'send', room: 'general', clientId: `id-${++ids}`, text });
      },
      connects() {
        isConnected = true;
        outbox.open();
      },
      isConnected: () => isConnected,
      loses: disconnect,
      /** The device has written what it was given; or its disk is full. */
      keeps(isKept = true) {
        const finished = writes;
        writes = [];
        for (const { entry, done } of finished) {
          if (isKept) disk.set(entry.request.clientId, entry);
          done(isKept);
        }
      },
      /** The server answers what it was sent; every tab that listens hears an event. */
      isAnswered(others: readonly Listener[] = []) {
        const request = requests.shift();
        if (!request) return;
        const event = store(request);
        for (const tab of [{ outbox }, ...others]) {
          tab.outbox.acknowledge(event);
          tab.outbox.settle(event.seq);
        }
      },
      isRefused(code: Refused['code'], retryAfterMs?: number) {
        const request = requests.shift();
        if (!request) return;
        const { clientId, type } = request;
        const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
        outbox.refuse({ type: 'refused', code, message: 'No.', for: type, clientId, ...wait });
      },
      /** The process ends here and now: what is being written may or may not get to the disk. What was sent may arrive. */
      crashes({ writesArrive, requestsArrive }: { writesArrive: boolean; requestsArrive: boolean }) {
        isAlive = false;
        if (writesArrive) for (const { entry } of writes) disk.set(entry.request.clientId, entry);
        if (requestsArrive) for (const request of requests) store(request);
        writes = [];
        requests = [];
        waiting = waiting.filter((other) => other.member !== member);
        grantTurn();
      },
      sent: () => requests.map((request) => ('text' in request ? request.text : request.type)),
      shows: () => outbox.state().entries.map(({ request, state }) => [textOf(request), state.is]),
      ids: () => outbox.state().entries.map(idOf),
      unsent: () =>
        outbox
          .state()
          .entries.filter(isUnsent)
          .map(({ request }) => textOf(request)),
    };
  }

  return {
    clock,
    open,
    /** The texts on the device, and those that the server holds in its order. */
    onDisk: () => [...disk.values()].map(({ request }) => textOf(request)),
    stored: () => stored.map(({ text }) => text),
  };
}

const textOf = (request: Request) => ('text' in request ? request.text : request.type);
