import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hueOf, initials, isEmojiOnly, splitLinks } from './words.ts';

const links = (text: string) => splitLinks(text).flatMap((piece) => (piece.is === 'link' ? [piece.href] : []));

test('an address in a sentence becomes a link without the sentence’s punctuation', () => {
  assert.deepEqual(links('Look at https://example.org/a?b=c#d, please.'), ['https://example.org/a?b=c#d']);
  assert.deepEqual(links('(see http://example.org/x)'), ['http://example.org/x']);
  assert.deepEqual(links('https://example.org/wiki/Chat_(room)!'), ['https://example.org/wiki/Chat_(room)']);
});

test('several addresses in one text are all found, in order', () => {
  assert.deepEqual(links('https://a.example and https://b.example'), ['https://a.example/', 'https://b.example/']);
});

test('mallory’s script, data and file addresses stay words', () => {
  for (const text of ['javascript:alert(1)', 'data:text/html,hi', 'file:///etc/passwd', 'vbscript:x', 'jAvAsCrIpT://https://a']) {
    const found = links(text).filter((href) => !href.startsWith('https://'));
    assert.deepEqual(found, [], text);
  }
});

test('mallory cannot turn the shown address round with direction marks', () => {
  assert.deepEqual(links('https://example.org/\u202efdp.exe'), ['https://example.org/']);
});

test('whatever is written, the pieces together are the text, and links lead to http or https', () => {
  const text = fc.array(
    fc.constantFrom('https://', 'http://', 'a.example', '/x', '(', ')', '.', ' ', '\n', '<b>', 'ß', '👍', '"'),
  );
  fc.assert(
    fc.property(text, (parts) => {
      const pieces = splitLinks(parts.join(''));
      assert.equal(pieces.map((piece) => piece.text).join(''), parts.join(''));
      for (const piece of pieces) if (piece.is === 'link') assert.match(piece.href, /^https?:\/\/[^/]/);
    }),
  );
});

test('a text of emoji alone is told from one with words', () => {
  for (const text of ['👍', '👍🎉', '❤️ 👩‍👩‍👧', '🇩🇪']) assert.equal(isEmojiOnly(text), true, text);
  for (const text of ['', ' ', 'ok 👍', '12', '#', '*', '👍👍👍👍👍👍👍']) assert.equal(isEmojiOnly(text), false, text);
});

test('initials come from the parts of a name, whole characters only', () => {
  assert.equal(initials('alice'), 'A');
  assert.equal(initials('ana.maria'), 'AM');
  assert.equal(initials('_bob_'), 'B');
  assert.equal(initials('𝒶lice'), '𝒶');
});

test('a person’s hue is a colour, always the same one, and neighbours differ', () => {
  assert.equal(hueOf('17'), hueOf('17'));
  assert.notEqual(hueOf('17'), hueOf('18'));
  for (const id of ['', '1', 'a-long-id-of-somebody']) assert.ok(hueOf(id) >= 0 && hueOf(id) < 360);
});
