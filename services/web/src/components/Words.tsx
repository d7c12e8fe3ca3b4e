import { splitLinks } from '../words.ts';

/** What somebody wrote, as text; only web addresses become links. */
export function Words({ text }: { text: string }) {
  return (
    <>
      {splitLinks(text).map((piece) =>
        piece.is === 'words' ? (
          piece.text
        ) : (
          <a href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
            {piece.text}
          </a>
        ),
      )}
    </>
  );
}
