import { useSignal } from '@preact/signals';
import type { User } from '@securechat/shared/protocol';
import { useEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import { everybody, findPeople } from '../people.ts';
import { texts } from '../texts.ts';
import { Avatar } from './Avatar.tsx';
import { Dialog } from './Dialog.tsx';

/** More than fit on a screen; whoever is looked for is found by typing more of the name. */
const MOST_SHOWN = 50;

type Props = { conversation: Conversation; go: (id: string) => void; close: () => void };

/** Finds a person by a few letters of the name (ARIA Authoring Practices, editable combobox with list autocomplete). */
export function GoTo({ conversation, go, close }: Props) {
  const { room, me } = conversation;
  const typed = useSignal('');
  const current = useSignal(0);
  const list = useRef<HTMLDivElement | null>(null);
  const found = findPeople(everybody(room.value), typed.value).slice(0, MOST_SHOWN);
  const chosen = found[Math.min(current.value, found.length - 1)];
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);

  const keyPressed = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0 && found.length > 0) {
      event.preventDefault();
      current.value = (current.value + step + found.length) % found.length;
    }
    if (event.key === 'Enter' && chosen) {
      event.preventDefault();
      go(chosen.id);
    }
  };
  return (
    <Dialog title={texts.goToPerson} close={close}>
      <input
        class="go-field"
        type="text"
        role="combobox"
        aria-label={texts.personName}
        aria-expanded={found.length > 0}
        aria-controls="go-list"
        aria-autocomplete="list"
        aria-activedescendant={chosen && optionId(chosen)}
        autocomplete="off"
        spellcheck={false}
        dir="auto"
        onInput={(event) => {
          typed.value = event.currentTarget.value;
          current.value = 0;
        }}
        onKeyDown={keyPressed}
      />
      <p class="hidden-words" role="status">
        {found.length > 0 && texts.peopleFound(found.length)}
      </p>
      {found.length === 0 && (
        <p class="nobody" role="status">
          {texts.nobodyFound}
        </p>
      )}
      <div ref={list} id="go-list" class="go-list" role="listbox" aria-label={texts.people}>
        {found.map((user) => (
          <PersonOption key={user.id} user={user} isMe={user.id === me.id} isChosen={user === chosen} go={go} />
        ))}
      </div>
      <div class="choices">
        <button type="button" onClick={close}>
          {texts.close}
        </button>
      </div>
    </Dialog>
  );
}

type OptionProps = { user: User; isMe: boolean; isChosen: boolean; go: (id: string) => void };

/** The field keeps the focus and the keys; a pointer may choose as well. */
function PersonOption({ user, isMe, isChosen, go }: OptionProps) {
  return (
    <div
      id={optionId(user)}
      role="option"
      tabIndex={-1}
      aria-selected={isChosen}
      onClick={() => go(user.id)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') go(user.id);
      }}
    >
      <Avatar user={user} />
      <bdi class="name" title={user.name}>
        {user.name}
      </bdi>
      {isMe && <span class="you">{texts.you}</span>}
    </div>
  );
}

const optionId = ({ id }: User) => `go-${id}`;
