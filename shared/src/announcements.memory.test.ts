import { testAnnouncements } from './announcements.contract.ts';
import { createMemoryAnnouncements } from './announcements.memory.ts';
import { createMemoryBus } from './bus.memory.ts';

const bus = createMemoryBus();
testAnnouncements(() => createMemoryAnnouncements(bus));
