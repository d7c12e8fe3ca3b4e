/** What stories about attacks have in common: raw doors for mallory, and two people beside her who just want to chat. */
import assert from 'node:assert/strict';
import type { Person } from './person.ts';
import type { Stack } from './stack.ts';
import { dialTls, handshakeText, Opcode, statusOf, textFrame, type Wire } from './wire.ts';

export const pagesPort = (stack: Stack) => Number(new URL(stack.url).port);
export const chatPort = (stack: Stack) => Number(new URL(stack.chatUrl).port);

/** A budget of messages that no story uses up, for stories that are about something else. */
export const muchMayBeSaid = { RATE_LIMIT_MESSAGES: '1000000' };

/** A raw connection whose handshake succeeded with this person's cookies; nothing has been said on it. */
export async function standsAtTheDoor(
  stack: Stack,
  person: Person,
  { localAddress = '127.0.0.1', headers = {} }: { localAddress?: string; headers?: Record<string, string> } = {},
): Promise<Wire> {
  const wire = await dialTls(chatPort(stack), { localAddress });
  wire.send(handshakeText({ Cookie: person.cookies.header(), ...headers }));
  assert.equal(statusOf(await wire.head()), 101);
  return wire;
}

/** A raw connection on which this person was let in. */
export async function entersRaw(
  stack: Stack,
  person: Person,
  options: Parameters<typeof standsAtTheDoor>[2] = {},
): Promise<Wire> {
  const wire = await standsAtTheDoor(stack, person, options);
  wire.send(textFrame(person.name));
  // Its own line or welcome first; behind it there may be news of somebody else already.
  const [first] = await wire.frames((frames) => frames.length > 0);
  assert.equal(first?.opcode, Opcode.Text, 'let in');
  return wire;
}

export type Innocents = Awaited<ReturnType<typeof innocents>>;

/** Alice on v2 and bob on v1, signed in and connected before anything happens. */
export async function innocents(stack: Stack) {
  const [alice, bob] = await stack.people('alice', 'bob');
  const [atAlice, atBob] = [await alice.connects(), await bob.connectsText()];
  await atAlice.opens();
  let said = 0;

  return {
    alice,
    bob,
    atAlice,
    atBob,
    /** Alice says something, both hear it, and nobody was told anything strange meanwhile. Resolves to how long it took, in ms. */
    async chat(): Promise<number> {
      const text = `hello ${++said}`;
      const startedAt = performance.now();
      await Promise.all([atAlice.says(text), atBob.hears(`alice: ${text}`)]);
      return performance.now() - startedAt;
    },
  };
}
