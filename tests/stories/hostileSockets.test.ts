/** Mallory at the sockets: she wants to hear, to speak as somebody else, to break frames, and to be a burden. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Sentence } from '@securechat/shared/protocol';
import { type Stack, startStack } from '../support/anyStack.ts';
import { entersRaw, type Innocents, innocents, muchMayBeSaid, standsAtTheDoor } from '../support/mallory.ts';
import { type Person, stranger } from '../support/person.ts';
import { closeCodeOf, frame, Opcode, type ServerFrame, textFrame, type Wire } from '../support/wire.ts';

const { Continuation, Text, Binary, Close, Ping, Pong } = Opcode;
const SESSION = '__Host-securechat';

let stack: Stack;
let people: Innocents;
let mallory: Person;

before(async () => {
  stack = await startStack(muchMayBeSaid);
  people = await innocents(stack);
  mallory = await stack.person('mallory');
});
after(() => stack.stop());

// ---- who is let in -------------------------------------------------------------------------------------------------

test('a page of another site cannot open a socket with the cookies of alice’s browser', async () => {
  const { alice } = people;
  const own = stack.url;
  const port = new URL(own).port;
  const foreign = [
    'https://evil.example',
    'null',
    '',
    own.replace('https', 'http'),
    own.replace(port, '443'),
    own.replace(`:${port}`, ''),
    `${own}.evil.example`,
    `${own}@evil.example`,
    `${own}/`,
    `https://evil.example:${port}`,
    `https://evil-localhost:${port}`,
    `https://localhost.evil.example:${port}`,
    own.toUpperCase(),
    ` ${own} , ${own}`,
  ];
  for (const origin of foreign) {
    const door = await alice.knocks('v2', { origin, localAddress: '127.0.0.11' });
    assert.equal(door.isOpen || door.status, 403, JSON.stringify(origin));
  }
  await (await alice.connects({ origin: own })).close();
  await (await alice.connects()).close();
});

test('who stands at the door hears nothing, though pings are answered, and is sent away after five seconds', async () => {
  const doors = await Promise.all([
    standsAtTheDoor(stack, mallory),
    standsAtTheDoor(stack, mallory, { headers: { 'Sec-WebSocket-Protocol': 'securechat.v2' } }),
  ]);
  const goes = doors.map(async (door) => {
    door.send(frame({ opcode: Ping, payload: 'still here' }));
    await people.chat();
    const heard = await door.frames((frames) => frames.some(({ opcode }) => opcode === Close));
    assert.deepEqual(
      heard.map(({ opcode }) => opcode),
      [Pong, Close],
    );
    assert.equal(closeCodeOf(heard), 4408);
    door.cut();
  });
  await Promise.all(goes);
});

test('no cookie, a forged, a tampered, somebody else’s and a left one: one sentence, 4401, and nobody notices', async () => {
  const carol = await stack.person('carol');
  const leftCookies = carol.cookies.header();
  await carol.leaves();
  const aliceSession = people.alice.cookies.get(SESSION) ?? '';
  const attempts: [what: string, cookie: string | undefined, name: string][] = [
    ['no cookie', undefined, 'alice'],
    ['a forged cookie', `${SESSION}=s%3A${'A'.repeat(43)}.${'B'.repeat(43)}`, 'alice'],
    ['an unsigned cookie', `${SESSION}=${'A'.repeat(43)}`, 'alice'],
    ['a tampered cookie', `${SESSION}=${aliceSession.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))}`, 'alice'],
    ['a cookie under another name', `securechat=${aliceSession}`, 'alice'],
    ['a session that was left', leftCookies, 'carol'],
    ['mallory’s session, alice’s name', mallory.cookies.header(), 'alice'],
    ['mallory’s session, nobody’s name', mallory.cookies.header(), 'nobody'],
    ['mallory’s session, her name in capitals', mallory.cookies.header(), 'MALLORY'],
    ['mallory’s session, her name and a space', mallory.cookies.header(), 'mallory '],
    ['mallory’s session, no name', mallory.cookies.header(), ''],
    ['mallory’s session, a message of v2', mallory.cookies.header(), '{"type":"open","room":"general"}'],
  ];
  for (const [what, cookie, as] of attempts) {
    const way = { cookie: cookie ?? '', as, localAddress: '127.0.0.12' };
    const door = await stranger(stack, 'mallory').entersAnyway('v1', way);
    door.send('let me in');
    assert.equal((await door.closes()).code, 4401, what);
    assert.deepEqual(door.heard, [Sentence.unauthorized], what);
  }
  await people.chat();
  assert.deepEqual(
    people.atBob.heard.filter((line) => /let me in|alice has|nobody/.test(line)),
    [],
  );
});

describe('with the usual limits', () => {
  let strict: Stack;
  before(async () => {
    strict = await startStack();
  });
  after(() => strict.stop());

  test('attempts at alice’s name cost alice nothing: she may say as much as anybody', async () => {
    const [alice, mallory] = await strict.people('alice', 'mallory');
    const connection = await alice.connectsText();
    for (let i = 0; i < 8; i++) {
      const door = await mallory.entersAnyway('v1', { as: 'alice' });
      for (let text = 0; text < 6; text++) door.send('as alice');
      assert.equal((await door.closes()).code, 4401);
    }
    for (const text of ['one', 'two', 'three', 'four', 'five']) {
      connection.says(text);
      await connection.hearsNothingBut(`alice: ${text}`);
    }
    await connection.close();
  });

  test('a second socket, another version and coming back are no way around the limit', async () => {
    const [carol, malvina] = await strict.people('carol', 'malvina');
    const atCarol = await carol.connectsText();
    const [first, second] = [await malvina.connectsText(), await malvina.connectsText()];
    for (const [i, connection] of [first, second, first, second, first].entries()) {
      connection.says(`text ${i}`);
      await atCarol.hears(`malvina: text ${i}`);
    }
    second.says('one too many');
    await second.hears(Sentence.rateLimited(10));
    await first.close();
    (await malvina.connectsText()).says('one too many');
    const third = await malvina.connects();
    await third.opens();
    const clientId = crypto.randomUUID();
    const refusal = await third.isRefused({ type: 'send', room: 'general', clientId, text: 'one too many' });
    assert.equal(refusal.code, 'slow_down');
    atCarol.says('I may');
    await atCarol.hears('carol: I may');
    assert.ok(!atCarol.heard.includes('malvina: one too many'));
  });
});

test('the twenty-first connection of one person is refused, also of forty at once; the twenty live, and so does bob', async () => {
  const dave = await stack.person('dave');
  const knocks = await Promise.all(
    Array.from({ length: 40 }, (_, i) => dave.knocks('v1', { localAddress: `127.0.1.${1 + (i % 4)}` })),
  );
  const open = knocks.filter((door) => door.isOpen);
  const refused = knocks.filter((door) => !door.isOpen);
  assert.equal(open.length, 20);
  for (const door of refused) {
    assert.equal(door.status, 429);
    assert.ok(Number(door.headers['retry-after']) > 0);
  }
  await people.chat();
  for (const door of open) {
    assert.equal(door.socket.readyState, door.socket.OPEN);
    door.cut();
  }
});

// ---- frames --------------------------------------------------------------------------------------------------------

const fragment = (opcode: number, payload: string) => frame({ opcode, payload, fin: false });
const many = (count: number, one: Buffer) => Buffer.concat(Array.from({ length: count }, () => one));
const notUtf8 = Buffer.from([0xc3, 0x28]);

/** What mallory sends, and the code that it ends with. */
const attacks: [what: string, bytes: Buffer, code: number][] = [
  ['a header that promises a terabyte', frame({ opcode: Text, claims: 2n ** 40n }), 1009],
  ['a header that promises more than there is', frame({ opcode: Text, claims: 2n ** 64n - 1n }), 1009],
  ['a binary header that promises a terabyte', frame({ opcode: Binary, claims: 2n ** 40n }), 1009],
  ['one byte more than 64 KiB', textFrame('*'.repeat(65_537)), 1009],
  [
    'one byte more than 64 KiB in fragments',
    Buffer.concat([fragment(Text, '*'.repeat(40_000)), frame({ opcode: Continuation, payload: '*'.repeat(25_537) })]),
    1009,
  ],
  ['fragments of one byte without end', Buffer.concat([fragment(Text, 'a'), many(5_000, fragment(Continuation, 'a'))]), 1008],
  ['empty fragments without end', Buffer.concat([fragment(Text, ''), many(5_000, fragment(Continuation, ''))]), 1008],
  ['bytes that are no UTF-8', textFrame(notUtf8), 1007],
  ['a compressed frame that was not agreed on', frame({ opcode: Text, payload: 'a', rsv: 4 }), 1002],
  ['a frame without a mask', frame({ opcode: Text, payload: 'a', isMasked: false }), 1002],
];

