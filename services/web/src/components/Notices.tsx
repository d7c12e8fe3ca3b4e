import { useSignal } from '@preact/signals';
import type { RoomNotice } from '../roomState.ts';
import { texts } from '../texts.ts';
import { wholeTime } from '../times.ts';

const SHOWN_OF_A_RUN = 3;

/** People coming and going, one quiet line each; of a long run only the latest, the others on request. */
export function Notices({ notices }: { notices: readonly RoomNotice[] }) {
  const isOpen = useSignal(false);
  // One line in place of one line would spare nothing.
  const hidden = notices.length > SHOWN_OF_A_RUN + 1 ? notices.slice(0, -SHOWN_OF_A_RUN) : [];
  const shown = isOpen.value ? notices : notices.slice(hidden.length);
  return (
    <div class="notices">
      {hidden.length > 0 && (
        <button type="button" class="link" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
          {summary(hidden)}
        </button>
      )}
      {shown.map((notice) => (
        <p key={notice.id} dir="auto" title={wholeTime(notice.at)}>
          {texts[notice.kind](notice.user.name)}
        </p>
      ))}
    </div>
  );
}

function summary(notices: readonly RoomNotice[]): string {
  const people = new Set(notices.map(({ user }) => user.id)).size;
  if (notices.every(({ kind }) => kind === 'joined')) return texts.came(people);
  if (notices.every(({ kind }) => kind === 'left')) return texts.went(people);
  return texts.cameAndWent(people);
}
