import type { Conversation } from '../conversation.ts';
import { texts } from '../texts.ts';

/** Who is typing; the line keeps its place so that nothing jumps. */
export function Typing({ conversation }: { conversation: Conversation }) {
  const { typing } = conversation.room.value;
  const names = typing.map(({ user }) => user.name);
  return <p class="typing">{names.length > 0 && texts.typing(names)}</p>;
}
