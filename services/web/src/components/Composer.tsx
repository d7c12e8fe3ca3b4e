import type { Signal } from '@preact/signals';
import { effect, useSignal } from '@preact/signals';
import { countCharacters } from '@securechat/shared/protocol';
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import type { Purpose } from '../purpose.ts';
import type { Message } from '../roomState.ts';
import { findHeld } from '../roomState.ts';
import { texts } from '../texts.ts';
import { COMPLETION_ID, Completion, chosenId } from './Completion.tsx';
import { EmojiPicker } from './EmojiPicker.tsx';
import { Icon } from './Icon.tsx';
import { insertText } from './insertText.ts';
import { quoted } from './MessageLine.tsx';
import { useCompletion } from './useCompletion.ts';

/** The counter appears when fewer characters than this are left. */
const NEAR_LIMIT = 200;
const MOVES_CARET = new Set(['ArrowLeft', 'ArrowRight', 'Home', 'End']);

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
  const completion = useCompletion(conversation, field);
  const left = maxCharacters - characters.value;
  const changed = () => {
    if (!field.current) return;
    characters.value = countCharacters(field.current.value);
    grow(field.current);
    keepDraft(conversation, purpose.value, field.current.value);
  };
  useLayoutEffect(() => {
    if (!field.current) return;
    if (matchMedia('(pointer: fine)').matches) field.current.focus();
  }, []);

  // An edit borrows the field; what was being written before comes back afterwards. At once, and not after the next frame:
  // a quick second Enter would send the same words again, and what is typed meanwhile would be lost.
  useLayoutEffect(() => {
    const stop = effect(() => {
      const { value } = purpose;
      if (!field.current) return;
      field.current.value = value.is === 'edit' ? (value.text ?? value.message.text ?? '') : conversation.drafts.read().text;
      changed();
    });
    return () => {
      stop();
      if (purpose.value.is === 'edit' && field.current) purpose.value = { ...purpose.value, text: field.current.value };
    };
  }, []);

  const submit = () => {
    const element = field.current;
    if (!element || left < 0 || (element.value.trim() === '' && purpose.value.is !== 'edit')) return;
    speak(conversation, purpose.value, element.value);
    if (purpose.value.is !== 'edit') conversation.drafts.keep({ text: '' });
    purpose.value = { is: 'say' };
    completion.close();
  };
  const keyPressed = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    // While an input method composes, Enter and Esc belong to it. Safari ends the composition first and says 229.
    if (event.isComposing || event.keyCode === 229) return;
    if (!event.shiftKey && completion.pressed(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
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
  const submitLabel = purpose.value.is === 'edit' ? texts.save : texts.send;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
        field.current?.focus();
      }}
    >
      <PurposeLine conversation={conversation} purpose={purpose.value} cancel={cancel} />
      <div class="composer-field">
        <Completion completion={completion} />
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
          aria-autocomplete="list"
          aria-haspopup="listbox"
          aria-controls={completion.suggestions.value && COMPLETION_ID}
          aria-activedescendant={chosenId(completion)}
          onInput={(event) => {
            changed();
            completion.typed(event);
            if (field.current?.value && purpose.value.is !== 'edit') conversation.type();
          }}
          onKeyDown={keyPressed}
          onKeyUp={(event) => {
            if (MOVES_CARET.has(event.key)) completion.look();
          }}
          onClick={completion.look}
          onCompositionEnd={completion.look}
          onBlur={completion.close}
        />
        <span id="characters" class="characters" data-tone={left < 0 ? 'bad' : 'neutral'}>
          {left < NEAR_LIMIT && texts.charactersLeft(left)}
        </span>
        <EmojiButton conversation={conversation} field={field} />
        <button type="submit" class="send" aria-label={submitLabel} title={submitLabel}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}

/** Opens the choice of emoji; the chosen one goes where the caret stands. */
function EmojiButton({ conversation, field }: Pick<Props, 'conversation' | 'field'>) {
  const button = useRef<HTMLButtonElement | null>(null);
  const isOpen = useSignal(false);
  return (
    <>
      <button
        ref={button}
        type="button"
        class="tool"
        aria-label={texts.emoji}
        title={texts.emoji}
        aria-haspopup="dialog"
        aria-expanded={isOpen.value}
        onPointerDown={(event) => {
          // The press that closes the choice is not one that opens it anew.
          if (isOpen.value) event.stopPropagation();
        }}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <Icon name="smile" />
      </button>
      {isOpen.value && button.current && (
        <EmojiPicker
          userId={conversation.me.id}
          element={button.current}
          choose={(emoji) => field.current && insertText(field.current, emoji)}
          close={() => {
            isOpen.value = false;
          }}
        />
      )}
    </>
  );
}

function speak(conversation: Conversation, purpose: Purpose, text: string) {
  switch (purpose.is) {
    case 'say':
      return conversation.say(text);
    case 'reply':
      return conversation.say(text, purpose.to.seq);
    case 'edit':
      // Nothing is left of it; the deletion can be taken back, as any other.
      if (text.trim() === '') return conversation.erase(purpose.message.seq);
      if (text !== purpose.message.text) conversation.edit(purpose.message.seq, text);
  }
}

type PurposeProps = Pick<Props, 'conversation' | 'cancel'> & { purpose: Purpose };

function PurposeLine({ conversation, purpose, cancel }: PurposeProps) {
  if (purpose.is === 'say') return null;
  return (
    <p class="purpose">
      <span class="purpose-words">
        {purpose.is === 'edit' ? texts.editing : answering(findHeld(conversation.room.value, purpose.to.seq) ?? purpose.to)}
      </span>
      <button type="button" class="tool" aria-label={texts.cancel} title={texts.cancel} onClick={cancel}>
        <Icon name="close" />
      </button>
    </p>
  );
}

const answering = (message: Message) => `${texts.replyingTo(message.author.name)}: ${quoted(message)}`;

/** Grows with the words; the style sheet sets the limit of eight lines, and where it can, makes the field grow by itself. */
function grow(field: HTMLTextAreaElement) {
  if (CSS.supports('field-sizing', 'content')) return;
  field.style.blockSize = 'auto';
  field.style.blockSize = `${field.scrollHeight}px`;
}

/** An edit borrows the field: what was being written before stays the draft. */
function keepDraft({ drafts }: Conversation, purpose: Purpose, text: string) {
  if (purpose.is === 'say') drafts.keep({ text });
  if (purpose.is === 'reply') drafts.keep({ text, replyTo: purpose.to.seq });
}
