import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { texts } from '../texts.ts';
import { closeByPressElsewhere, place } from './above.ts';
import type { EmojiChoice } from './EmojiChoice.tsx';

type Props = {
  /** Whose choices are remembered. */
  userId: string;
  /** Where it opens, and where the focus goes back to. */
  element: HTMLElement;
  choose: (emoji: string) => void;
  close: () => void;
};

type Content = { is: 'coming' } | { is: 'here'; Choice: typeof EmojiChoice } | { is: 'failed' };

const isPhone = matchMedia('(max-width: 599.98px)');

/** All emoji to choose one from: beside what it was opened from, on a phone from below. Esc, "back" and a press elsewhere close it. */
export function EmojiPicker({ userId, element, choose, close }: Props) {
  const frame = useRef<HTMLDivElement | null>(null);
  const content = useSignal<Content>({ is: 'coming' });
  useLayoutEffect(() => show(frame.current, element, close), []);
  useEffect(() => {
    import('./EmojiChoice.tsx').then(
      ({ EmojiChoice: Choice }) => (content.value = { is: 'here', Choice }),
      () => (content.value = { is: 'failed' }),
    );
  }, []);

  // Where it was opened from, or the focus would be nowhere.
  const leave = () => {
    close();
    element.focus();
  };
  useEffect(() => closeByBack(leave), []);
  return (
    <div
      ref={frame}
      class="panel emoji-picker"
      popover="manual"
      role="dialog"
      aria-label={texts.emoji}
      tabIndex={-1}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.isComposing) return;
        event.preventDefault();
        event.stopPropagation();
        leave();
      }}
      onFocusOut={({ relatedTarget }) => {
        // The press on what opened it has a meaning of its own.
        const isElsewhere = relatedTarget instanceof Node && !element.contains(relatedTarget);
        if (isElsewhere && !frame.current?.contains(relatedTarget)) close();
      }}
    >
      {content.value.is === 'here' && (
        <content.value.Choice
          userId={userId}
          choose={(emoji) => {
            leave();
            choose(emoji);
          }}
        />
      )}
      {content.value.is === 'failed' && <p role="alert">{texts.emojiFailed}</p>}
    </div>
  );
}

function show(popover: HTMLElement | null, element: HTMLElement, close: () => void) {
  if (!popover) return undefined;
  popover.showPopover();
  if (!isPhone.matches) place(popover, element);
  popover.focus();
  return closeByPressElsewhere(popover, close);
}

/** On a phone "back" closes what covers the page. Closed otherwise, the step that it would have taken is taken back. */
function closeByBack(close: () => void) {
  if (!isPhone.matches) return undefined;
  let isOver = false;
  const back = () => {
    isOver = true;
    close();
  };
  history.pushState({ isShown: 'emoji' }, '');
  addEventListener('popstate', back);
  return () => {
    removeEventListener('popstate', back);
    if (!isOver) history.back();
  };
}
