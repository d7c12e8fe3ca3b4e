import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { User } from '@securechat/shared/protocol';
import type { Entry } from './outbox.ts';
import type { Message, RoomNotice, RoomState } from './roomState.ts';
import { emptyRoom } from './roomState.ts';
import { buildRows, keepUnchanged } from './rows.ts';

const alice: User = { id: 'a', name: 'alice' };
const bob: User = { id: 'b', name: 'bob' };
const NOON = new Date(2026, 4, 5, 12).getTime();
const MINUTE = 60_000;

const said = (seq: number, author: User, at: number): Message => ({
  seq,
  at,
  author,
  text: `m${seq}`,
  deleted: false,
  reactions: {},
  asOf: seq,
});
const came = (id: number, afterSeq: number): RoomNotice => ({ id, kind: 'joined', user: bob, at: NOON, afterSeq });
const waiting = (clientId: string, at: number): Entry => ({
  request: { type: 'send', room: 'general', clientId, text: 'soon' },
  at,
  state: { is: 'waiting' },
});

const holding = (part: Partial<RoomState>): RoomState => ({ ...emptyRoom, cursor: 99, ...part });

const outline = (rows: ReturnType<typeof buildRows>) =>
  rows.map((row) => {
    if (row.is === 'group') return `${row.author.name} ${row.lines.length}`;
    return row.is === 'notices' ? `notices ${row.notices.length}` : row.is;
  });

test('messages of one person within five minutes stand together', () => {
  const messages = [said(1, bob, NOON), said(2, bob, NOON + 4 * MINUTE), said(3, bob, NOON + 10 * MINUTE)];
  assert.deepEqual(outline(buildRows(holding({ messages, notices: [] }), [], alice, undefined)), ['day', 'bob 2', 'bob 1']);
});

test('another speaker, a notice or a new day ends a group', () => {
  const messages = [said(1, bob, NOON), said(2, alice, NOON), said(3, alice, NOON), said(4, alice, NOON + 24 * 60 * MINUTE)];
  const rows = buildRows(holding({ messages, notices: [came(1, 2)] }), [], alice, undefined);
  assert.deepEqual(outline(rows), ['day', 'bob 1', 'alice 1', 'notices 1', 'alice 1', 'day', 'alice 1']);
});

test('lines about people stand where they were heard, a run of them together, the last ones at the end', () => {
  const rows = buildRows(
    holding({ messages: [said(5, bob, NOON)], notices: [came(1, 4), came(2, 4), came(3, 5)] }),
    [],
    alice,
    undefined,
  );
  assert.deepEqual(outline(rows), ['day', 'notices 2', 'bob 1', 'notices 1']);
});

test('what alice just said joins her last group', () => {
  const rows = buildRows(
    holding({ messages: [said(1, alice, NOON)], notices: [] }),
    [waiting('x', NOON + MINUTE)],
    alice,
    undefined,
  );
  assert.deepEqual(outline(rows), ['day', 'alice 2']);
});

test('an edit that failed stands at the end, where it can be sent again, under its own day', () => {
  const edit: Entry = {
    request: { type: 'edit', room: 'general', clientId: 'x', target: 1, text: 'better' },
    at: NOON + 24 * 60 * MINUTE,
    state: { is: 'failed', refusal: { type: 'refused', code: 'unavailable', for: 'edit', message: 'No.' } },
  };
  const rows = buildRows(holding({ messages: [said(1, alice, NOON)], notices: [] }), [edit], alice, undefined);
  assert.deepEqual(outline(rows), ['day', 'alice 1', 'day', 'alice 1']);
});

test('what changes about a message or about what waits is drawn anew', () => {
  const entry = waiting('x', NOON);
  const edit: Entry = { ...entry, request: { type: 'edit', room: 'general', clientId: 'y', target: 1, text: 'better' } };
  const room = holding({ messages: [said(1, bob, NOON)] });
  const before = buildRows(room, [entry], alice, undefined);
  const again = (entries: readonly Entry[], spot?: number) =>
    keepUnchanged(before, buildRows(room, entries, alice, undefined, spot)).map((row) => before.includes(row));
  assert.deepEqual(again([entry]), [true, true, true]);
  assert.deepEqual(again([{ ...entry, state: { is: 'sending' } }]), [true, true, false]);
  assert.deepEqual(again([entry, edit]), [true, false, true]);
  assert.deepEqual(again([entry], 1), [true, false, true]);
});

