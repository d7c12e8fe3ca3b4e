/**
 * How many changes a second one hot room stores durably: a program that `npm run bench` runs. As many wait as fill two
 * batches, and the event log groups them as it does in the server.
 *
 * Arguments: `postgres` and a URL, or `sqlite` and a folder. Says `{ perSecond, p50Ms, p99Ms }` to its parent.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { migratePostgres, openPostgres } from '@securechat/shared/database.postgres';
import { DEFAULT_ROOM } from '@securechat/shared/protocol';
import { createEventLog } from './eventLog.ts';
import { createPostgresAppend, postgresMigrations } from './eventStore.postgres.ts';
import { createSqliteAppend } from './eventStore.sqlite.ts';
import { type Append, type ChatSchema, chatMigrations } from './eventStore.ts';

export type Appends = { perSecond: number; p50Ms: number; p99Ms: number };

const WAITING = 400;
const WARM_UP_MS = 1_000;
const MEASURED_MS = 4_000;

async function openAppend(kind: string, place: string): Promise<Append> {
  if (kind === 'postgres') {
    await migratePostgres(place, 'chat', { ...chatMigrations, ...postgresMigrations });
    return createPostgresAppend(await openPostgres(place, { max: 4, onError: fail }));
  }
  const sqlite = openSqlite(join(place, 'securechat.db'));
  await migrate(kyselyOn<ChatSchema>(sqlite), 'chat', chatMigrations);
  return createSqliteAppend(sqlite);
}

async function measure(append: Append): Promise<Appends> {
  const bus = { publish() {}, subscribe: () => Promise.reject(new Error('nobody listens')), onInterrupted() {}, close: ended };
  const log = createEventLog({ append, bus, floor: () => 0, onOlder: () => {}, onError: fail });
  const beginsAt = performance.now() + WARM_UP_MS;
  const endsAt = beginsAt + MEASURED_MS;
  const tookMs: number[] = [];

  /** Somebody who says the next thing as soon as the last one is stored. */
  async function talk(n: number) {
    const author = { id: randomUUID(), name: `guest${n}` };
    while (performance.now() < endsAt) {
      const saidAt = performance.now();
      const change = { kind: 'message' as const, text: 'x'.repeat(100) };
      const outcome = await log.append(DEFAULT_ROOM, { author, clientId: randomUUID(), change });
      if (outcome.kind !== 'stored') throw new Error(`a message was not stored: ${outcome.kind}`);
      if (saidAt >= beginsAt) tookMs.push(performance.now() - saidAt);
    }
  }
  await Promise.all(Array.from({ length: WAITING }, (_, n) => talk(n)));
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => tookMs[Math.floor(tookMs.length * share)] ?? 0;
  return { perSecond: (tookMs.length * 1000) / (performance.now() - beginsAt), p50Ms: at(0.5), p99Ms: at(0.99) };
}

const ended = () => Promise.resolve();

function fail(error: unknown) {
  throw error;
}

const [kind = '', place = ''] = process.argv.slice(2);
process.send?.(await measure(await openAppend(kind, place)), () => process.exit());
