import assert from 'node:assert/strict';
import { test } from 'node:test';
import { highlight, type Piece } from './highlight.ts';

const textOf = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => (typeof piece === 'string' ? piece : textOf(piece.inside))).join('');

test('code in a known language is coloured, and not a character of it is lost', () => {
  const code = 'const a = "<b>&amp;</b>"; // why\n\tlet b';
  const pieces = highlight('ts', code) ?? [];
  assert.equal(textOf(pieces), code);
  assert.ok(pieces.some((piece) => typeof piece !== 'string' && piece.className === 'hljs-keyword'));
});

test('code in an unknown language stays as it is', () => {
  assert.equal(highlight('klingon', 'qapla'), undefined);
});
