/** Colours for code. Heavy, so it is loaded when the first block with a language comes into sight. */
import { common, createLowlight } from 'lowlight';

/** A piece of code: plain, or with a class of highlight.js (`hljs-keyword`) round other pieces. */
export type Piece = string | { className: string; inside: Piece[] };

const lowlight = createLowlight(common);

/**
 * Splits code into pieces; undefined when the language is not known. Joined together the pieces are the code again.
 *
 * @param language a name or abbreviation as highlight.js knows them, such as `ts`
 */
export function highlight(language: string, code: string): Piece[] | undefined {
  if (!lowlight.registered(language)) return undefined;
  return toPieces(lowlight.highlight(language, code).children);
}

type Node = ReturnType<typeof lowlight.highlight>['children'][number];

function toPieces(nodes: readonly Node[]): Piece[] {
  return nodes.flatMap((node): Piece[] => {
    if (node.type === 'text') return [node.value];
    if (node.type !== 'element') return [];
    const names = node.properties.className;
    return [{ className: Array.isArray(names) ? names.join(' ') : '', inside: toPieces(node.children) }];
  });
}
