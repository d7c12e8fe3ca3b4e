import { useSignal } from '@preact/signals';
import type { Conversation } from '../conversation.ts';
import { texts } from '../texts.ts';
import { Icon } from './Icon.tsx';

/** Says once, calmly, that this browser keeps nothing; afterwards the page works as ever. */
export function DeviceNotice({ conversation }: { conversation: Conversation }) {
  const isRead = useSignal(false);
  if (!conversation.keepsNothing.value || isRead.value) return null;
  return (
    <div class="banner" data-tone="neutral">
      <Icon name="alert" />
      <p role="status">{texts.keepsNothing}</p>
      <button
        type="button"
        onClick={() => {
          isRead.value = true;
        }}
      >
        {texts.understood}
      </button>
    </div>
  );
}
