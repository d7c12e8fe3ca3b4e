import { testBus } from './bus.contract.ts';
import { createMemoryBus } from './bus.memory.ts';

testBus(createMemoryBus);
