import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createIdentityDesk, type Identity } from './identity.ts';

const aliceIsHere: Identity = { user: { id: 'a', name: 'alice' }, session: 's', expiresAt: 1 };

test('a connection to auth that was closed while it was idle is no reason to turn anybody away', async (t) => {
  const desk = await start(t, (socket, request) => (request === 1 ? answer(socket) : socket.resetAndDestroy()));
  for (let times = 0; times < 3; times++) assert.deepEqual(await desk.whoIs('alice'), aliceIsHere);
});

test('an auth that cuts every connection cannot say who anybody is', async (t) => {
  const desk = await start(t, (socket) => socket.resetAndDestroy());
  await assert.rejects(desk.whoIs('alice'));
  await assert.rejects(desk.stillAlive(['s']));
});

test('an auth that does not know our secret cannot say who anybody is', async (t) => {
  const refusal = 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 2\r\n\r\n{}';
  const desk = await start(t, (socket) => socket.write(refusal));
  await assert.rejects(desk.whoIs('alice'), /token/);
  await assert.rejects(desk.stillAlive(['s']), /token/);
});

/** An auth that does something for each request, told how many the same connection brought so far. */
async function start(t: TestContext, obey: (socket: Socket, request: number) => void) {
  const server = createServer((socket) => {
    let requests = 0;
    socket.on('error', () => {});
    socket.on('data', () => obey(socket, ++requests));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const desk = createIdentityDesk({ authUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, secret: 'x' });
  t.after(() => {
    desk.close();
    server.close();
  });
  return desk;
}

function answer(socket: Socket) {
  const body = JSON.stringify(aliceIsHere);
  socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}
