/** What the two pages before the chat share: a form with one notice, and a password that can be shown. */
import type { Answer } from './api.ts';
import { texts } from './texts.ts';
import { readTheme, showTheme } from './theme.ts';

export type Tone = 'good' | 'bad' | 'neutral';

export type Entrance = ReturnType<typeof prepareEntrance>;

/** Takes hold of the page's form. Throws when the page has none, which is a defect of the page. */
export function prepareEntrance() {
  showTheme(readTheme());
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

function letShow(button: HTMLButtonElement, input: (name: string) => HTMLInputElement) {
  const password = input(button.dataset.shows ?? '');
  button.hidden = false;
  button.addEventListener('click', () => {
    const isShown = password.type === 'text';
    password.type = isShown ? 'password' : 'text';
    button.textContent = isShown ? texts.show : texts.hide;
    button.ariaPressed = String(!isShown);
    password.focus();
  });
}

function find<E extends Element>(parent: ParentNode, selector: string, kind: new () => E): E {
  const element = parent.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`The page has no ${selector}`);
}
