import { enter } from './api.ts';
import { prepareEntrance } from './entrance.ts';
import { texts } from './texts.ts';

const entrance = prepareEntrance();
const username = entrance.input('username');
const password = entrance.input('password');

tellWhyOneIsHere();
if (document.body.dataset.signup === 'closed') {
  for (const hint of document.querySelectorAll<HTMLElement>('[data-when="closed"]')) hint.hidden = false;
}

entrance.onSubmit(async (pressed) => {
  const action = pressed === 'signup' ? 'signup' : 'login';
  const answer = await enter(username.value, password.value, action);
  if (answer?.ok && answer.redirect) return location.assign(answer.redirect);
  if (!answer?.ok) return entrance.refuse(answer);
  entrance.say(answer.message ?? '', 'good');
  password.focus();
});

function tellWhyOneIsHere() {
  const why: Record<string, string> = { '#session-over': texts.sessionOver, '#left': texts.youLeft };
  const text = why[location.hash];
  if (!text) return;
  entrance.say(text, 'neutral');
  history.replaceState(null, '', location.pathname);
}
