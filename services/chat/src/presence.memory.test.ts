import { testPresence } from './presence.contract.ts';
import { createMemoryPresence } from './presence.memory.ts';

testPresence(() => {
  let time = 0;
  const pass = (ms: number) => {
    time += ms;
  };
  return { presence: createMemoryPresence(() => time), pass };
});
