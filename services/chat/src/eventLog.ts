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

type Waiting = { draft: Draft; bytes: number; deadline: number; settle: (outcome: Appended) => void };

const BATCH_EVENTS = 200;
const BATCH_BYTES = 256 * 1024;
/** Beyond this many waiting changes the server says at once that it cannot, instead of promising and timing out. */
const MOST_WAITING = 10_000;
const RECENT_EVENTS = 1_000;
const RETRY_AFTER_MS = 100;

export function createEventLog(options: {
  append: Append;
  bus: Bus;
  /** The highest number of a room that this process showed to anybody. */
  floor: (room: string) => number;
  /** Called when the store turned out to be older than what was shown. */
  onOlder: (room: string) => void;
  onError: (err: unknown) => void;
  now?: () => number;
}) {
  const { append, bus, floor, onOlder, onError, now = () => performance.now() } = options;
  const lanes = new Map<string, { waiting: Waiting[]; isBusy: boolean }>();
  const recent = new Map<string, StoredEvent>();
  let waitingInAll = 0;
  let isClosed = false;

  /** Works off everything that waits for a room, batch after batch; there is one such loop per room at a time. */
  async function workOff(room: string, lane: { waiting: Waiting[]; isBusy: boolean }) {
    lane.isBusy = true;
    while (lane.waiting.length > 0) {
      const batch = takeBatch(lane.waiting);
      waitingInAll -= batch.length;
      await store(room, batch);
    }
    lane.isBusy = false;
    lanes.delete(room);
  }

  /** Tries until it is known what became of the batch, or until nobody waits for it any more. */
  async function store(room: string, batch: Waiting[]) {
    let waiting = batch;
    for (let isRepeated = false; waiting.length > 0; isRepeated = true) {
      const outcomes = await attempt(room, waiting);
      if (outcomes !== undefined) return tell(room, waiting, outcomes, isRepeated);
      const late = waiting.filter(({ deadline }) => isClosed || deadline <= now() + RETRY_AFTER_MS);
      for (const { settle } of late) settle({ kind: 'unknown' });
      waiting = waiting.filter((one) => !late.includes(one));
      if (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
    }
  }

  async function attempt(room: string, waiting: Waiting[]): Promise<Outcome[] | undefined> {
    try {
      const drafts = waiting.map(({ draft }) => draft);
      const outcomes = await append(room, drafts, floor(room));
      if (outcomes !== 'older') return outcomes;
      onOlder(room);
    } catch (error) {
      onError(error);
    }
    return undefined;
  }

  /** After a commit whose answer was lost the events are known, not stored, and nobody has been told of them yet. */
  function tell(room: string, waiting: Waiting[], outcomes: Outcome[], isRepeated: boolean) {
    const events = outcomes.flatMap((outcome) => {
      if (outcome.kind === 'known') return isRepeated && outcome.event.room === room ? [outcome.event] : [];
      return outcome.kind === 'stored' ? [outcome.event] : [];
    });
    for (const event of events) remember(event);
    if (events.length > 0) bus.publish(roomChannel(room), toPayload({ kind: 'events', events } satisfies RoomNews));
    waiting.forEach(({ settle }, index) => {
      settle(outcomes[index] ?? { kind: 'unknown' });
    });
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
      const lane = lanes.get(room) ?? { waiting: [], isBusy: false };
      lanes.set(room, lane);
      return new Promise((settle) => {
        lane.waiting.push({ draft, bytes: bytesOf(draft), deadline: now() + Limit.storedWithinMs, settle });
        waitingInAll += 1;
        if (lane.isBusy) return;
        lane.isBusy = true;
        // A later turn, so that whatever arrives in this one shares the commit.
        setImmediate(() => void workOff(room, lane).catch(onError));
      });
    },

    /** A recent change by its author's clientId, from memory. */
    recall: (author: string, clientId: string) => recent.get(recentKey(author, clientId)),
    forgetText,
    forgetAll: () => recent.clear(),

    /** Resolves when nothing waits to be stored any more; what cannot be stored by then is told 'unknown'. */
    async close(withinMs: number): Promise<void> {
      const deadline = now() + withinMs;
      while (lanes.size > 0 && now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
      isClosed = true;
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
