/** What the administrator's tool may do with accounts, from its own process, whether the server runs or not. */
import { join } from 'node:path';
import type { AccountNews } from '@securechat/shared/announcements';
import type { Environment } from '@securechat/shared/config';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { kyselyOnPostgres, migratePostgres, openPostgres } from '@securechat/shared/database.postgres';
import { internalToken } from '@securechat/shared/secrets';
import type { Kysely } from 'kysely';
import { newToken, tokenHash } from './accounts.ts';
import { type AuthConfig, internalUrl, publicUrl, readAuthConfig } from './config.ts';
import { foldUsername } from './usernames.ts';
import { createUserStore, type Tables, userMigrations } from './userStore.ts';

/** A running server holds the lock again and again, and this command has nothing else to do. */
const LOCK_WAIT_MS = 5_000;

export type AccountAdministration = {
  /**
   * Ends a person's sessions and lets the holder of the link choose a new password, once, within 24 hours. Resolves to
   * the link; its host is to be replaced by the one that people use.
   */
  resetPassword(name: string): Promise<string | 'unknown_name'>;
  /** Ends a person's sessions and forbids new ones. */
  disable(name: string): Promise<'done' | 'unknown_name'>;
  /** Lets a disabled person log in again. */
  enable(name: string): Promise<'done' | 'unknown_name'>;
  close(): Promise<void>;
};

const RESET_LIFE_MS = 24 * 3_600_000;
const ANNOUNCE_WITHIN_MS = 2_000;
const POSTGRES_WITHIN_MS = 5_000;

/**
 * Opens the accounts of this installation.
 *
 * @param env as for the server
 * @param tell what is done with the news of a changed account; a running server closes its sockets within a second
 * @throws {ConfigError} as readAuthConfig
 */
export async function openAccounts(
  env: Environment,
  tell: (news: AccountNews) => Promise<unknown> = (news) => announce(env, 'accounts', news),
): Promise<AccountAdministration> {
  const config = readAuthConfig(env);
  const db = await openTables(config);
  const users = createUserStore(db);

  async function changed(user: string | undefined): Promise<'done' | 'unknown_name'> {
    if (user === undefined) return 'unknown_name';
    await tell({ kind: 'account_changed', user });
    return 'done';
  }

  return {
    async resetPassword(name) {
      const token = newToken();
      const user = await users.allowReset(foldUsername(name), tokenHash(token), Date.now() + RESET_LIFE_MS);
      // Browsers keep what stands behind the # to themselves: the token gets into no log on the way.
      return (await changed(user)) === 'done' ? `${publicUrl(config)}/reset#${token}` : 'unknown_name';
    },
    disable: async (name) => changed(await users.setDisabled(foldUsername(name), true)),
    enable: async (name) => changed(await users.setDisabled(foldUsername(name), false)),
    close: () => db.destroy(),
  };
}

async function openTables(config: AuthConfig): Promise<Kysely<Tables>> {
  if (config.MODE === 'distributed') {
    await migratePostgres(config.DATABASE_URL, 'auth', userMigrations, POSTGRES_WITHIN_MS);
    const onError = () => undefined;
    return kyselyOnPostgres<Tables>(
      await openPostgres(config.DATABASE_URL, { max: 1, application: 'admin', withinMs: POSTGRES_WITHIN_MS, onError }),
    );
  }
  const db = kyselyOn<Tables>(openSqlite(join(config.DATA_DIR, 'securechat.db'), LOCK_WAIT_MS));
  await migrate(db, 'auth', userMigrations);
  return db;
}

/**
 * Tells a running server something that its replicas have to hear.
 *
 * @returns whether a server heard it; if none runs there is nobody who had to
 */
export async function announce(env: Environment, channel: 'accounts' | 'heads', news: object): Promise<boolean> {
  const config = readAuthConfig(env);
  try {
    const response = await fetch(`${internalUrl(config)}/internal/announce`, {
      method: 'POST',
      headers: { authorization: `Bearer ${internalToken(config.SECRET_KEY[0] ?? '')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ channel, news }),
      signal: AbortSignal.timeout(ANNOUNCE_WITHIN_MS),
    });
    return response.status === 204;
  } catch {
    return false;
  }
}
