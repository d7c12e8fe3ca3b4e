import type { Budget, RateLimiter } from './rateLimiter.ts';
import { defineScript, type Redis } from './redis.ts';

/**
 * The account of one person and budget: a sorted set of what was taken, by its time, and a hash beside it with what there
 * is to know of some of it. Every step costs the logarithm of the limit. The steps are those of rateLimiter.memory.ts;
 * besides, the clock may be set back here: what was counted in the future is forgotten, and a mute that would last
 * longer than any does is none.
 *
 * KEYS: taken, more. ARGV: operation, time or "", limit, windowMs, muteMs, id or "", is a trial.
 * `more` holds, by the name of a take, its holders beyond the first; `muted`, the end of the mute; `number`, a counter.
 * Answers {passed, retryAfterMs, began}.
 */
const ACCOUNT_SCRIPT = `
local taken, more = KEYS[1], KEYS[2]
local operation, limit, window, mute = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local id, isTrial = ARGV[6] ~= '' and 'id ' .. ARGV[6], ARGV[7] == '1'
local time = tonumber(ARGV[2])
if not time then
  local clock = redis.call('TIME')
  time = clock[1] * 1000 + math.floor(clock[2] / 1000)
end

redis.call('ZREMRANGEBYSCORE', taken, '-inf', time - window)
redis.call('ZREMRANGEBYSCORE', taken, '(' .. time, '+inf')
local counted = id and redis.call('ZSCORE', taken, id)
local mutedUntil = tonumber(redis.call('HGET', more, 'muted') or 0)
if mutedUntil > time + mute then mutedUntil = 0 end

local function keep()
  -- Longer than anything in it matters, so that only this script decides what is over.
  local ms = math.max(window, mute) + 60000
  redis.call('PEXPIRE', taken, ms)
  redis.call('PEXPIRE', more, ms)
end

if operation == 'giveBack' then
  if not counted then return end
  if tonumber(redis.call('HGET', more, id) or 0) > 0 then return redis.call('HINCRBY', more, id, -1) end
  redis.call('ZREM', taken, id)
  if mutedUntil <= time and redis.call('ZCARD', taken) == 0 then redis.call('DEL', more) end
  return
end

if counted then
  redis.call('HINCRBY', more, id, 1)
  keep()
  return { 1, 0, 0 }
end
if mutedUntil > time then return { 0, math.ceil(mutedUntil - time), 0 } end
local count = redis.call('ZCARD', taken)
if count < limit then
  if id then redis.call('HDEL', more, id) end
  redis.call('ZADD', taken, time, id or 'number ' .. redis.call('HINCRBY', more, 'number', 1))
  keep()
  return { 1, 0, 0 }
end
if mute == 0 then
  local oldest = redis.call('ZRANGE', taken, count - limit, count - limit, 'WITHSCORES')
  return { 0, math.ceil(tonumber(oldest[2] or time) + window - time), 0 }
end
if isTrial then return { 0, mute, 0 } end
redis.call('HSET', more, 'muted', time + mute)
keep()
return { 0, mute, 1 }
`;

/**
 * The limiter of many replicas: one budget per key, wherever it is spent. Time is Redis' own. Rejects when Redis does not
 * answer: a limit that weakens when pressed is no limit.
 *
 * @param name tells the budgets of one person apart
 * @param clock milliseconds instead of Redis' time, for tests
 */
export function createRedisRateLimiter(redis: Redis, name: string, budget: Budget, clock?: () => number): RateLimiter {
  const run = defineScript(redis, 'securechatAccount', ACCOUNT_SCRIPT);
  // The part in braces decides where a cluster keeps the key: all budgets of a person are in one place.
  const keysOf = (key: string) => [`limit:{${key}}:${name}`, `limit:{${key}}:${name}:more`];
  const account = (operation: 'take' | 'giveBack', key: string, id: string | undefined, isTrial: boolean) =>
    run(keysOf(key), [
      operation,
      clock === undefined ? '' : clock(),
      budget.limit,
      budget.windowMs,
      budget.muteMs,
      id ?? '',
      isTrial ? 1 : 0,
    ]);

  return {
    async take(key, id, isTrial = false) {
      const [passed, retryAfterMs, began] = (await account('take', key, id, isTrial)) as [number, number, number];
      return passed === 1 ? { ok: true } : { ok: false, retryAfterMs, began: began === 1 };
    },
    async giveBack(key, id) {
      await account('giveBack', key, id, false);
    },
    async clear(key) {
      await redis.del(...keysOf(key));
    },
  };
}
