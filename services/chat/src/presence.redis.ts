import type { User } from '@securechat/shared/protocol';
import { defineScript, type Redis } from '@securechat/shared/redis';
import type { Presence } from './presence.ts';

/** A replica that does not touch its people for so long is gone, and they with it. */
const ENTRY_MS = 15_000;
/** Nobody touches or sweeps for so long: Redis was away, or everybody was. Whoever is here must be able to say so. */
const GAP_MS = 5_000;
/** Redis serves nobody else while a script runs. */
const TOUCHED_AT_ONCE = 500;

/**
 * KEYS: entries, a hash of person → {name, replicas: {replica: until}, entered}; order, a sorted set of the same people as they
 * came; ends, the same people by when the last of their replicas is over; watch, since when presence is watched without
 * a gap. ARGV: operation, time or "", replica, and what the operation wants.
 */
const PRESENCE_SCRIPT = `
local entries, order, ends, watch = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local operation, replica = ARGV[1], ARGV[3]
local ENTRY, GAP = ${ENTRY_MS}, ${GAP_MS}
local now = tonumber(ARGV[2])
if not now then
  local clock = redis.call('TIME')
  now = clock[1] * 1000 + math.floor(clock[2] / 1000)
end

local function load(person)
  local stored = redis.call('HGET', entries, person)
  return stored and cjson.decode(stored)
end

local function save(person, entry)
  local last = 0
  for _, untilTime in pairs(entry.replicas) do last = math.max(last, untilTime) end
  redis.call('HSET', entries, person, cjson.encode(entry))
  redis.call('ZADD', ends, last, person)
end

local function remove(person)
  redis.call('HDEL', entries, person)
  redis.call('ZREM', order, person)
  redis.call('ZREM', ends, person)
end

-- True when the person was here already, though their time may be over and nobody told. An entry that begins with a
-- touch was forgotten by Redis, and has no time of entering.
local function keep(person, name, entered)
  local entry = load(person)
  local isKnown = entry and true or false
  if not entry then
    entry = { name = name, replicas = {}, entered = entered }
    local latest = redis.call('ZREVRANGE', order, 0, 0, 'WITHSCORES')
    redis.call('ZADD', order, (latest[2] or 0) + 1, person)
  end
  entry.replicas[replica] = now + ENTRY
  save(person, entry)
  return isKnown
end

-- Since when it is watched: after a gap, with a clock that was set back, and on a Redis that has forgotten, from now on.
local function watchedSince()
  local born, seen = unpack(redis.call('HMGET', watch, 'born', 'seen'))
  born, seen = tonumber(born), tonumber(seen)
  if not born or now - seen > GAP or seen > now then born = now end
  redis.call('HSET', watch, 'born', born, 'seen', now)
  return born
end

local operations = {}

function operations.enter()
  watchedSince()
  return keep(ARGV[4], ARGV[5], now) and 0 or 1
end

function operations.touch()
  watchedSince()
  for n = 4, #ARGV, 2 do keep(ARGV[n], ARGV[n + 1]) end
end

function operations.fade()
  local person, grace = ARGV[4], tonumber(ARGV[5])
  local entry = load(person)
  if not entry then return end
  entry.replicas[replica] = now + grace
  save(person, entry)
end

function operations.leave()
  local person = ARGV[4]
  local entry = load(person)
  if not entry then return 0 end
  entry.replicas[replica] = nil
  for _, untilTime in pairs(entry.replicas) do
    if untilTime > now then
      save(person, entry)
      return 0
    end
  end
  remove(person)
  return 1
end

function operations.sweep()
  local since = watchedSince()
  local isEverybodyKnown = now >= since + ENTRY
  local gone = {}
  for _, person in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)) do
    local entry = load(person)
    if isEverybodyKnown or (entry.entered and entry.entered >= since) then
      remove(person)
      table.insert(gone, person)
      table.insert(gone, entry.name)
    end
  end
  return gone
end

function operations.list()
  local people = redis.call('ZRANGE', order, 0, tonumber(ARGV[4]) - 1)
  -- Not decoded here: when thousands open the room at once, everything else would wait for it.
  local stored = #people > 0 and redis.call('HMGET', entries, unpack(people)) or {}
  return { redis.call('ZCARD', order), people, stored }
end

return operations[operation]()
`;

/**
 * Presence of many replicas. Entries are changed on Redis' clock and in one script, and end by themselves: a replica that
 * is killed takes its people with it {@link ENTRY_MS} after it touched them last.
 *
 * After Redis was away whoever was here before is not swept for as long: their time may have passed while nobody could
 * touch them, or Redis may not know yet on how many replicas they are.
 *
 * @param replica unique among the replicas and their lives
 * @param clock milliseconds instead of Redis' time, for tests
 */
export function createRedisPresence(redis: Redis, replica: string, clock?: () => number): Presence {
  const run = defineScript(redis, 'securechatPresence', PRESENCE_SCRIPT);
  const ask = (operation: string, room: string, args: (string | number)[]) =>
    // The part in braces lets a cluster keep all keys of a room in one place.
    run(
      ['entries', 'order', 'ends', 'watch'].map((part) => `pres:{${room}}:${part}`),
      [operation, clock === undefined ? '' : clock(), replica, ...args],
    );

  return {
    enter: async (room, { id, name }) => (await ask('enter', room, [id, name])) === 1,
    async touch(room, users) {
      const asked: Promise<unknown>[] = [];
      // All in this turn: whoever says goodbye in the next one must not be touched after it.
      for (let start = 0; start < users.length || start === 0; start += TOUCHED_AT_ONCE) {
        const some = users.slice(start, start + TOUCHED_AT_ONCE);
        asked.push(
          ask(
            'touch',
            room,
            some.flatMap(({ id, name }) => [id, name]),
          ),
        );
      }
      await Promise.all(asked);
    },
    async fade(room, { id }, graceMs) {
      await ask('fade', room, [id, graceMs]);
    },
    leave: async (room, { id }) => (await ask('leave', room, [id])) === 1,
    sweep: async (room) => toUsers((await ask('sweep', room, [])) as string[]),
    async list(room, limit) {
      const [count, people, stored] = (await ask('list', room, [limit])) as [number, string[], string[]];
      return { people: people.map((id, n) => ({ id, name: nameIn(stored[n]) })), count };
    },
  };
}

/** Ids and names, one after another. */
function toUsers(flat: string[]): User[] {
  return Array.from({ length: flat.length / 2 }, (_, n) => ({ id: flat[2 * n] ?? '', name: flat[2 * n + 1] ?? '' }));
}

const nameIn = (stored = '{}') => (JSON.parse(stored) as { name: string }).name;
