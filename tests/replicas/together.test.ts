/** Two chat replicas behind one proxy are one chat. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import type { Connection, Person, TextConnection } from '../support/person.ts';
import { type Replicas, startReplicas } from '../support/replicas.ts';

const room = 'general';
const sentence = 'Rate limit exceeded! Please wait 10 seconds before sending more messages.';

let stack: Replicas;
const connections = new Set<Connection | TextConnection>();

before(async () => {
  stack = await startReplicas();
});
after(() => stack.stop());
afterEach(async () => {
  for (const connection of connections) if (connection.socket.readyState < 2) await connection.close();
  connections.clear();
});

async function text(person: Person): Promise<TextConnection> {
  const connection = await person.connectsText();
  connections.add(connection);
  return connection;
}

async function inRoom(person: Person): Promise<Connection> {
  const connection = await person.connects();
  connections.add(connection);
  await connection.opens();
  return connection;
}

test('a message sent on one replica is heard on the other, v1 and v2, and by the sender', async () => {
  const [alice, bob] = [await stack.personAt(0, 'alice'), await stack.personAt(1, 'bob')];
  const [alices, bobs, line] = [await inRoom(alice), await inRoom(bob), await text(bob)];
  const { seq, at } = await alices.says('hello over there');
  const heard = await bobs.hears({ type: 'message', seq });
  assert.deepEqual([heard.text, heard.at, heard.clientId], ['hello over there', at, undefined]);
  await line.hears('alice: hello over there');
  line.says('hello back');
  await alices.hears({ type: 'message', text: 'hello back', seq: seq + 1 });
  await bobs.hears({ type: 'message', text: 'hello back', seq: seq + 1 });
});

test('what is said on two replicas at once has one order, the same for everybody', async () => {
  const names = ['carl', 'cleo', 'chad', 'cora'];
  const people = await Promise.all(names.map((name, index) => stack.personAt(index % 2, name)));
  const all = await Promise.all(people.map(inRoom));
  const first = (await all[0]?.says('ready'))?.seq ?? 0;
  const last = first + 16;
  for (let number = 1; number <= 4; number++) {
    for (const connection of all) connection.sends({ type: 'send', room, clientId: randomUUID(), text: `${number}` });
  }
  const orders = await Promise.all(
    all.map(async (connection) => {
      await connection.hears({ type: 'message', seq: last });
      const seen = connection.heard
        .map((frame) => JSON.parse(frame))
        .filter(({ seq, type }) => type === 'message' && seq > first);
      return seen.map(({ seq, text: said, author }) => `${seq} ${author.name} ${said}`);
    }),
  );
  const [one] = orders;
  assert.equal(one?.length, 16);
  for (const order of orders) assert.deepEqual(order, one);
});

test('edits, deletions, reactions, typing and read marks cross over too', async () => {
  const [dan, eve] = [await stack.personAt(0, 'dan'), await stack.personAt(1, 'eve')];
  const elsewhere = await stack.deviceAt(1, dan);
  const [dans, eves, tablet] = [await inRoom(dan), await inRoom(eve), await inRoom(elsewhere)];
  const { seq: target } = await dans.says('frist');
  dans.sends({ type: 'edit', room, clientId: randomUUID(), target, text: 'first' });
  assert.equal((await eves.hears({ type: 'edited', target })).text, 'first');
  eves.sends({ type: 'react', room, clientId: randomUUID(), target, emoji: '👍', on: true });
  assert.equal((await dans.hears({ type: 'reacted', target })).author.name, 'eve');
  eves.sends({ type: 'typing', room });
  assert.equal((await dans.hears({ type: 'typing' })).user.name, 'eve');
  dans.sends({ type: 'delete', room, clientId: randomUUID(), target });
  const { seq } = await eves.hears({ type: 'deleted', target });
  dans.sends({ type: 'read', room, seq });
  assert.equal((await tablet.hears({ type: 'read', seq })).unread, 0);
});

test('a clientId is one message, whichever replica it is sent to, and how many of them at once', async () => {
  const fay = await stack.personAt(0, 'fay');
  const elsewhere = await stack.deviceAt(1, fay);
  const [fays, tablet] = [await inRoom(fay), await inRoom(elsewhere)];
  const clientId = randomUUID();
  const frame = { type: 'send', room, clientId, text: 'once' };
  for (let times = 0; times < 200; times++) for (const connection of [fays, tablet]) connection.sends(frame);
  const seqs = new Set<number>();
  for (const connection of [fays, tablet]) {
    let answers = 0;
    await connection.receives((message) => {
      if (message.type !== 'message' || message.clientId !== clientId) return false;
      seqs.add(message.seq);
      return ++answers >= 200;
    });
  }
  assert.equal(seqs.size, 1);
  const conflict = await tablet.isRefused({ ...frame, text: 'twice' });
  assert.equal(conflict.code, 'conflict');
});

test('five messages in ten seconds are five over all replicas, and the mute holds on all of them', async () => {
  const mallory = await stack.personAt(0, 'mallory');
  const elsewhere = await stack.deviceAt(1, mallory);
  const gus = await stack.personAt(1, 'gus');
  const [here, there, innocent] = [await inRoom(mallory), await inRoom(elsewhere), await inRoom(gus)];
  for (const connection of [here, there, here, there, here]) await connection.says('again');
  const refused = await there.isRefused({ type: 'send', room, clientId: randomUUID(), text: 'one too many' });
  assert.deepEqual([refused.code, refused.message], ['slow_down', sentence]);
  assert.equal((await here.isRefused({ type: 'send', room, clientId: randomUUID(), text: 'and here' })).code, 'slow_down');
  const line = await text(elsewhere);
  line.says('and so');
  const { seq } = await innocent.says('gus is not muted');
  await line.hears('gus: gus is not muted');
  assert.ok(!line.heard.some((frame) => frame.includes('and so')));
  await here.hears({ type: 'message', seq });
});

test('the twenty-first connection of a person is refused on whatever replica it knocks', async () => {
  const hal = await stack.personAt(0, 'hal');
  const elsewhere = await stack.deviceAt(1, hal);
  for (let number = 0; number < 20; number++) connections.add(await (number % 2 === 0 ? hal : elsewhere).connects());
  for (const device of [hal, elsewhere]) {
    const refused = await device.knocks('v2');
    assert.ok(!refused.isOpen);
    assert.equal(refused.status, 429);
  }
  await inRoom(await stack.personAt(1, 'ian'));
});

test('a person is here once, on however many replicas: joined with the first, left with the last', async () => {
  const jo = await stack.personAt(0, 'jo');
  const elsewhere = await stack.deviceAt(1, jo);
  const watcher = await inRoom(await stack.personAt(1, 'kim'));
  const first = await text(jo);
  assert.equal((await watcher.hears({ type: 'joined' })).user.name, 'jo');
  const second = await text(elsewhere);
  const { opened } = await watcher.opens();
  assert.deepEqual(opened.people.filter(({ name }) => name === 'jo').length, 1);
  await first.close();
  await watcher.says('is jo still here?');
  await second.hears('kim: is jo still here?');
  assert.ok(!watcher.heard.some((frame) => frame.includes('"left"')));
  await second.close();
  assert.equal((await watcher.hears({ type: 'left' })).user.name, 'jo');
});

test('one cookie ended on /leave is dead everywhere: its sockets on every replica within a second', async () => {
  const lea = await stack.personAt(0, 'lea');
  const max = await inRoom(await stack.personAt(1, 'max'));
  const here = await inRoom(lea);
  const elsewhere = await lea.knocks('v2', { at: `ws://127.0.0.1:${stack.chats[1]?.port}/` });
  assert.ok(elsewhere.isOpen);
  elsewhere.send('lea');
  await elsewhere.receive((frame) => frame.includes('welcome') || undefined, 'the welcome');
  await lea.leaves();
  const leftAt = performance.now();
  for (const socket of [here, elsewhere]) {
    assert.equal((await socket.closes()).code, 4401);
    assert.ok(performance.now() - leftAt < 1_000, `${performance.now() - leftAt} ms`);
  }
  assert.equal((await lea.get('/api/me')).status, 401);
  await max.says('unmoved');
});

test('who resumes on another replica gets what was missed, and nothing twice', async () => {
  const [ned, ola] = [await stack.personAt(0, 'ned'), await stack.personAt(1, 'ola')];
  const neds = await inRoom(ned);
  const { seq, at } = await neds.says('seen by ola');
  const olas = await inRoom(ola);
  const { epoch } = olas.welcome.rooms[0] ?? assert.fail();
  await olas.close();
  const missed = [await neds.says('missed one'), await neds.says('missed two')];
  const again = await (await stack.deviceAt(0, ola)).connects();
  connections.add(again);
  const { events, opened } = await again.opens({ since: seq, sinceAt: at, epoch });
  assert.equal(opened.complete, true);
  assert.deepEqual(
    events.map((event) => event.seq),
    missed.map((event) => event.seq),
  );
});
