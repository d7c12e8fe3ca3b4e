import type { Budget, RateLimiter } from './rateLimiter.ts';
import { defineScript, type Redis } from './redis.ts';

/**
 * The account of one person and budget is one value, so that whatever happens to it happens at once. The steps are those
 * of rateLimiter.memory.ts; besides, the clock may be set back here: what was counted in the future is forgotten, and
 * a mute that would last longer than any does is none.
 *
 * KEYS: account. ARGV: operation, time or "", limit, windowMs, muteMs, id, has an id, is a trial.
 * Answers {passed, retryAfterMs, began}.
 */
const ACCOUNT_SCRIPT = `
local operation, limit, window, mute = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local id, isTrial = ARGV[7] == '1' and ARGV[6], ARGV[8] == '1'
local time = tonumber(ARGV[2])
if not time then
  local clock = redis.call('TIME')
  time = clock[1] * 1000 + math.floor(clock[2] / 1000)
end

local stored = redis.call('GET', KEYS[1])
local account = stored and cmsgpack.unpack(stored) or { mutedUntil = 0, taken = {} }
if account.mutedUntil > time + mute then account.mutedUntil = 0 end
local taken, counted = {}, nil
for _, one in ipairs(account.taken) do
  if one.at > time - window and one.at <= time then
    table.insert(taken, one)
    if id and one.id == id then counted = one end
  end
end
account.taken = taken

local function save()
  -- Longer than anything in it matters, so that only this script decides what is over.
  redis.call('SET', KEYS[1], cmsgpack.pack(account), 'PX', math.max(window, mute) + 60000)
end

if operation == 'giveBack' then
  if not counted then return end
  counted.holders = counted.holders - 1
  account.taken = {}
  for _, one in ipairs(taken) do
    if one.holders > 0 then table.insert(account.taken, one) end
  end
  if #account.taken == 0 and account.mutedUntil <= time then redis.call('DEL', KEYS[1]) else save() end
  return
end

if counted then
  counted.holders = counted.holders + 1
  save()
  return { 1, 0, 0 }
end
if account.mutedUntil > time then return { 0, math.ceil(account.mutedUntil - time), 0 } end
if #taken < limit then
  table.insert(taken, { at = time, id = id, holders = 1 })
  save()
  return { 1, 0, 0 }
end
if mute == 0 then
  local oldest = taken[#taken - limit + 1]
  return { 0, math.ceil((oldest and oldest.at or time) + window - time), 0 }
end
if isTrial then return { 0, mute, 0 } end
account.mutedUntil = time + mute
save()
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
  const keyOf = (key: string) => `limit:{${key}}:${name}`;
  const account = (operation: 'take' | 'giveBack', key: string, id: string | undefined, isTrial: boolean) =>
    run(
      [keyOf(key)],
      [
        operation,
        clock === undefined ? '' : clock(),
        budget.limit,
        budget.windowMs,
        budget.muteMs,
        id ?? '',
        id === undefined ? 0 : 1,
        isTrial ? 1 : 0,
      ],
    );

  return {
    async take(key, id, isTrial = false) {
      const [passed, retryAfterMs, began] = (await account('take', key, id, isTrial)) as [number, number, number];
      return passed === 1 ? { ok: true } : { ok: false, retryAfterMs, began: began === 1 };
    },
    async giveBack(key, id) {
      await account('giveBack', key, id, false);
    },
    async clear(key) {
      await redis.del(keyOf(key));
    },
  };
}
