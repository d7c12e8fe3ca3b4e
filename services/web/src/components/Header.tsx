import type { Conversation } from '../conversation.ts';
import { ask } from '../questions.ts';
import { setTheme, shownTheme } from '../shownTheme.ts';
import { texts } from '../texts.ts';
import { nextTheme } from '../theme.ts';
import { ConnectionDetails, ConnectionWord } from './Connection.tsx';
import { Icon } from './Icon.tsx';

type Props = { conversation: Conversation; arePeopleShown: boolean; togglePeople: () => void; leave: () => void };

/** The room's name, the state of the connection, and the ways out. */
export function Header({ conversation, arePeopleShown, togglePeople, leave }: Props) {
  const { peopleCount } = conversation.room.value;
  return (
    <header class="header">
      <div class="room">
        <h1>{texts.roomName}</h1>
        <ConnectionWord conversation={conversation} />
      </div>
      <ConnectionDetails conversation={conversation} />
      <nav class="tools" aria-label={texts.product}>
        <button
          type="button"
          class="tool"
          aria-expanded={arePeopleShown}
          aria-controls="people"
          aria-label={texts.showPeople(peopleCount)}
          title={texts.people}
          onClick={togglePeople}
        >
          <Icon name="people" />
          <span class="count">{peopleCount}</span>
        </button>
        <ThemeSwitch />
        <button
          type="button"
          class="tool"
          aria-haspopup="dialog"
          aria-label={texts.settings}
          title={texts.settings}
          onClick={() => ask({ is: 'settings' })}
        >
          <Icon name="settings" />
        </button>
        <a
          class="leave"
          href="/leave"
          onClick={(event) => {
            event.preventDefault();
            leave();
          }}
        >
          {texts.leave}
        </a>
      </nav>
    </header>
  );
}

function ThemeSwitch() {
  const theme = shownTheme.value;
  const label = texts.theme[theme];
  return (
    <button type="button" class="tool" aria-label={label} title={label} onClick={() => setTheme(nextTheme(theme))}>
      <Icon name={theme} />
    </button>
  );
}
