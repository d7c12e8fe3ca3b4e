import type { Conversation } from '../conversation.ts';
import { texts } from '../texts.ts';
import { Avatar } from './Avatar.tsx';
import { Icon } from './Icon.tsx';
import { makeReachable } from './reachable.ts';

const byName = new Intl.Collator(undefined, { sensitivity: 'base', numeric: true });

/** Who is here: a column beside the conversation, on a phone a sheet above it. */
export function People({ conversation, close }: { conversation: Conversation; close: () => void }) {
  const { people, peopleCount } = conversation.room.value;
  const sorted = [...people].sort((a, b) => byName.compare(a.name, b.name));
  return (
    <>
      <button type="button" class="scrim" tabIndex={-1} aria-label={texts.close} onClick={close} />
      <aside ref={makeReachable} id="people" class="people" aria-label={texts.people}>
        <div class="people-title">
          <h2>{texts.peopleHere(peopleCount)}</h2>
          <button ref={focusWhenCovering} type="button" class="tool only-narrow" aria-label={texts.close} onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        <ul>
          {sorted.map((user) => (
            <li key={user.id}>
              <Avatar user={user} />
              <bdi class="name" title={user.name}>
                {user.name}
              </bdi>
              {user.id === conversation.me.id && <span class="you">{texts.you}</span>}
            </li>
          ))}
        </ul>
        {peopleCount > people.length && <p class="hint">{texts.andMore(peopleCount - people.length)}</p>}
      </aside>
    </>
  );
}

/** On a phone the sheet covers what had the focus; where the button is not drawn, focusing it does nothing. */
function focusWhenCovering(button: HTMLButtonElement | null) {
  button?.focus();
}
