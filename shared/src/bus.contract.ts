/** What every bus must keep while nothing interrupts it; each adapter's test runs all of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type Bus, fromPayload, toPayload } from './bus.ts';

/** @param create opens a bus; all buses that one factory makes are ends of the same one. Closed after each test */
export function testBus(create: () => Bus | Promise<Bus>): void {
  test('everybody who listens hears, the publisher too, on a later turn', async (t) => {
    const { bus, channel } = await open(t);
    const [alice, bob] = [await listen(bus, channel), await listen(bus, channel)];
    bus.publish(channel, toPayload('hello'));
    assert.deepEqual([alice.heard, bob.heard], [[], []]);
    assert.deepEqual([await alice.hears(1), await bob.hears(1)], [['hello'], ['hello']]);
  });

  test('what one publisher says arrives in the order it was said', async (t) => {
    const { bus, channel } = await open(t);
    const bob = await listen(bus, channel);
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    for (const n of numbers) bus.publish(channel, toPayload(n));
    assert.deepEqual(await bob.hears(200), numbers);
  });

  test('other channels are other rooms', async (t) => {
    const { bus, channel } = await open(t);
    const [here, there] = [await listen(bus, channel), await listen(bus, `${channel}x`)];
    bus.publish(`${channel}x`, toPayload('elsewhere'));
    bus.publish(channel, toPayload('here'));
    assert.deepEqual(await there.hears(1), ['elsewhere']);
    assert.deepEqual(await here.hears(1), ['here']);
  });

  test('who stopped listening hears nothing more, the neighbour does; stopping twice is no harm', async (t) => {
    const { bus, channel } = await open(t);
    const [alice, bob] = [await listen(bus, channel), await listen(bus, channel)];
    await alice.stop();
    await alice.stop();
    bus.publish(channel, toPayload('still here?'));
    assert.deepEqual(await bob.hears(1), ['still here?']);
    assert.deepEqual(alice.heard, []);
    const carol = await listen(bus, channel);
    bus.publish(channel, toPayload('back'));
    assert.deepEqual(await carol.hears(1), ['back']);
    assert.deepEqual(await bob.hears(2), ['still here?', 'back']);
  });

  test('any bytes and any text pass unchanged', async (t) => {
    const { bus, channel } = await open(t);
    const said = { text: 'line\nbreak \u0001 é 👍 \u2028', nested: [1, null, { a: true }], long: 'x'.repeat(200_000) };
    const bob = await listen(bus, channel);
    bus.publish(channel, toPayload(said));
    assert.deepEqual(await bob.hears(1), [said]);
  });

  test('nobody listens: nothing happens', async (t) => {
    const { bus, channel } = await open(t);
    bus.publish(channel, toPayload('anybody?'));
    const late = await listen(bus, `${channel} later`);
    bus.publish(`${channel} later`, toPayload('yes'));
    assert.deepEqual(await late.hears(1), ['yes']);
  });

  test('a closed bus is silent: publishing on it is no error', async () => {
    const bus = await create();
    const heard: unknown[] = [];
    const channel = randomUUID();
    await bus.subscribe(channel, (payload) => heard.push(payload));
    bus.publish(channel, toPayload('last words'));
    await bus.close();
    bus.publish(channel, toPayload('too late'));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.ok(heard.length <= 1);
  });

  async function open(t: TestContext): Promise<{ bus: Bus; channel: string }> {
    const bus = await create();
    t.after(() => bus.close());
    return { bus, channel: randomUUID() };
  }
}

async function listen(bus: Bus, channel: string) {
  const heard: unknown[] = [];
  let tell = () => {};
  const stop = await bus.subscribe(channel, (payload) => {
    heard.push(fromPayload(payload));
    tell();
  });
  return {
    heard,
    stop,
    /** Resolves with everything heard so far, once there is so much of it. */
    async hears(count: number): Promise<unknown[]> {
      while (heard.length < count) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      return heard;
    },
  };
}
