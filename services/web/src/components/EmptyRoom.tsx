import { useSignal } from '@preact/signals';
import { texts } from '../texts.ts';
import { Icon } from './Icon.tsx';

/** What the first person in the room sees: how to get others in. */
export function EmptyRoom() {
  const isCopied = useSignal(false);
  const address = `${location.origin}/home`;
  const copy = async () => {
    await navigator.clipboard.writeText(address);
    isCopied.value = true;
  };
  return (
    <div class="empty">
      <Icon name="bubble" />
      <h2>{texts.emptyTitle}</h2>
      <p>{texts.emptyWords}</p>
      <p class="address">
        <code>{address}</code>
        <button type="button" onClick={() => void copy()}>
          {isCopied.value ? texts.copied : texts.copyAddress}
        </button>
        <span class="hidden-words" role="status">
          {isCopied.value && texts.copied}
        </span>
      </p>
    </div>
  );
}
