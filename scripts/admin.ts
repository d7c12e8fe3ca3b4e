/** `npm run admin -- …`: what the person who runs the server can do, whether it runs or not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Environment, modeOf } from '@securechat/shared/config';
import { DEFAULT_ROOM } from '@securechat/shared/protocol';
import { announce, openAccounts } from '../services/auth/src/admin.ts';
import { openConversation } from '../services/chat/src/admin.ts';
import { certificateFolder, projectFolder, settingsOf } from './home.ts';
import { withKept } from './kept.ts';

const usage = `Usage: npm run admin -- COMMAND

  reset-password NAME   ends the person's sessions and prints a link, good once and for 24 hours, to choose a new password
  disable NAME          ends the person's sessions and lets them in no more
  enable NAME           lets them in again
  delete-message SEQ    erases the words of message number SEQ
  restored              after a backup was put back: tells everybody to forget what it does not hold
`;

/** What a command did, in one or more lines, or why it did nothing. */
type Outcome = { isDone: boolean; says: string };

const done = (says: string): Outcome => ({ isDone: true, says });
const refused = (says: string): Outcome => ({ isDone: false, says });

/**
 * Does one command.
 *
 * @param words the command and its argument
 * @param env the server's settings, its generated secret included
 * @returns undefined when the words are no command
 * @throws {ConfigError} when there is no database yet or the settings are wrong
 */
async function obey([command = '', argument, ...rest]: readonly string[], env: Environment): Promise<Outcome | undefined> {
  if (rest.length > 0 || (argument === undefined) !== (command === 'restored')) return undefined;
  const name = argument ?? '';
  switch (command) {
    case 'reset-password':
      return await withAccounts(env, async (accounts) => {
        const link = await accounts.resetPassword(name);
        if (link === 'unknown_name') return nobody(name);
        return done(
          `${name} is signed out everywhere. Send this link to ${name}; put the address that people use in place of localhost:\n${link}`,
        );
      });
    case 'disable':
      return await withAccounts(env, async (accounts) =>
        (await accounts.disable(name)) === 'done' ? done(`${name} is signed out and cannot log in any more.`) : nobody(name),
      );
    case 'enable':
      return await withAccounts(env, async (accounts) =>
        (await accounts.enable(name)) === 'done' ? done(`${name} can log in again.`) : nobody(name),
      );
    case 'delete-message':
      return /^[1-9]\d{0,14}$/.test(name) ? await deleteMessage(env, Number(name)) : undefined;
    case 'restored':
      return await markRestored(env);
    default:
      return undefined;
  }
}

const nobody = (name: string) => refused(`There is no account named ${JSON.stringify(name)}.`);

type Accounts = Awaited<ReturnType<typeof openAccounts>>;

async function withAccounts(env: Environment, work: (accounts: Accounts) => Promise<Outcome>): Promise<Outcome> {
  const accounts = await openAccounts(env);
  try {
    return await work(accounts);
  } finally {
    await accounts.close();
  }
}

async function deleteMessage(env: Environment, seq: number): Promise<Outcome> {
  const conversation = await openConversation(env);
  try {
    const result = await conversation.deleteMessage(seq);
    if (result === 'not_found') return refused(`There is no message number ${seq}.`);
    if (result === 'gone') return refused(`Message ${seq} was deleted before.`);
    await announce(env, 'heads', { room: DEFAULT_ROOM });
    return done(`Message ${seq} is deleted.`);
  } finally {
    await conversation.close();
  }
}

async function markRestored(env: Environment): Promise<Outcome> {
  const conversation = await openConversation(env);
  try {
    await conversation.restored();
    await announce(env, 'heads', { room: DEFAULT_ROOM });
    return done('The conversation begins a new epoch: clients load it anew and drop what the backup does not hold.');
  } finally {
    await conversation.close();
  }
}

/** Runs the command line; resolves to the exit code. */
export async function main(words: readonly string[], given: Environment, home: string = projectFolder): Promise<number> {
  if (words.length === 0 || words[0] === '--help' || words[0] === '-h') {
    process.stdout.write(usage);
    return words.length === 0 ? 1 : 0;
  }
  try {
    const env = withKept(settingsOf(given, home), certificateFolder(home));
    requireDatabase(env);
    const outcome = await obey(words, env);
    if (outcome === undefined) process.stderr.write(usage);
    else (outcome.isDone ? process.stdout : process.stderr).write(`${outcome.says}\n`);
    return outcome?.isDone ? 0 : 1;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

/** Behind a proxy the database is a server's, and opening it says what is wrong. */
function requireDatabase(env: Environment) {
  const { DATA_DIR = '' } = env;
  if (modeOf(env) === 'distributed' || existsSync(join(DATA_DIR, 'securechat.db'))) return;
  throw new ConfigError([`There is no database in DATA_DIR ${DATA_DIR} yet. Start SecureChat once, or set DATA_DIR.`]);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), process.env);
