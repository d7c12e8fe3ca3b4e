/** The theme as what is drawn from it: wherever it is chosen, every place shows the same. */
import { signal } from '@preact/signals';
import type { Theme } from './theme.ts';
import { chooseTheme, readTheme } from './theme.ts';

export const shownTheme = signal<Theme>(readTheme());

/** Shows a theme and remembers it. */
export function setTheme(theme: Theme): void {
  shownTheme.value = theme;
  chooseTheme(theme);
}
