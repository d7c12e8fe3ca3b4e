/**
 * Markdown as people write it in a chat. It differs from CommonMark on purpose: line breaks and blank lines stay as typed,
 * HTML, headings, images and tables are words, and no text, however nested, takes more than a few passes to read.
 */
import { type Inline, readInline } from './inline.ts';
import type { Names } from './names.ts';

export type Block =
  | { is: 'text'; inside: Inline[] }
  | { is: 'code'; language: string; text: string }
  | { is: 'quote'; blocks: Block[] }
  | { is: 'list'; isOrdered: boolean; items: Item[] };

/** `marker` is what was typed before the words, with the space after it: "- ", "12. ". */
export type Item = { marker: string; blocks: Block[] };

type Found = { block: Block; next: number };

/** What surrounds some lines: who can be mentioned, how deep they stand, and the line break after them, if one follows. */
type Place = { names: Names | undefined; depth: number; ending: '\n' | '' };

/** Quotes and lists within each other beyond this are words. */
const MAX_DEPTH = 5;
const FENCE = /^ {0,3}(`{3,}|~{3,})[^\S\n]*([^`\s]*)[^\S\n]*$/;
const QUOTED = /^ {0,3}>(?: |(?=>)|$)/;
const ITEM = /^ *([-*•]|\d{1,9}[.)])[ \t]+(?=\S)/;

/**
 * Reads a text as blocks. Put together they show the text again, only without its marks.
 *
 * @param names of the people who can be mentioned, as `foldName` gives them
 */
export function readMarkdown(text: string, names?: Names): Block[] {
  return readBlocks(text.split('\n'), { names, depth: 0, ending: '' });
}

/** Everything within lines that stands in these blocks, in order; a link or something bold before what it holds. */
export function* everyNode(blocks: readonly Block[]): Generator<Inline> {
  for (const block of blocks) {
    if (block.is === 'text') yield* everyInline(block.inside);
    else if (block.is === 'quote') yield* everyNode(block.blocks);
    else if (block.is === 'list') for (const item of block.items) yield* everyNode(item.blocks);
  }
}

/** The words of a text on one line without its marks, for where there is room for no more. */
export function plainWords(text: string): string {
  return blocksToWords(readMarkdown(text)).replace(/\s+/g, ' ').trim();
}

function blocksToWords(blocks: readonly Block[]): string {
  return blocks.map(blockToWords).join(' ');
}

function blockToWords(block: Block): string {
  switch (block.is) {
    case 'text':
      return [...everyInline(block.inside)].map((node) => ('text' in node ? node.text : '')).join('');
    case 'code':
      return block.text;
    case 'quote':
      return blocksToWords(block.blocks);
    case 'list':
      return block.items.map(({ marker, blocks }) => marker + blocksToWords(blocks)).join(' ');
  }
}

function* everyInline(nodes: readonly Inline[]): Generator<Inline> {
  for (const node of nodes) {
    yield node;
    if ('inside' in node) yield* everyInline(node.inside);
  }
}

function readBlocks(lines: readonly string[], place: Place): Block[] {
  const blocks: Block[] = [];
  const findFence = fenceFinder(lines);
  let plain: string[] = [];
  const endText = (ending: string) => {
    if (plain.length > 0) blocks.push({ is: 'text', inside: readInline(plain.join('\n') + ending, place.names) });
    plain = [];
  };
  for (let i = 0; i < lines.length; ) {
    const found =
      findFence(i) ?? (place.depth < MAX_DEPTH ? (findQuote(lines, i, place) ?? findList(lines, i, place)) : undefined);
    if (found) {
      endText('\n');
      blocks.push(found.block);
      i = found.next;
    } else plain.push(lines[i++] ?? '');
  }
  endText(place.ending);
  return blocks;
}

/** A fence that is never closed is none; looked for once only, whatever mallory writes after it. */
function fenceFinder(lines: readonly string[]): (at: number) => Found | undefined {
  const unclosed: Record<string, number> = {};
  return (at) => {
    const [, fence = '', language = ''] = FENCE.exec(lines[at] ?? '') ?? [];
    const kind = fence.charAt(0);
    if (fence === '' || fence.length >= (unclosed[kind] ?? Infinity)) return undefined;
    const end = lines.findIndex((line, i) => i > at && closes(line, fence));
    if (end === -1) {
      unclosed[kind] = fence.length;
      return undefined;
    }
    return { block: { is: 'code', language: language.toLowerCase(), text: lines.slice(at + 1, end).join('\n') }, next: end + 1 };
  };
}

function closes(line: string, fence: string): boolean {
  const end = line.trim();
  return end.length >= fence.length && end === fence.charAt(0).repeat(end.length);
}

function findQuote(lines: readonly string[], at: number, place: Place): Found | undefined {
  let next = at;
  const quoted: string[] = [];
  for (; next < lines.length && QUOTED.test(lines[next] ?? ''); next++) quoted.push((lines[next] ?? '').replace(QUOTED, ''));
  return next > at ? { block: { is: 'quote', blocks: readBlocks(quoted, within(place, lines, next)) }, next } : undefined;
}

function findList(lines: readonly string[], at: number, place: Place): Found | undefined {
  const first = itemAt(lines, at);
  if (!first || first.indent > 3) return undefined;
  const items: Item[] = [];
  let next = at;
  for (let item: typeof first | undefined = first; item?.isOrdered === first.isOrdered; item = itemAt(lines, next)) {
    const begin = next++;
    while (next < lines.length && isBelow(lines[next] ?? '', first.indent)) next++;
    const body = [item.words, ...withoutIndent(lines.slice(begin + 1, next))];
    items.push({ marker: item.marker, blocks: readBlocks(body, within(place, lines, next)) });
  }
  return { block: { is: 'list', isOrdered: first.isOrdered, items }, next };
}

/** The place of lines that were taken out of others and end before `next`. */
function within({ names, depth, ending }: Place, lines: readonly string[], next: number): Place {
  return { names, depth: depth + 1, ending: next < lines.length ? '\n' : ending };
}

function itemAt(lines: readonly string[], at: number) {
  const line = lines[at] ?? '';
  const [begin, sign = ''] = ITEM.exec(line) ?? [];
  if (begin === undefined) return undefined;
  const indent = indentOf(line);
  return { indent, marker: begin.slice(indent), isOrdered: /\d/.test(sign), words: line.slice(begin.length) };
}

/** Lines set further in belong to the item above them. */
function isBelow(line: string, indent: number): boolean {
  return line.trim() !== '' && (line.startsWith('\t') || indentOf(line) >= indent + 2);
}

/** A list within an item begins at the margin of the item; other lines stay as they were set. */
function withoutIndent(lines: readonly string[]): readonly string[] {
  const [first = ''] = lines;
  const line = first.trimStart();
  if (!ITEM.test(line) && !QUOTED.test(line) && !FENCE.test(line)) return lines;
  const indent = first.length - line.length;
  return lines.map((each) => each.slice(Math.min(indent, each.length - each.trimStart().length)));
}

function indentOf(line: string): number {
  return line.length - line.replace(/^ +/, '').length;
}
