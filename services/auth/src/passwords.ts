/** Passwords: which are good enough, and how they are kept (OWASP ASVS 5.0 V6.2; bcrypt over SHA-256). */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { countCharacters } from '@securechat/shared/protocol';
import bcrypt from 'bcrypt';
import { foldUsername } from './usernames.ts';

/** The slow function behind {@link Passwords}: one call of either costs the same. */
export type Hasher = { hash(secret: string): Promise<string>; compare(secret: string, hash: string): Promise<boolean> };

/** 'busy': more people are waiting than can be served soon; nothing was computed. */
export type Passwords = {
  /** What to change about a new password, as a sentence; undefined when it is good. */
  findFault(password: string, username: string): string | undefined;
  /** The hash to store. */
  hash(password: string): Promise<string | 'busy'>;
  /** Whether the password belongs to the hash. An undefined hash (nobody of that name) costs the same time and is never matched. */
  verify(password: string, hash: string | undefined): Promise<boolean | 'busy'>;
};

const COST = 12;
const LENGTH = { least: 8, most: 256 };
const TOO_LONG = `Please choose a password of at most ${LENGTH.most} characters.`;
// libuv has four threads; two stay free for files and name look-ups while a flood of logins is computed.
const AT_ONCE = 2;
const WAITING = 64;

/** bcrypt at cost 12, about 0.2 s a call, on libuv's threads. */
export const bcryptHasher: Hasher = {
  hash: (secret) => bcrypt.hash(secret, COST),
  compare: (secret, hash) => bcrypt.compare(secret, hash),
};

/** Makes the keeper of passwords. */
export function createPasswords(hasher: Hasher = bcryptHasher): Passwords {
  const inTurn = createQueue(AT_ONCE, WAITING);
  const common = readCommonPasswords();
  // Not waited for here: it takes a fifth of a second, in which the server can start.
  const hashOfNobody = hasher.hash(randomBytes(32).toString('base64'));

  return {
    findFault: (password, username) => findFault(password, username, common),
    hash: (password) => inTurn(() => hasher.hash(digest(password))),
    verify: (password, hash) =>
      inTurn(async () => {
        const nobodys = await hashOfNobody;
        const isMatch = await hasher.compare(digest(password), hash ?? nobodys);
        return isMatch && hash !== undefined;
      }),
  };
}

function findFault(password: string, username: string, common: ReadonlySet<string>): string | undefined {
  if (!password.isWellFormed()) return 'This password contains a broken character. Please type it again.';
  // Composing joins four characters at most, and 64 KiB of ligatures are work that nobody should get for free.
  if (countCharacters(password) > 4 * LENGTH.most) return TOO_LONG;
  const normal = password.normalize('NFKC');
  const characters = countCharacters(normal);
  if (characters < LENGTH.least) return `Please choose a password of at least ${LENGTH.least} characters.`;
  if (characters > LENGTH.most) return TOO_LONG;
  if (foldUsername(normal) === foldUsername(username)) return 'Please choose a password that is not your username.';
  if (common.has(normal.toLowerCase()))
    return 'This password is on the list that attackers try first. Please choose another one.';
  return undefined;
}

/** bcrypt reads 72 bytes and stops at a zero byte: it gets a digest in base64, which depends on every character. */
function digest(password: string): string {
  return createHash('sha256').update(password.normalize('NFKC')).digest('base64');
}

/** The common passwords that are long enough to be chosen at all. Read and dropped, not imported: modules stay in memory. */
function readCommonPasswords(): ReadonlySet<string> {
  const file = new URL(import.meta.resolve('@zxcvbn-ts/language-common/src/passwords.json'));
  const all = JSON.parse(readFileSync(file, 'utf8')) as string[];
  return new Set(all.map((password) => password.toLowerCase()).filter((password) => countCharacters(password) >= LENGTH.least));
}

/** Runs at most `atOnce` pieces of work at a time, keeps at most `waiting` more in order, and turns the rest away. */
function createQueue(atOnce: number, waiting: number) {
  const queue: (() => void)[] = [];
  let running = 0;

  return async function inTurn<T>(work: () => Promise<T>): Promise<T | 'busy'> {
    if (running < atOnce) running++;
    else if (queue.length >= waiting) return 'busy';
    // Whoever ends hands its place over, so `running` stays as it is.
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
