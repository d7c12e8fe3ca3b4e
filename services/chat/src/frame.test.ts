import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { textFrame } from './frame.ts';

for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]) {
  test(`a text of ${length} bytes arrives as one whole text frame`, async () => {
    const text = 'x'.repeat(length);
    assert.deepEqual(await read(textFrame(text), 1), [text]);
  });
}

test('the length is written in as few bytes as it fits (RFC 6455 §5.2)', () => {
  const headerBytes = (length: number) => textFrame('x'.repeat(length)).length - length;
  assert.deepEqual([125, 126, 65_535, 65_536].map(headerBytes), [2, 4, 4, 10]);
});

test('bytes are counted, not characters', async () => {
  const text = '👍é'.repeat(30);
  assert.deepEqual(await read(textFrame(text), 1), [text]);
});

test('frames one after another stay apart', async () => {
  const texts = ['one', '', 'y'.repeat(300), 'z'.repeat(66_000)];
  assert.deepEqual(await read(Buffer.concat(texts.map(textFrame)), 4), texts);
});

/** What a client that keeps to the standard reads. */
async function read(bytes: Buffer, count: number): Promise<string[]> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (_, { socket }) => socket.write(bytes));
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const texts: string[] = [];
  const all = new Promise<string[]>((resolve, reject) => {
    client.on('error', reject);
    client.on('message', (payload: Buffer, isBinary) => {
      assert.equal(isBinary, false);
      if (texts.push(payload.toString()) === count) resolve(texts);
    });
  });
  return all.finally(() => {
    client.terminate();
    server.close();
  });
}
