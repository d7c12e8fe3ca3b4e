/**
 * The way of a change into the conversation: grouped with whatever else arrived meanwhile, made durable in one commit,
 * and only then told to everybody. Remembers recent changes, so that a re-sent clientId rarely reaches the database.
 */
import { type Bus, roomChannel, toPayload } from '@securechat/shared/bus';
import { Limit } from '@securechat/shared/protocol';
import { holdsTextOf, type StoredEvent, withoutText } from './event.ts';
import type { Append, Draft, Outcome } from './eventStore.ts';
import type { RoomNews } from './hub.ts';

export type EventLog = ReturnType<typeof createEventLog>;

/** `unknown`: nobody can say whether it was stored; sending the same clientId again finds out. */
export type Appended = Outcome | { kind: 'unknown' };

/** A change whose sender waits. Settled once: with what became of it, or as unknown when its time is over. */
type Waiting = { draft: Draft; bytes: number; settle: (outcome: Appended) => void; isSettled: boolean };

type Lane = {
  waiting: Waiting[] /** In the attempt that is under way, or that is repeated. */;
  sent: Waiting[];
  isBusy: boolean;
};

const BATCH_EVENTS = 200;
const BATCH_BYTES = 256 * 1024;
/** Beyond this many waiting changes the server says at once that it cannot, instead of promising and timing out. */
const MOST_WAITING = 10_000;
const RECENT_EVENTS = 1_000;
const RETRY_AFTER_MS = 100;
/** How long a farewell waits for the changes that are being stored. */
const SETTLED_WITHIN_MS = 2_000;