const floods: [what: string, bytes: Buffer, code: number][] = [
  ['empty texts', many(5_000, textFrame('')), 4429],
  ['pings', many(5_000, frame({ opcode: Ping, payload: 'p'.repeat(125) })), 4429],
  ['pongs that nobody asked for', many(5_000, frame({ opcode: Pong })), 4429],
];

describe('what is no good frame ends mallory’s connection alone', { concurrency: 4 }, () => {
  for (const [i, [what, bytes, code]] of attacks.entries()) {
    test(`as a first frame: ${what}`, async () => {
      const door = await standsAtTheDoor(stack, mallory, { localAddress: `127.0.2.${i + 1}` });
      door.send(bytes);
      assert.equal(await endOf(door), code);
      await people.chat();
    });
  }
  for (const [i, [what, bytes, code]] of [...attacks, ...floods].entries()) {
    test(`after the name: ${what}`, async () => {
      const door = await entersRaw(stack, mallory, { localAddress: `127.0.3.${i + 1}` });
      door.send(bytes);
      assert.equal(await endOf(door), code);
      await people.chat();
    });
  }
  test('as a first frame: binary, which is told that it is nobody', async () => {
    for (const payload of ['mallory', Buffer.alloc(60_000)]) {
      const door = await standsAtTheDoor(stack, mallory, { localAddress: '127.0.2.100' });
      door.send(frame({ opcode: Binary, payload }));
      assert.equal(await endOf(door), 4401);
    }
  });
  test('as a first frame: pings without end', async () => {
    const door = await standsAtTheDoor(stack, mallory, { localAddress: '127.0.2.101' });
    door.send(many(5_000, frame({ opcode: Ping })));
    assert.equal(await endOf(door), 4429);
    await people.chat();
  });
  test('a frame of 64 KiB that never comes: cut when the name is due', async () => {
    const door = await standsAtTheDoor(stack, mallory, { localAddress: '127.0.2.102' });
    door.send(frame({ opcode: Text, claims: 65_536n }));
    assert.equal(await endOf(door), 4408);
    await people.chat();
  });
});

