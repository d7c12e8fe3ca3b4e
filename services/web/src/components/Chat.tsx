import type { Signal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import { useCallback, useEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import { isUnsent } from '../outbox.ts';
import type { Message } from '../roomState.ts';
import { texts } from '../texts.ts';
import type { Purpose } from './Composer.tsx';
import { Composer } from './Composer.tsx';
import { Banner } from './Connection.tsx';
import { Dialog } from './Dialog.tsx';
import { Header } from './Header.tsx';
import { MessageList } from './MessageList.tsx';
import type { Opened } from './MessageMenu.tsx';
import { MessageMenu } from './MessageMenu.tsx';
import { People } from './People.tsx';
import { Typing } from './Typing.tsx';

type PeopleShown = { isShown: boolean; toggle: () => void };

type Question = { is: 'leave' } | { is: 'delete'; message: Message } | { is: 'keys' };

const isWide = matchMedia('(min-width: 900px)');

/** The whole page: header, conversation, composer, people, and whatever was opened above them. */
export function Chat({ conversation, maxCharacters }: { conversation: Conversation; maxCharacters: number }) {
  const field = useRef<HTMLTextAreaElement | null>(null);
  const purpose = useSignal<Purpose>({ is: 'say' });
  const menu = useSignal<Opened | undefined>(undefined);
  const question = useSignal<Question | undefined>(undefined);
  const people = usePeopleShown();
  useKeys(conversation, question, people);

  const write = useCallback((next: Purpose) => {
    purpose.value = next;
    field.current?.focus();
  }, []);
  const reply = useCallback((to: Message) => write({ is: 'reply', to }), []);
  const edit = useCallback((message: Message) => write({ is: 'edit', message }), []);
  const openMenu = useCallback((opened: Opened) => {
    menu.value = opened;
  }, []);
  const editAgain = useCallback((text: string) => addTo(field.current, text), []);
  const editLast = () => {
    const last = conversation.room.value.messages.findLast(({ author, deleted }) => author.id === conversation.me.id && !deleted);
    if (last) edit(last);
  };
  const leave = () => {
    if (conversation.outgoing.value.entries.some(isUnsent)) question.value = { is: 'leave' };
    else void leaveNow(conversation);
  };
  const closeQuestion = () => {
    question.value = undefined;
  };

  return (
    <div class="frame" data-people={people.isShown ? 'shown' : 'hidden'}>
      <Header conversation={conversation} arePeopleShown={people.isShown} togglePeople={people.toggle} leave={leave} />
      {people.isShown && <People conversation={conversation} close={people.toggle} />}
      <main class="conversation">
        <MessageList {...{ conversation, openMenu, reply, editAgain }} />
        <Banner conversation={conversation} />
        <Typing conversation={conversation} />
        <Composer
          {...{ conversation, maxCharacters, field, purpose, editLast }}
          cancel={() => {
            write({ is: 'say' });
          }}
        />
        {menu.value && (
          <MessageMenu
            {...{ conversation, reply, edit }}
            opened={menu.value}
            close={() => {
              menu.value = undefined;
            }}
            askToDelete={(message) => {
              question.value = { is: 'delete', message };
            }}
          />
        )}
      </main>
      {question.value && <QuestionDialog question={question.value} conversation={conversation} close={closeQuestion} />}
    </div>
  );
}

function QuestionDialog({
  question,
  conversation,
  close,
}: {
  question: Question;
  conversation: Conversation;
  close: () => void;
}) {
  switch (question.is) {
    case 'leave':
      return (
        <Choice
          title={texts.leaveQuestion}
          words={texts.leaveExplained(conversation.outgoing.value.entries.filter(isUnsent).length)}
          no={texts.stay}
          yes={texts.leaveAnyway}
          close={close}
          act={() => {
            conversation.discardAll();
            void leaveNow(conversation);
          }}
        />
      );
    case 'delete':
      return (
        <Choice
          title={texts.deleteQuestion}
          words={texts.deleteExplained}
          no={texts.keep}
          yes={texts.delete}
          close={close}
          act={() => conversation.erase(question.message.seq)}
        />
      );
    case 'keys':
      return <Keys close={close} />;
  }
}

type ChoiceProps = { title: string; words: string; no: string; yes: string; close: () => void; act: () => void };

function Choice({ title, words, no, yes, close, act }: ChoiceProps) {
  return (
    <Dialog title={title} close={close}>
      <p>{words}</p>
      <div class="choices">
        <button type="button" onClick={close}>
          {no}
        </button>
        <button
          type="button"
          class="danger-solid"
          onClick={() => {
            close();
            act();
          }}
        >
          {yes}
        </button>
      </div>
    </Dialog>
  );
}

function Keys({ close }: { close: () => void }) {
  return (
    <Dialog title={texts.keys} close={close}>
      <dl class="keys">
        {texts.keyList.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="choices">
        <button type="button" onClick={close}>
          {texts.close}
        </button>
      </div>
    </Dialog>
  );
}

/** The fragment outlives the redirect, so /home can say why one is there. */
async function leaveNow(conversation: Conversation) {
  await conversation.leave();
  location.assign('/leave#left');
}

/** Beside the conversation people are shown unless put away; on a phone they slide over it and "back" closes them. */
function usePeopleShown(): PeopleShown {
  const isShown = useSignal(isWide.matches);
  useEffect(() => {
    const back = () => {
      if (!isWide.matches) isShown.value = false;
    };
    const resized = () => {
      isShown.value = isWide.matches;
    };
    addEventListener('popstate', back);
    isWide.addEventListener('change', resized);
    return () => {
      removeEventListener('popstate', back);
      isWide.removeEventListener('change', resized);
    };
  }, [isShown]);
  const toggle = () => {
    if (isWide.matches) isShown.value = !isShown.value;
    else if (isShown.value) history.back();
    else {
      history.pushState({ isShown: 'people' }, '');
      isShown.value = true;
    }
  };
  return { isShown: isShown.value, toggle };
}

/** Keys that work wherever the focus is: Esc for the latest, ? for the list of keys. */
function useKeys(conversation: Conversation, question: Signal<Question | undefined>, people: PeopleShown) {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open], :popover-open')) return;
      if (event.key === 'Escape' && people.isShown && !isWide.matches) people.toggle();
      else if (event.key === 'Escape') conversation.follow();
      if (event.key === '?' && !(event.target instanceof HTMLTextAreaElement)) question.value = { is: 'keys' };
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [conversation, question, people]);
}

/** Puts words into the composer, below those that are there already. */
function addTo(field: HTMLTextAreaElement | null, text: string) {
  if (!field) return;
  field.value = [field.value, text].filter(Boolean).join('\n');
  field.dispatchEvent(new Event('input'));
  field.focus();
}
