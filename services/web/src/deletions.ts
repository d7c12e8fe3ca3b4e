/**
 * Deletions that can still be taken back. Nothing is sent before the time is over, and nothing of this is kept: a page that
 * closes meanwhile has deleted nothing.
 */
import type { Clock } from './clock.ts';

/** How long a deletion can be taken back. */
const UNDO_WITHIN_MS = 5_000;

/** The messages (by seq) that are about to be deleted, and when the last of them will be (ms since 1970). */
export type Deletions = { seqs: readonly number[]; until: number };

/**
 * Creates the deletions of one tab.
 *
 * @param send deletes a message for good
 * @param onChange called after every change; undefined when there is nothing to take back any more
 */
export function createDeletions(deps: {
  clock: Clock;
  send: (seq: number) => void;
  onChange: (deletions: Deletions | undefined) => void;
}) {
  const { clock, send, onChange } = deps;
  const pending = new Map<number, () => void>();
  let until = 0;

  const tellChange = () => onChange(pending.size > 0 ? { seqs: [...pending.keys()], until } : undefined);

  /** Deletes a message after the time to take it back. */
  function put(seq: number) {
    pending.get(seq)?.();
    until = clock.now() + UNDO_WITHIN_MS;
    const callOff = clock.after(UNDO_WITHIN_MS, () => {
      pending.delete(seq);
      send(seq);
      tellChange();
    });
    pending.set(seq, callOff);
    tellChange();
  }

  /** Takes back every deletion that was not sent yet. */
  function undo() {
    for (const callOff of pending.values()) callOff();
    pending.clear();
    tellChange();
  }

  /** Deletes everything now that is about to be deleted. */
  function hurry() {
    const seqs = [...pending.keys()];
    undo();
    for (const seq of seqs) send(seq);
  }

  return { put, undo, hurry };
}
