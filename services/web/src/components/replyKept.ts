import { effect } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import { purpose } from '../purpose.ts';
import { findMessage } from '../roomState.ts';

/** A reply that was being written on an earlier page is one again, as soon as what it answers is there. */
export function useReplyKept({ drafts, room }: Conversation) {
  // Read before the field is drawn: it takes the draft over without its purpose.
  const [replyTo] = useState(() => drafts.read().replyTo);
  useEffect(() => {
    if (replyTo === undefined) return;
    const stop = effect(() => {
      const to = findMessage(room.value.messages, replyTo);
      if (!to) return;
      queueMicrotask(() => stop());
      if (purpose.peek().is === 'say' && drafts.read().text !== '') purpose.value = { is: 'reply', to };
    });
    return stop;
  }, []);
}
