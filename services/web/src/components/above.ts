/** What opens above the page at an element: a menu, the choice of emoji. */
const MARGIN = 8;

/** Below the element where there is room, else above it; never outside the window. */
export function place(popover: HTMLElement, element: HTMLElement): void {
  const from = element.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  const fitsBelow = from.bottom + MARGIN + height < innerHeight;
  const top = fitsBelow ? from.bottom + 4 : from.top - height - 4;
  popover.style.top = `${Math.max(MARGIN, Math.min(top, innerHeight - height - MARGIN))}px`;
  popover.style.left = `${Math.max(MARGIN, Math.min(from.right - width, innerWidth - width - MARGIN))}px`;
}

/**
 * Closes it by a press elsewhere; returns what stops watching. Not left to the browser: lifting the finger of the long press
 * that opened it would close it again.
 */
export function closeByPressElsewhere(popover: HTMLElement, close: () => void): () => void {
  const pressed = (event: Event) => {
    if (event.target instanceof Node && !popover.contains(event.target)) close();
  };
  document.addEventListener('pointerdown', pressed);
  return () => document.removeEventListener('pointerdown', pressed);
}
