/**
 * The cases of sections 1 to 7 of the Autobahn test suite for WebSocket servers, as frames on the wire, against a
 * server that echoes and is set up as ours is. Each case has the number and the words that the suite knows it by.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { webSocketOptions } from '../services/chat/src/start.ts';
import {
  type ClientFrame,
  closeCodeOf,
  closeFrame,
  dialPlain,
  frame,
  handshakeText,
  Opcode,
  type ServerFrame,
  textFrame,
  type Wire,
} from './support/wire.ts';

const { Continuation, Text, Binary, Close, Ping, Pong } = Opcode;

type Case = {
  number: string;
  about: string;
  sends: Buffer[];
  /** How the bytes are cut: all at once, frame by frame, or into pieces of so many bytes. */
  chop?: 'once' | 'frames' | number;
  /** What comes back before the close, in order. */
  hears?: ServerFrame[];
  /** The code that the server closes with; by default it takes everything, and answers our own close in kind. */
  closes?: number | undefined;
};

const bytes = (payload: string | Uint8Array) => Buffer.from(typeof payload === 'string' ? Buffer.from(payload) : payload);
const text = (payload: string | Uint8Array): ServerFrame => ({ opcode: Text, payload: bytes(payload) });
const binary = (payload: string | Uint8Array): ServerFrame => ({ opcode: Binary, payload: bytes(payload) });
const pong = (payload: string | Uint8Array = ''): ServerFrame => ({ opcode: Pong, payload: bytes(payload) });
const ping = (payload: string | Uint8Array = '') => frame({ opcode: Ping, payload });
const part = (opcode: number, payload: string | Uint8Array, more: Partial<ClientFrame> = {}) =>
  frame({ opcode, payload, fin: false, ...more });
const lastPart = (payload: string | Uint8Array) => frame({ opcode: Continuation, payload });
const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');
/** A text in as many fragments as it has bytes. */
const inSingleBytes = (payload: Buffer) =>
  [...payload].map((byte, i) =>
    frame({ opcode: i === 0 ? Text : Continuation, payload: Uint8Array.of(byte), fin: i === payload.length - 1 }),
  );

const PROTOCOL_ERROR = 1002;
const INVALID_TEXT = 1007;
const TOO_LARGE = 1009;
const BYTE_BY_BYTE = 1;

// ---- 1 to 5 --------------------------------------------------------------------------------------------------------

const framing: Case[] = [0, 125, 126, 127, 128, 65_535, 65_536].flatMap((length, i) => [
  {
    number: `1.1.${i + 1}`,
    about: `a text of ${length} bytes`,
    sends: [textFrame('*'.repeat(length))],
    hears: [text('*'.repeat(length))],
  },
  {
    number: `1.2.${i + 1}`,
    about: `${length} binary bytes`,
    sends: [frame({ opcode: Binary, payload: Buffer.alloc(length, 0xfe) })],
    hears: [binary(Buffer.alloc(length, 0xfe))],
  },
]);
framing.push(
  {
    number: '1.1.8',
    about: 'a text of 65536 bytes in pieces of 997',
    sends: [textFrame('*'.repeat(65_536))],
    chop: 997,
    hears: [text('*'.repeat(65_536))],
  },
  {
    number: '1.2.8',
    about: '65536 binary bytes in pieces of 997',
    sends: [frame({ opcode: Binary, payload: Buffer.alloc(65_536, 0xfe) })],
    chop: 997,
    hears: [binary(Buffer.alloc(65_536, 0xfe))],
  },
);

