/** Somebody who talks on whatever happens: comes back, resumes, sends again what nobody acknowledged, and checks all of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DEFAULT_ROOM, type MessageEvent, type RoomEvent, type ServerMessage } from '@securechat/shared/protocol';
import type { Connection, Person } from './person.ts';

const room = DEFAULT_ROOM;
const BACK_WITHIN_MS = 40_000;
const TRIES_EVERY_MS = 100;
/** Below what a connection may send in a second. */
const SAYS_EVERY_MS = 15;

export type Talker = Awaited<ReturnType<typeof createTalker>>;

/** Begins to talk. Everybody else's and one's own words have to come in order, without hole or double, over all interruptions. */
export async function createTalker(person: Person) {
  const unacknowledged = new Map<string, string>();
  const acknowledged = new Map<string, MessageEvent>();
  const seen = new Map<number, RoomEvent>();
  /** In every word, so that nobody else says the same. */
  const mark = randomUUID().slice(0, 8);
  let cursor: { since: number; sinceAt?: number } | undefined;
  let begunAt = 0;
  let epoch: string | undefined;
  let connection: Connection | undefined;
  let isTalking = true;
  let numbers = 0;
  let returns = -1;

  /** Resumes where it was and takes in what it missed, which must go on from there. */
  async function comesBack(): Promise<Connection> {
    for (;;) {
      const fresh = await untilLetIn();
      try {
        await opens(fresh);
        returns += 1;
        return fresh;
      } catch (error) {
        if (isAboutOrder(error)) throw error;
      }
    }
  }

  async function untilLetIn(): Promise<Connection> {
    for (const deadline = performance.now() + BACK_WITHIN_MS; ; await pause(TRIES_EVERY_MS)) {
      try {
        return await person.connects();
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }

  async function opens(fresh: Connection) {
    if (cursor === undefined) {
      const { opened } = await fresh.opens();
      epoch = opened.epoch;
      begunAt = opened.head;
      cursor = { since: begunAt };
      return;
    }
    const { opened, events } = await fresh.opens({ ...cursor, ...(epoch !== undefined && { epoch }) });
    assert.equal(opened.complete, true, `${person.name} resumes`);
    for (const event of events) take(event as RoomEvent);
    assert.equal(cursor.since, opened.head, `${person.name} is up to date`);
  }

  function take({ clientId, ...event }: RoomEvent) {
    assert.equal(event.seq, (cursor?.since ?? 0) + 1, `${person.name} sees every number once, in order`);
    cursor = { since: event.seq, sinceAt: event.at };
    seen.set(event.seq, event);
    if (event.type === 'message' && clientId !== undefined) acknowledge(clientId, event);
  }

  function acknowledge(clientId: string, event: MessageEvent) {
    const before = acknowledged.get(clientId);
    assert.equal(before?.seq ?? event.seq, event.seq, `${person.name} up to date: one clientId, one number`);
    acknowledged.set(clientId, event);
    unacknowledged.delete(clientId);
  }

  const send = (clientId: string, text: string) => connection?.sends({ type: 'send', room, clientId, text });

  function say() {
    numbers += 1;
    const [clientId, text] = [randomUUID(), `${mark} ${numbers} ${'x'.repeat((numbers * 37) % 200)}`];
    unacknowledged.set(clientId, text);
    send(clientId, text);
  }

  /** Takes in all that comes until the connection breaks or everything said has come back after the end of the talk. */
  async function listens(to: Connection): Promise<void> {
    while (isTalking || unacknowledged.size > 0) {
      const message: ServerMessage = await to.receives(() => true, 'news');
      if (message.type === 'refused') {
        assert.equal(message.code, 'unavailable', `${person.name} sees: ${message.message}`);
        await pause(TRIES_EVERY_MS);
        const { clientId = '' } = message;
        const text = unacknowledged.get(clientId);
        if (text !== undefined) send(clientId, text);
      }
      if (message.type !== 'message') continue;
      const { again, clientId, ...event } = message;
      if (again) acknowledge(clientId ?? '', event);
      else take(message);
      if (clientId === undefined || !isTalking) continue;
      await pause(SAYS_EVERY_MS);
      if (isTalking) say();
    }
  }

  /** One message after the other; after a return what is open is sent again, and one that came back already. */
  async function lives(): Promise<void> {
    for (;;) {
      try {
        const [known] = acknowledged;
        for (const [clientId, text] of unacknowledged) send(clientId, text);
        if (known !== undefined) send(known[0], known[1].text ?? '');
        if (isTalking) say();
        await listens(connection as Connection);
        return;
      } catch (error) {
        if (isAboutOrder(error) || (connection?.socket.readyState ?? 3) < 2) throw error;
      }
      connection = await comesBack();
    }
  }

  connection = await comesBack();
  const life = lives();
  // Whoever asks for the end of it hears of a failure; until then nobody does.
  life.catch(() => {});

  return {
    person,
    acknowledged: acknowledged as ReadonlyMap<string, MessageEvent>,
    seen: seen as ReadonlyMap<number, RoomEvent>,
    /** How often it had to come back. */
    get returns() {
      return returns;
    },
    /** Resolves when something that is said from now on has come back: the server works for this person. */
    async isHeard(): Promise<void> {
      const before = new Set(acknowledged.keys());
      const begun = numbers;
      for (const deadline = performance.now() + BACK_WITHIN_MS; ; ) {
        const isNew = [...acknowledged].some(([id, { text = '' }]) => !before.has(id) && Number(text.split(' ')[1]) > begun);
        if (isNew) return;
        if (performance.now() > deadline) throw new Error(`${person.name} is not heard.`);
        await Promise.race([pause(20), life]);
      }
    },
    /** Stops talking and resolves when everything that was said has come back. */
    async stops(): Promise<void> {
      isTalking = false;
      await life;
    },
    begunAt,
    /**
     * Everything that happened after a number, as the server tells it, which must be what was seen and said. A replica may
     * hear of the last of it, up to `last`, a moment after those who said it.
     */
    async everythingAfter(since: number, last: number): Promise<RoomEvent[]> {
      const reader = await untilLetIn();
      const { opened, events } = await reader.opens({ since, ...(epoch !== undefined && { epoch }) });
      assert.equal(opened.complete, true);
      const all = events as RoomEvent[];
      while ((all.at(-1)?.seq ?? since) < last)
        all.push((await reader.receives((news) => 'seq' in news && 'at' in news)) as RoomEvent);
      await reader.close();
      return all;
    },
    async leaves(): Promise<void> {
      if ((connection?.socket.readyState ?? 3) < 2) await connection?.close();
    },
  };
}

/** A connection that broke is an error like any other, but what came in a wrong order is the end of the story. */
function isAboutOrder(error: unknown): boolean {
  return error instanceof assert.AssertionError && /sees|resumes|up to date/.test(error.message);
}

/**
 * Stops all talkers and holds what each of them saw against what is stored (D1, D2, D3): numbers without holes, every
 * acknowledged word there once, nothing that nobody said.
 *
 * @returns how many messages there are
 */
export async function assertNothingLostOrDoubled(talkers: readonly Talker[]): Promise<number> {
  await Promise.all(talkers.map((talker) => talker.stops()));
  const begunAt = Math.min(...talkers.map((talker) => talker.begunAt));
  const last = Math.max(begunAt, ...talkers.flatMap(({ acknowledged }) => [...acknowledged.values()].map(({ seq }) => seq)));
  const truth = (await talkers[0]?.everythingAfter(begunAt, last)) ?? [];
  assert.deepEqual(
    truth.map(({ seq }) => seq),
    truth.map((_, index) => begunAt + index + 1),
    'numbers without holes',
  );
  const bySeq = new Map(truth.map((event) => [event.seq, event]));
  const seqsOf = Map.groupBy(truth, (event) => (event.type === 'message' ? event.text : undefined));
  for (const { person, acknowledged, seen } of talkers) {
    for (const { text, seq } of acknowledged.values()) {
      assert.deepEqual(
        seqsOf.get(text)?.map((event) => event.seq),
        [seq],
        `${text} is there once`,
      );
    }
    for (const [seq, event] of seen) {
      const { clientId: _, ...stored } = bySeq.get(seq) as RoomEvent;
      assert.deepEqual(event, stored, `${person.name} saw what is stored`);
    }
  }
  const said = talkers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  assert.equal(truth.length, said, 'nothing is there that nobody said');
  await Promise.all(talkers.map((talker) => talker.leaves()));
  return said;
}
