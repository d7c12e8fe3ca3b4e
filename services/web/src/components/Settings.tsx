import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Permission } from '../notifications.ts';
import { chooseWish, permission, readWish, WISHES } from '../notifications.ts';
import { setTheme, shownTheme } from '../shownTheme.ts';
import type { Language } from '../texts.ts';
import { chooseLanguage, LANGUAGES, language, texts } from '../texts.ts';
import { THEMES } from '../theme.ts';
import { Dialog } from './Dialog.tsx';

/** What a person chooses for this browser. Each choice holds at once. */
export function Settings({ close }: { close: () => void }) {
  return (
    <Dialog title={texts.settings} close={close}>
      <div class="settings">
        <ThemeChoice />
        <LanguageChoice />
        <NotificationChoice />
        <p class="hint">{texts.textSize}</p>
      </div>
      <div class="choices">
        <button type="button" onClick={close}>
          {texts.close}
        </button>
      </div>
    </Dialog>
  );
}

function ThemeChoice() {
  return (
    <Choices
      name="theme"
      title={texts.themeTitle}
      choices={THEMES.map((value) => ({ value, words: texts.themeChoices[value] }))}
      chosen={shownTheme.value}
      choose={setTheme}
    />
  );
}

function LanguageChoice() {
  const choices = Object.entries(LANGUAGES).map(([value, words]) => ({ value: value as Language, words, lang: value }));
  const choose = (next: Language) =>
    void chooseLanguage(next).then(() => {
      // Everything is drawn anew in the new language; the focus stays where the person left it.
      document.querySelector<HTMLElement>('input[name="language"]:checked')?.focus();
    });
  return <Choices name="language" title={texts.languageTitle} choices={choices} chosen={language()} choose={choose} />;
}

function NotificationChoice() {
  const wish = useSignal(readWish());
  const allowed = useSignal(permission());
  const choose = async (next: typeof wish.value) => {
    wish.value = next;
    allowed.value = await chooseWish(next);
  };
  return (
    <Choices
      name="notifications"
      title={texts.notifyTitle}
      choices={WISHES.map((value) => ({ value, words: texts.notifyChoices[value] }))}
      chosen={wish.value}
      choose={(next) => void choose(next)}
    >
      <p class="hint">{texts.notifyWhen}</p>
      <p class="obstacle" role="status">
        {wish.value !== 'none' && obstacle(allowed.value)}
      </p>
    </Choices>
  );
}

function obstacle(allowed: Permission): string | undefined {
  if (allowed === 'granted') return undefined;
  return { not_asked: texts.notifyNotAsked, blocked: texts.notifyBlocked, missing: texts.notifyMissing }[allowed];
}

type ChoicesProps<Value extends string> = {
  name: string;
  title: string;
  choices: readonly { value: Value; words: string; lang?: string }[];
  chosen: Value;
  choose: (value: Value) => void;
  children?: ComponentChildren;
};

/** One of several. A press on the one that is chosen chooses it again: for what has to be asked once more. */
function Choices<Value extends string>({ name, title, choices, chosen, choose, children }: ChoicesProps<Value>) {
  return (
    <fieldset>
      <legend>{title}</legend>
      <div class="radios">
        {choices.map(({ value, words, lang }) => (
          <label key={value} lang={lang}>
            <input type="radio" name={name} value={value} checked={value === chosen} onClick={() => choose(value)} />
            {words}
          </label>
        ))}
      </div>
      {children}
    </fieldset>
  );
}
