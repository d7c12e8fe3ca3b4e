/** Who has an account: the users and the browsers they logged in from. */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { Username } from './usernames.ts';

type UsersTable = {
  id: string;
  /** As typed at sign-up. */
  name: string;
  folded: string;
  twin: string;
  password_hash: string;
  created_at: number;
  /** 0 or 1. */
  disabled: number;
  /** A session or a known browser of an earlier generation is dead. */
  generation: number;
  /** SHA-256 of the one-time token, base64url. */
  reset_hash: string | null;
  reset_expires: number | null;
};
type DevicesTable = { token_hash: string; user_id: string; generation: number; created_at: number };

/** Auth's tables; times are milliseconds since 1970. */
export type Tables = { users: UsersTable; devices: DevicesTable };

export type Account = { id: string; name: string; passwordHash: string; isDisabled: boolean; generation: number };

export type UserStore = ReturnType<typeof createUserStore>;

const DEVICE_LIFE_MS = 365 * 86_400_000;

/** Every change is one statement: it happens wholly or not at all, whoever else writes at the same time. */
export function createUserStore(db: Kysely<Tables>, now: () => number = Date.now) {
  const accountColumns = ['id', 'name', 'password_hash', 'disabled', 'generation'] as const;

  return {
    /** Makes an account. Resolves to undefined when the name, or one that looks the same, is taken: a unique index decides. */
    async add(username: Username, passwordHash: string): Promise<string | undefined> {
      const row = await db
        .insertInto('users')
        .values({
          id: randomUUID(),
          name: username.name,
          folded: username.folded,
          twin: username.twin,
          password_hash: passwordHash,
          created_at: now(),
          disabled: 0,
          generation: 1,
          reset_hash: null,
          reset_expires: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning('id')
        .executeTakeFirst();
      return row?.id;
    },

    /** A look only; {@link add} decides. */
    async isTaken({ folded, twin }: Username): Promise<boolean> {
      const row = await db
        .selectFrom('users')
        .select('id')
        .where((is) => is.or([is('folded', '=', folded), is('twin', '=', twin)]))
        .executeTakeFirst();
      return row !== undefined;
    },

    /** The account of a folded name. */
    async find(folded: string): Promise<Account | undefined> {
      const row = await db.selectFrom('users').select(accountColumns).where('folded', '=', folded).executeTakeFirst();
      return row && toAccount(row);
    },

    /** The generations of those of these people whose accounts are enabled, by user id. */
    async generations(ids: readonly string[]): Promise<Map<string, number>> {
      if (ids.length === 0) return new Map();
      const rows = await db
        .selectFrom('users')
        .select(['id', 'generation'])
        .where('id', 'in', ids)
        .where('disabled', '=', 0)
        .execute();
      return new Map(rows.map(({ id, generation }) => [id, generation]));
    },

    /** Allows or forbids a person to sign in; forbidding ends all sessions. Resolves to the user's id. */
    async setDisabled(folded: string, isDisabled: boolean): Promise<string | undefined> {
      const row = await db
        .updateTable('users')
        .set((is) => ({ disabled: isDisabled ? 1 : 0, generation: is('generation', '+', isDisabled ? 1 : 0) }))
        .where('folded', '=', folded)
        .returning('id')
        .executeTakeFirst();
      return row?.id;
    },

    /** Lets the holder of a token set a new password until `expiresAt`, and ends all sessions. Resolves to the user's id. */
    async allowReset(folded: string, tokenHash: string, expiresAt: number): Promise<string | undefined> {
      const row = await db
        .updateTable('users')
        .set((is) => ({ reset_hash: tokenHash, reset_expires: expiresAt, generation: is('generation', '+', 1) }))
        .where('folded', '=', folded)
        .returning('id')
        .executeTakeFirst();
      return row?.id;
    },

    /** Whose password a token may set. */
    async findByReset(tokenHash: string): Promise<Account | undefined> {
      const row = await db
        .selectFrom('users')
        .select(accountColumns)
        .where('reset_hash', '=', tokenHash)
        .where('reset_expires', '>', now())
        .where('disabled', '=', 0)
        .executeTakeFirst();
      return row && toAccount(row);
    },

    /** Uses a token up: sets the password and ends all sessions. Of several at once one gets the user's id, the others undefined. */
    async reset(tokenHash: string, passwordHash: string): Promise<string | undefined> {
      const row = await db
        .updateTable('users')
        .set((is) => ({
          password_hash: passwordHash,
          generation: is('generation', '+', 1),
          reset_hash: null,
          reset_expires: null,
        }))
        .where('reset_hash', '=', tokenHash)
        .where('reset_expires', '>', now())
        .where('disabled', '=', 0)
        .returning('id')
        .executeTakeFirst();
      return row?.id;
    },

    /** True when this person logged in from the browser that holds the token, and nothing ended that since. */
    async knowsDevice(account: Account, tokenHash: string): Promise<boolean> {
      const row = await db
        .selectFrom('devices')
        .select('token_hash')
        .where('token_hash', '=', tokenHash)
        .where('user_id', '=', account.id)
        .where('generation', '=', account.generation)
        .where('created_at', '>', now() - DEVICE_LIFE_MS)
        .executeTakeFirst();
      return row !== undefined;
    },

    /** True when we gave out this token, to whomever. */
    async isDevice(tokenHash: string): Promise<boolean> {
      const row = await db.selectFrom('devices').select('token_hash').where('token_hash', '=', tokenHash).executeTakeFirst();
      return row !== undefined;
    },

    /** Remembers that a person logged in from a browser. */
    async rememberDevice(account: Account, tokenHash: string): Promise<void> {
      const fresh = { generation: account.generation, created_at: now() };
      await db
        .insertInto('devices')
        .values({ token_hash: tokenHash, user_id: account.id, ...fresh })
        .onConflict((conflict) => conflict.columns(['token_hash', 'user_id']).doUpdateSet(fresh))
        .execute();
    },

    /** Forgets browsers that nobody logged in from for a year. */
    async purgeDevices(): Promise<void> {
      await db
        .deleteFrom('devices')
        .where('created_at', '<=', now() - DEVICE_LIFE_MS)
        .execute();
    },
  };
}

function toAccount(row: Pick<UsersTable, 'id' | 'name' | 'password_hash' | 'disabled' | 'generation'>): Account {
  const { id, name, generation } = row;
  return { id, name, generation, passwordHash: row.password_hash, isDisabled: row.disabled === 1 };
}

/** The tables of this file, to be made by shared/database's `migrate`. */
export const userMigrations: Record<string, Migration> = {
  '2026_11_users': {
    async up(db) {
      await db.schema
        .createTable('users')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('folded', 'text', (column) => column.notNull().unique())
        .addColumn('twin', 'text', (column) => column.notNull().unique())
        .addColumn('password_hash', 'text', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('disabled', 'integer', (column) => column.notNull())
        .addColumn('generation', 'integer', (column) => column.notNull())
        .addColumn('reset_hash', 'text', (column) => column.unique())
        .addColumn('reset_expires', 'bigint')
        .execute();
      await db.schema
        .createTable('devices')
        .addColumn('token_hash', 'text', (column) => column.notNull())
        .addColumn('user_id', 'text', (column) => column.notNull().references('users.id'))
        .addColumn('generation', 'integer', (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addPrimaryKeyConstraint('devices_key', ['token_hash', 'user_id'])
        .execute();
    },
  },
};