const tenPings = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
const binaryPayload = hex('00 ff fe fd fc fb 00 ff');
const pings: Case[] = [
  { number: '2.1', about: 'a ping without payload', sends: [ping()], hears: [pong()] },
  { number: '2.2', about: 'a ping with a text', sends: [ping('Hello, world!')], hears: [pong('Hello, world!')] },
  { number: '2.3', about: 'a ping with a payload that is no text', sends: [ping(binaryPayload)], hears: [pong(binaryPayload)] },
  { number: '2.4', about: 'a ping of 125 bytes', sends: [ping('p'.repeat(125))], hears: [pong('p'.repeat(125))] },
  { number: '2.5', about: 'a ping of 126 bytes', sends: [ping('p'.repeat(126))], closes: PROTOCOL_ERROR },
  {
    number: '2.6',
    about: 'a ping of 125 bytes, byte by byte',
    sends: [ping('p'.repeat(125))],
    chop: BYTE_BY_BYTE,
    hears: [pong('p'.repeat(125))],
  },
  { number: '2.7', about: 'a pong that nobody asked for', sends: [frame({ opcode: Pong })] },
  { number: '2.8', about: 'a pong with payload that nobody asked for', sends: [frame({ opcode: Pong, payload: 'unasked' })] },
  {
    number: '2.9',
    about: 'a pong that nobody asked for, then a ping',
    sends: [frame({ opcode: Pong, payload: 'unasked' }), ping('asked')],
    hears: [pong('asked')],
  },
  { number: '2.10', about: 'ten pings', sends: tenPings.map((one) => ping(one)), hears: tenPings.map((one) => pong(one)) },
  {
    number: '2.11',
    about: 'ten pings, byte by byte',
    sends: tenPings.map((one) => ping(one)),
    chop: BYTE_BY_BYTE,
    hears: tenPings.map((one) => pong(one)),
  },
];

const hello = textFrame('Hello, world!');
const helloBack = text('Hello, world!');
const reservedText = (rsv: number) => frame({ opcode: Text, payload: 'Hello, world!', rsv });
const reservedBits: Case[] = [
  { number: '3.1', about: 'a text with RSV 1', sends: [reservedText(1)], closes: PROTOCOL_ERROR },
  {
    number: '3.2',
    about: 'a good text, one with RSV 2, a ping',
    sends: [hello, reservedText(2), ping()],
    hears: [helloBack],
    closes: PROTOCOL_ERROR,
  },
  {
    number: '3.3',
    about: 'the same with RSV 3, frame by frame',
    sends: [hello, reservedText(3), ping()],
    chop: 'frames',
    hears: [helloBack],
    closes: PROTOCOL_ERROR,
  },
  {
    number: '3.4',
    about: 'the same with RSV 4, byte by byte',
    sends: [hello, reservedText(4), ping()],
    chop: BYTE_BY_BYTE,
    hears: [helloBack],
    closes: PROTOCOL_ERROR,
  },
  {
    number: '3.5',
    about: 'a binary frame with RSV 5',
    sends: [frame({ opcode: Binary, payload: binaryPayload, rsv: 5 })],
    closes: PROTOCOL_ERROR,
  },
  {
    number: '3.6',
    about: 'a ping with RSV 6',
    sends: [frame({ opcode: Ping, payload: 'Hello, world!', rsv: 6 })],
    closes: PROTOCOL_ERROR,
  },
  { number: '3.7', about: 'a close with RSV 7', sends: [frame({ opcode: Close, rsv: 7 })], closes: PROTOCOL_ERROR },
];

const opcodes: Case[] = [3, 11].flatMap((lowest, group): Case[] => {
  const unknown = (step: number, payload = '') => frame({ opcode: lowest + step, payload });
  return [
    { number: `4.${group + 1}.1`, about: `opcode ${lowest}`, sends: [unknown(0)], closes: PROTOCOL_ERROR },
    {
      number: `4.${group + 1}.2`,
      about: `opcode ${lowest + 1} with payload`,
      sends: [unknown(1, 'reserved')],
      closes: PROTOCOL_ERROR,
    },
    {
      number: `4.${group + 1}.3`,
      about: `a text, opcode ${lowest + 2}, a ping`,
      sends: [hello, unknown(2), ping()],
      hears: [helloBack],
      closes: PROTOCOL_ERROR,
    },
    {
      number: `4.${group + 1}.4`,
      about: `a text, opcode ${lowest + 3} with payload, a ping`,
      sends: [hello, unknown(3, 'reserved'), ping()],
      hears: [helloBack],
      closes: PROTOCOL_ERROR,
    },
    {
      number: `4.${group + 1}.5`,
      about: `a text, opcode ${lowest + 4} with payload, a ping, byte by byte`,
      sends: [hello, unknown(4, 'reserved'), ping()],
      chop: BYTE_BY_BYTE,
      hears: [helloBack],
      closes: PROTOCOL_ERROR,
    },
  ];
});

