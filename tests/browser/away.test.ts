import { after, before, test } from 'node:test';
import { type House, openBrowser } from '../support/browser.ts';
import { type Replicas, startReplicas } from '../support/replicas.ts';

let stack: Replicas;
let house: House;

before(async () => {
  stack = await startReplicas();
  house = await openBrowser(stack);
});
after(async () => {
  await house.close();
  await stack.stop();
});

for (const store of ['redis', 'postgres'] as const) {
  test(`while ${store} is away people are told so, their words wait, and go out by themselves when it is back`, async (t) => {
    const person = await house.person(t, `friend-of-${store}`);
    await person.says(`before ${store}`);
    await person.sees(`before ${store}`);
    await stack[store].kill9();
    await person.says(`meanwhile ${store}`);
    await person.banner
      .getByText('The server cannot take messages at the moment. 1 message is waiting and will be sent.')
      .waitFor();
    await person.seesPending(`meanwhile ${store}`);
    await stack[store].start();
    await person.sees(`meanwhile ${store}`);
    await person.banner.waitFor({ state: 'detached' });
  });
}
