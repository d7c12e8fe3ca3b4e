import { useSignal } from '@preact/signals';
import type { Conversation } from '../conversation.ts';
import { texts } from '../texts.ts';
import { chooseTheme, readTheme, THEMES } from '../theme.ts';
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
  const theme = useSignal(readTheme());
  const next = () => {
    theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'auto';
    chooseTheme(theme.value);
  };
  const label = texts.theme[theme.value];
  return (
    <button type="button" class="tool" aria-label={label} title={label} onClick={next}>
      <Icon name={theme.value} />
    </button>
  );
}