const twoParts = [part(Text, 'fragment1'), lastPart('fragment2')];
const twoPartsAndPing = [part(Text, 'fragment1'), ping('between'), lastPart('fragment2')];
const bothParts = text('fragment1fragment2');
const chops = ['once', 'frames', BYTE_BY_BYTE] as const;
const chopWords = { once: 'at once', frames: 'frame by frame', [BYTE_BY_BYTE]: 'byte by byte' };
/** One case for each way to cut the bytes, numbered on. */
const inAllChops = (from: number, one: Omit<Case, 'number' | 'chop'>): Case[] =>
  chops.map((chop, i) => ({ ...one, number: `5.${from + i}`, about: `${one.about}, ${chopWords[chop]}`, chop }));
const fiveParts = [
  part(Text, 'fragment1'),
  part(Continuation, 'fragment2'),
  ping('first'),
  part(Continuation, 'fragment3'),
  part(Continuation, 'fragment4'),
  ping('second'),
  lastPart('fragment5'),
];
const fiveBack = [pong('first'), pong('second'), text('fragment1fragment2fragment3fragment4fragment5')];
const fragments: Case[] = [
  { number: '5.1', about: 'a ping in two fragments', sends: [part(Ping, 'one'), lastPart('two')], closes: PROTOCOL_ERROR },
  { number: '5.2', about: 'a pong in two fragments', sends: [part(Pong, 'one'), lastPart('two')], closes: PROTOCOL_ERROR },
  ...inAllChops(3, { about: 'a text in two fragments', sends: twoParts, hears: [bothParts] }),
  ...inAllChops(6, { about: 'a ping between two fragments', sends: twoPartsAndPing, hears: [pong('between'), bothParts] }),
  ...inAllChops(9, {
    about: 'a last continuation of nothing, then a text',
    sends: [lastPart('non-continuation'), hello],
    closes: PROTOCOL_ERROR,
  }),
  ...inAllChops(12, {
    about: 'a continuation of nothing, then a text',
    sends: [part(Continuation, 'non-continuation'), hello],
    closes: PROTOCOL_ERROR,
  }),
  {
    number: '5.15',
    about: 'a text in two fragments, a continuation of nothing, a text',
    sends: [...twoParts, part(Continuation, 'fragment3'), hello],
    hears: [bothParts],
    closes: PROTOCOL_ERROR,
  },
  {
    number: '5.16',
    about: 'a continuation of nothing before each of two fragmented texts',
    sends: [part(Continuation, 'fragment1'), ...twoParts, part(Continuation, 'fragment1'), ...twoParts],
    closes: PROTOCOL_ERROR,
  },
  {
    number: '5.17',
    about: 'a last continuation of nothing before each of two fragmented texts',
    sends: [lastPart('fragment1'), ...twoParts, lastPart('fragment1'), ...twoParts],
    closes: PROTOCOL_ERROR,
  },
  {
    number: '5.18',
    about: 'a second text while a fragmented one is open',
    sends: [part(Text, 'fragment1'), frame({ opcode: Text, payload: 'fragment2' })],
    closes: PROTOCOL_ERROR,
  },
  { number: '5.19', about: 'five fragments and two pings', sends: fiveParts, hears: fiveBack },
  { number: '5.20', about: 'five fragments and two pings, frame by frame', sends: fiveParts, chop: 'frames', hears: fiveBack },
];

// ---- 6: UTF-8 ------------------------------------------------------------------------------------------------------

