import type { Signal } from '@preact/signals';
import { effect, signal } from '@preact/signals';
import type { User } from '@securechat/shared/protocol';
import { options, render } from 'preact';
import { askWhoIAm, whoAmI } from './api.ts';
import { tellOfWhatIsSaid } from './attention.ts';
import { browserClock } from './clock.ts';
import { Chat } from './components/Chat.tsx';
import type { Conversation } from './conversation.ts';
import { createConversation } from './conversation.ts';
import { openDevice } from './device.indexedDb.ts';
import { createMemoryDevice } from './device.memory.ts';
import type { Device } from './device.ts';
import { takeLegacy } from './legacy.ts';
import type { Locker } from './locker.ts';
import { openLocker } from './locker.ts';
import { followTheAddress } from './permalink.ts';
import { countUnread } from './roomState.ts';
import { dropShell, keepShell } from './shell.ts';
import type { Identity } from './socket.ts';
import { createTabs } from './tabs.ts';
import { language, onLanguage, speakAsChosen } from './texts.ts';
import { readTheme, showTheme } from './theme.ts';
import { showUnread } from './title.ts';

/** A connection that was silent for so long is asked whether it lives, when somebody looks. */
const DOUBT_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 10_000;
const ASK_AGAIN_AFTER_MS = 3_000;

void start();

async function start() {
  showTheme(readTheme());
  await speakAsChosen();
  drawOncePerFrame();
  const { chatPort = '', maxChars = '' } = document.body.dataset;
  const keepsNothing = signal(false);
  const device = await openDeviceOrNone(keepsNothing);
  const me = await whoIsHere(device);
  if (!me) return location.assign(`/home${location.hash}`);
  const locker = await openLockerOf(me.user, device, keepsNothing);
  const conversation = converse(me.user, chatPort, locker);
  const root = document.getElementById('chat');
  const draw = () => {
    // Another language draws everything anew.
    if (root) render(<Chat key={language()} conversation={conversation} maxCharacters={Number(maxChars)} />, root);
  };
  draw();
  onLanguage(draw);
  watchTheReader(conversation);
  tellOfWhatIsSaid(conversation);
  watchTheNetwork(conversation);
  watchTheLocker(conversation, locker);
  followTheAddress(conversation);
  conversation.start();
  if (!me.isCertain) void whoAmI(me.user.id).then((identity) => endUnless(identity, locker));
  addEventListener('load', () => void keepShell());
  if (document.readyState === 'complete') void keepShell();
}

async function openDeviceOrNone(keepsNothing: Signal<boolean>): Promise<Device> {
  const lost = () => {
    keepsNothing.value = true;
  };
  try {
    return await openDevice(lost);
  } catch {
    lost();
    return createMemoryDevice();
  }
}

/**
 * Who looks at this page. The server writes it into the page; the shell that the service worker keeps names nobody, so there
 * the device says who was here last, and the server is asked afterwards. Undefined when nobody is signed in.
 */
async function whoIsHere(device: Device): Promise<{ user: User; isCertain: boolean } | undefined> {
  const { userId = '', userName = '' } = document.body.dataset;
  if (userId !== '') return remembered({ id: userId, name: userName }, device);
  const last = await device.lastPerson().catch(() => undefined);
  if (last) return { user: last, isCertain: false };
  const user = await askUntilAnswered();
  return user === 'nobody' ? undefined : remembered(user, device);
}

async function remembered(user: User, device: Device) {
  await device.remember(user).catch(() => {});
  return { user, isCertain: true };
}

async function askUntilAnswered(): Promise<User | 'nobody'> {
  for (;;) {
    const answer = await askWhoIAm();
    if (answer !== 'unknown') return answer;
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_AFTER_MS));
  }
}

function openLockerOf(me: User, device: Device, keepsNothing: Signal<boolean>): Promise<Locker> {
  return openLocker({
    device,
    userId: me.id,
    clock: browserClock,
    tabs: createTabs(`securechat:outbox:${me.id}`),
    legacy: takeLegacy(sessionShelf(), me.id),
    keepsNothing,
    dropShell,
  });
}

function converse(me: User, chatPort: string, locker: Locker): Conversation {
  return createConversation({
    me,
    url: `wss://${location.hostname}:${chatPort}/`,
    WebSocket,
    clock: browserClock,
    random: Math.random,
    locker,
    newId: () => crypto.randomUUID(),
    whoAmI: () => whoAmI(me.id),
    ended: (why) => {
      if (why === 'session_over') endUnless('nobody', locker);
      if (why === 'somebody_else') endUnless('somebody_else', locker);
    },
  });
}

/** The page of somebody who is not here any more goes, and the messages kept for them too. */
function endUnless(identity: Identity, locker: Locker) {
  if (identity === 'unknown' || identity === 'same_person') return;
  void locker.forget().then(() => {
    if (identity === 'nobody') location.assign('/home#session-over');
    else location.reload();
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
    showUnread(document.hidden ? count : 0, more);
    if (!document.hidden && following.value.is === 'at_latest' && count > 0) conversation.read();
  };
  effect(look);
  onLanguage(look);
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

/** What changes is kept soon, and at once when the page goes out of sight: it may never come back. */
function watchTheLocker({ room }: Conversation, locker: Locker) {
  effect(() => locker.keepRoom(room.value));
  // The first of the two comes early enough for every browser, but not on phones.
  for (const goodbye of ['beforeunload', 'pagehide']) addEventListener(goodbye, locker.flush);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) locker.flush();
  });
}

/** Reading the property already throws where storage is forbidden. */
function sessionShelf(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}
