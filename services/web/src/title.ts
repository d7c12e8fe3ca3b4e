/** What the tab says of what was not read yet: its title and the mark on its icon. */
import { texts } from './texts.ts';

/** What fits on the icon. */
const MOST_ON_ICON = 9;

/** The title of a tab with so many unread messages; `more` when older unread ones may not be loaded. */
export function titleFor(count: number, more: boolean): string {
  const unread = count > 0 ? `(${count}${more ? '+' : ''}) ` : '';
  return `${unread}${texts.roomName} – ${texts.product}`;
}

/** The icon of such a tab as a `data:` address: the bubble, and on it the number, or nothing when all was read. */
export function iconFor(count: number): string {
  return `data:image/svg+xml,${encodeURIComponent(drawing(count))}`;
}

/** Shows the title and the icon. */
export function showUnread(count: number, more: boolean): void {
  const title = titleFor(count, more);
  if (document.title !== title) document.title = title;
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const href = iconFor(count);
  if (icon && icon.href !== href) icon.href = href;
}

function drawing(count: number): string {
  const bubble =
    '<path fill="#1c6f73" d="M6 4h20a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H15l-7 5.5V24H6a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z"/>' +
    '<path fill="#fff" d="M9 10h14v2.4H9zm0 5.2h9v2.4H9z"/>';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${bubble}${count > 0 ? badge(count) : ''}</svg>`;
}

function badge(count: number): string {
  const text = count > MOST_ON_ICON ? `${MOST_ON_ICON}+` : String(count);
  return (
    '<circle cx="21" cy="21" r="11" fill="#b3261e" stroke="#fff" stroke-width="1.5"/>' +
    `<text x="21" y="26" fill="#fff" font-family="sans-serif" font-size="14" font-weight="700" text-anchor="middle">${text}</text>`
  );
}
