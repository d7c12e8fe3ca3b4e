/** The marks within lines: *italic*, **bold**, ~~struck~~, `code`, links and mentions; the time it takes grows with the length only. */
import { addressAt, readTarget } from './links.ts';
import { mentionAt, type Names } from './names.ts';

export type Inline =
  | { is: 'words' | 'code' | 'mention'; text: string }
  | { is: 'bold' | 'italic' | 'strike'; inside: Inline[] }
  | { is: 'link'; href: string; hidden: string | undefined; inside: Inline[] };

/** A mark that was opened and not closed yet, and what came after it. At most one of each kind is open. */
type Frame = { mark: string; inside: Inline[] };

const PARAGRAPHS = /(\n[^\S\n]*\n)/;
const SPECIAL = /[*_~`[\\@]|https?:\/\/|mailto:/giu;
const LINK = /\[([^[\]\n]{1,500})\]\(((?:[^\s()<>]|\([^\s()<>]{0,500}\)){1,2000})\)/uy;
const RUN = /\*+|_+|~+|`+/y;
const TICKS = /`+/g;
const ESCAPABLE = '*_~`[';

const NOTHING_KNOWN: Names = new Set();

/**
 * Reads the marks in a text of one or more lines. What has no meaning stays words, exactly as typed.
 *
 * @param names of the people who can be mentioned, as `foldName` gives them
 */
export function readInline(text: string, names: Names = NOTHING_KNOWN): Inline[] {
  return text.split(PARAGRAPHS).reduce<Inline[]>((all, paragraph) => {
    for (const node of readParagraph(paragraph, names, true)) add(all, node);
    return all;
  }, []);
}

/** A mark that is open at the end of a paragraph, or of a label, is none. */
function readParagraph(text: string, names: Names, mayLink: boolean): Inline[] {
  const frames: [Frame, ...Frame[]] = [{ mark: '', inside: [] }];
  /** Lengths of backtick runs that do not come again. */
  const noTicks = new Set<number>();
  let at = 0;

  const say = (node: Inline) => add((frames.at(-1) ?? frames[0]).inside, node);
  const sayWords = (end: number) => {
    if (end > at) say({ is: 'words', text: text.slice(at, end) });
    at = end;
  };

  while (at < text.length) {
    SPECIAL.lastIndex = at;
    const special = SPECIAL.exec(text);
    sayWords(special?.index ?? text.length);
    if (!special) break;
    const [character] = special;
    if (character === '\\') skipEscape();
    else if (character === '[') link();
    else if (character === '@') mention();
    else if (character === '`') code();
    else if (character.length === 1) mark();
    else address();
  }
  while (frames.length > 1) dissolve(frames, frames.length - 1);
  return frames[0].inside;

  function skipEscape() {
    const next = text[at + 1];
    // The arm of ¯\_(ツ)_/¯ is no escape.
    if (next === '_' && text[at - 1] === '¯') return sayWords(at + 2);
    if (next !== undefined && ESCAPABLE.includes(next)) at++;
    sayWords(at + 1);
  }

  function link() {
    LINK.lastIndex = at;
    const [whole = '[', label = '', address = ''] = (mayLink && LINK.exec(text)) || [];
    const target = readTarget(address, label);
    if (!target) return sayWords(at + 1);
    at += whole.length;
    say({ is: 'link', ...target, inside: readParagraph(label, NOTHING_KNOWN, false) });
  }

  function address() {
    const { length, target } = addressAt(text, at);
    const words = text.slice(at, at + length);
    if (!target || !mayLink) return sayWords(at + Math.max(length, 1));
    at += length;
    say({ is: 'link', ...target, inside: [{ is: 'words', text: words }] });
  }

  function mention() {
    const found = mentionAt(text, at, names);
    if (found === undefined) return sayWords(at + 1);
    at += found.length;
    say({ is: 'mention', text: found });
  }

  function code() {
    const ticks = runAt(text, at);
    const begin = at + ticks.length;
    const end = noTicks.has(ticks.length) ? undefined : findTicks(text, begin, ticks.length);
    if (end === undefined) {
      noTicks.add(ticks.length);
      return sayWords(begin);
    }
    at = end + ticks.length;
    say({ is: 'code', text: withoutPadding(text.slice(begin, end)) });
  }

  function mark() {
    const run = runAt(text, at);
    const { opens, closes } = rolesOf(run, text[at - 1] ?? ' ', text[at + run.length] ?? ' ');
    const open = frames.findLastIndex((frame) => frame.mark === run);
    if (closes && open > 0) {
      while (frames.length - 1 > open) dissolve(frames, frames.length - 1);
      const inside = frames.pop()?.inside ?? [];
      say(marked(run, inside));
    } else if (opens) {
      // The nearer one of two that could be closed counts.
      if (open > 0) dissolve(frames, open);
      frames.push({ mark: run, inside: [] });
    } else return sayWords(at + run.length);
    at += run.length;
  }
}

/** Adds a node, words to the words before them. */
function add(all: Inline[], node: Inline) {
  const last = all.at(-1);
  if (node.is === 'words' && last?.is === 'words') all[all.length - 1] = { is: 'words', text: last.text + node.text };
  else all.push(node);
}

/** An opened mark is none after all: it becomes words, what came after it belongs to what it stood in. */
function dissolve(frames: Frame[], index: number) {
  const [frame] = frames.splice(index, 1);
  const below = frames[index - 1];
  if (!frame || !below) return;
  add(below.inside, { is: 'words', text: frame.mark });
  for (const node of frame.inside) add(below.inside, node);
}

function marked(run: string, inside: Inline[]): Inline {
  if (run === '~~') return { is: 'strike', inside };
  if (run.length === 3) return { is: 'bold', inside: [{ is: 'italic', inside }] };
  return { is: run.length === 2 ? 'bold' : 'italic', inside };
}

/**
 * Whether a run of marks may begin or end something: it stands close to it. 2*3*4 and snake_case have no marks in them,
 * and neither have lines of stars.
 */
function rolesOf(run: string, before: string, after: string): { opens: boolean; closes: boolean } {
  const isMark = run.startsWith('~') ? run.length === 2 : run.length <= 3;
  const isWord = run.startsWith('_') ? /[\p{L}\p{N}_]/u : /[a-z0-9]/i;
  const mayStandInWord = run.length > 1 && !run.startsWith('_');
  return {
    opens: isMark && /\S/.test(after) && (mayStandInWord || !isWord.test(before)),
    closes: isMark && /\S/.test(before) && (mayStandInWord || !isWord.test(after)),
  };
}

function runAt(text: string, at: number): string {
  RUN.lastIndex = at;
  return RUN.exec(text)?.[0] ?? '';
}

/** Where the next run of exactly so many backticks begins. */
function findTicks(text: string, from: number, length: number): number | undefined {
  TICKS.lastIndex = from;
  for (let found = TICKS.exec(text); found; found = TICKS.exec(text)) if (found[0].length === length) return found.index;
  return undefined;
}

/** One space on both sides is for code that begins or ends with a backtick (CommonMark 6.1). */
function withoutPadding(code: string): string {
  return /^ .*\S.* $/s.test(code) ? code.slice(1, -1) : code;
}
