import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Piece } from '../highlight.ts';
import { texts } from '../texts.ts';
import { Icon } from './Icon.tsx';

const COPIED_MS = 2_000;
/** It begins to be coloured when it is that near to being seen (px). */
const NEAR = '200px';

/** A block of code: its columns are kept, it scrolls by itself, and it is coloured once it comes into sight. */
export function Code({ language, text }: { language: string; text: string }) {
  const frame = useRef<HTMLElement | null>(null);
  const pieces = useSignal<Piece[] | undefined>(undefined);
  useEffect(() => {
    pieces.value = undefined;
    return language === '' ? undefined : colourInSight(frame.current, language, text, (coloured) => (pieces.value = coloured));
  }, [language, text]);
  return (
    <figure ref={frame} class="code" data-language={language} aria-label={texts.code(language)} dir="ltr">
      <pre ref={makeReachableIfCut}>
        <code>{pieces.value ? drawPieces(pieces.value) : text}</code>
      </pre>
      <CopyButton text={text} />
    </figure>
  );
}

function drawPieces(pieces: readonly Piece[]): ComponentChildren[] {
  return pieces.map((piece) =>
    typeof piece === 'string' ? piece : <span class={piece.className}>{drawPieces(piece.inside)}</span>,
  );
}

function CopyButton({ text }: { text: string }) {
  const isCopied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    isCopied.value = true;
    setTimeout(() => (isCopied.value = false), COPIED_MS);
  };
  const label = isCopied.value ? texts.copied : texts.copyCode;
  return (
    <button type="button" class="copy-code" tabIndex={-1} aria-label={label} title={label} onClick={() => void copy()}>
      <Icon name={isCopied.value ? 'done' : 'copy'} />
    </button>
  );
}

/** A block that shows all of itself needs no stop of its own for the Tab key (WCAG 2.2, 2.1.1). */
function makeReachableIfCut(block: HTMLPreElement | null) {
  if (block && block.scrollWidth > block.clientWidth) block.tabIndex = 0;
}

/** Colours one block at a time, between other things; returns what calls it off. */
function colourInSight(element: HTMLElement | null, language: string, text: string, show: (pieces: Piece[]) => void) {
  if (!element) return undefined;
  let isWanted = true;
  const colour = async () => {
    const { highlight } = await import('../highlight.ts');
    await new Promise((idle) => setTimeout(idle));
    const pieces = isWanted ? highlight(language, text) : undefined;
    if (pieces) show(pieces);
  };
  const inSight = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      inSight.disconnect();
      // The same words in colour are no news to a screen reader.
      element.ariaLive = 'off';
      // Without the colours, such as offline, it can be read all the same.
      void colour().catch(() => {});
    },
    { rootMargin: NEAR },
  );
  inSight.observe(element);
  return () => {
    isWanted = false;
    inSight.disconnect();
  };
}
