/** Reactions as one person means them. */
import type { Entry } from './outbox.ts';
import type { Message } from './roomState.ts';
import { reacted } from './roomState.ts';

/**
 * The reactions of a message as they will be when everything that this person pressed has arrived: pressing one again takes
 * back what was pressed, and not what the server knows.
 *
 * @param entries what is on its way; failed entries count for nothing
 */
export function meantReactions({ seq, reactions }: Message, entries: readonly Entry[], myId: string): Message['reactions'] {
  return entries.reduce(
    (meant, { request, state }) =>
      request.type === 'react' && request.target === seq && state.is !== 'failed'
        ? reacted(meant, request.emoji, myId, request.on)
        : meant,
    reactions,
  );
}
