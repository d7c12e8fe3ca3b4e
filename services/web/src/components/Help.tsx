import { texts } from '../texts.ts';
import { Dialog } from './Dialog.tsx';

/** All keys and what they do. */
export function Help({ close }: { close: () => void }) {
  return (
    <Dialog title={texts.keys} close={close}>
      <dl class="keys">
        {texts.keyList.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <div class="choices">
        <button type="button" onClick={close}>
          {texts.close}
        </button>
      </div>
    </Dialog>
  );
}
