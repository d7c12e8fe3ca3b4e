/** How far people have read: one write a second per person and room at most, the last one always, every device told. */
import { type Bus, roomChannel, toPayload } from '@securechat/shared/bus';
import type { User } from '@securechat/shared/protocol';
import type { EventStore } from './eventStore.ts';
import type { RoomNews } from './hub.ts';

/** A mark that was written within the last second; `wanted` is what has been asked for since. */
type Mark = { user: User; room: string; wanted: number | undefined };

const MARK_EVERY_MS = 1_000;

export function createReadMarks(options: {
  store: Pick<EventStore, 'markRead'>;
  bus: Pick<Bus, 'publish'>;
  onError: (err: unknown) => void;
}) {
  const { store, bus, onError } = options;
  const marks = new Map<string, Mark>();

  async function move(user: User, room: string, seq: number): Promise<void> {
    const key = `${room} ${user.id}`;
    const mark = marks.get(key);
    if (mark !== undefined) {
      mark.wanted = Math.max(mark.wanted ?? 0, seq);
      return;
    }
    marks.set(key, { user, room, wanted: undefined });
    setTimeout(() => void moveAgain(key).catch(onError), MARK_EVERY_MS).unref();
    const { read, unread } = await store.markRead(room, user.id, seq);
    const news: RoomNews = { kind: 'read', user: user.id, seq: read, unread };
    bus.publish(roomChannel(room), toPayload(news));
  }

  async function moveAgain(key: string): Promise<void> {
    const mark = marks.get(key);
    marks.delete(key);
    if (mark?.wanted !== undefined) await move(mark.user, mark.room, mark.wanted);
  }

  return {
    /**
     * Moves a person's mark to `seq`, never back and never past the head; their devices hear of it within a second.
     *
     * @throws when the store cannot be asked
     */
    move,

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
