import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createBusNoise } from '../support/busNoise.ts';
import { startFaultProxy } from '../support/faultProxy.ts';

/** A server that says everything back, behind a proxy. */
async function echoBehindProxy(t: TestContext) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const proxy = await startFaultProxy({ target: port });
  t.after(() => {
    server.close();
    return proxy.close();
  });
  const client = connect(proxy.port, '127.0.0.1');
  client.on('error', () => {});
  await once(client, 'connect');
  t.after(() => client.destroy());
  return { proxy, client };
}

const hears = async (socket: Socket) => String((await once(socket, 'data'))[0]);

test('what is stalled arrives after healing', async (t) => {
  const { proxy, client } = await echoBehindProxy(t);
  client.write('one');
  assert.equal(await hears(client), 'one');
  proxy.stall();
  client.write('two');
  const heard = hears(client);
  proxy.heal();
  assert.equal(await heard, 'two');
});

test('what two have stalled passes when both have healed it', async (t) => {
  const { proxy, client } = await echoBehindProxy(t);
  let heard = '';
  client.on('data', (bytes) => {
    heard += String(bytes);
  });
  proxy.stall();
  proxy.stall();
  client.write('one');
  proxy.heal();
  // Another connection shows that nothing passes yet: it is as slow as the first.
  const other = connect(proxy.port, '127.0.0.1');
  t.after(() => other.destroy());
  await once(other, 'connect');
  assert.equal(heard, '');
  const all = once(client, 'data');
  proxy.heal();
  await all;
  assert.equal(heard, 'one');
});

test('a request is told of when it was passed on, and its answer has not come yet', async (t) => {
  const { proxy, client } = await echoBehindProxy(t);
  let heard = '';
  client.on('data', (bytes) => {
    heard += String(bytes);
  });
  const heardWhenAsked = proxy.asked('INSERT').then(() => heard);
  client.write('SELECT');
  await once(client, 'data');
  const answer = once(client, 'data');
  client.write('INSERT');
  assert.equal(await heardWhenAsked, 'SELECT');
  await answer;
  assert.equal(heard, 'SELECTINSERT');
});

test('a request passes and its answer is lost with the connection', async (t) => {
  const { proxy, client } = await echoBehindProxy(t);
  const cut = proxy.cutAfter('COMMIT');
  let heard = '';
  client.on('data', (bytes) => {
    heard += String(bytes);
  });
  const closed = new Promise((resolve) => client.once('close', resolve));
  client.write('COMMIT');
  await Promise.all([cut, closed]);
  assert.equal(heard, '');
});

test('a reset is told to the client, a half-open end is not', async (t) => {
  const { proxy, client } = await echoBehindProxy(t);
  client.write('one');
  await hears(client);
  proxy.halfOpen();
  assert.equal(client.destroyed, false);
  const other = connect(proxy.port, '127.0.0.1');
  t.after(() => other.destroy());
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => other.once('error', resolve));
  other.write('one');
  await hears(other);
  proxy.reset();
  assert.equal((await failed).code, 'ECONNRESET');
  assert.equal(client.destroyed, false);
});

test('publications of rooms are lost or doubled, in whatever pieces they come; nothing else is', () => {
  const noise = createBusNoise();
  const passed: string[] = [];
  const feed = noise.editAnswers((bytes) => passed.push(bytes.toString()));
  const said = (channel: string, text: string) =>
    `*3\r\n$7\r\nmessage\r\n$${channel.length}\r\n${channel}\r\n$${text.length}\r\n${text}\r\n`;
  noise.deals((payload) => (payload.includes('lost') ? 'lose' : 'pass'));
  const bytes = Buffer.from(`+OK\r\n${said('room:general', 'lost')}${said('probe:1', 'lost')}${said('room:general', 'kept')}`);
  for (const byte of bytes) feed(Buffer.from([byte]));
  assert.deepEqual(passed, ['+OK\r\n', said('probe:1', 'lost'), said('room:general', 'kept')]);
  assert.equal(noise.touched(), 1);
});
