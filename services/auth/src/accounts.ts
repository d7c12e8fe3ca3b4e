/** Signing up, logging in and setting a new password: what is asked, in which order, and what comes of it. */
import { createHash, randomBytes } from 'node:crypto';
import type { Passwords } from './passwords.ts';
import type { SessionOwner } from './sessionStore.ts';
import type { Permission, Throttles } from './throttles.ts';
import { checkUsername, foldUsername } from './usernames.ts';
import type { Account, UserStore } from './userStore.ts';

type TooMany = { kind: 'throttled' | 'busy'; retryAfterMs: number };
type Unacceptable = { kind: 'unacceptable'; field: 'username' | 'password'; message: string };

export type SignUp = { kind: 'created'; userId: string } | { kind: 'taken' } | { kind: 'closed' } | Unacceptable | TooMany;
export type LogIn =
  | { kind: 'welcome'; owner: SessionOwner /** The token to be kept by the browser. */; device: string }
  | { kind: 'wrong'; userId: string | undefined }
  | TooMany;
export type Reset = { kind: 'changed'; userId: string } | { kind: 'unknown_token' } | Unacceptable | TooMany;

export type Accounts = {
  signUp(form: { username: string; password: string }, network: string): Promise<SignUp>;
  /** @param device the token that the browser sent, if any */
  logIn(form: { username: string; password: string }, network: string, device: string | undefined): Promise<LogIn>;
  reset(form: { token: string; password: string }, network: string): Promise<Reset>;
};

/** What a browser's token and a reset link's token are stored as: 256 random bits need no slow hash. */
export const tokenHash = (token: string) => createHash('sha256').update(token).digest('base64url');
/** 256 random bits, base64url. */
export const newToken = () => randomBytes(32).toString('base64url');

/** When the queue for passwords is full: a few seconds are enough to shorten it. */
const BUSY: TooMany = { kind: 'busy', retryAfterMs: 5_000 };

/** Refusals are values; what is thrown is trouble with the database. Whoever calls announces what changed. */
export function createAccounts(deps: {
  users: UserStore;
  passwords: Passwords;
  throttles: Throttles;
  isSignUpOpen: boolean;
}): Accounts {
  const { users, passwords, throttles } = deps;

  async function hash(password: string, permission: Permission & { ok: true }): Promise<string | 'busy'> {
    const result = await passwords.hash(password);
    if (result === 'busy') await permission.giveBack();
    return result;
  }

  /** The token to keep: the browser's own if we gave it out, since several people may share a browser. */
  async function rememberDevice(account: Account, given: string | undefined): Promise<string> {
    const token = given !== undefined && (await users.isDevice(tokenHash(given))) ? given : newToken();
    await users.rememberDevice(account, tokenHash(token));
    return token;
  }

  return {
    async signUp({ username, password }, network) {
      if (!deps.isSignUpOpen) return { kind: 'closed' };
      const name = checkUsername(username);
      if (!name.ok) return { kind: 'unacceptable', field: 'username', message: name.message };
      const fault = passwords.findFault(password, username);
      if (fault !== undefined) return { kind: 'unacceptable', field: 'password', message: fault };
      // Spares a bcrypt, and tells nothing that signing up would not tell.
      if (await users.isTaken(name)) return { kind: 'taken' };
      const permission = await throttles.signUp(network);
      if (!permission.ok) return { kind: 'throttled', retryAfterMs: permission.retryAfterMs };
      const passwordHash = await hash(password, permission);
      if (passwordHash === 'busy') return BUSY;
      const userId = await users.add(name, passwordHash);
      return userId === undefined ? { kind: 'taken' } : { kind: 'created', userId };
    },

    async logIn({ username, password }, network, device) {
      const folded = isPossible(username) ? foldUsername(username) : username;
      const account = isPossible(username) ? await users.find(folded) : undefined;
      const isKnown = account !== undefined && device !== undefined && (await users.knowsDevice(account, tokenHash(device)));
      const permission = await throttles.logIn({ folded, network, device: isKnown ? tokenHash(device) : undefined });
      if (!permission.ok) return { kind: 'throttled', retryAfterMs: permission.retryAfterMs };
      // Always exactly one bcrypt, whoever is named, so that the time tells nothing.
      const isRight = await passwords.verify(password, account?.passwordHash);
      if (isRight === 'busy') {
        await permission.giveBack();
        return BUSY;
      }
      if (!isRight || account === undefined || account.isDisabled) return { kind: 'wrong', userId: account?.id };
      await permission.succeed();
      const { id, name, generation } = account;
      return { kind: 'welcome', owner: { id, name, generation }, device: await rememberDevice(account, device) };
    },

    async reset({ token, password }, network) {
      const permission = await throttles.reset(network);
      if (!permission.ok) return { kind: 'throttled', retryAfterMs: permission.retryAfterMs };
      const account = await users.findByReset(tokenHash(token));
      if (account === undefined) return { kind: 'unknown_token' };
      const fault = passwords.findFault(password, account.name);
      if (fault !== undefined) return { kind: 'unacceptable', field: 'password', message: fault };
      const passwordHash = await hash(password, permission);
      if (passwordHash === 'busy') return BUSY;
      const userId = await users.reset(tokenHash(token), passwordHash);
      return userId === undefined ? { kind: 'unknown_token' } : { kind: 'changed', userId };
    },
  };
}

/** What no sign-up can have stored need not be folded or looked up; some of it no database can be asked for. */
const isPossible = (name: string) => name.length <= 256 && name.isWellFormed() && !name.includes('\u0000');
