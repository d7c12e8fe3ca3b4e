import { everyNode, readMarkdown } from './markdown.ts';
import { foldName, type Names } from './names.ts';

/**
 * Who is mentioned in a text. What stands in code or in an address mentions nobody.
 *
 * @param names of those who can be meant, as {@link foldName} gives them
 * @returns the mentioned ones of them, folded
 */
export function mentions(text: string, names: Names): Set<string> {
  const found = new Set<string>();
  if (!text.includes('@')) return found;
  for (const node of everyNode(readMarkdown(text, names))) if (node.is === 'mention') found.add(foldName(node.text.slice(1)));
  return found;
}
