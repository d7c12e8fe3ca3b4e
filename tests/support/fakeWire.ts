/**
 * A chat server inside the page: it takes the place of the browser's WebSocket, so that ten thousands of messages come
 * without a network. It speaks as much of v2 as a reader needs.
 */
import type { Page } from 'playwright-core';

/** Runs in the page before anything else; Playwright passes it on as text. */
const script = `
{
  const people = ['ann', 'ben', 'cem', 'dot', 'eve'].map((name, index) => ({ id: 'wire-' + index, name }));
  const room = 'general';
  const start = Date.now() - 60 * 60 * 1000;
  let head = 0;
  let socket;
  const texts = ['Good morning!', 'It rains, *again*.', 'See https://example.org/a/page', 'Who has the \`key\`?', 'Nobody knows. 🌧️'];
  const message = (seq) => ({ type: 'message', room, seq, at: start + seq, author: people[seq % 5], text: texts[seq % 7 % 5] + ' ' + seq });
  const answer = (frame) => setTimeout(() => socket?.onmessage?.({ data: JSON.stringify(frame) }));
  const pageOf = (before, limit) => {
    const from = Math.max(1, before - limit);
    return Array.from({ length: Math.max(0, Math.min(before, head + 1) - from) }, (_, i) => ({ ...message(from + i), reactions: {} }));
  };
  const hear = (frame, asked) => {
    if (!frame.startsWith('{')) {
      const me = { id: document.body.dataset.userId, name: frame };
      const rooms = [{ id: room, name: room, epoch: 'wire', head, read: head, unread: 0 }];
      return answer({ type: 'welcome', user: me, server: { version: 'wire' }, rooms });
    }
    if (asked.type === 'open') {
      answer({ type: 'page', room, events: pageOf(head + 1, 50), more: false, asOf: head });
      answer({ type: 'opened', room, epoch: 'wire', head, complete: asked.since === undefined, people, peopleCount: 5 });
    }
    if (asked.type === 'history') {
      answer({ type: 'page', room, events: pageOf(asked.before, asked.limit), more: true, asOf: head, before: asked.before });
    }
  };
  globalThis.WebSocket = class {
    readyState = 0;
    onopen = null;
    onmessage = null;
    onclose = null;
    constructor() {
      socket = this;
      setTimeout(() => {
        this.readyState = 1;
        this.onopen?.(new Event('open'));
      });
    }
    send(frame) {
      hear(frame, frame.startsWith('{') ? JSON.parse(frame) : {});
    }
    close() {
      this.readyState = 3;
    }
  };
  const drawn = () => new Promise((resolve) => requestAnimationFrame(resolve));
  globalThis.wire = {
    async say(count, perDrawing) {
      for (let said = 0; said < count; said++) {
        head++;
        socket.onmessage({ data: JSON.stringify(message(head)) });
        if (said % perDrawing === perDrawing - 1) await drawn();
      }
      await drawn();
      await drawn();
    },
    before: (count) => { head = count; },
  };
}`;

/** Every page opened here from now on talks to a server of its own, which holds so many messages at the beginning. */
export async function useFakeWire(page: Page, messagesBefore: number) {
  await page.addInitScript({ content: `${script}\nglobalThis.wire.before(${messagesBefore});` });
  return {
    /** Resolves when all were said and drawn, so many between two drawings. */
    say: (count: number, perDrawing = 250) => page.evaluate<void>(`wire.say(${count}, ${perDrawing})`),
  };
}