export function createEventLog(options: {
  append: Append;
  bus: Bus;
  /** The highest number of a room that this process showed to anybody. */
  floor: (room: string) => number;
  /** The life of the room's numbering that the floor belongs to. */
  epoch?: (room: string) => string | undefined;
  /** Called when the store turned out to be older than what was shown. */
  onOlder: (room: string) => void;
  onError: (err: unknown) => void;
  now?: () => number;
}) {
  const { append, bus, floor, epoch, onOlder, onError, now = () => performance.now() } = options;
  const lanes = new Map<string, Lane>();
  const recent = new Map<string, StoredEvent>();
  const unsettled = new Map<Waiting, Promise<Appended>>();
  let waitingInAll = 0;
  let isClosed = false;

  /** Works off everything that waits for a room, batch after batch; there is one such loop per room at a time. */
  async function workOff(room: string, lane: Lane) {
    while (lane.waiting.length > 0) {
      lane.sent = takeBatch(lane.waiting);
      waitingInAll -= lane.sent.length;
      await store(room, lane).catch(onError);
    }
    lanes.delete(room);
  }

  /**
   * Tries until it is known what became of the batch, or until nobody waits for it any more. Only one attempt is under
   * way at a time, however long it hangs, or a later change could overtake an earlier one.
   */
  async function store(room: string, lane: Lane) {
    for (let isRepeated = false; lane.sent.length > 0; isRepeated = true) {
      const life = epoch?.(room);
      const outcomes = await attempt(room, lane.sent, life);
      if (outcomes !== undefined) return tell(room, lane.sent, { outcomes, life, isRepeated });
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
      // Whoever was told that nobody knows sends it again, or has given it up: we do not try it behind their back.
      lane.sent = lane.sent.filter(({ isSettled }) => !isSettled);
    }
  }

  async function attempt(room: string, waiting: Waiting[], life: string | undefined): Promise<Outcome[] | undefined> {
    try {
      const drafts = waiting.map(({ draft }) => draft);
      const outcomes = await append(room, drafts, floor(room), life);
      if (outcomes !== 'older') return outcomes;
      onOlder(room);
    } catch (error) {
      onError(error);
    }
    return undefined;
  }

  /** After a commit whose answer was lost the events are known, not stored, and nobody has been told of them yet. */
  function tell(
    room: string,
    waiting: Waiting[],
    { outcomes, life, isRepeated }: { outcomes: Outcome[]; life: string | undefined; isRepeated: boolean },
  ) {
    const events = outcomes.flatMap((outcome) => {
      if (outcome.kind === 'known') return isRepeated && outcome.event.room === room ? [outcome.event] : [];
      return outcome.kind === 'stored' ? [outcome.event] : [];
    });
    for (const event of events) remember(event);
    // D1: durable before visible. Nobody hears of an event before its commit has returned.
    if (events.length > 0) bus.publish(roomChannel(room), toPayload({ kind: 'events', epoch: life, events } satisfies RoomNews));
    waiting.forEach(({ settle }, index) => {
      settle(outcomes[index] ?? { kind: 'unknown' });
    });
  }

  /** Its time is over: the sender is told so now, and what was not sent to the store yet never will be. */
  function giveUp(lane: Lane, one: Waiting) {
    one.settle({ kind: 'unknown' });
    const place = lane.waiting.indexOf(one);
    if (place === -1) return;
    lane.waiting.splice(place, 1);
    waitingInAll -= 1;
  }

  function giveUpAll() {
    for (const lane of lanes.values()) {
      for (const one of [...lane.sent, ...lane.waiting]) giveUp(lane, one);
    }
  }

  /** What waits for an answer; it has one when its time is over, whatever the store does. */
  function newWaiting(lane: Lane, draft: Draft): { one: Waiting; told: Promise<Appended> } {
    const { promise: told, resolve } = Promise.withResolvers<Appended>();
    const timer = setTimeout(() => giveUp(lane, one), Limit.storedWithinMs);
    const settle = (outcome: Appended) => {
      clearTimeout(timer);
      one.isSettled = true;
      unsettled.delete(one);
      resolve(outcome);
    };
    const one: Waiting = { draft, bytes: bytesOf(draft), settle, isSettled: false };
    unsettled.set(one, told);
    return { one, told };
  }

  function remember(event: StoredEvent) {
    if (event.change.kind === 'deleted') forgetText(event.room, event.change.target);
    recent.set(recentKey(event.author.id, event.clientId), event);
    if (recent.size > RECENT_EVENTS) recent.delete(recent.keys().next().value as string);
  }

  /** Erased words must not be answered from memory either. */
  function forgetText(room: string, target: number) {
    for (const [key, event] of recent) {
      if (event.room === room && holdsTextOf(event, target)) recent.set(key, withoutText(event));
    }
  }

  return {
    /**
     * Appends a change. Resolves once it is on disk, or known to have been stored before, or refused, or, after
     * {@link Limit.storedWithinMs}, unknown. Changes of one room are stored in the order of these calls.
     */
    append(room: string, draft: Draft): Promise<Appended> {
      if (isClosed || waitingInAll >= MOST_WAITING) return Promise.resolve({ kind: 'unknown' });
      const lane = lanes.get(room) ?? { waiting: [], sent: [], isBusy: false };
      lanes.set(room, lane);
      const { one, told } = newWaiting(lane, draft);
      lane.waiting.push(one);
      waitingInAll += 1;
      if (!lane.isBusy) {
        lane.isBusy = true;
        // A later turn, so that whatever arrives in this one shares the commit.
        setImmediate(() => void workOff(room, lane));
      }
      return told;
    },

    /** A recent change by its author's clientId, from memory. */
    recall: (author: string, clientId: string) => recent.get(recentKey(author, clientId)),
    forgetText,
    forgetAll: () => recent.clear(),

    /** Resolves when everything that waits to be stored now has been answered, or after two seconds. */
    async settled(): Promise<void> {
      if (unsettled.size === 0) return;
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise((resolve) => {
        timer = setTimeout(resolve, SETTLED_WITHIN_MS);
      });
      await Promise.race([Promise.all(unsettled.values()), patience]);
      clearTimeout(timer);
    },

    /** Resolves when nothing waits to be stored any more; what cannot be stored by then is told 'unknown'. */
    async close(withinMs: number): Promise<void> {
      const deadline = now() + withinMs;
      while (lanes.size > 0 && now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
      isClosed = true;
      giveUpAll();
    },
  };
}

const recentKey = (author: string, clientId: string) => `${author} ${clientId}`;

function bytesOf({ change }: Draft): number {
  const text = change.kind === 'message' || change.kind === 'edited' ? (change.text ?? '') : '';
  return 128 + Buffer.byteLength(text);
}

/** Takes from the front what fits one commit; always at least one. */
function takeBatch(waiting: Waiting[]): Waiting[] {
  let bytes = 0;
  const end = waiting.findIndex((one, index) => {
    bytes += one.bytes;
    return index > 0 && (index >= BATCH_EVENTS || bytes > BATCH_BYTES);
  });
  return waiting.splice(0, end === -1 ? waiting.length : end);
}