test('what mallory breaks off in the middle of a frame or of a handshake leaves nothing behind', async () => {
  const whole = textFrame('m'.repeat(1_000));
  for (let i = 0; i < 20; i++) {
    const door = await entersRaw(stack, mallory, { localAddress: '127.0.4.1' });
    door.send(whole.subarray(0, 1 + i * 50));
    door.cut();
  }
  await people.chat();
  const left = await mallory.connectsText();
  await left.close();
  await people.atBob.hears(/mallory has left/);
});

test('64 KiB pass, in one frame and in fragments, and are answered as the too long text that they are', async () => {
  const bytes = '*'.repeat(65_536);
  const inFragments = Buffer.concat([
    fragment(Text, bytes.slice(0, 40_000)),
    frame({ opcode: Continuation, payload: bytes.slice(40_000) }),
  ]);
  for (const sent of [textFrame(bytes), inFragments]) {
    const door = await entersRaw(stack, mallory, { localAddress: '127.0.4.2' });
    door.send(sent);
    const isAnswered = (frames: readonly ServerFrame[]) => frames.some(({ payload }) => payload.includes('longer than'));
    assert.ok(isAnswered(await door.frames(isAnswered)));
    door.cut();
  }
});

test('compression is not agreed to, whatever is offered', async () => {
  for (const offer of [
    'permessage-deflate',
    'permessage-deflate; client_max_window_bits, x-webkit-deflate-frame',
    'constructor',
    '__proto__; a=1',
  ]) {
    const door = await standsAtTheDoor(stack, mallory, {
      localAddress: '127.0.4.3',
      headers: { 'Sec-WebSocket-Extensions': offer },
    });
    door.send(textFrame('mallory'));
    const [first] = await door.frames((frames) => frames.length > 0);
    assert.equal(first?.payload.toString(), Sentence.joined('mallory'), offer);
    door.cut();
  }
});

/** The code of the server's close frame, once it has come. */
async function endOf(door: Wire): Promise<number> {
  const code = closeCodeOf(await door.frames((frames) => frames.some(({ opcode }) => opcode === Close)));
  door.cut();
  return code;
}
