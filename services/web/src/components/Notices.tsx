import { useSignal } from '@preact/signals';
import type { RoomNotice } from '../roomState.ts';
import { texts } from '../texts.ts';
import { wholeTime } from '../times.ts';

const SHOWN_OF_A_RUN = 3;

/** People coming and going, one quiet line each; of a long run only the latest, the others on request. */
export function Notices({ notices }: { notices: readonly RoomNotice[] }) {
  const isOpen = useSignal(false);
  const shown = isOpen.value ? notices : notices.slice(-SHOWN_OF_A_RUN);
  const hidden = notices.length - shown.length;
  return (
    <div class="notices">
      {hidden > 0 && (
        <button type="button" class="link" onClick={() => (isOpen.value = true)}>
          {texts.earlierNotices(hidden)}
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
