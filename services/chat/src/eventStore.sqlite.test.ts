import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kyselyOn, migrate, openSqlite } from '@securechat/shared/database';
import { DEFAULT_ROOM } from '@securechat/shared/protocol';
import { type Conversation, testEventStore } from './eventStore.contract.ts';
import { compareWithWitness, createSqliteAppend, writeWitness } from './eventStore.sqlite.ts';
import { type ChatSchema, chatMigrations, createEventStore } from './eventStore.ts';
import { alice, bob, saying } from './people.fixture.ts';

testEventStore(() => open(':memory:'));

test('a change that cannot be stored takes its whole batch back', async () => {
  const { append, store, close } = await open(':memory:');
  await assert.rejects(append('no such room', [saying(alice, 'hello')], 0), /FOREIGN KEY/);
  assert.deepEqual(await store.since('no such room', 0, 10), []);
  assert.equal((await append(DEFAULT_ROOM, [saying(alice, 'hello')], 0)).length, 1);
  await close();
});

test('the witness and the database agree: the epoch stays', async (t) => {
  const { store, append, witness } = await openWithWitness(t);
  await append(DEFAULT_ROOM, [saying(alice, 'one')], 0);
  await writeWitness(store, witness);
  const before = await store.heads([DEFAULT_ROOM]);
  // A crash may leave the witness behind, never ahead.
  await append(DEFAULT_ROOM, [saying(alice, 'two')], 0);
  await compareWithWitness(store, witness);
  assert.equal((await store.heads([DEFAULT_ROOM]))[0]?.epoch, before[0]?.epoch);
  assert.equal(statSync(witness).mode & 0o777, 0o600);
  assert.ok(!existsSync(`${witness}.new`));
});

test('an empty conversation without a witness is a new one: the epoch stays', async (t) => {
  const { store, witness } = await openWithWitness(t);
  const before = await store.heads([DEFAULT_ROOM]);
  await compareWithWitness(store, witness);
  assert.deepEqual(await store.heads([DEFAULT_ROOM]), before);
});

for (const [what, content] of Object.entries({
  'has seen more than the database holds': (epoch: string) => JSON.stringify({ general: { epoch, head: 3 } }),
  'has seen another life of the room': () => JSON.stringify({ general: { epoch: 'another', head: 1 } }),
  'is missing although something was said': () => undefined,
  'is half a file': () => '{"general":{"ep',
  'is an empty file': () => '',
  'holds nothing': () => 'null',
})) {
  test(`the witness ${what}: the room gets a new epoch, once, and read marks are cut`, async (t) => {
    const { store, append, witness } = await openWithWitness(t);
    await append(DEFAULT_ROOM, [saying(alice, 'one'), saying(alice, 'two')], 0);
    await store.markRead(DEFAULT_ROOM, bob.id, 2);
    const [before] = await store.heads([DEFAULT_ROOM]);
    const written = content(before?.epoch ?? '');
    if (written !== undefined) writeFileSync(witness, written);
    await compareWithWitness(store, witness);
    const after = await store.heads([DEFAULT_ROOM]);
    assert.notEqual(after[0]?.epoch, before?.epoch);
    assert.equal(after[0]?.head, 2);
    await compareWithWitness(store, witness);
    assert.deepEqual(await store.heads([DEFAULT_ROOM]), after);
  });
}

test('read marks beyond the head of a restored copy are cut with the epoch', async (t) => {
  const { store, append, sqlite } = await openWithWitness(t);
  await append(DEFAULT_ROOM, [saying(bob, 'one'), saying(bob, 'two'), saying(bob, 'three')], 0);
  await store.markRead(DEFAULT_ROOM, alice.id, 3);
  sqlite.exec('DELETE FROM events WHERE seq > 1');
  assert.equal(await append(DEFAULT_ROOM, [saying(bob, 'new two')], 3), 'older');
  await append(DEFAULT_ROOM, [saying(bob, 'new two')], 1);
  assert.deepEqual(await store.readMark(DEFAULT_ROOM, alice.id), { read: 1, unread: 1 });
});

test('somebody who was here before is let in while another program holds the lock: looking at a mark writes nothing', async (t) => {
  const { store, append, sqlite, path } = await openWithWitness(t);
  await append(DEFAULT_ROOM, [saying(bob, 'one')], 0);
  await store.markRead(DEFAULT_ROOM, alice.id, 0);
  const other = openSqlite(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  assert.throws(() => sqlite.exec('BEGIN IMMEDIATE'), /locked/);
  assert.deepEqual(await store.readMark(DEFAULT_ROOM, alice.id), { read: 0, unread: 1 });
});

async function openWithWitness(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-store-'));
  const path = join(folder, 'test.db');
  const conversation = await open(path);
  t.after(async () => {
    await conversation.close();
    rmSync(folder, { recursive: true });
  });
  return { ...conversation, path, witness: join(folder, 'heads.json') };
}

async function open(path: string): Promise<Conversation & { sqlite: ReturnType<typeof openSqlite> }> {
  const sqlite = openSqlite(path);
  const db = kyselyOn<ChatSchema>(sqlite);
  await migrate(db, 'chat', chatMigrations);
  let time = 1_700_000_000_000;
  return {
    sqlite,
    append: createSqliteAppend(sqlite, () => ++time),
    store: createEventStore(db),
    makeRoom: async (room) => void (await db.insertInto('rooms').values({ id: room, name: room, epoch: 'e' }).execute()),
    allTexts: async () =>
      (await db.selectFrom('events').select('text').where('text', 'is not', null).execute()).map(({ text }) => text ?? ''),
    close: () => db.destroy(),
  };
}
