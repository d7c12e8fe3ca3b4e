/** D2: a clientId is one change for ever, on whatever replica, after whatever restart, whatever the clock says. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { RoomEvent, ServerMessage } from '@securechat/shared/protocol';
import pg from 'pg';
import type { Connection, Person } from '../support/person.ts';
import { type Replicas, startReplicas } from '../support/replicas.ts';

const room = 'general';
const REPLICAS = 3;
const EIGHT_DAYS_MS = 8 * 86_400_000;
const YEAR_MS = 365 * 86_400_000;
const preload = fileURLToPath(new URL('../support/movedClock.ts', import.meta.url));

let stack: Replicas;
const folder = mkdtempSync(join(tmpdir(), 'securechat-clock-'));
const clock = join(folder, 'clock');
const moveClock = (ms: number) => writeFileSync(clock, String(ms));

before(async () => {
  moveClock(0);
  stack = await startReplicas({ NODE_OPTIONS: `--import=${preload}`, MOVED_CLOCK: clock }, { chats: REPLICAS });
});
after(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true });
});

type Frame = { type: 'send' | 'edit' | 'delete' | 'react'; room: string; clientId: string } & Record<string, unknown>;

const newFrame = (type: Frame['type'], more: Record<string, unknown>): Frame => ({ type, room, clientId: randomUUID(), ...more });

/** One connection of the person at each replica, the room open. */
async function everywhere(person: Person): Promise<Connection[]> {
  const devices = await Promise.all(Array.from({ length: REPLICAS }, (_, chat) => stack.deviceAt(chat, person)));
  const connections = await Promise.all(devices.map((device) => device.connects()));
  for (const connection of connections) await connection.opens();
  return connections;
}

/** Sends the frame so many times on each connection at once, and resolves to all numbers that were answered. */
async function repeats(connections: readonly Connection[], { clientId, ...frame }: Frame, times: number): Promise<Set<number>> {
  for (let time = 0; time < times; time++) for (const connection of connections) connection.sends({ ...frame, clientId });
  const seqs = new Set<number>();
  for (const connection of connections) {
    let answers = 0;
    await connection.receives((message: ServerMessage) => {
      if (message.type === 'refused') assert.fail(JSON.stringify(message));
      const event = message as RoomEvent;
      if (event.clientId !== clientId) return false;
      seqs.add(event.seq);
      return ++answers >= times;
    }, `${times} answers to one ${frame.type}`);
  }
  return seqs;
}

async function rowsOf(clientIds: readonly string[]): Promise<{ client_id: string; seq: string }[]> {
  const client = new pg.Client({ connectionString: stack.env.DATABASE_URL });
  await client.connect();
  try {
    const { rows } = await client.query('select client_id, seq from events where client_id = any($1)', [clientIds]);
    return rows;
  } finally {
    await client.end();
  }
}

test('one frame a thousand times, over three replicas, kills, restarts and eight days, is one row and costs nothing', async () => {
  const gus = await stack.personAt(0, 'gus');
  const first = await everywhere(gus);
  const [here] = first as [Connection];
  const [target, doomed] = [await here.says('to be changed'), await here.says('to be deleted')];
  const frames = [
    newFrame('send', { text: 'once' }),
    newFrame('edit', { target: target.seq, text: 'changed' }),
    newFrame('react', { target: target.seq, emoji: '👍', on: true }),
    newFrame('delete', { target: doomed.seq }),
  ];
  const answered = new Map(frames.map(({ clientId }) => [clientId, new Set<number>()]));
  const repeatAll = async (connections: readonly Connection[], times: number) => {
    for (const frame of frames) {
      for (const seq of await repeats(connections, frame, times)) answered.get(frame.clientId)?.add(seq);
    }
  };

  // The first time of all is a race between the replicas.
  await repeatAll(first, 200);
  // Five messages are allowed: the thousand cost nothing beyond the first.
  for (const text of ['the fourth', 'the fifth']) await here.says(text);

  await stack.chats[0]?.end('SIGKILL');
  await stack.chats[1]?.end('SIGTERM');
  await Promise.all([stack.chats[0]?.start(), stack.chats[1]?.start()]);
  first[2]?.cut();
  const second = await everywhere(gus);
  await repeatAll(second, 67);

  await stack.end('SIGTERM');
  moveClock(EIGHT_DAYS_MS);
  await stack.start();
  const third = await everywhere(gus);
  await repeatAll(third, 67);

  const rows = await rowsOf(frames.map(({ clientId }) => clientId));
  assert.equal(rows.length, frames.length);
  for (const { client_id, seq } of rows) assert.deepEqual([...(answered.get(client_id) ?? [])], [Number(seq)]);
  const { headers } = await gus.post('/home', { username: gus.name, password: gus.password, action: 'login' });
  const expires = Math.max(...(headers['set-cookie'] ?? []).map((line) => Date.parse(/expires=([^;]+)/i.exec(line)?.[1] ?? '0')));
  assert.ok(
    expires > Date.now() + YEAR_MS + EIGHT_DAYS_MS - 60_000,
    'the clock was moved: a cookie for a year is good for longer',
  );
  for (const connection of third) await connection.close();
});

test('two texts under one clientId, at once on two replicas: one is stored, whoever said the other is told of a conflict', async () => {
  const ivy = await stack.personAt(0, 'ivy');
  const [here, there, elsewhere] = (await everywhere(ivy)) as [Connection, Connection, Connection];
  for (let round = 0; round < 5; round++) {
    const clientId = randomUUID();
    const isAnswer = (message: ServerMessage) => 'clientId' in message && message.clientId === clientId;
    // One's own message is heard on every device; the one whose text lost is answered besides.
    const conflict = (connection: Connection) =>
      connection.receives((message) => isAnswer(message) && message.type === 'refused', 'a refusal').then((one) => one);
    here.sends(newFrame('send', { clientId, text: `here ${round}` }));
    there.sends(newFrame('send', { clientId, text: `there ${round}` }));
    const stored = (await elsewhere.hears({ type: 'message', clientId })).text;
    assert.ok(stored === `here ${round}` || stored === `there ${round}`);
    const loser = stored === `here ${round}` ? there : here;
    const refusal = await conflict(loser);
    assert.equal(refusal.type === 'refused' && refusal.code, 'conflict');
    assert.equal((await rowsOf([clientId])).length, 1);
  }
  for (const connection of [here, there, elsewhere]) await connection.close();
});
