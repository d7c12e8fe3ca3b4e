import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import type { Message } from '../roomState.ts';
import { texts } from '../texts.ts';

const QUICK = ['👍', '❤️', '😂', '🎉', '😮', '😢'] as const;
const MARGIN = 8;

/** Which message's menu is open, and the element it was opened from. */
export type Opened = { message: Message; element: HTMLElement };

type Props = {
  conversation: Conversation;
  opened: Opened;
  close: () => void;
  reply: (message: Message) => void;
  edit: (message: Message) => void;
  askToDelete: (message: Message) => void;
};

/** What can be done with a message. Esc, Tab and a press elsewhere close it. */
export function MessageMenu({ conversation, opened, close, reply, edit, askToDelete }: Props) {
  const menu = useRef<HTMLDivElement | null>(null);
  const { message, element } = opened;
  const isOwn = message.author.id === conversation.me.id;

  useLayoutEffect(() => {
    return show(menu.current, element, close);
  }, [element]);

  const act = (run: () => void) => () => {
    close();
    element.focus();
    run();
  };
  const keyPressed = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    if (event.key !== 'Escape' && event.key !== 'Tab') return moveFocus(event);
    event.preventDefault();
    close();
    element.focus();
  };
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
        {QUICK.map((emoji) => {
          const isMine = message.reactions[emoji]?.includes(conversation.me.id) ?? false;
          return (
            <button
              key={emoji}
              type="button"
              role="menuitemcheckbox"
              aria-checked={isMine}
              aria-label={texts.react(emoji)}
              onClick={act(() => conversation.react(message.seq, emoji, !isMine))}
            >
              {emoji}
            </button>
          );
        })}
      </div>
      <button type="button" role="menuitem" onClick={act(() => reply(message))}>
        {texts.reply}
      </button>
      <button type="button" role="menuitem" onClick={act(() => void navigator.clipboard.writeText(message.text ?? ''))}>
        {texts.copyText}
      </button>
      {isOwn && (
        <>
          <button type="button" role="menuitem" onClick={act(() => edit(message))}>
            {texts.edit}
          </button>
          <button type="button" role="menuitem" class="danger" onClick={act(() => askToDelete(message))}>
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
  // Not left to the browser: lifting the finger of the long press that opened the menu would close it again.
  const pressed = (event: Event) => {
    if (event.target instanceof Node && !popover.contains(event.target)) close();
  };
  document.addEventListener('pointerdown', pressed);
  return () => document.removeEventListener('pointerdown', pressed);
}

/** Below the element where there is room, else above it; never outside the window. */
function place(popover: HTMLElement, element: HTMLElement) {
  const from = element.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  const fitsBelow = from.bottom + MARGIN + height < innerHeight;
  const top = fitsBelow ? from.bottom + 4 : from.top - height - 4;
  popover.style.top = `${Math.max(MARGIN, Math.min(top, innerHeight - height - MARGIN))}px`;
  popover.style.left = `${Math.max(MARGIN, Math.min(from.right - width, innerWidth - width - MARGIN))}px`;
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
