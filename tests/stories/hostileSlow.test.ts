/** Mallory takes her time: whoever is slow is cut when the time is over, and costs nobody else anything meanwhile. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chatPort, type Innocents, innocents, muchMayBeSaid, pagesPort } from '../support/mallory.ts';
import { stranger } from '../support/person.ts';
import { type SingleNode, startSingleNode } from '../support/stack.ts';
import { dialPlain, dialTls, requestText, type Wire } from '../support/wire.ts';

/** What alice and bob may feel of it, however busy the machine that runs the tests is. */
const NOTICED_MS = 2_000;

let stack: SingleNode;
let people: Innocents;

before(async () => {
  stack = await startSingleNode(muchMayBeSaid);
  people = await innocents(stack);
});
after(() => stack.stop());

/** Sends a byte every half second until the other side has had enough. Resolves to how long that took, in ms. */
async function drips(wire: Wire, bytes: string, waitsMs: number): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const drop = setInterval(() => wire.send(bytes.charAt(next++ % bytes.length)), 500);
  await wire.closes(waitsMs).finally(() => clearInterval(drop));
  return performance.now() - startedAt;
}

/** The deadline, and what the periodic look at it and a busy machine may add. */
function assertCutAfter(tookMs: number, deadlineMs: number) {
  assert.ok(tookMs > deadlineMs - 1_500, `cut after ${tookMs} ms, which is too early`);
  assert.ok(tookMs < deadlineMs + 10_000, `cut after ${tookMs} ms, which is too late`);
}

describe('slow ones', { concurrency: 10 }, () => {
  for (const [door, portOf] of [
    ['the pages’', pagesPort],
    ['the chat’s', chatPort],
  ] as const) {
    test(`a hundred TLS hellos that never end on ${door} port are cut after 10 s, and others chat meanwhile`, async () => {
      const wires = await Promise.all(Array.from({ length: 100 }, () => dialPlain(portOf(stack))));
      const startedAt = performance.now();
      // The first bytes of a hello, the length of which promises more.
      for (const wire of wires) wire.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
      assert.ok((await people.chat()) < NOTICED_MS);
      assert.equal((await people.alice.get('/api/me')).status, 200);
      await Promise.all(wires.map((wire) => wire.closes(30_000)));
      assertCutAfter(performance.now() - startedAt, 10_000);
    });

    test(`headers that come byte by byte on ${door} port are cut after 20 s`, async () => {
      const wire = await dialTls(portOf(stack));
      wire.send('GET / HTTP/1.1\r\nHost: localhost\r\n');
      assertCutAfter(await drips(wire, 'X-A: b\r\n', 40_000), 20_000);
    });
  }

  test('bodies that come byte by byte are cut after 60 s in all, and alice logs in meanwhile', async () => {
    const forms = ['application/json', 'multipart/form-data; boundary=b', 'application/x-www-form-urlencoded'];
    const wires = forms.map(async (type) => {
      const wire = await dialTls(pagesPort(stack));
      wire.send(requestText('POST /home HTTP/1.1', 'Host: localhost', `Content-Type: ${type}`, 'Content-Length: 60000'));
      return wire;
    });
    const cuts = wires.map(async (wire) => drips(await wire, 'a', 90_000));
    const startedAt = performance.now();
    await stranger(stack, 'alice').logsIn();
    assert.ok(performance.now() - startedAt < 5_000);
    for (const tookMs of await Promise.all(cuts)) assertCutAfter(tookMs, 60_000);
    await people.chat();
  });
});
