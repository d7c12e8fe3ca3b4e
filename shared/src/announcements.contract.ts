/** What every kind of announcements must keep; each adapter's test runs all of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { AccountNews, Announcements } from './announcements.ts';

const WITHIN_MS = 5_000;

/** Collects what is announced from now on. */
export async function hearing(t: TestContext, announcements: Announcements) {
  const heard: AccountNews[] = [];
  let tell = () => {};
  const stop = await announcements.listen((news) => {
    heard.push(news);
    tell();
  });
  t.after(stop);
  return {
    heard,
    stop,
    /** Resolves when these news were heard, however often. */
    hears: (news: AccountNews) =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not heard: ${JSON.stringify(news)}`)), WITHIN_MS);
        tell = () => {
          if (!heard.some((one) => JSON.stringify(one) === JSON.stringify(news))) return;
          clearTimeout(timer);
          resolve();
        };
        tell();
      }),
  };
}

/** @param create makes one end; all ends of one factory hear each other. */
export function testAnnouncements(create: (t: TestContext) => Announcements | Promise<Announcements>): void {
  test('everybody who listens hears what is announced, whoever announces it', async (t) => {
    const [auth, one] = [await create(t), await create(t)];
    const [first, second] = [await hearing(t, one), await hearing(t, auth)];
    const news: AccountNews = { kind: 'session_ended', session: randomUUID() };
    await auth.announce(news);
    await Promise.all([first.hears(news), second.hears(news)]);
  });

  test('who has stopped listening hears nothing more', async (t) => {
    const announcements = await create(t);
    const [gone, here] = [await hearing(t, announcements), await hearing(t, announcements)];
    await gone.stop();
    const news: AccountNews = { kind: 'account_changed', user: randomUUID() };
    await announcements.announce(news);
    await here.hears(news);
    assert.deepEqual(
      gone.heard.filter((one) => one.kind === 'account_changed' && one.user === news.user),
      [],
    );
  });
}
