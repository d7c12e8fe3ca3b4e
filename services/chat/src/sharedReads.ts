/**
 * Reads of the conversation that many ask for at once, each made once: when a server was away three thousand people come
 * back in the same seconds, and most of them missed the same events.
 */
import { holdsTextOf, type StoredEvent, withoutText } from './event.ts';
import type { EventStore, ReadMark } from './eventStore.ts';

/** Blocks begin at multiples of this, so that people who stopped at different numbers share them. */
const BLOCK_EVENTS = 100;
const MOST_BLOCKS = 400;
const MOST_CHARACTERS = 16 * 1024 * 1024;
/** So many people's read marks are asked for at once. */
const MOST_MARKS = 500;

type Block = { room: string; events: readonly StoredEvent[]; characters: number };

export type SharedReads = ReturnType<typeof shareReads>;

/**
 * A store whose heads, sizes, events and read marks are read once for all who ask at the same time, with the last whole
 * blocks of events kept in memory. No answer is older than its question.
 *
 * `since` may give fewer events than asked for though there are more: whoever wants all asks again after the last one.
 */
export function shareReads(store: EventStore) {
  const blocks = new Map<string, Block>();
  let characters = 0;
  let erasures = 0;

  async function readBlock(key: string): Promise<readonly StoredEvent[]> {
    const { room, from, epoch } = JSON.parse(key) as { room: string; from: number; epoch?: string };
    const before = erasures;
    const events = await store.since(room, from, BLOCK_EVENTS, epoch);
    // Words that were erased while we read may be among these.
    if (events.length === BLOCK_EVENTS && before === erasures) keep(key, room, events);
    return events;
  }

  function keep(key: string, room: string, events: readonly StoredEvent[]) {
    drop(key);
    const block = { room, events, characters: events.reduce((sum, event) => sum + charactersOf(event), 0) };
    blocks.set(key, block);
    characters += block.characters;
    while (blocks.size > MOST_BLOCKS || characters > MOST_CHARACTERS) drop(blocks.keys().next().value as string);
  }

  function drop(key: string) {
    characters -= blocks.get(key)?.characters ?? 0;
    blocks.delete(key);
  }

  // ---- read marks of everybody who asks meanwhile --------------------------------------------------------------------

  type Asking = { user: string; resolve: (mark: ReadMark) => void; reject: (error: unknown) => void };
  const askingIn = new Map<string, Asking[]>();

  function readMark(room: string, user: string): Promise<ReadMark> {
    const { promise, resolve, reject } = Promise.withResolvers<ReadMark>();
    const asking = askingIn.get(room);
    if (asking !== undefined) asking.push({ user, resolve, reject });
    else {
      askingIn.set(room, [{ user, resolve, reject }]);
      void answerAsking(room);
    }
    return promise;
  }

  /** One question at a time for each room: whoever asks meanwhile shares the next one. */
  async function answerAsking(room: string) {
    // A later turn, so that whoever comes in this one shares the question.
    await new Promise((resolve) => setImmediate(resolve));
    for (let asking = takeAsking(room); asking.length > 0; asking = takeAsking(room)) {
      try {
        const marks = await store.readMarks(room, [...new Set(asking.map(({ user }) => user))]);
        for (const { user, resolve, reject } of asking) {
          const mark = marks.get(user);
          if (mark !== undefined) resolve(mark);
          else store.readMark(room, user).then(resolve, reject);
        }
      } catch (error) {
        for (const { reject } of asking) reject(error);
      }
    }
    askingIn.delete(room);
  }

  const takeAsking = (room: string) => askingIn.get(room)?.splice(0, MOST_MARKS) ?? [];

  const readBlockInTurns = inTurns(readBlock);
  const heads = inTurns((key) => store.heads(JSON.parse(key) as string[]));
  const bytesSince = inTurns((key) => store.bytesSince(...(JSON.parse(key) as [string, number])));
  const timeOf = inTurns((key) => store.timeOf(...(JSON.parse(key) as [string, number])));

  return {
    ...store,
    heads: (rooms: readonly string[]) => heads(JSON.stringify(rooms)),
    readMark,
    bytesSince: (room: string, since: number) => bytesSince(JSON.stringify([room, since])),
    timeOf: (room: string, seq: number) => timeOf(JSON.stringify([room, seq])),

    async since(room: string, since: number, limit: number, epoch?: string): Promise<StoredEvent[]> {
      const from = Math.floor(since / BLOCK_EVENTS) * BLOCK_EVENTS;
      const key = JSON.stringify({ room, from, epoch });
      const known = blocks.get(key);
      // Used last, dropped last.
      if (known !== undefined) blocks.delete(key) && blocks.set(key, known);
      const events = known?.events ?? (await readBlockInTurns(key));
      return events.filter(({ seq }) => seq > since).slice(0, limit);
    },

    /** Erased words must not be told from memory either. */
    forgetText(room: string, target: number): void {
      erasures += 1;
      for (const block of blocks.values()) {
        if (block.room !== room || (block.events.at(-1)?.seq ?? 0) < target) continue;
        block.events = block.events.map((event) => (holdsTextOf(event, target) ? withoutText(event) : event));
      }
    },

    /** The numbering began a new life: what was read before means nothing. */
    forgetAll(): void {
      erasures += 1;
      blocks.clear();
      characters = 0;
    },
  };
}

/**
 * Asks one question per key at a time. Whoever asks while it is under way shares the next one, which begins when this one
 * ends: so an answer is never older than its question, and there are never more than two for any number of people.
 */
function inTurns<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const turns = new Map<string, { now: Promise<unknown>; next: Promise<T> | undefined }>();

  function begin(key: string): Promise<T> {
    const asked = ask(key);
    const turn = { now: asked, next: undefined };
    turns.set(key, turn);
    const end = () => {
      if (turns.get(key) === turn && turn.next === undefined) turns.delete(key);
    };
    asked.then(end, end);
    return asked;
  }

  return (key) => {
    const turn = turns.get(key);
    if (turn === undefined) return begin(key);
    turn.next ??= turn.now.then(
      () => begin(key),
      () => begin(key),
    );
    return turn.next;
  };
}

function charactersOf({ change }: StoredEvent): number {
  return change.kind === 'message' || change.kind === 'edited' ? (change.text?.length ?? 0) : 0;
}
