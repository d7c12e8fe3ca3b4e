import type { AccountNews, Announcements } from './announcements.ts';
import { accountChannel, type Bus, fromPayload, toPayload } from './bus.ts';
import { defineScript, type Redis } from './redis.ts';

/** A sorted set of what was announced in the last ten minutes, by Redis' clock. */
const KEY = 'revoked';
const KEPT_MS = 600_000;
const LOOK_EVERY_MS = 1_000;
/** Each look goes back a little further than the last one ended: what was written in the same moment is not missed. */
const OVERLAP_MS = 2_000;

const CLOCK = "local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000);";
const KEEP = `${CLOCK} redis.call('ZADD', KEYS[1], now, ARGV[1]); redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2]);
  redis.call('PEXPIRE', KEYS[1], ARGV[2]); return now`;
// The clock may have been set back since the last look.
const LOOK = `${CLOCK} local from = math.min(now, tonumber(ARGV[1])) - ARGV[2];
  return {now, redis.call('ZRANGEBYSCORE', KEYS[1], from, '+inf', 'WITHSCORES')}`;

/**
 * Announcements over Redis: kept in a list that every server reads once a second, and told at once over the bus, which
 * may lose them.
 *
 * @param onError hears that the list could not be read; the next look is a second later
 */
export function createRedisAnnouncements(redis: Redis, bus: Bus, onError: (err: unknown) => void): Announcements {
  const keep = defineScript(redis, 'keepAnnouncement', KEEP);
  const lookBack = defineScript(redis, 'lookForAnnouncements', LOOK);

  return {
    async announce(news) {
      await keep([KEY], [JSON.stringify(news), KEPT_MS]);
      bus.publish(accountChannel, toPayload(news));
    },

    async listen(onNews) {
      const seen = new Map<string, number>();
      let lookedAt = 0;
      let timer: NodeJS.Timeout | undefined;
      let isOver = false;

      async function look() {
        const [now, pairs] = (await lookBack([KEY], [lookedAt, OVERLAP_MS])) as [number, string[]];
        lookedAt = now;
        for (let index = 0; index < pairs.length; index += 2) {
          const [text = '', score] = [pairs[index], Number(pairs[index + 1])];
          if (seen.get(text) === score) continue;
          seen.set(text, score);
          onNews(JSON.parse(text) as AccountNews);
        }
        for (const [text, score] of seen) if (score < now - KEPT_MS) seen.delete(text);
      }

      async function lookAgain() {
        await look().catch(onError);
        if (!isOver) timer = setTimeout(() => void lookAgain(), LOOK_EVERY_MS).unref();
      }

      const unsubscribe = await bus.subscribe(accountChannel, (payload) => onNews(fromPayload<AccountNews>(payload)));
      await lookAgain();
      return () => {
        isOver = true;
        clearTimeout(timer);
        return unsubscribe();
      };
    },
  };
}
