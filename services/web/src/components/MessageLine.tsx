import { useMemo } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import { plainWords } from '../markdown.ts';
import type { Entry } from '../outbox.ts';
import { fragmentOf, visit } from '../permalink.ts';
import type { Message } from '../roomState.ts';
import { texts } from '../texts.ts';
import { timeOfDay, wholeTime } from '../times.ts';
import { isEmojiOnly } from '../words.ts';
import { Icon } from './Icon.tsx';
import type { Opened } from './MessageMenu.tsx';
import { Reactions } from './Reactions.tsx';
import { Words } from './Words.tsx';

const LONG_PRESS_MS = 500;
/** A finger is never quite still (px); one that goes further scrolls. */
const STILL_WITHIN = 10;

type Props = {
  conversation: Conversation;
  message: Message;
  /** A change to this message that is on its way. */
  change: Entry | undefined;
  /** The message that this one answers, when it is loaded. */
  answered: Message | undefined;
  /** It was looked up by its number. */
  isSpot: boolean;
  openMenu: (opened: Opened) => void;
  reply: (message: Message) => void;
};

/** One message as it stands, with what can be done to it. Drawn anew only when something about it changed. */
export function MessageLine({ conversation, message, change, answered, isSpot, openMenu, reply }: Props) {
  return useMemo(
    () => <Line {...{ conversation, message, change, answered, isSpot, openMenu, reply }} />,
    [conversation, message, change, answered, isSpot, openMenu, reply],
  );
}

function Line({ conversation, message, change, answered, isSpot, openMenu, reply }: Props) {
  const { author, seq, at } = message;
  const isSaving = change?.state.is === 'waiting' || change?.state.is === 'sending';
  const open = (element: HTMLElement) => openMenu({ message, element });
  const press = usePress(open);
  return (
    <article
      class="line"
      data-seq={seq}
      data-leaving={conversation.deleting.value?.seqs.includes(seq) || undefined}
      tabIndex={-1}
      aria-current={isSpot ? 'true' : undefined}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.target !== event.currentTarget || message.deleted) return;
        event.preventDefault();
        open(event.currentTarget);
      }}
      {...(!message.deleted && press)}
    >
      {message.replyTo !== undefined && <Quote conversation={conversation} seq={message.replyTo} answered={answered} />}
      <Body conversation={conversation} message={message} change={change} />
      {isSaving && (
        <span class="mark-pending" role="img" aria-label={texts.savingEdit} title={texts.savingEdit}>
          <Icon name="clock" />
        </span>
      )}
      {message.editedAt !== undefined && (
        <span class="edited" title={wholeTime(message.editedAt)}>
          {texts.edited}
        </span>
      )}
      <Reactions conversation={conversation} message={message} />
      <time class="line-time" dateTime={new Date(at).toISOString()} title={wholeTime(at)} aria-hidden="true">
        {timeOfDay(at)}
      </time>
      {!message.deleted && (
        <span class="line-tools">
          <button type="button" tabIndex={-1} title={texts.reply} aria-label={texts.reply} onClick={() => reply(message)}>
            <Icon name="reply" />
          </button>
          <button
            type="button"
            tabIndex={-1}
            title={texts.more}
            aria-label={`${texts.actions}: ${author.name}`}
            aria-haspopup="menu"
            onClick={(event) => open(event.currentTarget)}
          >
            <Icon name="more" />
          </button>
        </span>
      )}
    </article>
  );
}

function Body({ conversation, message, change }: Pick<Props, 'conversation' | 'message' | 'change'>) {
  const speaker = <span class="hidden-words">{`${message.author.name}: `}</span>;
  if (message.deleted || message.text === undefined) {
    return (
      <p class="words gone">
        {speaker}
        {texts.messageDeleted}
      </p>
    );
  }
  const text = change?.request.type === 'edit' && change.state.is !== 'failed' ? change.request.text : message.text;
  return (
    <>
      {speaker}
      <div class={isEmojiOnly(text) ? 'words emoji' : 'words'} dir="auto">
        <Words conversation={conversation} text={text} />
      </div>
    </>
  );
}

type QuoteProps = { conversation: Conversation; seq: number; answered: Message | undefined };

/** The words that are answered; they lead to where they were said. By keyboard the menu of the message does. */
function Quote({ conversation, seq, answered }: QuoteProps) {
  const name = answered?.author.name;
  const go = (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    visit(conversation, seq);
  };
  return (
    <blockquote class="quote">
      <a class="quote-link" href={fragmentOf(seq)} tabIndex={-1} onClick={go}>
        <span class="hidden-words">{texts.replyTo(name ?? texts.earlierMessage)}</span>
        {name !== undefined && (
          <bdi class="quote-name" aria-hidden="true">
            {name}
          </bdi>
        )}
        <span dir="auto">{answered ? quoted(answered) : texts.earlierMessage}</span>
      </a>
    </blockquote>
  );
}

/** The words of a message in one line, for where it is answered. */
export const quoted = ({ text }: Message) => (text === undefined ? texts.messageDeleted : plainWords(text));

/** A long press with a finger opens what the mouse finds by hovering. */
function usePress(open: (element: HTMLElement) => void) {
  return useMemo(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let [x, y] = [0, 0];
    let hasOpened = false;
    const stop = () => clearTimeout(timer);
    return {
      onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => {
        const element = event.currentTarget;
        hasOpened = false;
        if (event.pointerType === 'mouse' || (event.target instanceof Element && event.target.closest('a, button'))) return;
        stop();
        [x, y] = [event.clientX, event.clientY];
        timer = setTimeout(() => {
          hasOpened = true;
          open(element);
        }, LONG_PRESS_MS);
      },
      onPointerUp: stop,
      // Lifting the finger is not a press on the message: that would take the focus out of what has just opened.
      onTouchEnd: (event: TouchEvent) => {
        if (hasOpened && event.cancelable) event.preventDefault();
      },
      onPointerCancel: stop,
      onPointerMove: (event: PointerEvent) => {
        if (Math.hypot(event.clientX - x, event.clientY - y) > STILL_WITHIN) stop();
      },
      onContextMenu: (event: MouseEvent) => {
        if (matchMedia('(pointer: coarse)').matches) event.preventDefault();
      },
    };
  }, [open]);
}
