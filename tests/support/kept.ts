/** What a page keeps on its device. */
import type { Page } from 'playwright-core';

/** Everything in one store of the device's database. */
export const kept = (page: Page, store: 'people' | 'outbox' | 'drafts' | 'rooms') =>
  page.evaluate<unknown[]>(`new Promise((resolve, reject) => {
    const opening = indexedDB.open('securechat');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const all = opening.result.transaction('${store}').objectStore('${store}').getAll();
      all.onsuccess = () => {
        opening.result.close();
        resolve(all.result);
      };
    };
  })`);
