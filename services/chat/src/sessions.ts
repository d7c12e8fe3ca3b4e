/** Keeps open connections honest: each lives no longer than the session that opened it. */
import type { AccountNews, Announcements } from '@securechat/shared/announcements';
import { CloseCode } from '@securechat/shared/protocol';
import type { Connection } from './connection.ts';
import type { IdentityDesk } from './identity.ts';

export type Sessions = Awaited<ReturnType<typeof watchSessions>>;

const RECHECK_EVERY_MS = 60_000;
const EXPIRY_EVERY_MS = 10_000;
const ASKED_AT_ONCE = 500;
/** A session may end between auth's yes and the moment its connection is registered here. */
const REMEMBERED_MS = 120_000;
/** So long may connections live while nobody can say whether their sessions do. */
const UNANSWERED_MS = 600_000;

export async function watchSessions(options: {
  announcements: Pick<Announcements, 'listen'>;
  identities: Pick<IdentityDesk, 'stillAlive'>;
  onError: (err: unknown) => void;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Milliseconds of a clock that never jumps: a change of the machine's time must not look like an outage of auth. */
  uptime?: () => number;
}) {
  const { announcements, identities, onError, now = Date.now, uptime = () => performance.now() } = options;
  const bySession = new Map<string, { connections: Set<Connection>; expiresAt: number; answeredAt: number }>();
  const ended = new Map<string, number>();

  function endSession(session: string) {
    ended.set(session, uptime());
    for (const connection of bySession.get(session)?.connections ?? []) connection.end(CloseCode.Unauthorized);
  }

  async function recheck(sessions: string[]): Promise<void> {
    for (let start = 0; start < sessions.length; start += ASKED_AT_ONCE) {
      const asked = sessions.slice(start, start + ASKED_AT_ONCE);
      const alive = await identities.stillAlive(asked);
      for (const session of asked) settle(session, alive[session]);
    }
  }

  function settle(session: string, expiresAt: number | undefined) {
    const entry = bySession.get(session);
    if (entry === undefined) return;
    if (expiresAt === undefined) return endSession(session);
    Object.assign(entry, { expiresAt, answeredAt: uptime() });
  }

  /** What changed about an account is for auth to say; here only: ask again about its sessions. */
  function onAccountNews(news: AccountNews) {
    if (news.kind === 'session_ended') return endSession(news.session);
    const sessions = [...bySession]
      .filter(([, { connections }]) => userOf(connections) === news.user)
      .map(([session]) => session);
    recheck(sessions).catch(onError);
  }

  function endOverdue() {
    const time = uptime();
    for (const [session, { connections, expiresAt, answeredAt }] of bySession) {
      if (expiresAt <= now()) endSession(session);
      else if (answeredAt + UNANSWERED_MS <= time) {
        for (const connection of connections) connection.end(CloseCode.Restarting);
      }
    }
    for (const [session, at] of ended) {
      if (at + REMEMBERED_MS <= time) ended.delete(session);
    }
  }

  const stopListening = await announcements.listen(onAccountNews);
  const rechecker = setInterval(() => recheck([...bySession.keys()]).catch(onError), RECHECK_EVERY_MS);
  const sweeper = setInterval(endOverdue, EXPIRY_EVERY_MS);
  rechecker.unref();
  sweeper.unref();

  return {
    /** Watches a connection from now on; ends it at once if its session has just ended. */
    register(connection: Connection): void {
      const { session, expiresAt } = connection.identity;
      const entry = bySession.get(session) ?? { connections: new Set(), expiresAt, answeredAt: uptime() };
      entry.connections.add(connection);
      bySession.set(session, Object.assign(entry, { expiresAt, answeredAt: uptime() }));
      if (ended.has(session)) connection.end(CloseCode.Unauthorized);
    },

    unregister(connection: Connection): void {
      const { session } = connection.identity;
      const entry = bySession.get(session);
      entry?.connections.delete(connection);
      if (entry?.connections.size === 0) bySession.delete(session);
    },

    async close(): Promise<void> {
      clearInterval(rechecker);
      clearInterval(sweeper);
      await stopListening();
    },
  };
}

function userOf(connections: Set<Connection>): string | undefined {
  return connections.values().next().value?.identity.user.id;
}