const valid = 'Hello-µ@ßöäüàá-UTF-8!!';
const greek = 'κόσμε';
const brokenGreek = hex('ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64');
const fragmentedUtf8: Case[] = [
  { number: '6.1.1', about: 'an empty text', sends: [textFrame('')], hears: [text('')] },
  {
    number: '6.1.2',
    about: 'three empty fragments',
    sends: [part(Text, ''), part(Continuation, ''), lastPart('')],
    hears: [text('')],
  },
  {
    number: '6.1.3',
    about: 'of three fragments the middle one has a payload',
    sends: [part(Text, ''), part(Continuation, 'middle'), lastPart('')],
    hears: [text('middle')],
  },
  { number: '6.2.1', about: 'a valid text', sends: [textFrame(valid)], hears: [text(valid)] },
  {
    number: '6.2.2',
    about: 'a valid text cut between two characters',
    sends: [part(Text, 'Hello-µ@ßöä'), lastPart('üàá-UTF-8!!')],
    hears: [text(valid)],
  },
  { number: '6.2.3', about: 'a valid text in single bytes', sends: inSingleBytes(bytes(valid)), hears: [text(valid)] },
  { number: '6.2.4', about: 'a Greek text in single bytes', sends: inSingleBytes(bytes(greek)), hears: [text(greek)] },
  { number: '6.3.1', about: 'an invalid text', sends: [textFrame(brokenGreek)], closes: INVALID_TEXT },
  { number: '6.3.2', about: 'an invalid text in single bytes', sends: inSingleBytes(brokenGreek), closes: INVALID_TEXT },
  {
    number: '6.4.1',
    about: 'the second of three fragments is invalid',
    sends: [part(Text, greek), part(Continuation, hex('f4 90 80 80')), lastPart('edited')],
    closes: INVALID_TEXT,
  },
  {
    number: '6.4.2',
    about: 'the invalid character is spread over two fragments',
    sends: [part(Text, Buffer.concat([bytes(greek), hex('f4')])), part(Continuation, hex('90')), lastPart('')],
    closes: INVALID_TEXT,
  },
  {
    number: '6.4.3',
    about: 'an invalid text in pieces of three bytes',
    sends: [textFrame(Buffer.concat([bytes(greek), hex('f4 90 80 80'), bytes('edited')]))],
    chop: 3,
    closes: INVALID_TEXT,
  },
  {
    number: '6.4.4',
    about: 'an invalid text byte by byte',
    sends: [textFrame(Buffer.concat([bytes(greek), hex('f4 90 80 80'), bytes('edited')]))],
    chop: BYTE_BY_BYTE,
    closes: INVALID_TEXT,
  },
];

/** Section 6.5 on: a sequence of bytes is a text, or it is not. */
const sequences: [section: string, about: string, isText: boolean, sequences: string[]][] = [
  ['6.5', 'whole characters', true, ['ceba', 'cebae1bdb9', 'cebae1bdb9cf83', 'cebae1bdb9cf83cebc', 'cebae1bdb9cf83cebcceb5']],
  [
    '6.6',
    'a text cut inside a character',
    false,
    ['ce', 'cebae1', 'cebae1bd', 'cebae1bdb9cf', 'cebae1bdb9cf83ce', 'cebae1bdb9cf83cebcce'],
  ],
  ['6.7', 'the first character of each length', true, ['00', 'c280', 'e0a080', 'f0908080']],
  ['6.8', 'the first sequence of five and of six bytes', false, ['f888808080', 'fc8480808080']],
  ['6.9', 'the last character of each length', true, ['7f', 'dfbf', 'efbfbf', 'f48fbfbf']],
  ['6.10', 'the last sequences beyond Unicode', false, ['f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf']],
  ['6.11', 'other boundaries', true, ['ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf']],
  ['6.11.5', 'the first code point beyond Unicode', false, ['f4908080']],
  [
    '6.12',
    'unexpected continuation bytes',
    false,
    ['80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf', Buffer.from(range(0x80, 0xbe)).toString('hex')],
  ],
  [
    '6.13',
    'lonely start bytes',
    false,
    [[0xc0, 0xdf] as const, [0xe0, 0xef] as const, [0xf0, 0xf7] as const, [0xf8, 0xfb] as const, [0xfc, 0xfd] as const].map(
      ([from, to]) => Buffer.from(range(from, to).flatMap((byte) => [byte, 0x20])).toString('hex'),
    ),
  ],
  [
    '6.14',
    'the last continuation byte is missing',
    false,
    ['c0', 'e080', 'f08080', 'f8808080', 'fc80808080', 'df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'],
  ],
  ['6.15', 'incomplete sequences, one after another', false, ['c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf']],
  ['6.16', 'impossible bytes', false, ['fe', 'ff', 'fefeffff']],
  ['6.17', 'an overlong slash', false, ['c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af']],
  ['6.18', 'the longest overlong sequences', false, ['c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf']],
  ['6.19', 'an overlong U+0000', false, ['c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080']],
  ['6.20', 'single surrogates', false, ['eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf']],
  [
    '6.21',
    'paired surrogates',
    false,
    [
      'eda080edb080',
      'eda080edbfbf',
      'edadbfedb080',
      'edadbfedbfbf',
      'edae80edb080',
      'edae80edbfbf',
      'edafbfedb080',
      'edafbfedbfbf',
    ],
  ],
  [
    '6.22',
    'code points that are no characters',
    true,
    range(0, 16).flatMap((plane) => [0xfffe, 0xffff].map((low) => inUtf8(plane * 0x10000 + low))),
  ],
  ['6.23', 'specials', true, range(0xfff9, 0xffff).map(inUtf8)],
];

