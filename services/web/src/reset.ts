import { resetPassword } from './api.ts';
import { prepareEntrance } from './entrance.ts';
import { texts } from './texts.ts';

void start();

async function start() {
  const token = location.hash.slice(1);
  // The token is as good as a password: out of the address bar and the history before anybody looks.
  history.replaceState(null, '', location.pathname);

  const entrance = await prepareEntrance();
  const password = entrance.input('password');
  if (token === '') entrance.say(texts.linkIncomplete, 'bad');

  entrance.onSubmit(async () => {
    const answer = await resetPassword(token, password.value);
    if (!answer?.ok) return entrance.refuse(answer);
    entrance.form.reset();
    entrance.say(answer.message ?? texts.passwordSet, 'good');
    document.querySelector<HTMLAnchorElement>('.onward a')?.focus();
  });
}
