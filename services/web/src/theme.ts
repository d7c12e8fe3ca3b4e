/** The theme that the person chose for this browser; `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'securechat:theme';
export const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

/** The chosen theme; `auto` when nothing was chosen or the browser keeps nothing. */
export function readTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === kept) ?? 'auto';
  } catch {
    return 'auto';
  }
}

/** Shows a theme and remembers it. */
export function chooseTheme(theme: Theme): void {
  showTheme(theme);
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A browser that keeps nothing shows the theme until the page is closed.
  }
}

/** The theme after this one, round and round. */
export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto';
}

/** Shows a theme on this page. */
export function showTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}