const utf8: Case[] = sequences.flatMap(([section, about, isText, all]) =>
  all.map((digits, i) => ({
    number: section.split('.').length === 3 ? section : `${section}.${i + 1}`,
    about: `${about}: ${digits.slice(0, 24)}`,
    sends: [textFrame(hex(digits))],
    ...(isText ? { hears: [text(hex(digits))] } : { closes: INVALID_TEXT }),
  })),
);

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function inUtf8(codePoint: number): string {
  return Buffer.from(String.fromCodePoint(codePoint)).toString('hex');
}

// ---- 7: the close --------------------------------------------------------------------------------------------------

const goodCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const badCodes = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
const closes: Case[] = [
  { number: '7.1.1', about: 'a text, then a close', sends: [hello, closeFrame(1000)], hears: [helloBack], closes: 1000 },
  { number: '7.1.2', about: 'two closes', sends: [closeFrame(1000), closeFrame(1000)], closes: 1000 },
  { number: '7.1.3', about: 'a ping after the close', sends: [closeFrame(1000), ping()], closes: 1000 },
  { number: '7.1.4', about: 'a text after the close', sends: [closeFrame(1000), hello], closes: 1000 },
  {
    number: '7.1.5',
    about: 'a close between two fragments',
    sends: [part(Text, 'fragment1'), closeFrame(1000), lastPart('fragment2')],
    closes: 1000,
  },
  {
    number: '7.1.6',
    about: 'a text of 256 KiB, which is more than may be said here',
    sends: [textFrame('*'.repeat(256 * 1024)), hello, closeFrame(1000), ping()],
    closes: TOO_LARGE,
  },
  { number: '7.3.1', about: 'a close without a code', sends: [closeFrame()], closes: 1005 },
  {
    number: '7.3.2',
    about: 'a close with half a code',
    sends: [frame({ opcode: Close, payload: 'a' })],
    closes: PROTOCOL_ERROR,
  },
  { number: '7.3.3', about: 'a close with a code', sends: [closeFrame(1000)], closes: 1000 },
  { number: '7.3.4', about: 'a close with a reason', sends: [closeFrame(1000, 'Hello, world!')], closes: 1000 },
  { number: '7.3.5', about: 'a close with the longest reason', sends: [closeFrame(1000, '*'.repeat(123))], closes: 1000 },
  { number: '7.3.6', about: 'a close with a longer one', sends: [closeFrame(1000, '*'.repeat(124))], closes: PROTOCOL_ERROR },
  { number: '7.5.1', about: 'a reason that is no text', sends: [closeFrame(1000, brokenGreek)], closes: INVALID_TEXT },
  ...goodCodes.map((code, i) => ({ number: `7.7.${i + 1}`, about: `code ${code}`, sends: [closeFrame(code)], closes: code })),
  ...badCodes.map((code, i) => ({
    number: `7.9.${i + 1}`,
    about: `code ${code}, which nobody may send`,
    sends: [closeFrame(code)],
    closes: PROTOCOL_ERROR,
  })),
  ...[5000, 65_535].map((code, i) => ({
    number: `7.13.${i + 1}`,
    about: `code ${code}, beyond all that were given out`,
    sends: [closeFrame(code)],
    closes: PROTOCOL_ERROR,
  })),
];

