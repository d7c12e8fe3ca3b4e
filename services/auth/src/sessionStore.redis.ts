import { RedisStore } from 'connect-redis';
import type { SessionData } from 'express-session';
import { createClient } from 'redis';
import { endOf, LIFETIMES, type SessionStore, sessionHandle } from './sessionStore.ts';

const PREFIX = 'session:';
const ANSWER_WITHIN_MS = 2_000;

export type SessionRedis = Awaited<ReturnType<typeof connectSessionRedis>>;

/**
 * Connects to the Redis of the sessions. While it is away every command fails at once; it is looked for again by itself.
 *
 * @param onError hears of each connection that broke or could not be made
 */
export async function connectSessionRedis(url: string, onError: (err: unknown) => void) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 10_000,
    maintNotifications: 'disabled',
    // A connection that is only half there says nothing: the pings' silence ends it.
    pingInterval: 2_000,
    socket: {
      connectTimeout: ANSWER_WITHIN_MS,
      socketTimeout: 5_000,
      reconnectStrategy: (retries) => Math.min(1_000, 50 * 2 ** retries) * (0.8 + 0.4 * Math.random()),
    },
  });
  client.on('error', onError);
  await client.connect();
  return client;
}

/**
 * The session store that several servers share. Sessions are found by a hash of their id, so that whoever reads Redis
 * or its file can sign in as nobody. Redis itself forgets what has expired.
 *
 * @param now milliseconds since 1970
 */
export function createRedisSessionStore(client: SessionRedis, now: () => number = Date.now): SessionStore {
  const secondsLeft = ({ createdAt = now() }: SessionData) => Math.ceil((endOf(createdAt, now(), LIFETIMES) - now()) / 1000);

  async function renew(handle: string) {
    const text = await within(client.get(PREFIX + handle));
    if (text === null) return undefined;
    const session = JSON.parse(String(text)) as SessionData;
    const left = secondsLeft(session);
    if (left <= 0) return undefined;
    await within(client.expire(PREFIX + handle, left));
    return { user: session.user, expiresAt: endOf(session.createdAt ?? now(), now(), LIFETIMES) };
  }

  // express-session's port is a class with methods of its own, and connect-redis' one knows no hashes.
  class HashedRedisStore extends RedisStore implements SessionStore {
    override async get(id: string, callback?: (error: unknown, session?: SessionData | null) => void) {
      await answer(callback, within(super.get(sessionHandle(id)) as Promise<SessionData | null>));
    }
    override async set(id: string, content: SessionData, callback?: (error?: unknown) => void) {
      await answer(callback, within(super.set(sessionHandle(id), content)));
    }
    override async touch(id: string, content: SessionData, callback?: (error?: unknown) => void) {
      await answer(callback, within(super.touch(sessionHandle(id), content)));
    }
    override async destroy(id: string, callback?: (error?: unknown) => void) {
      await answer(callback, within(super.destroy(sessionHandle(id))));
    }
    async renew(handles: readonly string[]) {
      const found = await Promise.all(handles.map(async (handle) => [handle, await renew(handle)] as const));
      return new Map(found.flatMap(([handle, session]) => (session === undefined ? [] : [[handle, session] as const])));
    }
    purge() {
      return Promise.resolve();
    }
  }
  return new HashedRedisStore({ client, prefix: PREFIX, ttl: secondsLeft });
}

/** A frozen Redis neither answers nor closes: what it was asked is given up after a while. */
async function within<T>(asked: Promise<T>): Promise<T> {
  let deadline: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    deadline = setTimeout(() => reject(new Error('Redis timed out.')), ANSWER_WITHIN_MS);
  });
  return await Promise.race([asked, late]).finally(() => clearTimeout(deadline));
}

/** Calls back once, with the result or the error. */
async function answer<T>(callback: ((error?: unknown, result?: T) => void) | undefined, asked: Promise<T>): Promise<void> {
  const [error, result] = await asked.then(
    (found) => [null, found] as const,
    (reason: unknown) => [reason, undefined] as const,
  );
  // On a later turn: what the callback throws is not this promise's business.
  setImmediate(() => callback?.(error, result));
}
