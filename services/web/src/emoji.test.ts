import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOneEmoji } from '@securechat/shared/protocol';
import { aboutEmoji, EMOJI, emojiNamed, findEmoji, inTone, type Tone } from './emoji.ts';

const all = Object.values(EMOJI).flat();
const tones: Tone[] = [0, 1, 2, 3, 4, 5];

test('every emoji is one that the server takes as a reaction, in every skin tone', () => {
  assert.ok(all.length > 1_500, String(all.length));
  for (const entry of all) {
    for (const tone of tones) {
      const emoji = inTone(entry, tone);
      assert.ok(isOneEmoji(emoji) && /^\p{RGI_Emoji}$/v.test(emoji), `${entry.names[0]} ${emoji}`);
    }
  }
});

test('no emoji and no short name is there twice', () => {
  const names = all.flatMap((entry) => entry.names);
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(all.map(({ emoji }) => emoji)).size, all.length);
  for (const name of names) assert.match(name, /^[a-z0-9_+-]+$/);
});

test('an emoji is found by its short name, by what it shows, and in Spanish, accents or not', () => {
  for (const [typed, emoji] of [
    ['tad', '🎉'],
    ['+1', '👍'],
    ['heart', '❤️'],
    ['party', '🎉'],
    ['Corazón', '❤️'],
    ['corazon rojo', '❤️'],
    ['fiesta', '🎉'],
    ['germany', '🇩🇪'],
    ['Alemania', '🇩🇪'],
    ['thumbs_u', '👍'],
  ] as const) {
    assert.ok(
      findEmoji(typed, 50).some((found) => found.emoji === emoji),
      typed,
    );
  }
  for (const typed of ['heart', 'hear']) assert.equal(findEmoji(typed, 5)[0]?.emoji, '❤️');
  assert.deepEqual(findEmoji('qwertz', 5), []);
  assert.deepEqual(findEmoji('  ', 5), []);
  assert.equal(findEmoji('a', 5).length, 5);
});

test('a skin tone is put where the person is, and only there', () => {
  const toned = (name: string, tone: Tone) => inTone(emojiNamed(name) ?? assert.fail(name), tone);
  assert.equal(toned('+1', 5), '👍🏿');
  assert.equal(toned('v', 3), '✌🏽');
  assert.equal(toned('technologist', 1), '🧑🏻‍💻');
  assert.equal(toned('tada', 3), '🎉');
  assert.equal(toned('+1', 0), '👍');
});

test('an emoji is known whatever its skin tone', () => {
  assert.equal(aboutEmoji('👍🏿')?.names[0], '+1');
  assert.equal(aboutEmoji('✌🏽')?.names[0], 'v');
  assert.equal(aboutEmoji('🎉')?.names[0], 'tada');
  assert.equal(aboutEmoji('not one'), undefined);
});
