/** Names as {@link foldName} gives them. */
export type Names = ReadonlySet<string>;

const CANDIDATE = /@([\p{L}\p{M}\p{N}._-]{2,64})/uy;
const ENDS_IN_WORD = /[\p{L}\p{N}]$/u;

/** The form in which two spellings of one name are the same. */
export const foldName = (name: string): string => name.normalize('NFKC').toLowerCase();

/**
 * The mention that begins there, `@` included, as typed: the longest one that names somebody. A full stop or a dash after
 * a name is not part of it unless somebody is called so.
 */
export function mentionAt(text: string, at: number, names: Names): string | undefined {
  if (names.size === 0 || ENDS_IN_WORD.test(text.slice(Math.max(0, at - 2), at))) return undefined;
  CANDIDATE.lastIndex = at;
  let name = CANDIDATE.exec(text)?.[1] ?? '';
  while (name !== '' && !names.has(foldName(name))) name = name.slice(0, Math.max(0, name.search(/[._-][^._-]*$/)));
  return name === '' ? undefined : `@${name}`;
}
