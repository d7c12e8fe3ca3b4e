import { testQuota } from './quota.contract.ts';
import { createMemoryQuota } from './quota.memory.ts';

testQuota((_t, limit) => createMemoryQuota(limit));
