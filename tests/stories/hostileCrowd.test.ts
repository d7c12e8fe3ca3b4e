/** Mallory with many connections, or with one that does not read: what she costs is bounded, and alice chats on. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { chatPort, entersRaw, type Innocents, innocents, muchMayBeSaid } from '../support/mallory.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';
import { dialTls, frame, handshakeText, Opcode, statusOf, textFrame } from '../support/wire.ts';

/** How many connections the rush opens; `RAPID_CONNECTS=10000` for the whole of it. */
const RAPID_CONNECTS = Number(process.env.RAPID_CONNECTS ?? 2_000);
const AT_ONCE = 100;
const NOTICED_MS = 2_000;
const MiB = 1024 * 1024;

let stack: SingleNode;
let people: Innocents;

before(async () => {
  stack = await startSingleNode({ ...muchMayBeSaid, CONNECTIONS_PER_ADDRESS: '30' });
  people = await innocents(stack);
});
after(() => stack.stop());

/** Bytes of memory that the server's process holds. */
function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** Resolves when the number that the server tells of itself satisfies the condition. */
async function untilMetric(name: string, isIt: (value: number) => boolean): Promise<void> {
  const line = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm');
  for (const deadline = performance.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const text = await (await fetch(`${stack.internalUrl}/metrics`)).text();
    const value = Number(line.exec(text)?.[1]);
    if (isIt(value)) return;
    assert.ok(performance.now() < deadline, `${name} is still ${value}`);
  }
}

test('mallory stops reading while much is said: she is cut, nobody waits for her, and she comes back to all of it', async () => {
  const mallory = await stack.person('mallory');
  const carol = await stack.person('carol');
  const talkers = await Promise.all([carol.connects(), carol.connects(), carol.connects()]);
  await Promise.all(talkers.map((talker) => talker.opens()));
  const reading = await mallory.connects();
  const { opened } = await reading.opens();
  await reading.close();

  const stalled = await dialTls(chatPort(stack));
  stalled.send(handshakeText({ Cookie: mallory.cookies.header(), 'Sec-WebSocket-Protocol': 'securechat.v2' }));
  await stalled.head();
  stalled.send(textFrame('mallory'));
  await stalled.frames((frames) => frames.length === 1);
  stalled.send(textFrame(JSON.stringify({ type: 'open', room: 'general' })));
  await stalled.frames((frames) => frames.length === 3);
  stalled.socket.pause();
  // Pongs that nobody asked for keep her from being taken for dead.
  const pongs = setInterval(() => stalled.send(frame({ opcode: Opcode.Pong })), 1_000);
  const before = memoryOf(stack.pid);

  // More than the server keeps for one reader, the buffers of the system (some MiB on loopback) and the wire itself.
  const text = '🌷'.repeat(4_000);
  let said = 0;
  const trips: number[] = [];
  try {
    for (let round = 0; round < 80 && !(await isCut()); round++) {
      await Promise.all(talkers.map((talker) => Promise.all(Array.from({ length: 10 }, () => talker.says(text)))));
      said += 10 * talkers.length;
      trips.push(await people.chat());
    }
    assert.ok(await isCut(), 'she was cut');
  } finally {
    clearInterval(pongs);
    stalled.cut();
  }
  assert.ok(Math.max(...trips) < NOTICED_MS, `${Math.max(...trips)} ms`);
  assert.ok(memoryOf(stack.pid) - before < 150 * MiB, `${(memoryOf(stack.pid) - before) / MiB} MiB`);

  // She was cut when the bound was reached, before or after more was said than one resume brings.
  const back = await mallory.connects();
  const { events, opened: again } = await back.opens({ since: opened.head, epoch: opened.epoch });
  const numbers = events.map(({ seq }) => seq);
  assert.equal(numbers.at(-1), again.head);
  assert.deepEqual(
    numbers,
    [...numbers].sort((a, b) => a - b),
  );
  if (again.complete) assert.equal(numbers.length, again.head - opened.head);
  const heard = new Set(numbers);
  for (let oldest = numbers[0] ?? 0; oldest > opened.head + 1; ) {
    back.sends({ type: 'history', room: 'general', before: oldest, limit: 100 });
    const page = await back.hears({ type: 'page', before: oldest });
    assert.ok(page.events.length > 0);
    for (const { seq } of page.events) heard.add(seq);
    oldest = page.events[0]?.seq ?? 0;
  }
  for (let seq = opened.head + 1; seq <= again.head; seq++) assert.ok(heard.has(seq), `event ${seq} is there`);
  assert.equal(again.head - opened.head, said + trips.length);
  await Promise.all([back, ...talkers].map((connection) => connection.close()));

  async function isCut(): Promise<boolean> {
    const metrics = await (await fetch(`${stack.internalUrl}/metrics`)).text();
    return /cause="slow_reader"\S* [1-9]/.test(metrics);
  }
});

