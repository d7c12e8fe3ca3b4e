/** How far each room had come, as Redis remembers it: a witness outside of the database that notices an older copy of it. */
import { defineScript, type Redis } from '@securechat/shared/redis';
import type { EventStore } from './eventStore.ts';

/** A mark that nobody raised for so long tells nothing that matters any more. */
const KEPT_MS = 90 * 86_400_000;
const RAISE = `
  local mark = tonumber(redis.call('GET', KEYS[1]) or '0')
  if tonumber(ARGV[1]) > mark then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
  return 1`;

export type Marks = ReturnType<typeof createMarks>;

/** The database is the truth; a mark only tells that it went back, and then the numbering begins a new life. */
export function createMarks(redis: Redis) {
  const raise = defineScript(redis, 'raiseMark', RAISE);
  const keyOf = (room: string, epoch: string) => `mark:{${room}}:${epoch}`;
  return {
    /** Notes that somebody was shown the event `seq`. */
    async raise(room: string, epoch: string, seq: number): Promise<void> {
      await raise([keyOf(room, epoch)], [seq, KEPT_MS]);
    },

    /** D6, at start: gives a new epoch to every room whose store is behind its mark. */
    async compareWith(store: Pick<EventStore, 'rooms' | 'heads' | 'renewEpoch'>): Promise<void> {
      for (const { room, epoch, head } of await store.heads(await store.rooms())) {
        const mark = Number((await redis.get(keyOf(room, epoch))) ?? 0);
        if (mark > head) await store.renewEpoch(room, epoch);
      }
    },
  };
}
