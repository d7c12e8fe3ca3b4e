import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countCharacters, isOneEmoji, isSpeakable, Limit, type Parsed, parseClientMessage } from './protocol.ts';

const id = '0b5f3f6e-3c1a-4d8e-9a55-0123456789ab';
const send = { type: 'send', room: 'general', clientId: id, text: 'hello' };

const understood: Record<string, object> = {
  'open from the beginning': { type: 'open', room: 'general' },
  'open with all it can say': { type: 'open', room: 'general', since: 0, sinceAt: 1_700_000_000_000, epoch: 'e' },
  send,
  'send in reply': { ...send, replyTo: 1 },
  edit: { type: 'edit', room: 'general', clientId: id, target: 3, text: 'hallo' },
  delete: { type: 'delete', room: 'general', clientId: id, target: 3 },
  react: { type: 'react', room: 'general', clientId: id, target: 3, emoji: '👍', on: true },
  history: { type: 'history', room: 'general', before: 1, limit: 100 },
  typing: { type: 'typing', room: 'general' },
  read: { type: 'read', room: 'general', seq: 0 },
};
for (const [name, message] of Object.entries(understood)) {
  test(`understood: ${name}`, () => assert.deepEqual(parse(message), { kind: 'message', message }));
}

test('fields that nobody knows are ignored', () => {
  assert.deepEqual(parse({ ...send, colour: 'red', constructor: 1 }), { kind: 'message', message: send });
});

const malformed: Record<string, object> = {
  'no room': { ...send, room: undefined },
  'a room that is no string': { ...send, room: ['general'] },
  'a room as long as a book': { ...send, room: 'x'.repeat(65) },
  'no clientId': { ...send, clientId: undefined },
  'a clientId that is no uuid': { ...send, clientId: 'one' },
  'a clientId with something behind it': { ...send, clientId: `${id}\n` },
  'a text that is no string': { ...send, text: 5 },
  'a lone surrogate': { ...send, text: 'a\ud800b' },
  'U+0000': { ...send, text: 'a\u0000b' },
  'a reply to nothing': { ...send, replyTo: 0 },
  'a reply to null': { ...send, replyTo: null },
  'a target with a fraction': { ...understood.edit, target: 1.5 },
  'a target as text': { ...understood.edit, target: '3' },
  'a target beyond all numbers': { ...understood.edit, target: 2 ** 53 },
  'an edit with U+0000': { ...understood.edit, text: '\u0000' },
  'two emoji': { ...understood.react, emoji: '👍👍' },
  'no emoji': { ...understood.react, emoji: '' },
  'an emoji that is a space': { ...understood.react, emoji: ' ' },
  'half an emoji': { ...understood.react, emoji: '\ud83d' },
  'on that is a word': { ...understood.react, on: 'yes' },
  'history of 101': { ...understood.history, limit: 101 },
  'history of none': { ...understood.history, limit: 0 },
  'history before nothing': { ...understood.history, before: 0 },
  'since below the beginning': { type: 'open', room: 'general', since: -1 },
  'an epoch as long as a book': { type: 'open', room: 'general', epoch: 'x'.repeat(129) },
  'read to a fraction': { type: 'read', room: 'general', seq: 0.5 },
};
for (const [name, frame] of Object.entries(malformed)) {
  test(`malformed: ${name}`, () => {
    const parsed = parse(frame);
    assert.equal(parsed.kind === 'refused' && parsed.refusal.code, 'malformed');
    assert.equal(parsed.kind === 'refused' && parsed.refusal.for, (frame as { type: string }).type);
  });
}

test('nonsense: what is no JSON object with a string as its type', () => {
  const frames = [
    '',
    'hello',
    'null',
    '5',
    '"send"',
    '[]',
    '[{"type":"send"}]',
    '{}',
    '{"type":5}',
    '{"type":null}',
    '{"type":["send"]}',
    '{"type":"send"',
    "{'type':'send'}",
  ];
  for (const frame of frames) assert.deepEqual(parseClientMessage(frame), { kind: 'nonsense' }, frame);
});

