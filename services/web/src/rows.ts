/** The room as the list of rows that are drawn: days, groups of messages, notices, and where the new ones begin. */
import type { User } from '@securechat/shared/protocol';
import type { Entry } from './outbox.ts';
import { idOf } from './outbox.ts';
import type { Message, RoomNotice, RoomState } from './roomState.ts';
import { findHeld, shownPart } from './roomState.ts';

const GROUP_WITHIN_MS = 5 * 60_000;

/**
 * `change` is a change of the message that is on its way, `answered` the message that it answers, when it is loaded;
 * `isSpot` when it was looked up.
 */
export type Line =
  | { is: 'message'; message: Message; change: Entry | undefined; answered: Message | undefined; isSpot: boolean }
  | { is: 'pending'; entry: Entry };

export type Row =
  | { is: 'day'; key: string; at: number }
  | { is: 'new'; key: string }
  | { is: 'group'; key: string; author: User; at: number; isOwn: boolean; lines: Line[] }
  | { is: 'notices'; key: string; notices: RoomNotice[] };

/**
 * Builds the rows, oldest first.
 *
 * @param entries what the viewer said that is not stored yet; it stands at the end, edits stand at their message
 * @param newSince messages of others above this seq get a line before the first of them
 * @param spot the seq of the message that was looked up
 */
export function buildRows(
  room: RoomState,
  entries: readonly Entry[],
  me: User,
  newSince: number | undefined,
  spot?: number,
): Row[] {
  const rows: Row[] = [];
  const { messages, isPast, to } = shownPart(room);
  const oldest = messages[0]?.seq ?? 0;
  const notices = isPast ? room.notices.filter(({ afterSeq }) => afterSeq >= oldest && afterSeq < to) : room.notices;
  const changes = new Map(entries.flatMap((entry) => ('target' in entry.request ? [[entry.request.target, entry]] : [])));
  let day = '';
  let isNewMarked = newSince === undefined;
  let notice = 0;

  const beginDay = (at: number) => {
    const next = new Date(at).toDateString();
    if (next !== day) rows.push({ is: 'day', key: `day ${next}`, at });
    day = next;
  };
  const addNotices = (upTo: number) => {
    const heard: RoomNotice[] = [];
    for (; (notices[notice]?.afterSeq ?? Infinity) < upTo; notice++) heard.push(notices[notice] as RoomNotice);
    const [first] = heard;
    if (!first) return;
    beginDay(first.at);
    rows.push({ is: 'notices', key: `notices ${first.id}`, notices: heard });
  };
  const addLine = (author: User, at: number, key: string, line: Line) => {
    const last = rows.at(-1);
    if (last?.is === 'group' && last.author.id === author.id && at - lastAt(last) < GROUP_WITHIN_MS) last.lines.push(line);
    else rows.push({ is: 'group', key, author, at, isOwn: author.id === me.id, lines: [line] });
  };

  for (const message of messages) {
    addNotices(message.seq);
    beginDay(message.at);
    if (!isNewMarked && message.seq > (newSince ?? 0) && message.author.id !== me.id) {
      rows.push({ is: 'new', key: 'new' });
      isNewMarked = true;
    }
    const answered = message.replyTo === undefined ? undefined : findHeld(room, message.replyTo);
    const line: Line = { is: 'message', message, change: changes.get(message.seq), answered, isSpot: message.seq === spot };
    addLine(message.author, message.at, `group ${message.seq}`, line);
  }
  addNotices(Infinity);
  // What waits stands after the latest message, and that one is not in sight.
  if (isPast) return rows;
  for (const entry of entries) {
    if (entry.request.type !== 'send' && entry.state.is !== 'failed') continue;
    beginDay(entry.at);
    addLine(me, entry.at, `pending ${idOf(entry)}`, { is: 'pending', entry });
  }
  return rows;
}

/**
 * The new rows, but where nothing changed the very objects of the previous ones, so that drawing can skip them. A group that
 * grew or shrank at either end keeps its key, so that what is drawn of it stays, and with it the focus and the selection.
 */
export function keepUnchanged(previous: readonly Row[], rows: readonly Row[]): Row[] {
  const known = new Map(previous.map((row) => [row.key, row]));
  return keepKeys(previous, rows).map((row) => {
    const before = known.get(row.key);
    return before && isSame(before, row) ? before : row;
  });
}

function keepKeys(previous: readonly Row[], rows: readonly Row[]): Row[] {
  const keys = new Map(
    previous.flatMap((row) => (row.is === 'group' ? row.lines.map((line) => [nameOf(line), row.key] as const) : [])),
  );
  const taken = new Set<string>();
  return rows.map((row) => {
    if (row.is !== 'group') return row;
    const candidates = [...row.lines.map((line) => keys.get(nameOf(line))), row.key, `${row.key} again`];
    const key = candidates.find((candidate) => candidate !== undefined && !taken.has(candidate)) ?? row.key;
    taken.add(key);
    return key === row.key ? row : { ...row, key };
  });
}

const nameOf = (line: Line) => (line.is === 'message' ? line.message.seq : idOf(line.entry));

function isSame(a: Row, b: Row): boolean {
  if (a.is === 'group' && b.is === 'group') return areSame(a.lines, b.lines, isSameLine);
  if (a.is === 'notices' && b.is === 'notices') return areSame(a.notices, b.notices, Object.is);
  return a.is === b.is;
}

function isSameLine(a: Line, b: Line): boolean {
  if (a.is === 'pending') return b.is === 'pending' && a.entry === b.entry;
  if (b.is === 'pending') return false;
  return a.message === b.message && a.change === b.change && a.answered === b.answered && a.isSpot === b.isSpot;
}

function areSame<T>(a: readonly T[], b: readonly T[], isSameItem: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((item, i) => isSameItem(item, b[i] as T));
}

function lastAt(group: Row & { is: 'group' }): number {
  const last = group.lines.at(-1);
  if (last === undefined) return group.at;
  return last.is === 'message' ? last.message.at : last.entry.at;
}
