import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { checkUsername, foldUsername } from './usernames.ts';

const accepts = (name: string) => {
  const verdict = checkUsername(name);
  assert.ok(verdict.ok, `${JSON.stringify(name)}: ${verdict.ok ? '' : verdict.message}`);
  return verdict;
};
const refuses = (name: string, reason: RegExp) => {
  const verdict = checkUsername(name);
  assert.ok(!verdict.ok, `${JSON.stringify(name)} was accepted`);
  assert.match(verdict.message, reason);
};

test('people of all languages get their names, shown as typed', () => {
  const names = [
    'alice',
    'Bob.Smith',
    '_x_',
    '-a',
    '..',
    '42',
    'José',
    'Jose\u0301',
    'Straße',
    'Иван',
    'Ёлка',
    'Ὀδυσσεύς',
    'שָׁלוֹם',
    'محمد',
  ];
  const more = [
    'पूजा',
    'ประยุทธ์',
    '山田太郎',
    'やまだ',
    'ヤマダ花子',
    '김철수',
    '金철수',
    'ㄅㄆ漢',
    'Nguyễn',
    'Łukasz',
    'ʻOkina',
    '𠮷田',
    'constructor',
    '__proto__',
  ];
  for (const name of [...names, ...more]) assert.equal(accepts(name).name, name);
  accepts('a'.repeat(32));
  accepts('𠮷'.repeat(32));
});

test('a name has 2 to 32 characters, counted as people count them and not as they are stored', () => {
  for (const name of ['', 'a', 'a'.repeat(33), '𠮷'.repeat(33), 'a'.repeat(100_000), 'ﷺ'.repeat(3)]) refuses(name, /2 to 32/);
});

test('nothing that could be markup, a command, a line or an invisible trick gets into a name', () => {
  const tricks = [
    'al ice',
    ' alice',
    'alice ',
    'al:ice',
    'al\u0000ice',
    'al\nice',
    '<b>x</b>',
    'a&b',
    'a"b',
    "a'b",
    'a/b',
    'a\\b',
    'a@b',
    'a#b',
  ];
  const invisible = [
    'al\u200bice',
    'al\u202eice',
    'al\u00adice',
    'al\ufe0fice',
    '\u3164\u3164',
    'al\u115fice',
    'a\u2060b',
    'al\u180eice',
    'al\u{e0061}ice',
  ];
  const symbols = ['al😀ice', '①②', 'a…b', 'a．．b：', '👩‍🚀'];
  for (const name of [...tricks, ...invisible, ...symbols]) assert.equal(checkUsername(name).ok, false, JSON.stringify(name));
  refuses('alice\ud800', /broken/);
});

test('a name is written in one alphabet', () => {
  for (const name of ['аlice', 'pаypal', 'αlice', 'aliсe', 'Иvan', 'bobבוב', 'ab漢']) refuses(name, /alphabet/);
});

test('digits are of one kind, and accents do not pile up', () => {
  refuses('٣۳', /digits|alphabets/);
  refuses('ab๓3', /digits|alphabets/);
  refuses(`a${'\u0301'.repeat(4)}b`, /accents/);
  accepts('٣٤٥');
  accepts('ab12');
});

test('spellings that differ by case, width or composition are one name', () => {
  const twins = [
    ['alice', 'ALICE'],
    ['alice', 'ａｌｉｃｅ'],
    ['José', 'Jose\u0301'],
    ['Straße', 'STRASSE'],
    ['STRAẞE', 'strasse'],
    ['Οδυσσεύς', 'ΟΔΥΣΣΕΎΣ'],
    ['fillip', 'ﬁllip'],
    ['Kim', '\u212Aim'],
    ['ıvan', 'Ivan'],
  ];
  for (const [one = '', other = ''] of twins) assert.equal(foldUsername(one), foldUsername(other), `${one} ${other}`);
  assert.notEqual(foldUsername('alice'), foldUsername('alicia'));
});

test('mallory cannot look like somebody else by writing in another alphabet', () => {
  for (const [latin = '', other = ''] of [
    ['coco', 'сосо'],
    ['COCO', 'СОСО'],
    ['paxa', 'раха'],
    ['oia', 'οια'],
    ['noun', 'ոօսո'],
  ]) {
    assert.equal(accepts(latin).twin, accepts(other).twin, `${latin} ${other}`);
    assert.notEqual(accepts(latin).folded, accepts(other).folded);
  }
  assert.notEqual(accepts('Иван').twin, accepts('Ivan').twin);
});

test('names that speak for the server are reserved, however they are written', () => {
  for (const name of ['admin', 'Admin', 'ＡＤＭＩＮ', 'root', 'SYSTEM', 'SecureChat', 'all', 'here', 'everyone'])
    refuses(name, /reserved/);
  for (const name of ['admins', 'ruth', 'allan', 'system1']) accepts(name);
});

test('any text at all gets an answer; what is accepted is harmless, and folding twice is folding once', () => {
  const characters = fc.oneof(
    fc.constantFrom(...'aZя漢ß.-_1٣\u0301\u200d\u202e:< \u0000İıſẞŉǰΐﬀ\ud800'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  );
  const texts = fc.oneof(
    fc.array(characters, { maxLength: 40 }).map((all) => all.join('')),
    fc.string({ unit: 'grapheme' }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const verdict = checkUsername(text);
      assert.equal(foldUsername(foldUsername(text)), foldUsername(text));
      if (!verdict.ok) return;
      assert.doesNotMatch(verdict.name, /[:\s<>&"'\p{C}\p{Z}]/u);
      assert.equal(checkUsername(verdict.folded).ok || [...verdict.folded].length > 32 || /\p{M}{4}/u.test(verdict.folded), true);
    }),
    { numRuns: 2_000 },
  );
});