test('mallory asks for everything on ten connections and reads nothing: alice chats on, and little is kept for her', async () => {
  const greedy = await stack.person('greedy');
  const ask = (fields: object) => textFrame(JSON.stringify({ room: 'general', ...fields }));
  const epoch = people.atAlice.welcome.rooms[0]?.epoch;
  const before = memoryOf(stack.pid);
  const doors = await Promise.all(
    Array.from({ length: 10 }, async (_, i) => {
      const options = { localAddress: `127.0.7.${i + 1}`, headers: { 'Sec-WebSocket-Protocol': 'securechat.v2' } };
      const door = await entersRaw(stack, greedy, options);
      door.socket.pause();
      return door;
    }),
  );
  for (let round = 0; round < 20; round++) {
    for (const door of doors) {
      door.send(ask({ type: 'open', since: 0, epoch }));
      door.send(ask({ type: 'history', before: 1_000_000, limit: 100 }));
    }
    assert.ok((await people.chat()) < NOTICED_MS);
  }
  const grown = memoryOf(stack.pid) - before;
  assert.ok(grown < 300 * MiB, `${grown / MiB} MiB are kept`);
  for (const door of doors) door.cut();
  await untilMetric('securechat_connections', (count) => count === 2);
});

test(`${RAPID_CONNECTS} connections in bursts from many addresses: alice chats on, and the memory comes back`, async () => {
  const before = memoryOf(stack.pid);
  let isOver = false;
  const statuses = new Map<number, number>();
  const rush = (async () => {
    for (let opened = 0; opened < RAPID_CONNECTS; opened += AT_ONCE) {
      // A few addresses that soon may not, and many that may.
      const doors = Array.from({ length: AT_ONCE }, (_, i) =>
        knocksAndGoes(i % 2 ? '127.0.8.1' : `127.0.9.${1 + ((opened + i) % 250)}`),
      );
      for (const status of await Promise.all(doors)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  })().finally(() => {
    isOver = true;
  });
  const trips: number[] = [];
  do trips.push(await people.chat());
  while (!isOver);
  await rush;
  assert.ok(Math.max(...trips) < NOTICED_MS, `${Math.max(...trips)} ms`);
  assert.deepEqual([...statuses.keys()].sort(), [101, 429], JSON.stringify([...statuses]));
  await untilMetric('securechat_connections', (count) => count === 2);
  const grown = memoryOf(stack.pid) - before;
  assert.ok(grown < 150 * MiB, `${grown / MiB} MiB are kept`);
});

/** Opens a connection, is told that it is nobody, and goes without a word. */
async function knocksAndGoes(localAddress: string): Promise<number> {
  const door = await dialTls(chatPort(stack), { localAddress });
  door.send(handshakeText());
  const status = statusOf(await door.head());
  door.cut();
  return status;
}

test('connections that wait at the door count for their address: the 31st is refused, and one from elsewhere is not', async () => {
  const [dave, erin] = await stack.people('dave', 'erin');
  const knocks = async (cookie: string, localAddress: string) => {
    const door = await dialTls(chatPort(stack), { localAddress });
    door.send(handshakeText({ Cookie: cookie }));
    return { door, status: statusOf(await door.head()) };
  };
  const crowd = await Promise.all(
    Array.from({ length: 31 }, (_, i) => knocks((i % 2 ? dave : erin).cookies.header(), '127.0.10.1')),
  );
  assert.deepEqual(crowd.map(({ status }) => status).sort(), [...Array<number>(30).fill(101), 429]);
  const elsewhere = await knocks(dave.cookies.header(), '127.0.10.2');
  assert.equal(elsewhere.status, 101);
  for (const { door } of [...crowd, elsewhere]) door.cut();
});
