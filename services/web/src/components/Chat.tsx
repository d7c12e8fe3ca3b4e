import { useSignal } from '@preact/signals';
import { useCallback, useEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import type { Purpose } from '../purpose.ts';
import { purpose } from '../purpose.ts';
import type { Question } from '../questions.ts';
import { ask, closeQuestion, question } from '../questions.ts';
import type { Message } from '../roomState.ts';
import { texts } from '../texts.ts';
import { Composer } from './Composer.tsx';
import { Banner } from './Connection.tsx';
import { DeviceNotice } from './DeviceNotice.tsx';
import { Dialog } from './Dialog.tsx';
import { useFocusKept } from './focusKept.ts';
import { GoTo } from './GoTo.tsx';
import { Header } from './Header.tsx';
import { Help } from './Help.tsx';
import { MessageList } from './MessageList.tsx';
import type { Opened } from './MessageMenu.tsx';
import { MessageMenu } from './MessageMenu.tsx';
import { People } from './People.tsx';
import { PersonCard } from './PersonCard.tsx';
import { useReplyKept } from './replyKept.ts';
import { Settings } from './Settings.tsx';
import { Typing } from './Typing.tsx';
import { Undo } from './Undo.tsx';

type PeopleShown = { isShown: boolean; toggle: () => void };

const isWide = matchMedia('(min-width: 900px)');

/** The whole page: header, conversation, composer, people, and whatever was opened above them. */
export function Chat({ conversation, maxCharacters }: { conversation: Conversation; maxCharacters: number }) {
  const field = useRef<HTMLTextAreaElement | null>(null);
  const menu = useSignal<Opened | undefined>(undefined);
  const people = usePeopleShown();
  useReplyKept(conversation);
  useKeys(conversation, people);
  useAvatars();
  useFocusKept(field);

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
    if (conversation.unsaid() > 0) ask({ is: 'leave' });
    else void leaveNow(conversation);
  };
  const mention = (name: string) => {
    // On a phone the people lie above the field.
    if (people.isShown && !isWide.matches) people.toggle();
    insert(field.current, `@${name} `);
  };

  return (
    <div class="frame" data-people={people.isShown ? 'shown' : 'hidden'}>
      <Header conversation={conversation} arePeopleShown={people.isShown} togglePeople={people.toggle} leave={leave} />
      {people.isShown && <People conversation={conversation} close={people.toggle} />}
      <main class="conversation">
        <MessageList {...{ conversation, openMenu, reply, editAgain }} />
        <DeviceNotice conversation={conversation} />
        <Banner conversation={conversation} />
        <Undo conversation={conversation} />
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
          />
        )}
      </main>
      {question.value && <QuestionDialog asked={question.value} conversation={conversation} mention={mention} />}
    </div>
  );
}

type QuestionProps = { asked: Question; conversation: Conversation; mention: (name: string) => void };

function QuestionDialog({ asked, conversation, mention }: QuestionProps) {
  const close = () => closeQuestion(asked);
  switch (asked.is) {
    case 'leave':
      return (
        <Choice
          title={texts.leaveQuestion}
          words={texts.leaveExplained(conversation.unsaid())}
          no={texts.stay}
          yes={texts.leaveAnyway}
          close={close}
          act={() => {
            conversation.discardAll();
            void leaveNow(conversation);
          }}
        />
      );
    case 'keys':
      return <Help close={close} />;
    case 'settings':
      return <Settings close={close} />;
    case 'go':
      return <GoTo conversation={conversation} close={close} go={(id) => ask({ is: 'person', id })} />;
    case 'person':
      return <PersonCard conversation={conversation} id={asked.id} close={close} mention={mention} />;
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

/** Keys that work wherever the focus is, as Help lists them. */
function useKeys(conversation: Conversation, people: PeopleShown) {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || document.querySelector('dialog[open], :popover-open')) return;
      const act = actionOf(event, conversation, people);
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [conversation, people]);
}

function actionOf(event: KeyboardEvent, conversation: Conversation, people: PeopleShown): (() => void) | undefined {
  const { target } = event;
  // With Caps Lock on, a letter comes as a capital one.
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const isWriting = target instanceof HTMLTextAreaElement || target instanceof HTMLInputElement;
  if (key === 'Escape') return people.isShown && !isWide.matches ? people.toggle : conversation.goToLatest;
  // In the field a question mark is the beginning of a question.
  if (key === '?' && !isWriting) return () => ask({ is: 'keys' });
  if (event.altKey || event.shiftKey || !(event.ctrlKey || event.metaKey)) return undefined;
  if (key === 'k') return () => ask({ is: 'go' });
  if (key === '/') return () => ask({ is: 'keys' });
  const hasWords = isWriting && target.value !== '';
  if (key === 'z' && conversation.deleting.value && !hasWords) return conversation.keep;
  return undefined;
}

/** A press on somebody's picture or name in the conversation opens their card; by keyboard the list of people does. */
function useAvatars() {
  useEffect(() => {
    const pressed = ({ target }: MouseEvent) => {
      const shown = target instanceof Element ? target.closest('.group .avatar, .group .meta .name') : null;
      const avatar = shown?.closest('.group')?.querySelector<HTMLElement>('.avatar');
      if (avatar?.dataset.person) ask({ is: 'person', id: avatar.dataset.person });
    };
    document.addEventListener('click', pressed);
    return () => document.removeEventListener('click', pressed);
  }, []);
}

/** Puts words where the cursor is, apart from what stands before them. */
function insert(field: HTMLTextAreaElement | null, words: string) {
  if (!field) return;
  const before = field.value.slice(0, field.selectionStart);
  const gap = before === '' || /\s$/.test(before) ? '' : ' ';
  field.setRangeText(`${gap}${words}`, field.selectionStart, field.selectionEnd, 'end');
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
}

/** Puts words into the composer, below those that are there already. */
function addTo(field: HTMLTextAreaElement | null, text: string) {
  if (!field) return;
  field.value = [field.value, text].filter(Boolean).join('\n');
  field.dispatchEvent(new Event('input'));
  field.focus();
}
