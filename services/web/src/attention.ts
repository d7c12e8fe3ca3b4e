/** What tells a person who looks elsewhere that something was said: the desktop's notices. */
import { effect } from '@preact/signals';
import type { Conversation } from './conversation.ts';
import { mentions } from './mentions.ts';
import { foldName } from './names.ts';
import { browserDesktop, permission, readWish, tell, worthTelling } from './notifications.ts';

/** Tells of what others say from now on, as the person wishes, while no tab of theirs is in sight. */
export function tellOfWhatIsSaid({ room, me }: Conversation): void {
  const desktop = browserDesktop(me.id, navigator.locks);
  const names = new Set([foldName(me.name)]);
  const isMentioned = (text: string) => mentions(text, names).size > 0;
  let epoch: string | undefined;
  let toldUpTo = 0;
  let telling = Promise.resolve();
  effect(() => {
    const { messages, cursor, epoch: present } = room.value;
    if (present === undefined) return;
    if (present === epoch && document.hidden && permission() === 'granted') {
      for (const message of worthTelling(messages, toldUpTo, me, readWish(), isMentioned)) {
        // One after the other: what was told last is how the other tabs know what was told.
        telling = telling.then(() => tell(desktop, message, present)).catch(() => {});
      }
    }
    epoch = present;
    toldUpTo = cursor;
  });
}
