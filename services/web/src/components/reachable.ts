/** A region that scrolls must be reachable by keyboard, whatever stands in it (WCAG 2.2, 2.1.1). */
export function makeReachable(region: HTMLElement | null): void {
  if (region) region.tabIndex = 0;
}
