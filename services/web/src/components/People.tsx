import { useComputed } from '@preact/signals';
import type { User } from '@securechat/shared/protocol';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import { inOrder } from '../people.ts';
import { ask } from '../questions.ts';
import { texts } from '../texts.ts';
import { Avatar } from './Avatar.tsx';
import { Icon } from './Icon.tsx';
import { makeReachable } from './reachable.ts';

/** Who is here: a column beside the conversation, on a phone a sheet above it. A press on a name opens the person's card. */
export function People({ conversation, close }: { conversation: Conversation; close: () => void }) {
  const { room, me } = conversation;
  // Most of what happens in the room changes nothing here.
  const people = useComputed(() => room.value.people).value;
  const peopleCount = useComputed(() => room.value.peopleCount).value;
  const aside = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    makeReachable(aside.current);
    return () => giveFocusBack(aside.current);
  }, []);
  return (
    <>
      <button type="button" class="scrim" tabIndex={-1} aria-label={texts.close} onClick={close} />
      <aside ref={aside} id="people" class="people" aria-label={texts.people}>
        <div class="people-title">
          <h2>{texts.peopleHere(peopleCount)}</h2>
          <button ref={focusWhenCovering} type="button" class="tool only-narrow" aria-label={texts.close} onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        {useMemo(
          () => (
            <List people={inOrder(people)} myId={me.id} />
          ),
          [people, me],
        )}
        {peopleCount > people.length && <p class="hint">{texts.andMore(peopleCount - people.length)}</p>}
      </aside>
    </>
  );
}

function List({ people, myId }: { people: readonly User[]; myId: string }) {
  return (
    <ul>
      {people.map((user) => (
        <li key={user.id}>
          <button type="button" class="person" aria-haspopup="dialog" onClick={() => ask({ is: 'person', id: user.id })}>
            <Avatar user={user} />
            <bdi class="name" title={user.name}>
              {user.name}
            </bdi>
            {user.id === myId && <span class="you">{texts.you}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}

/** What has the focus goes with the list; the button that brings it back remains. */
function giveFocusBack(aside: HTMLElement | null) {
  if (!aside?.contains(document.activeElement)) return;
  document.querySelector<HTMLElement>(`[aria-controls="${aside.id}"]`)?.focus();
}

/** On a phone the sheet covers what had the focus; where the button is not drawn, focusing it does nothing. */
function focusWhenCovering(button: HTMLButtonElement | null) {
  button?.focus();
}
