/** Who somebody is: asked of the auth service over HTTP, which alone knows sessions. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { User } from '@securechat/shared/protocol';
import { internalToken } from '@securechat/shared/secrets';

/** A live session. `session` is an opaque handle, not the cookie's value; `expiresAt` is milliseconds since 1970. */
export type Identity = { user: User; session: string; expiresAt: number };

export type IdentityDesk = ReturnType<typeof createIdentityDesk>;

const ANSWER_WITHIN_MS = 3_000;
const MOST_ASKED_AT_ONCE = 64;
const CLOSED_MEANWHILE = new Set<string | undefined>(['ECONNRESET', 'EPIPE']);

/**
 * @param options.authUrl where auth's internal listener is
 * @param options.secret the newest SECRET_KEY; the bearer token is derived from it
 */
export function createIdentityDesk(options: { authUrl: string; secret: string }) {
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_ASKED_AT_ONCE });
  const authorization = `Bearer ${internalToken(options.secret)}`;

  function ask(method: 'GET' | 'POST', path: string, headers: IncomingHttpHeaders, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asking = request(new URL(path, options.authUrl), {
        method,
        agent,
        headers: { ...headers, authorization },
      });
      const deadline = setTimeout(() => asking.destroy(new Error('auth does not answer')), ANSWER_WITHIN_MS);
      asking.on('close', () => clearTimeout(deadline));
      asking.on('error', (error: NodeJS.ErrnoException) => {
        // The other side closed an idle connection in the moment in which it was used again: that says nothing about it.
        if (asking.reusedSocket && CLOSED_MEANWHILE.has(error.code)) resolve(ask(method, path, headers, body));
        else reject(error);
      });
      asking.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => {
          // Our own secret is not auth's: that says nothing about anybody's session.
          if (response.headers['www-authenticate'] !== undefined) reject(new Error('auth refuses our token'));
          else resolve({ status: response.statusCode ?? 0, text });
        });
      });
      asking.end(body);
    });
  }

  return {
    /**
     * Whose session a cookie header carries; undefined when it carries no live one.
     *
     * @throws when auth cannot say within three seconds
     */
    async whoIs(cookie: string | undefined): Promise<Identity | undefined> {
      if (cookie === undefined) return undefined;
      const { status, text } = await ask('GET', '/internal/session', { cookie });
      if (status === 401) return undefined;
      if (status === 200) return JSON.parse(text) as Identity;
      throw new Error(`auth answered ${status}`);
    },

    /**
     * Which of these sessions (at most 500) still live, and until when. Asking counts as activity.
     *
     * @throws when auth cannot say within three seconds
     */
    async stillAlive(sessions: string[]): Promise<Record<string, number>> {
      const body = JSON.stringify({ sessions });
      const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
      const { status, text } = await ask('POST', '/internal/sessions', headers, body);
      if (status === 200) return (JSON.parse(text) as { alive: Record<string, number> }).alive;
      throw new Error(`auth answered ${status}`);
    },

    close: () => agent.destroy(),
  };
}

type Answer = { status: number; text: string };
