import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/** `label` is what the dialog is called where its title alone would say too little. */
type Props = { title: string; label?: string; close: () => void; children: ComponentChildren };

/** A question in front of everything else. Esc and its buttons close it; focus goes back where it was. */
export function Dialog({ title, label, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement | null>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    // A long one is read from its beginning, wherever the button stands that has the focus now.
    element?.scrollTo(0, 0);
    return () => {
      // Taken out while it is open, it would take the focus with it.
      element?.close();
      putCursorBack();
    };
  }, []);
  // Closed because it was taken out: then something else stands in its place already.
  const closed = (event: Event & { currentTarget: HTMLDialogElement }) => {
    if (event.currentTarget.isConnected) close();
  };
  const name = label === undefined ? { 'aria-labelledby': 'dialog-title' } : { 'aria-label': label };
  return (
    <dialog ref={dialog} class="dialog" {...name} onClose={closed}>
      <h2 id="dialog-title" dir="auto">
        {title}
      </h2>
      {children}
    </dialog>
  );
}

/** Chromium gives the focus back to a field without its cursor: keys would reach it and write nothing. */
function putCursorBack() {
  const field = document.activeElement;
  if (!(field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement)) return;
  field.blur();
  field.focus({ preventScroll: true });
}
