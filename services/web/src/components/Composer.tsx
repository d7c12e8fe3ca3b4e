import type { Signal } from '@preact/signals';
import { effect, useSignal } from '@preact/signals';
import { countCharacters } from '@securechat/shared/protocol';
import type { RefObject } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import type { Message } from '../roomState.ts';
import { texts } from '../texts.ts';
import { Icon } from './Icon.tsx';

/** What the words being written are for. */
export type Purpose = { is: 'say' } | { is: 'reply'; to: Message } | { is: 'edit'; message: Message };

/** The counter appears when fewer characters than this are left. */
const NEAR_LIMIT = 200;

type Props = {
  conversation: Conversation;
  maxCharacters: number;
  field: RefObject<HTMLTextAreaElement | null>;
  purpose: Signal<Purpose>;
  editLast: () => void;
  cancel: () => void;
};

/** Where words are written: always usable, whatever the connection does. */
export function Composer({ conversation, maxCharacters, field, purpose, editLast, cancel }: Props) {
  const characters = useSignal(0);
  const left = maxCharacters - characters.value;
  const changed = () => {
    if (!field.current) return;
    characters.value = countCharacters(field.current.value);
    grow(field.current);
    keepDraft(conversation.me.id, purpose.value.is === 'edit' ? undefined : field.current.value);
  };
  useLayoutEffect(() => {
    if (!field.current) return;
    if (matchMedia('(pointer: fine)').matches) field.current.focus();
  }, []);

  // An edit borrows the field; what was being written before comes back afterwards. At once, and not after the next frame:
  // a quick second Enter would send the same words again, and what is typed meanwhile would be lost.
  useLayoutEffect(
    () =>
      effect(() => {
        const { value } = purpose;
        if (!field.current) return;
        field.current.value = value.is === 'edit' ? (value.message.text ?? '') : readDraft(conversation.me.id);
        changed();
      }),
    [],
  );

  const submit = () => {
    const element = field.current;
    if (!element || element.value.trim() === '' || left < 0) return;
    speak(conversation, purpose.value, element.value);
    if (purpose.value.is !== 'edit') keepDraft(conversation.me.id, '');
    purpose.value = { is: 'say' };
  };
  const keyPressed = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    // While an input method composes, Enter and Esc belong to it. Safari ends the composition first and says 229.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'ArrowUp' && event.currentTarget.value === '') {
      event.preventDefault();
      editLast();
    } else if (event.key === 'Escape' && purpose.value.is !== 'say') {
      event.preventDefault();
      event.stopPropagation();
      cancel();
    }
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
        field.current?.focus();
      }}
    >
      <PurposeLine purpose={purpose.value} cancel={cancel} />
      <div class="composer-field">
        <textarea
          ref={field}
          rows={1}
          dir="auto"
          enterkeyhint="send"
          autocomplete="off"
          aria-label={texts.composer(texts.roomName)}
          placeholder={texts.composer(texts.roomName)}
          aria-describedby="characters"
          aria-invalid={left < 0}
          onInput={() => {
            changed();
            if (field.current?.value && purpose.value.is !== 'edit') conversation.type();
          }}
          onKeyDown={keyPressed}
        />
        <span id="characters" class="characters" data-tone={left < 0 ? 'bad' : 'neutral'}>
          {left < NEAR_LIMIT && texts.charactersLeft(left)}
        </span>
        <button type="submit" class="send" aria-label={purpose.value.is === 'edit' ? texts.save : texts.send} title={texts.send}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}

function speak(conversation: Conversation, purpose: Purpose, text: string) {
  switch (purpose.is) {
    case 'say':
      return conversation.say(text);
    case 'reply':
      return conversation.say(text, purpose.to.seq);
    case 'edit':
      if (text !== purpose.message.text) conversation.edit(purpose.message.seq, text);
  }
}

function PurposeLine({ purpose, cancel }: { purpose: Purpose; cancel: () => void }) {
  if (purpose.is === 'say') return null;
  return (
    <p class="purpose">
      <span class="purpose-words">
        {purpose.is === 'edit' ? texts.editing : `${texts.replyingTo(purpose.to.author.name)}: ${purpose.to.text ?? ''}`}
      </span>
      <button type="button" class="tool" aria-label={texts.cancel} title={texts.cancel} onClick={cancel}>
        <Icon name="close" />
      </button>
    </p>
  );
}

/** Grows with the words; the style sheet sets the limit of eight lines. */
function grow(field: HTMLTextAreaElement) {
  field.style.blockSize = 'auto';
  field.style.blockSize = `${field.scrollHeight}px`;
}

const draftKey = (userId: string) => `securechat:draft:${userId}`;

function readDraft(userId: string): string {
  try {
    return sessionStorage.getItem(draftKey(userId)) ?? '';
  } catch {
    return '';
  }
}

function keepDraft(userId: string, text: string | undefined) {
  try {
    if (text) sessionStorage.setItem(draftKey(userId), text);
    else if (text === '') sessionStorage.removeItem(draftKey(userId));
  } catch {
    // A browser that keeps nothing loses a draft on reload, no more.
  }
}