test('a group goes on as long as no pause in it is long', () => {
  const messages = [0, 4, 8, 12].map((minute, i) => said(i + 1, bob, NOON + minute * MINUTE));
  assert.deepEqual(outline(buildRows(holding({ messages }), [], alice, undefined)), ['day', 'bob 4']);
});

test('an edit under way stands at its message, not at the end', () => {
  const edit: Entry = {
    request: { type: 'edit', room: 'general', clientId: 'x', target: 1, text: 'better' },
    at: NOON,
    state: { is: 'sending' },
  };
  const rows = buildRows(holding({ messages: [said(1, alice, NOON)], notices: [] }), [edit], alice, undefined);
  const group = rows.find((row) => row.is === 'group');
  assert.deepEqual(outline(rows), ['day', 'alice 1']);
  assert.ok(group?.is === 'group' && group.lines[0]?.is === 'message' && group.lines[0].change === edit);
});

test('the mark for new messages stands once, before the first new one of somebody else', () => {
  const messages = [said(1, bob, NOON), said(2, alice, NOON), said(3, bob, NOON), said(4, bob, NOON)];
  const rows = buildRows(holding({ messages, notices: [] }), [], alice, 1);
  assert.deepEqual(outline(rows), ['day', 'bob 1', 'alice 1', 'new', 'bob 2']);
});

test('rows in which nothing changed stay the very same objects, the others do not', () => {
  const [one, two, three] = [said(1, bob, NOON), said(2, alice, NOON), said(3, bob, NOON)];
  const before = buildRows(holding({ messages: [one, two], notices: [came(1, 0)] }), [], alice, undefined);
  const answer = { ...three, replyTo: 1 };
  const notices = [came(1, 0)];
  const after = keepUnchanged(
    before,
    buildRows(holding({ messages: [one, { ...two, text: 'edited' }, answer], notices }), [], alice, undefined),
  );
  assert.deepEqual(
    after.map((row) => before.includes(row)),
    [true, false, true, false, false],
  );
  const last = buildRows(holding({ messages: [{ ...one, text: 'edited' }, two, answer], notices }), [], alice, undefined);
  assert.equal(keepUnchanged(after, last).at(-1) === after.at(-1), false, 'a quote follows what it quotes');
});

test('far from the present neither what waits nor who came since is shown, and quotes know the latest messages too', () => {
  const past = { messages: [said(5, bob, NOON), { ...said(6, bob, NOON), replyTo: 90 }], to: 30, beginning: false };
  const room = holding({ past, messages: [said(90, bob, NOON)], notices: [came(1, 3), came(2, 5), came(3, 40)] });
  const shown = buildRows(room, [waiting('x', NOON)], alice, undefined, 6);
  assert.deepEqual(outline(shown), ['day', 'bob 1', 'notices 1', 'bob 1']);
  const last = shown.at(-1);
  assert.ok(last?.is === 'group' && last.lines[0]?.is === 'message');
  assert.deepEqual([last.lines[0].answered?.seq, last.lines[0].isSpot], [90, true]);
});

test('a group keeps its key when older messages join it above or its first ones are dropped', () => {
  const all = [said(1, bob, NOON), said(2, bob, NOON), said(3, bob, NOON), said(4, alice, NOON)];
  const draw = (previous: ReturnType<typeof buildRows>, messages: readonly Message[]) =>
    keepUnchanged(previous, buildRows(holding({ messages }), [], alice, undefined));
  const keysOf = (rows: ReturnType<typeof buildRows>) => rows.filter(({ is }) => is === 'group').map(({ key }) => key);
  const first = draw([], all.slice(1));
  const grown = draw(first, all);
  const shrunk = draw(grown, all.slice(2));
  assert.deepEqual([keysOf(grown), keysOf(shrunk)], [keysOf(first), keysOf(first)]);
});

test('no two groups get one key, even when one falls apart', () => {
  const [one, two, three] = [said(1, bob, NOON), said(2, alice, NOON), said(3, bob, NOON)];
  const together = keepUnchanged([], buildRows(holding({ messages: [one, three] }), [], alice, undefined));
  const apart = keepUnchanged(together, buildRows(holding({ messages: [one, two, three] }), [], alice, undefined));
  assert.equal(new Set(apart.map(({ key }) => key)).size, apart.length);
  const draw = (previous: ReturnType<typeof buildRows>, messages: readonly Message[]) =>
    keepUnchanged(previous, buildRows(holding({ messages }), [], alice, undefined));
  const grown = draw(draw([], [three]), [one, three]);
  const fallen = draw(grown, [one, two, three]);
  assert.equal(new Set(fallen.map(({ key }) => key)).size, fallen.length);
});
