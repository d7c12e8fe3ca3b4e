import type { Clock } from '../clock.ts';
import type { Conversation } from '../conversation.ts';
import type { Deletions } from '../deletions.ts';
import { texts } from '../texts.ts';
import { useSecondsUntil } from './seconds.ts';

/** What is about to be deleted and can still be kept; nothing when nothing is. */
export function Undo({ conversation }: { conversation: Conversation }) {
  const deleting = conversation.deleting.value;
  return deleting ? <Offer {...deleting} clock={conversation.clock} undo={conversation.keep} /> : null;
}

function Offer({ seqs, until, clock, undo }: Deletions & { clock: Clock; undo: () => void }) {
  const seconds = useSecondsUntil(until, clock);
  return (
    <div class="banner" data-tone="neutral">
      <p>
        <span class="hidden-words" role="status">
          {texts.deletingAnnounced(seqs.length)}
        </span>
        {/* Announced once, above, and not anew with every second. */}
        <span aria-hidden="true">{texts.deletingSoon(seqs.length, seconds)}</span>
      </p>
      <button type="button" onClick={undo}>
        {texts.undo}
      </button>
    </div>
  );
}
