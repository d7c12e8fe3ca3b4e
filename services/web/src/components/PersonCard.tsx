import type { Conversation } from '../conversation.ts';
import type { Acquaintance } from '../people.ts';
import { acquaintance } from '../people.ts';
import type { Message } from '../roomState.ts';
import { texts } from '../texts.ts';
import { dayOf, timeOfDay, wholeTime } from '../times.ts';
import { Avatar } from './Avatar.tsx';
import { Dialog } from './Dialog.tsx';

type Props = { conversation: Conversation; id: string; mention: (name: string) => void; close: () => void };

/** Who somebody is: here or not, since when, and what they said last. */
export function PersonCard({ conversation, id, mention, close }: Props) {
  const { room, me, clock } = conversation;
  const known = acquaintance(room.value, id);
  const name = known?.user.name ?? texts.somebody;
  const isMe = id === me.id;
  return (
    <Dialog title={name} label={texts.aboutPerson(name)} close={close}>
      <div class="card-person">
        {known && <Avatar user={known.user} />}
        <p class="presence" data-here={known?.isHere ?? false}>
          <span class="dot" aria-hidden="true" />
          {presence(known)} {isMe && texts.thatIsYou}
        </p>
        {known?.lastWords && <LastWords message={known.lastWords} now={clock.now()} />}
      </div>
      <div class="choices">
        <button type="button" onClick={close}>
          {texts.close}
        </button>
        {!isMe && known && (
          <button
            type="button"
            class="primary"
            onClick={(event) => {
              // Before the composer may have the focus, what lies above it has to be gone.
              event.currentTarget.closest('dialog')?.close();
              mention(name);
            }}
          >
            {texts.mention}
          </button>
        )}
      </div>
    </Dialog>
  );
}

function presence(known: Acquaintance | undefined): string {
  if (!known?.isHere) return texts.isNotHere;
  return known.since === undefined ? texts.isHere : texts.isHereSince(timeOfDay(known.since));
}

function LastWords({ message, now }: { message: Message; now: number }) {
  return (
    <figure class="last-words">
      <figcaption>
        <span>{texts.lastWords}</span>
        <time dateTime={new Date(message.at).toISOString()} title={wholeTime(message.at)}>
          {`${dayOf(message.at, now)}, ${timeOfDay(message.at)}`}
        </time>
      </figcaption>
      <blockquote dir="auto">{message.text}</blockquote>
    </figure>
  );
}