test('a type that nobody knows is told so, also one that every object has', () => {
  for (const type of ['dance', '', 'SEND', 'constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    const parsed = parse({ type, room: 'general', clientId: id });
    assert.equal(parsed.kind, 'refused', type);
    assert.deepEqual(parsed.kind === 'refused' && { ...parsed.refusal, message: '' }, {
      type: 'refused',
      code: 'unknown_type',
      message: '',
      for: type,
      room: 'general',
      clientId: id,
    });
  }
});

test('a refusal repeats nothing that is long or no text', () => {
  const parsed = parse({ type: 'x'.repeat(60_000), room: 'y'.repeat(60_000), clientId: { toString: 'z' } });
  assert.ok(parsed.kind === 'refused' && JSON.stringify(parsed.refusal).length < 300);
});

test('a uuid is lower case from here on', () => {
  const parsed = parse({ ...send, clientId: id.toUpperCase() });
  assert.equal(parsed.kind === 'message' && 'clientId' in parsed.message && parsed.message.clientId, id);
});

test('mallory nests a frame as deeply as it fits, and is answered at once', () => {
  const deep = '['.repeat(Limit.frameBytes / 2) + ']'.repeat(Limit.frameBytes / 2);
  assert.deepEqual(parseClientMessage(deep), { kind: 'nonsense' });
  const field = `{"type":"open","room":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`;
  assert.equal(parseClientMessage(field).kind, 'refused');
});

test('whatever text comes, it is understood, refused or nonsense, and never an exception', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.json(), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(anyText, (frame) => isVerdict(parseClientMessage(frame))),
    { numRuns: 500 },
  );
});

test('whatever the fields of a known type hold, what is understood is well-formed', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.integer(),
    fc.string({ unit: 'binary' }),
    fc.constant(id),
    fc.constant('👍'),
  );
  const frame = fc.record({
    type: fc.constantFrom('open', 'send', 'edit', 'delete', 'react', 'history', 'typing', 'read', 'dance'),
    room: fc.oneof(fc.constant('general'), value),
    clientId: fc.oneof(fc.constant(id.toUpperCase()), value),
    text: fc.oneof(fc.string({ unit: 'binary' }), value),
    target: value,
    emoji: value,
    on: fc.oneof(fc.boolean(), value),
    before: value,
    limit: value,
    seq: value,
    since: fc.option(value, { nil: undefined }),
  });
  const property = fc.property(frame, (fields) => {
    const parsed = parse(fields);
    if (!isVerdict(parsed)) return false;
    if (parsed.kind !== 'message') return parsed.kind === 'refused';
    const { message } = parsed;
    if ('clientId' in message && message.clientId !== id) return false;
    return !('text' in message) || (message.text.isWellFormed() && !message.text.includes('\u0000'));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test('characters are code points, whatever the text', () => {
  const property = fc.property(
    fc.string({ unit: fc.oneof(fc.constantFrom('\ud83d', '\ude00', 'a'), fc.string({ unit: 'binary', maxLength: 2 })) }),
    (text) => countCharacters(text) === [...text].length,
  );
  fc.assert(property, { numRuns: 1_000 });
  assert.equal(countCharacters(''), 0);
  assert.equal(countCharacters('a👍🏽\ud800'), 4);
});

test('a text may be said when it is well-formed and has no U+0000', () => {
  for (const text of ['', 'hello', '👍', 'a\u0001b', '\ufffd', '\u202e']) assert.ok(isSpeakable(text), JSON.stringify(text));
  for (const text of ['\ud800', 'a\udfff', '\ude00\ud83d', '\u0000', 'a\u0000b'])
    assert.ok(!isSpeakable(text), JSON.stringify(text));
});

test('one emoji, however many code points it is made of', () => {
  const family = '👨‍👩‍👧‍👦';
  const england = '🏴󠁧󠁢󠁥󠁮󠁧󠁿';
  for (const emoji of ['👍', '👍🏽', '❤️', '🇨🇭', '1️⃣', '🏳️‍🌈', family, england, 'é', 'x']) assert.ok(isOneEmoji(emoji), emoji);
});

test('nothing, blanks, two emoji, or one of more than 32 bytes is not one emoji', () => {
  const heavy = `a${'\u0301'.repeat(16)}`;
  assert.equal(Buffer.byteLength(heavy), 33);
  for (const no of ['', ' ', '\n', '\u00a0', '👍👍', '🇨🇭🇦🇹', 'ab', '👍 ', heavy]) assert.ok(!isOneEmoji(no), JSON.stringify(no));
  assert.ok(isOneEmoji(`aa${'\u0301'.repeat(15)}`.slice(1)));
});

const parse = (frame: object): Parsed => parseClientMessage(JSON.stringify(frame));

function isVerdict(parsed: Parsed): boolean {
  if (parsed.kind === 'refused') return ['unknown_type', 'malformed'].includes(parsed.refusal.code);
  return parsed.kind === 'message' || parsed.kind === 'nonsense';
}
