import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import { permalinkOf, visit } from '../permalink.ts';
import { meantReactions } from '../reactions.ts';
import type { Message } from '../roomState.ts';
import { findHeld } from '../roomState.ts';
import { texts } from '../texts.ts';
import { closeByPressElsewhere, place } from './above.ts';
import { EmojiPicker } from './EmojiPicker.tsx';

const QUICK = ['👍', '❤️', '😂', '🎉', '😮', '😢'] as const;

/** Which message's menu is open, and the element it was opened from. */
export type Opened = { message: Message; element: HTMLElement };

type Props = {
  conversation: Conversation;
  opened: Opened;
  close: () => void;
  reply: (message: Message) => void;
  edit: (message: Message) => void;
};

/** What can be done with a message. Esc, Tab and a press elsewhere close it. */
export function MessageMenu({ conversation, opened, close, reply, edit }: Props) {
  const menu = useRef<HTMLDivElement | null>(null);
  const isChoosingEmoji = useSignal(false);
  const { element } = opened;
  // As it stands now: it may be changed or deleted meanwhile.
  const message = findHeld(conversation.room.value, opened.message.seq) ?? opened.message;
  const reactions = meantReactions(message, conversation.outgoing.value.entries, conversation.me.id);
  const isMine = (emoji: string) => reactions[emoji]?.includes(conversation.me.id) ?? false;
  const answered = message.replyTo;
  const isOwn = message.author.id === conversation.me.id;

  useLayoutEffect(() => {
    return show(menu.current, element, close);
  }, [element, isChoosingEmoji.value]);

  const leave = () => {
    close();
    giveFocusBack(element);
  };
  useEffect(() => {
    if (message.deleted) leave();
  }, [message.deleted]);

  const act = (run: () => void) => () => {
    leave();
    run();
  };
  const keyPressed = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    if (event.key !== 'Escape' && event.key !== 'Tab') return moveFocus(event);
    event.preventDefault();
    leave();
  };
  if (isChoosingEmoji.value) {
    const react = (emoji: string) => conversation.react(message.seq, emoji, !isMine(emoji));
    return <EmojiPicker userId={conversation.me.id} element={element} choose={react} close={close} />;
  }
  return (
    <div
      ref={menu}
      class="panel menu"
      popover="manual"
      role="menu"
      aria-label={texts.actionsOn(message.seq)}
      onKeyDown={keyPressed}
    >
      <div class="quick" role="none">
        {QUICK.map((emoji) => (
          <button
            key={emoji}
            type="button"
            role="menuitemcheckbox"
            aria-checked={isMine(emoji)}
            aria-label={texts.react(emoji)}
            onClick={act(() => conversation.react(message.seq, emoji, !isMine(emoji)))}
          >
            {emoji}
          </button>
        ))}
      </div>
      <button type="button" role="menuitem" onClick={act(() => reply(message))}>
        {texts.reply}
      </button>
      <button
        type="button"
        role="menuitem"
        aria-haspopup="dialog"
        onClick={() => {
          isChoosingEmoji.value = true;
        }}
      >
        {texts.otherEmoji}
      </button>
      <button type="button" role="menuitem" onClick={act(() => void navigator.clipboard.writeText(message.text ?? ''))}>
        {texts.copyText}
      </button>
      <button type="button" role="menuitem" onClick={act(() => void navigator.clipboard.writeText(permalinkOf(message.seq)))}>
        {texts.copyLink}
      </button>
      {answered !== undefined && (
        <button type="button" role="menuitem" onClick={act(() => visit(conversation, answered))}>
          {texts.showOriginal}
        </button>
      )}
      {isOwn && (
        <>
          <button type="button" role="menuitem" onClick={act(() => edit(message))}>
            {texts.edit}
          </button>
          <button type="button" role="menuitem" class="danger" onClick={act(() => conversation.erase(message.seq))}>
            {texts.delete}
          </button>
        </>
      )}
      <p class="number" aria-hidden="true">
        {texts.messageNumber(message.seq)}
      </p>
    </div>
  );
}

/** Opens the menu; returns what stops watching for a press elsewhere. */
function show(popover: HTMLElement | null, element: HTMLElement, close: () => void) {
  if (!popover) return undefined;
  popover.showPopover();
  place(popover, element);
  popover.querySelector('button')?.focus();
  return closeByPressElsewhere(popover, close);
}

/** A button that only hovering shows may be out of sight by now: then its message has the focus. */
function giveFocusBack(element: HTMLElement) {
  element.focus();
  if (document.activeElement !== element) element.closest<HTMLElement>('.line')?.focus();
}

/** The arrow keys go round the items, as in any menu (ARIA Authoring Practices, menu pattern). */
function moveFocus(event: KeyboardEvent & { currentTarget: HTMLElement }) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll('button')];
  const current = items.findIndex((item) => item.matches(':focus'));
  items.at((current + step) % items.length)?.focus();
}