// ---- beyond the suite: our own bounds -----------------------------------------------------------------------------

const half = 'h'.repeat(32 * 1024);
const ours: Case[] = [
  { number: 'size 1', about: 'one byte more than 64 KiB', sends: [textFrame('*'.repeat(65_537))], closes: TOO_LARGE },
  { number: 'size 2', about: '64 KiB in two fragments', sends: [part(Text, half), lastPart(half)], hears: [text(half + half)] },
  {
    number: 'size 3',
    about: 'one byte more than 64 KiB in three fragments',
    sends: [part(Text, half), part(Continuation, half), lastPart('!')],
    closes: TOO_LARGE,
  },
  {
    number: 'size 4',
    about: 'a header that promises 2^40 bytes',
    sends: [frame({ opcode: Text, claims: 2n ** 40n })],
    closes: TOO_LARGE,
  },
  {
    number: 'size 5',
    about: 'a header that promises 2^63 bytes',
    sends: [frame({ opcode: Text, claims: 2n ** 63n })],
    closes: TOO_LARGE,
  },
  {
    number: 'mask 1',
    about: 'a frame without a mask',
    sends: [frame({ opcode: Text, isMasked: false })],
    closes: PROTOCOL_ERROR,
  },
];

const sections: Record<string, Case[]> = {
  '1 framing': framing,
  '2 pings and pongs': pings,
  '3 reserved bits': reservedBits,
  '4 opcodes': opcodes,
  '5 fragmentation': fragments,
  '6 UTF-8': [...fragmentedUtf8, ...utf8],
  '7 close': closes,
  'our bounds': ours,
};

describe('RFC 6455', { concurrency: 8 }, () => {
  const echo = new WebSocketServer({ ...webSocketOptions, host: '127.0.0.1', port: 0 });
  echo.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
  });
  before(() => (echo.address() === null ? once(echo, 'listening') : undefined));
  after(() => new Promise((resolve) => echo.close(resolve)));

  for (const [section, cases] of Object.entries(sections)) {
    describe(section, { concurrency: 8 }, () => {
      for (const one of cases) test(`${one.number} ${one.about}`, () => passes(one, (echo.address() as AddressInfo).port));
    });
  }
});

async function passes({ sends, chop = 'once', hears = [], closes }: Case, port: number): Promise<void> {
  const mallory = await dialPlain(port);
  try {
    mallory.send(handshakeText());
    await mallory.head();
    await write(mallory, sends, chop);
    if (closes === undefined) mallory.send(closeFrame(1000));
    const heard = await mallory.frames((frames) => frames.some(({ opcode }) => opcode === Close));
    assert.equal(closeCodeOf(heard), closes ?? 1000);
    assert.deepEqual(heard.slice(0, -1), hears);
    await mallory.closes();
  } finally {
    mallory.cut();
  }
}

async function write(wire: Wire, frames: Buffer[], chop: 'once' | 'frames' | number) {
  const all = Buffer.concat(frames);
  if (chop === 'once') return void wire.send(all);
  const pieces =
    chop === 'frames' ? frames : range(0, Math.ceil(all.length / chop) - 1).map((i) => all.subarray(i * chop, (i + 1) * chop));
  for (const piece of pieces) {
    wire.send(piece);
    // Each piece in a turn of its own, so that the system sends it by itself.
    await new Promise((resolve) => setImmediate(resolve));
  }
}
