import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { testUserStore } from './userStore.contract.ts';
import { createUserStore, type Tables, userMigrations } from './userStore.ts';

testUserStore(async (now) => {
  const db = kyselyOn<Tables>(openSqlite(':memory:'));
  await migrate(db, 'auth', userMigrations);
  return { users: createUserStore(db, now), close: () => db.destroy() };
});
