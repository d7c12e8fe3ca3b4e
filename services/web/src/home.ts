import { enter } from './api.ts';
import type { Entrance } from './entrance.ts';
import { prepareEntrance } from './entrance.ts';
import { texts } from './texts.ts';

void start();

async function start() {
  void forgetWhoWasHere();
  const entrance = await prepareEntrance();
  const username = entrance.input('username');
  const password = entrance.input('password');

  tellWhyOneIsHere(entrance);
  if (document.body.dataset.signup === 'closed') {
    for (const hint of document.querySelectorAll<HTMLElement>('[data-when="closed"]')) hint.hidden = false;
  }

  entrance.onSubmit(async (pressed) => {
    const action = pressed === 'signup' ? 'signup' : 'login';
    const answer = await enter(username.value, password.value, action);
    // The address of a message that led here leads on to it.
    if (answer?.ok && answer.redirect) return location.assign(answer.redirect + location.hash);
    if (!answer?.ok) return entrance.refuse(answer);
    entrance.say(answer.message ?? '', 'good');
    password.focus();
  });
}

/** Nobody is signed in, or the server would not show this page: the messages kept for whoever was are erased. */
async function forgetWhoWasHere() {
  try {
    if ((await indexedDB.databases()).length === 0) return;
    const { openDevice } = await import('./device.indexedDb.ts');
    const device = await openDevice(() => {});
    await device.forget();
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
}

function tellWhyOneIsHere(entrance: Entrance) {
  const why: Record<string, string> = { '#session-over': texts.sessionOver, '#left': texts.youLeft };
  const text = why[location.hash];
  if (!text) return;
  entrance.say(text, 'neutral');
  history.replaceState(null, '', location.pathname);
}
