import type { AccountNews, Announcements } from './announcements.ts';
import { accountChannel, type Bus, fromPayload, toPayload } from './bus.ts';

/** The announcements of a single node, whose bus loses nothing. */
export function createMemoryAnnouncements(bus: Bus): Announcements {
  return {
    announce: (news) => Promise.resolve(bus.publish(accountChannel, toPayload(news))),
    listen: (onNews) => bus.subscribe(accountChannel, (payload) => onNews(fromPayload<AccountNews>(payload))),
  };
}
