/** What every quota of connections must keep; each adapter's test runs all of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Quota } from './quota.ts';

/** @param create makes a quota with this limit; called once per test */
export function testQuota(create: (t: TestContext, limit: number) => Quota | Promise<Quota>): void {
  test('a person has as many places as the limit says, and one is free again when it is given back', async (t) => {
    const quota = await create(t, 3);
    const [mallory, alice] = [randomUUID(), randomUUID()];
    for (let place = 1; place <= 3; place++) assert.equal(await quota.take(mallory), true, `place ${place}`);
    assert.equal(await quota.take(mallory), false);
    assert.equal(await quota.take(alice), true, 'alice has places of her own');
    quota.giveBack(mallory);
    assert.equal(await quota.take(mallory), true);
    assert.equal(await quota.take(mallory), false);
  });

  test('of forty who ask at once twenty are let in, and what was refused costs nothing', async (t) => {
    const quota = await create(t, 20);
    const mallory = randomUUID();
    const answers = await Promise.all(Array.from({ length: 40 }, () => quota.take(mallory)));
    assert.equal(answers.filter(Boolean).length, 20);
    for (let place = 1; place <= 20; place++) quota.giveBack(mallory);
    const again = await Promise.all(Array.from({ length: 40 }, () => quota.take(mallory)));
    assert.equal(again.filter(Boolean).length, 20);
  });

  test('giving back more than was taken makes nobody’s quota larger', async (t) => {
    const quota = await create(t, 1);
    const mallory = randomUUID();
    for (let times = 0; times < 3; times++) quota.giveBack(mallory);
    assert.equal(await quota.take(mallory), true);
    assert.equal(await quota.take(mallory), false);
  });
}
