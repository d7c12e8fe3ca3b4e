import { effect } from '@preact/signals';
import type { User } from '@securechat/shared/protocol';
import { options, render } from 'preact';
import { whoAmI } from './api.ts';
import { browserClock } from './clock.ts';
import { Chat } from './components/Chat.tsx';
import type { Conversation } from './conversation.ts';
import { createConversation } from './conversation.ts';
import { countUnread } from './roomState.ts';
import { texts } from './texts.ts';
import { readTheme, showTheme } from './theme.ts';

/** A connection that was silent for so long is asked whether it lives, when somebody looks. */
const DOUBT_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 10_000;

start();

function start() {
  showTheme(readTheme());
  drawOncePerFrame();
  const { userId = '', userName = '', chatPort = '', maxChars = '' } = document.body.dataset;
  const conversation = converse({ id: userId, name: userName }, chatPort);
  const root = document.getElementById('chat');
  if (root) render(<Chat conversation={conversation} maxCharacters={Number(maxChars)} />, root);
  watchTheReader(conversation);
  watchTheNetwork(conversation);
  conversation.start();
}

function converse(me: User, chatPort: string): Conversation {
  return createConversation({
    me,
    url: `wss://${location.hostname}:${chatPort}/`,
    WebSocket,
    clock: browserClock,
    random: Math.random,
    shelf: sessionShelf(),
    newId: () => crypto.randomUUID(),
    whoAmI: () => whoAmI(me.id),
    ended: (why) => {
      if (why === 'session_over') location.assign('/home#session-over');
      if (why === 'somebody_else') location.reload();
    },
  });
}

/** A busy room may say a hundred things a second; the eye gets them once per frame. */
function drawOncePerFrame() {
  options.debounceRendering = (draw) => {
    if (document.hidden) setTimeout(draw);
    else requestAnimationFrame(draw);
  };
}

/** What is in sight at the end of the conversation is read; what is not, is counted in the title. */
function watchTheReader(conversation: Conversation) {
  const { room, following, me } = conversation;
  const look = () => {
    const { count, more } = countUnread(room.value, me);
    const isUnseen = document.hidden && count > 0;
    document.title = `${isUnseen ? `(${count}${more ? '+' : ''}) ` : ''}${texts.roomName} – ${texts.product}`;
    if (!document.hidden && following.value.is === 'at_latest' && count > 0) conversation.read();
  };
  effect(look);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) conversation.lookAway();
    look();
  });
}

/** The moments after which a connection that looks open may be dead, or one that waits may come back at once. */
function watchTheNetwork(conversation: Conversation) {
  addEventListener('online', conversation.doubt);
  addEventListener('offline', () => {
    if (conversation.link.value.state === 'connected') conversation.doubt();
  });
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    // "Back" may bring a page that was left; the server says whether it may still be shown.
    if (conversation.link.value.state === 'ended') location.reload();
    else conversation.doubt();
  });
  const lookAtConnection = () => {
    const isSilent = conversation.silentForMs() > DOUBT_AFTER_MS;
    if (!document.hidden && conversation.link.value.state === 'connected' && isSilent) conversation.doubt();
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && conversation.link.value.state === 'waiting') conversation.reconnect();
    lookAtConnection();
  });
  setInterval(lookAtConnection, LOOK_EVERY_MS);
}

/** Reading the property already throws where storage is forbidden. */
function sessionShelf(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
