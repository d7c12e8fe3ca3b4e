/** How far people have read: one write a second per person and room at most, the last one always, every device told. */
import { type Bus, roomChannel, toPayload } from '@securechat/shared/bus';
import type { User } from '@securechat/shared/protocol';
import type { EventStore, ReadMark } from './eventStore.ts';
import { messageFrame } from './frame.ts';
import type { Member, RoomNews } from './hub.ts';

/** A mark that was written within the last second; `wanted` is what has been asked for since. */
type Mark = { user: User; room: string; wanted: number | undefined };

const MARK_EVERY_MS = 1_000;
/** A bus that was cut off may have swallowed what was told of these in the last minutes. */
const TOLD_LATELY_MS = 120_000;
const MOST_TOLD_LATELY = 2_000;
const MARKS_AT_A_TIME = 500;

export function createReadMarks(options: {
  store: Pick<EventStore, 'markRead' | 'readMarks'>;
  bus: Pick<Bus, 'publish'>;
  onError: (err: unknown) => void;
  now: () => number;
}) {
  const { store, bus, onError, now } = options;
  const marks = new Map<string, Mark>();
  const toldLately = new Map<string, { user: User; room: string; at: number }>();

  async function move(user: User, room: string, seq: number): Promise<void> {
    const key = `${room} ${user.id}`;
    const mark = marks.get(key);
    if (mark !== undefined) {
      mark.wanted = Math.max(mark.wanted ?? 0, seq);
      return;
    }
    const fresh: Mark = { user, room, wanted: undefined };
    marks.set(key, fresh);
    await write(fresh, seq);
  }

  /** What cannot be written now is tried again a second later, until it is. */
  async function write(mark: Mark, seq: number): Promise<void> {
    setTimeout(() => void moveAgain(mark).catch(onError), MARK_EVERY_MS).unref();
    try {
      tell(mark, await store.markRead(mark.room, mark.user.id, seq));
    } catch (error) {
      mark.wanted = Math.max(mark.wanted ?? 0, seq);
      throw error;
    }
  }

  async function moveAgain(mark: Mark): Promise<void> {
    const { wanted } = mark;
    if (wanted === undefined) return void marks.delete(`${mark.room} ${mark.user.id}`);
    mark.wanted = undefined;
    await write(mark, wanted);
  }

  function tell({ user, room }: Pick<Mark, 'user' | 'room'>, { read, unread }: ReadMark) {
    const key = `${room} ${user.id}`;
    // Told last, forgotten last.
    toldLately.delete(key);
    toldLately.set(key, { user, room, at: now() });
    if (toldLately.size > MOST_TOLD_LATELY) toldLately.delete(toldLately.keys().next().value as string);
    const news: RoomNews = { kind: 'read', user: user.id, seq: read, unread };
    bus.publish(roomChannel(room), toPayload(news));
  }

  /** Tells the other replicas once more what they may have missed while nothing came out of here. */
  async function tellOthersAgain(room: string): Promise<void> {
    const since = now() - TOLD_LATELY_MS;
    const lately = [...toldLately.values()].filter((told) => told.room === room && told.at > since);
    for (let start = 0; start < lately.length; start += MARKS_AT_A_TIME) {
      const some = lately.slice(start, start + MARKS_AT_A_TIME);
      const found = await store.readMarks(
        room,
        some.map(({ user }) => user.id),
      );
      for (const { user } of some) {
        const mark = found.get(user.id);
        if (mark !== undefined) tell({ user, room }, mark);
      }
    }
  }

  /** Tells people here what was told elsewhere while nothing came in. */
  async function tellHereAgain(room: string, members: readonly Member[]): Promise<void> {
    for (let start = 0; start < members.length; start += MARKS_AT_A_TIME) {
      const some = members.slice(start, start + MARKS_AT_A_TIME);
      const found = await store.readMarks(room, [...new Set(some.map(({ user }) => user.id))]);
      for (const member of some) {
        const mark = found.get(member.user.id);
        if (mark !== undefined) member.send(messageFrame({ type: 'read', room, seq: mark.read, unread: mark.unread }));
      }
    }
  }

  return {
    /**
     * Moves a person's mark to `seq`, never back and never past the head; their devices hear of it within a second.
     *
     * @throws when the store cannot be asked; the mark is moved when it can be again
     */
    move,

    /** D7: news that have no number are told once; after an interruption everybody is told anew. */
    async tellAgain(room: string, members: readonly Member[]): Promise<void> {
      await Promise.all([tellHereAgain(room, members), tellOthersAgain(room)]);
    },

    /** Writes the marks that still wait for their second to pass. */
    async close(): Promise<void> {
      const last = [...marks.values()];
      marks.clear();
      for (const { room, user, wanted } of last) {
        if (wanted !== undefined) await store.markRead(room, user.id, wanted).catch(onError);
      }
    },
  };
}
