/** What the two pages before the chat share: a form with one notice, a password that can be shown, language and theme. */
import type { Answer } from './api.ts';
import type { Language } from './texts.ts';
import { chooseLanguage, LANGUAGES, language, onLanguage, speakAsChosen, texts } from './texts.ts';
import { chooseTheme, nextTheme, readTheme, showTheme } from './theme.ts';

export type Tone = 'good' | 'bad' | 'neutral';

export type Entrance = Awaited<ReturnType<typeof prepareEntrance>>;

/** Takes hold of the page's form, in the reader's language. Throws when the page has none, which is a defect of the page. */
export async function prepareEntrance() {
  showTheme(readTheme());
  onLanguage(translate);
  await speakAsChosen();
  offerChoices(find(document, '.choices-below', HTMLElement));
  const form = find(document, 'form', HTMLFormElement);
  const notice = find(form, '.notice', HTMLElement);
  let countdown: ReturnType<typeof setInterval> | undefined;
  for (const button of form.querySelectorAll<HTMLButtonElement>('button[data-shows]')) letShow(button, input);
  // On a phone the keyboard would cover half of the card before anybody has read it.
  if (matchMedia('(pointer: fine)').matches) form.querySelector('input')?.focus();

  function input(name: string): HTMLInputElement {
    return find(form, `input[name="${name}"]`, HTMLInputElement);
  }

  /** Says one thing, word for word; an empty text takes the last one away. */
  function say(text: string, tone: Tone) {
    clearInterval(countdown);
    notice.textContent = text;
    notice.dataset.tone = tone;
    notice.role = tone === 'bad' ? 'alert' : 'status';
    notice.hidden = text === '';
  }

  /** Says a text and, below it, for how many seconds it is true. */
  function sayFor(text: string, seconds: number) {
    say(text, 'bad');
    const line = document.createElement('span');
    line.className = 'countdown';
    // The text was announced; a number that changes every second would drown everything else.
    line.setAttribute('aria-live', 'off');
    notice.append(line);
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      line.textContent = left > 0 ? texts.tryAgainIn(left) : texts.tryAgainNow;
      if (left <= 0) clearInterval(countdown);
    };
    countdown = setInterval(tick, 500);
    tick();
  }

  /** Shows a refusal where the person has to change something. */
  function refuse(answer: Answer | undefined) {
    const text = answer === undefined ? texts.serverUnreachable : (answer.message ?? texts.serverFailed);
    if (answer?.retryAfterS) sayFor(text, answer.retryAfterS);
    else say(text, 'bad');
    const field = answer?.field && form.querySelector<HTMLInputElement>(`input[name="${CSS.escape(answer.field)}"]`);
    if (!field) return;
    field.setAttribute('aria-invalid', 'true');
    field.focus();
    field.select();
  }

  /** Runs `send` when the form is submitted, once at a time, with the action of the button that was pressed. */
  function onSubmit(send: (action: string) => Promise<void>) {
    let isUnderWay = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (isUnderWay) return;
      isUnderWay = true;
      for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
      say('', 'neutral');
      form.setAttribute('aria-busy', 'true');
      const action = event.submitter instanceof HTMLButtonElement ? event.submitter.value : '';
      void send(action).finally(() => {
        isUnderWay = false;
        form.removeAttribute('aria-busy');
      });
    });
  }

  return { form, input, say, refuse, onSubmit };
}

/** The page is written in English; `data-text` and `data-label` name the words that stand there in other languages. */
function translate() {
  for (const element of document.querySelectorAll<HTMLElement>('[data-text]')) {
    element.textContent = wordsOf(element.dataset.text);
  }
  for (const element of document.querySelectorAll<HTMLElement>('[data-label]')) {
    element.ariaLabel = wordsOf(element.dataset.label);
  }
}

function wordsOf(key = ''): string {
  const words = Object.entries(texts).find(([name]) => name === key)?.[1];
  if (typeof words === 'string') return words;
  throw new Error(`There are no words called ${key}`);
}

/** Below the card, quietly: the other languages, each by its own name, and the theme. */
function offerChoices(footer: HTMLElement) {
  const theme = document.createElement('button');
  const languages = Object.entries(LANGUAGES).map(([tag, name]) => languageButton(tag as Language, name));
  const label = () => {
    theme.textContent = texts.theme[readTheme()];
    for (const button of languages) button.hidden = button.lang === language();
  };
  theme.type = 'button';
  theme.className = 'quiet';
  theme.addEventListener('click', () => {
    chooseTheme(nextTheme(readTheme()));
    label();
  });
  onLanguage(label);
  label();
  footer.append(...languages, theme);
  footer.hidden = false;
}

function languageButton(tag: Language, name: string): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet';
  button.lang = tag;
  button.textContent = name;
  button.addEventListener('click', () => {
    // The pressed button gives way to the one that leads back; the focus goes there too.
    void chooseLanguage(tag).then(() => button.parentElement?.querySelector<HTMLElement>('[lang]:not([hidden])')?.focus());
  });
  return button;
}

function letShow(button: HTMLButtonElement, input: (name: string) => HTMLInputElement) {
  const password = input(button.dataset.shows ?? '');
  button.hidden = false;
  button.addEventListener('click', () => {
    const isShown = password.type === 'text';
    password.type = isShown ? 'password' : 'text';
    button.dataset.text = isShown ? 'show' : 'hide';
    button.textContent = wordsOf(button.dataset.text);
    button.ariaPressed = String(!isShown);
    password.focus();
  });
}

function find<E extends Element>(parent: ParentNode, selector: string, kind: new () => E): E {
  const element = parent.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`The page has no ${selector}`);
}
