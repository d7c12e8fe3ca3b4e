import type { Refused } from '@securechat/shared/protocol';
import type { Conversation } from '../conversation.ts';
import type { Entry } from '../outbox.ts';
import { idOf } from '../outbox.ts';
import { texts } from '../texts.ts';
import { isEmojiOnly } from '../words.ts';
import { Icon } from './Icon.tsx';
import { Words } from './Words.tsx';

type Props = { conversation: Conversation; entry: Entry; editAgain: (text: string) => void };

/** Something said that the server has not stored yet, or has refused to. */
export function PendingLine({ conversation, entry, editAgain }: Props) {
  const text = 'text' in entry.request ? entry.request.text : undefined;
  return (
    // Announced when it comes back as a message of the room, not twice.
    <article class="line pending" data-state={entry.state.is} aria-live="off">
      <span class="hidden-words">{`${conversation.me.name}: `}</span>
      {text !== undefined && (
        <div class={isEmojiOnly(text) ? 'words emoji' : 'words'} dir="auto">
          <Words conversation={conversation} text={text} />
        </div>
      )}
      {entry.state.is === 'failed' ? (
        <Failure {...{ conversation, entry, editAgain, text }} refusal={entry.state.refusal} />
      ) : (
        <Progress isWaiting={entry.state.is === 'waiting'} />
      )}
    </article>
  );
}

function Progress({ isWaiting }: { isWaiting: boolean }) {
  const label = isWaiting ? texts.waiting : texts.sending;
  return (
    <span class="mark-pending" role="img" aria-label={label} title={label}>
      <Icon name="clock" />
    </span>
  );
}

/** The same words would be refused again, whenever they are sent. */
const NEVER_TAKEN: readonly Refused['code'][] = ['too_long', 'empty', 'malformed'];

function Failure({ conversation, entry, editAgain, text, refusal }: Props & { text: string | undefined; refusal: Refused }) {
  const isMessage = entry.request.type === 'send';
  const discard = () => conversation.discard(idOf(entry));
  return (
    <div class="failure">
      <p role="alert">
        <Icon name="alert" /> {isMessage ? texts.notSent : texts.notChanged} {refusal.message}{' '}
        {isMessage && refusal.code === 'too_long' && texts.shorten}
      </p>
      <div class="choices">
        {isMessage && text !== undefined && (
          <button
            type="button"
            onClick={() => {
              discard();
              editAgain(text);
            }}
          >
            {texts.editAgain}
          </button>
        )}
        {isMessage && !NEVER_TAKEN.includes(refusal.code) && (
          <button type="button" onClick={() => conversation.sayAgain(entry)}>
            {texts.sendAgain}
          </button>
        )}
        {text !== undefined && (
          <button type="button" onClick={() => void navigator.clipboard.writeText(text)}>
            {texts.copy}
          </button>
        )}
        <button type="button" onClick={discard}>
          {texts.discard}
        </button>
      </div>
    </div>
  );
}
