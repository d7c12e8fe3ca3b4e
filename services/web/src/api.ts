/** What the pages ask of the server over HTTP. Network failures are answers too: nobody has to catch anything. */
import type { User } from '@securechat/shared/protocol';
import type { Identity } from './socket.ts';

export type Answer = {
  ok: boolean;
  /** What the server said, for people, word for word. */
  message?: string;
  /** The input that has to be changed. */
  field?: string;
  redirect?: string;
  /** Seconds until it makes sense to try again. */
  retryAfterS?: number;
};

/** Signs up or logs in; undefined when the server could not be reached. */
export function enter(username: string, password: string, action: string): Promise<Answer | undefined> {
  return post('/home', { username, password, action });
}

/** Sets a new password with the token of a one-time link; undefined when the server could not be reached. */
export function resetPassword(token: string, password: string): Promise<Answer | undefined> {
  return post('/reset', { token, password });
}

/** Whose session this browser has now, seen from the page of `userId`. */
export async function whoAmI(userId: string): Promise<Identity> {
  const answer = await askWhoIAm();
  if (typeof answer === 'string') return answer;
  return answer.id === userId ? 'same_person' : 'somebody_else';
}

/** Whose session this browser has now; `unknown` when the server could not say. */
export async function askWhoIAm(): Promise<User | 'nobody' | 'unknown'> {
  try {
    const response = await fetch('/api/me', { headers: { accept: 'application/json' }, cache: 'no-store' });
    if (response.status === 401) return 'nobody';
    if (!response.ok) return 'unknown';
    return ((await response.json()) as { user: User }).user;
  } catch {
    return 'unknown';
  }
}

async function post(path: string, body: Record<string, string>): Promise<Answer | undefined> {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json().catch(() => ({}))) as Pick<Answer, 'message' | 'field' | 'redirect'>;
    const retryAfterS = Number(response.headers.get('retry-after'));
    return { ...answer, ok: response.ok, ...(retryAfterS > 0 && { retryAfterS }) };
  } catch {
    return undefined;
  }
}
