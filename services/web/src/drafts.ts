/** What is being written and was not sent: read at once, kept on the device soon after each key. */
import type { Clock } from './clock.ts';
import type { Draft } from './device.ts';

export type Drafts = ReturnType<typeof createDrafts>;

const KEEP_WITHIN_MS = 300;

/**
 * Creates the draft of one person in one room, on one page.
 *
 * @param kept what an earlier page left
 * @param write keeps a draft on the device
 * @param erase erases it there, if it is still `written`
 */
export function createDrafts(deps: {
  kept: Draft | undefined;
  clock: Clock;
  write: (draft: Draft) => void;
  erase: (written: string) => void;
}) {
  let draft: Draft = deps.kept ?? { text: '' };
  let lastWritten = draft;
  let written = draft.text;
  let callOff: (() => void) | undefined;

  /** Writes at once what was to be written soon: before the page goes. */
  function flush() {
    callOff?.();
    callOff = undefined;
    if (draft === lastWritten) return;
    lastWritten = draft;
    if (draft.text === '') deps.erase(written);
    else deps.write(draft);
    written = draft.text;
    callOff = deps.clock.after(KEEP_WITHIN_MS, flush);
  }

  /** Takes a new state of the field. The first is written at once, those that follow quickly a little later, together. */
  function keep(next: Draft) {
    if (next.text === draft.text && next.replyTo === draft.replyTo) return;
    draft = next;
    if (!callOff) flush();
  }

  return { read: () => draft, keep, flush, /** What this page knows to be kept. */ written: () => written };
}
