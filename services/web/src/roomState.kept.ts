/** The part of a room that is kept on the device: enough to show its latest messages at once, and to resume after them. */
import type { Message, RoomState } from './roomState.ts';
import { emptyRoom } from './roomState.ts';

export type KeptRoom = Pick<RoomState, 'cursor' | 'cursorAt' | 'beginning' | 'read'> & {
  epoch: string;
  messages: readonly Message[];
};

const MAX_KEPT_MESSAGES = 200;

/** What of a room is worth keeping; nothing before the first `opened`. */
export function keptRoom(room: RoomState): KeptRoom | undefined {
  const { epoch, cursor, cursorAt, beginning, messages, read } = room;
  if (epoch === undefined) return undefined;
  const latest = messages.slice(-MAX_KEPT_MESSAGES);
  const reachesBeginning = beginning && latest.length === messages.length;
  return { epoch, cursor, ...(cursorAt !== undefined && { cursorAt }), beginning: reachesBeginning, read, messages: latest };
}

/** The room as it was kept: an `open` resumes it, and changes up to the cursor are in its messages already. */
export function roomOf(kept: KeptRoom | undefined): RoomState {
  return kept === undefined ? emptyRoom : { ...emptyRoom, ...kept, keptSince: kept.cursor };
}
