import type { Conversation } from '../conversation.ts';
import { meantReactions } from '../reactions.ts';
import type { Message } from '../roomState.ts';
import { texts } from '../texts.ts';

/** Who reacted with what; pressing one joins or takes back. */
export function Reactions({ conversation, message }: { conversation: Conversation; message: Message }) {
  // The message is drawn anew whenever a change of it sets out or arrives: nothing has to be watched here.
  const reactions = Object.entries(meantReactions(message, conversation.outgoing.peek().entries, conversation.me.id));
  if (reactions.length === 0) return null;
  return (
    <span class="reactions">
      {reactions.map(([emoji, ids]) => {
        const isMine = ids.includes(conversation.me.id);
        const label = texts.reactedBy(emoji, ids.length, namesOf(conversation, ids));
        return (
          <button
            key={emoji}
            type="button"
            class="reaction"
            aria-pressed={isMine}
            aria-label={label}
            title={label}
            onClick={() => conversation.react(message.seq, emoji, !isMine)}
          >
            <span>{emoji}</span> <span class="count">{ids.length}</span>
          </button>
        );
      })}
    </span>
  );
}

/** The names as far as they are known here: from those present and from those who said something. */
function namesOf({ me, room }: Conversation, ids: readonly string[]): string {
  const { people, messages } = room.peek();
  const nameOf = (id: string) =>
    people.find((user) => user.id === id)?.name ?? messages.find(({ author }) => author.id === id)?.author.name;
  const names = ids.map((id) => (id === me.id ? me.name : nameOf(id)));
  return texts.list(names.map((name) => name ?? texts.somebody));
}
