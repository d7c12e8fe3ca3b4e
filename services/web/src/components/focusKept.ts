import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';

/**
 * The focus is never nowhere: when what has it is taken out, it goes to the nearest thing around it that can have it, or to
 * the field. With a finger to the messages instead: a field that nobody touched would bring the keyboard up.
 */
export function useFocusKept(field: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    /** What has the focus, and what it stands in, from the inside out. */
    let chain: HTMLElement[] = [];
    const came = ({ target }: FocusEvent) => {
      chain = target instanceof HTMLElement ? chainOf(target) : [];
    };
    // A press beside everything takes the focus away as well, and that is meant.
    const went = () => {
      queueMicrotask(() => {
        if (isFocusNowhere() && chain[0]?.isConnected) chain = [];
      });
    };
    const changed = () => {
      if (!isFocusNowhere() || chain.length === 0 || chain[0]?.isConnected) return;
      const candidates = [...chain.filter((element) => element.isConnected), fallback(field.current)];
      candidates.some(takesFocus);
    };
    const observer = new MutationObserver(changed);
    observer.observe(document.body, { childList: true, subtree: true });
    document.addEventListener('focusin', came);
    document.addEventListener('focusout', went);
    return () => {
      observer.disconnect();
      document.removeEventListener('focusin', came);
      document.removeEventListener('focusout', went);
    };
  }, []);
}

function chainOf(element: HTMLElement): HTMLElement[] {
  const chain: HTMLElement[] = [];
  for (let each: HTMLElement | null = element; each && each !== document.body; each = each.parentElement) chain.push(each);
  return chain;
}

const isFocusNowhere = () => document.activeElement === document.body || document.activeElement === null;

const fallback = (field: HTMLElement | null) =>
  matchMedia('(pointer: coarse)').matches ? document.querySelector<HTMLElement>('[role="log"]') : field;

function takesFocus(element: HTMLElement | null): boolean {
  element?.focus({ preventScroll: true });
  return element !== null && document.activeElement === element;
}
