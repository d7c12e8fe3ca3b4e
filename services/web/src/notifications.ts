/**
 * Notices of the desktop about what is said while nobody looks: by the person's choice, one for each message whatever the
 * number of tabs, and none while any tab of theirs is in sight.
 */
import type { User } from '@securechat/shared/protocol';
import type { Message } from './roomState.ts';

/** What a person wants to be told of while the page is hidden. */
export type Wish = 'none' | 'mentions' | 'all';

/** `blocked`: the browser was told never to show any for this page; `missing`: it cannot. */
export type Permission = 'granted' | 'not_asked' | 'blocked' | 'missing';

export const WISHES: readonly Wish[] = ['none', 'mentions', 'all'];

const KEY = 'securechat:notify';
/** After a long time away there may be hundreds; the last ones tell enough. */
const MOST_AT_ONCE = 3;
/** By then every tab has heard the message, or finds in the storage that it was told. */
const CLAIMED_FOR_MS = 30_000;
const LONGEST_TEXT = 200;

/** What one tab needs of the browser to tell of a message. */
export type Desktop = {
  /** Resolves to true in one tab alone for each message. */
  claim: (epoch: string, seq: number) => Promise<boolean>;
  /** Whether a tab of this person is in sight. */
  isWatched: () => Promise<boolean>;
  show: (notice: { title: string; body: string; tag: string }) => void;
};

let chosen: Wish = 'none';

/** What this person wants in this browser; nothing when they never said so. */
export function readWish(): Wish {
  const kept = readKept(KEY);
  return WISHES.find((wish) => wish === kept) ?? chosen;
}

/** Keeps the wish. Asks for permission where it is needed, so it has to be called on the person's own click. */
export async function chooseWish(wish: Wish): Promise<Permission> {
  chosen = wish;
  keep(KEY, wish);
  if (wish !== 'none' && permission() === 'not_asked') await Notification.requestPermission();
  return permission();
}

/** Whether the browser lets this page show notices. */
export function permission(): Permission {
  if (typeof Notification === 'undefined') return 'missing';
  if (Notification.permission === 'default') return 'not_asked';
  return Notification.permission === 'granted' ? 'granted' : 'blocked';
}

/**
 * The messages to tell of: those by others above `after` that the wish asks for; of many the last ones.
 *
 * @param isMentioned whether a text speaks to the viewer
 */
export function worthTelling(
  messages: readonly Message[],
  after: number,
  me: User,
  wish: Wish,
  isMentioned: (text: string) => boolean,
): Message[] {
  if (wish === 'none') return [];
  return messages
    .filter(({ seq, author, text }) => seq > after && author.id !== me.id && text !== undefined)
    .filter(({ text = '' }) => wish === 'all' || isMentioned(text))
    .slice(-MOST_AT_ONCE);
}

/** Tells of one message, unless somebody looks or another tab does it. */
export async function tell(desktop: Desktop, { author, text = '', seq }: Message, epoch: string): Promise<void> {
  if (await desktop.isWatched()) return;
  if (!(await desktop.claim(epoch, seq))) return;
  desktop.show({ title: author.name, body: shortened(text), tag: `${epoch} ${seq}` });
}

/**
 * The desktop of this browser. Web Locks tell the tabs of one person apart: the ones in sight hold a shared lock while they
 * are, and who gets the lock of a message tells of it.
 *
 * @param locks undefined where the browser has none: then the tag alone keeps notices of one message together
 */
export function browserDesktop(userId: string, locks: LockManager | undefined): Desktop {
  const watching = `securechat:watching:${userId}`;
  const told = `securechat:told:${userId}`;
  holdWhileVisible(watching, locks);

  function claim(epoch: string, seq: number): Promise<boolean> {
    if (!locks) return Promise.resolve(isFirst(epoch, seq));
    return new Promise((resolve) => {
      const hold = async (lock: Lock | null) => {
        resolve(lock !== null && isFirst(epoch, seq));
        // What is stored here takes a moment to be seen by the other tabs, a lock does not.
        if (lock) await new Promise((over) => setTimeout(over, CLAIMED_FOR_MS));
      };
      locks.request(`securechat:tell:${userId}:${epoch}:${seq}`, { ifAvailable: true }, hold).catch(() => resolve(true));
    });
  }

  function isFirst(epoch: string, seq: number): boolean {
    const [lastEpoch, last = ''] = readKept(told)?.split(' ') ?? [];
    if (lastEpoch === encodeURIComponent(epoch) && Number(last) >= seq) return false;
    keep(told, `${encodeURIComponent(epoch)} ${seq}`);
    return true;
  }

  async function isWatched(): Promise<boolean> {
    if (!document.hidden) return true;
    const { held = [] } = (await locks?.query()) ?? {};
    return held.some(({ name }) => name === watching);
  }

  return { claim, isWatched, show };
}

/** A press on the notice brings the tab it came from to the front. */
function show({ title, body, tag }: { title: string; body: string; tag: string }) {
  try {
    const notice = new Notification(title, { body, tag, dir: 'auto' });
    notice.onclick = () => {
      window.focus();
      notice.close();
    };
  } catch {
    // Android shows notices only through a service worker.
    void navigator.serviceWorker?.getRegistration().then((worker) => worker?.showNotification(title, { body, tag, dir: 'auto' }));
  }
}

function holdWhileVisible(name: string, locks: LockManager | undefined) {
  let release = () => {};
  const look = () => {
    release();
    release = () => {};
    if (document.hidden) return;
    const gone = new AbortController();
    const seen = new Promise<void>((over) => {
      release = () => {
        gone.abort();
        over();
      };
    });
    // Put off before it was given: nothing to do.
    locks?.request(name, { mode: 'shared', signal: gone.signal }, () => seen).catch(() => {});
  };
  document.addEventListener('visibilitychange', look);
  look();
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length > LONGEST_TEXT ? `${characters.slice(0, LONGEST_TEXT).join('')}…` : text;
}

function readKept(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function keep(key: string, value: string) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing forgets the wish when the page is closed.
  }
}
