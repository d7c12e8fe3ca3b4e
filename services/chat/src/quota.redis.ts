import { defineScript, type Redis } from '@securechat/shared/redis';
import type { Quota } from './quota.ts';

/** A replica that is gone gives its places back by itself after this time. */
const LEASE_MS = 30_000;
const RENEW_EVERY_MS = 10_000;

// Per person a hash: replica → "COUNT:EXPIRY", by Redis' clock. An entry that is over, or that claims to live longer
// than any lease (the clock was set back), does not count.
const LIVE = `
  local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local lease = tonumber(ARGV[2])
  local mine, others = 0, 0
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    local count, expiry = string.match(all[i + 1], '^(%d+):(%d+)$')
    if all[i] == ARGV[1] then mine = tonumber(count)
    elseif tonumber(expiry) <= now or tonumber(expiry) > now + lease then redis.call('HDEL', KEYS[1], all[i])
    else others = others + tonumber(count) end
  end
  local function hold(count)
    if count <= 0 then return redis.call('HDEL', KEYS[1], ARGV[1]) end
    redis.call('HSET', KEYS[1], ARGV[1], count .. ':' .. string.format('%.0f', now + lease))
    return redis.call('PEXPIRE', KEYS[1], lease)
  end
`;
const TAKE = `${LIVE} if others + mine >= tonumber(ARGV[3]) then return 0 end hold(mine + 1) return 1`;
const GIVE_BACK = `${LIVE} hold(mine - 1) return 1`;
const HOLD = `${LIVE} hold(tonumber(ARGV[3])) return 1`;

/**
 * The places over all replicas.
 *
 * @param replica this process' own id
 * @param onError hears that a place could not be given back or kept; within ten seconds both are made good
 */
export function createRedisQuota(redis: Redis, replica: string, limit: number, onError: (err: unknown) => void): Quota {
  /** Places of this replica: those that are held, and those that are being asked for. */
  const held = new Map<string, number>();
  const asked = new Map<string, number>();
  const scripts = {
    take: defineScript(redis, 'takeConnection', TAKE),
    giveBack: defineScript(redis, 'giveBackConnection', GIVE_BACK),
    hold: defineScript(redis, 'holdConnections', HOLD),
  };
  const run = (script: keyof typeof scripts, user: string, value: number) =>
    scripts[script]([`connections:{${user}}`], [replica, LEASE_MS, value]);

  async function renewAll() {
    for (const [user, count] of [...held]) await run('hold', user, count + (asked.get(user) ?? 0));
  }
  const renewer = setInterval(() => void renewAll().catch(onError), RENEW_EVERY_MS);
  renewer.unref();

  return {
    async take(user) {
      add(asked, user, 1);
      try {
        const isFree = (await run('take', user, limit)) === 1;
        if (isFree) add(held, user, 1);
        return isFree;
      } finally {
        add(asked, user, -1);
      }
    },
    giveBack(user) {
      add(held, user, -1);
      run('giveBack', user, 0).catch(onError);
    },
    close: () => clearInterval(renewer),
  };
}

function add(counts: Map<string, number>, user: string, change: number) {
  const next = (counts.get(user) ?? 0) + change;
  if (next > 0) counts.set(user, next);
  else counts.delete(user);
}
