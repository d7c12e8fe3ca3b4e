/** What is wrong with the page as it is drawn: things that overlap, stick out, are cut, or are too small for a finger. */

/** WCAG 2.2, 2.5.5: a target for a finger measures at least so much (CSS px). */
const FINGER = 44;
const SLACK = 1;

/** One line for each fault, naming the element. Empty when all is well. */
export function findFaults(): string[] {
  const drawn = [...document.body.querySelectorAll<HTMLElement>('*')].filter(isDrawn);
  const page = document.documentElement;
  const faults = page.scrollWidth > page.clientWidth ? [`the page scrolls sideways: ${page.scrollWidth} px`] : [];
  for (const element of drawn) {
    faults.push(...cutIn(element), ...overlapsIn(element), ...outsideOf(element));
    if (matchMedia('(pointer: coarse)').matches) faults.push(...tooSmall(element));
  }
  return faults;
}

function isDrawn(element: HTMLElement): boolean {
  if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
  if (element.closest('svg, .hidden-words, noscript')) return false;
  const { width, height } = element.getBoundingClientRect();
  return width > 0 && height > 0 && getComputedStyle(element).clipPath === 'none';
}

/** Content wider or higher than its box, unless the box scrolls or ends in an ellipsis. */
function cutIn(element: HTMLElement): string[] {
  const { display, overflowX, overflowY, textOverflow } = getComputedStyle(element);
  if (display.startsWith('inline') && display !== 'inline-block' && display !== 'inline-flex' && display !== 'inline-grid')
    return [];
  if (element instanceof HTMLTextAreaElement || textOverflow === 'ellipsis') return [];
  const isWide = element.scrollWidth > element.clientWidth + SLACK && !/auto|scroll/.test(overflowX);
  const isHigh = element.scrollHeight > element.clientHeight + SLACK && /hidden|clip/.test(overflowY);
  return [
    ...(isWide && !holdsAbsolute(element)
      ? [`${nameOf(element)} is ${element.clientWidth} px wide and holds ${element.scrollWidth} px`]
      : []),
    ...(isHigh ? [`${nameOf(element)} is ${element.clientHeight} px high and holds ${element.scrollHeight} px`] : []),
  ];
}

/** What is placed absolutely may stand outside the box that it belongs to; whether it is in sight is looked at elsewhere. */
function holdsAbsolute(element: HTMLElement): boolean {
  const own = [element, ...element.querySelectorAll('*')];
  return own.some(
    (one) => getComputedStyle(one).position === 'absolute' || getComputedStyle(one, '::after').position === 'absolute',
  );
}

function overlapsIn(parent: HTMLElement): string[] {
  const children = [...parent.children].filter((child) => child instanceof HTMLElement && isDrawn(child) && isInFlow(child));
  const boxes = children.map((child) => ({ child, box: child.getBoundingClientRect() }));
  return boxes.flatMap(({ child, box }, index) =>
    boxes
      .slice(index + 1)
      .filter((other) => areOver(box, other.box))
      .map((other) => `${nameOf(child)} and ${nameOf(other.child)} overlap`),
  );
}

function isInFlow(element: Element): boolean {
  const { position, display, float } = getComputedStyle(element);
  return (position === 'static' || position === 'relative') && display !== 'inline' && display !== 'contents' && float === 'none';
}

function areOver(a: DOMRect, b: DOMRect): boolean {
  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return across > SLACK && down > SLACK;
}

/** What floats above the page must be in the window as a whole. */
function outsideOf(element: HTMLElement): string[] {
  const isFloating = element.matches('dialog, [popover], .jump, .spot-word, .leave, .banner, .composer');
  if (!isFloating) return [];
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const isInside = left >= -SLACK && top >= -SLACK && right <= innerWidth + SLACK && bottom <= innerHeight + SLACK;
  return isInside
    ? []
    : [
        `${nameOf(element)} is not wholly in the window: ${Math.round(left)}–${Math.round(right)}, ${Math.round(top)}–${Math.round(bottom)}`,
      ];
}

/** Links in running text are as high as the text (WCAG 2.2, 2.5.8, exception "inline"). */
function tooSmall(element: HTMLElement): string[] {
  if (!element.matches('button, a[href], input, select, textarea, summary, [role="button"]')) return [];
  if (element.closest('.words, .scrim, label')) return [];
  const own = element.getBoundingClientRect();
  const around = getComputedStyle(element, '::after');
  const grown = around.position === 'absolute' ? around : undefined;
  const width = Math.max(own.width, Number.parseFloat(grown?.width ?? '0'));
  const height = Math.max(own.height, Number.parseFloat(grown?.height ?? '0'));
  if (width >= FINGER - SLACK && height >= FINGER - SLACK) return [];
  return [`${nameOf(element)} is ${Math.round(width)} × ${Math.round(height)} px, too small for a finger`];
}

function nameOf(element: Element): string {
  const classes = element.getAttribute('class')?.trim().replace(/\s+/g, '.') ?? '';
  const words = element.textContent?.trim().slice(0, 24) ?? '';
  return `<${element.localName}${classes && `.${classes}`}> “${words}”`;
}
