import { useComputed } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Conversation, Spot } from '../conversation.ts';
import { asPlainText } from '../copied.ts';
import { idOf } from '../outbox.ts';
import type { Message, RoomState } from '../roomState.ts';
import { findHeld, shownPart } from '../roomState.ts';
import type { Row } from '../rows.ts';
import { buildRows, keepUnchanged } from '../rows.ts';
import { texts } from '../texts.ts';
import { dayOf, timeOfDay, wholeTime } from '../times.ts';
import { Avatar } from './Avatar.tsx';
import { EmptyRoom } from './EmptyRoom.tsx';
import { Icon } from './Icon.tsx';
import { MessageLine } from './MessageLine.tsx';
import type { Opened } from './MessageMenu.tsx';
import { Notices } from './Notices.tsx';
import { PendingLine } from './PendingLine.tsx';
import { makeReachable } from './reachable.ts';

/** Closer than this to the end counts as being at the end (px). */
const NEAR_END = 48;
/** More messages are fetched when less than this is left above or below (px). */
const NEAR_EDGE = 600;

/** The message being read, where it stands in the conversation's window, negative when it begins above, and its height (px). */
type Anchor = { seq: string; top: number; height: number };
type Place = {
  anchor?: Anchor | undefined;
  drawn: RoomState;
  isDrawnFollowing?: boolean;
  spot?: Spot | undefined;
  frame?: Frame | undefined;
};
/** How large the window of the conversation is (px). */
type Frame = { width: number; height: number };

type Props = {
  conversation: Conversation;
  openMenu: (opened: Opened) => void;
  reply: (message: Message) => void;
  editAgain: (text: string) => void;
};

/** The conversation itself. It holds what is being read in its place and follows only a reader who is at the end. */
export function MessageList(props: Props) {
  const { conversation } = props;
  const { room, outgoing, newSince, following, spot, me } = conversation;
  const lastRows = useRef<Row[]>([]);
  const rows = useComputed(() => {
    const found = spot.value?.is === 'found' ? spot.value.seq : undefined;
    const next = buildRows(room.value, outgoing.value.entries, me, newSince.value, found);
    lastRows.current = keepUnchanged(lastRows.current, next);
    return lastRows.current;
  });
  const scroller = useReadingPlace(conversation, following.value.is === 'at_latest', room.value, spot.value);
  const { phase, epoch, historyBefore, historyFor } = room.value;
  const { beginning, messages, isPast } = shownPart(room.value);
  const isLoading = epoch === undefined;
  const isEmpty = !isLoading && messages.length === 0 && outgoing.value.entries.length === 0;
  return (
    <div class="stage">
      <div
        ref={scroller}
        class="messages"
        role="log"
        aria-label={texts.messages}
        aria-busy={phase !== 'open' || historyBefore !== undefined}
        aria-live={isPast ? 'off' : undefined}
        onKeyDown={moveAmongMessages}
        onCopy={(event) => copyAcross(event, room.peek())}
      >
        <div class="column" data-above={!isLoading && !beginning ? 'more' : undefined} data-below={isPast ? 'more' : undefined}>
          {isLoading && <Skeleton />}
          {isEmpty && <EmptyRoom />}
          {!isLoading && !isEmpty && beginning && <p class="beginning">{texts.beginning}</p>}
          {historyFor?.is === 'older' && <p class="loading-more">{texts.loadingOlder}</p>}
          {rows.value.map((row) => (
            <RowView key={row.key} row={row} {...props} />
          ))}
          {historyFor?.is === 'newer' && <p class="loading-more newer">{texts.loadingNewer}</p>}
        </div>
      </div>
      <SpotWord conversation={conversation} />
      <JumpToLatest conversation={conversation} />
    </div>
  );
}

/** One row, drawn anew only when something in it changed. */
function RowView({ row, conversation, openMenu, reply, editAgain }: Props & { row: Row }) {
  return useMemo(
    () => <AnyRow {...{ row, conversation, openMenu, reply, editAgain }} />,
    [row, conversation, openMenu, reply, editAgain],
  );
}

function AnyRow({ row, ...props }: Props & { row: Row }) {
  switch (row.is) {
    case 'day':
      return (
        <h2 class="day">
          <span>{dayOf(row.at, props.conversation.clock.now())}</span>
        </h2>
      );
    case 'new':
      return (
        <p class="new">
          <span>{texts.newMessages}</span>
        </p>
      );
    case 'notices':
      return <Notices notices={row.notices} />;
    case 'group':
      return <Group group={row} {...props} />;
  }
}

function Group({ group, conversation, openMenu, reply, editAgain }: Props & { group: Row & { is: 'group' } }) {
  return (
    <section class={group.isOwn ? 'group own' : 'group'}>
      <Avatar user={group.author} />
      <div class="lines">
        <p class="meta">
          <bdi class="name" title={group.author.name} aria-hidden="true">
            {group.author.name}
          </bdi>
          <time dateTime={new Date(group.at).toISOString()} title={wholeTime(group.at)}>
            {timeOfDay(group.at)}
          </time>
        </p>
        {group.lines.map((line) =>
          line.is === 'message' ? (
            <MessageLine
              key={line.message.seq}
              {...{ conversation, openMenu, reply }}
              message={line.message}
              change={line.change}
              answered={line.answered}
              isSpot={line.isSpot}
            />
          ) : (
            <PendingLine key={idOf(line.entry)} {...{ conversation, editAgain }} entry={line.entry} />
          ),
        )}
      </div>
    </section>
  );
}

function JumpToLatest({ conversation }: { conversation: Conversation }) {
  const { following, room, me } = conversation;
  if (following.value.is === 'at_latest') return null;
  const { since } = following.value;
  const { messages } = room.value;
  const missed = messages.filter(({ seq, author, deleted }) => seq > since && author.id !== me.id && !deleted).length;
  const isMore = (messages[0]?.seq ?? 0) > since + 1;
  const label = missed === 0 ? texts.jump : isMore ? texts.manyBelow(missed) : texts.newBelow(missed);
  return (
    <button type="button" class="jump" onClick={conversation.goToLatest}>
      <Icon name="down" /> {label}
    </button>
  );
}

/** What became of a message that was looked up, where the message itself does not tell. */
function SpotWord({ conversation }: { conversation: Conversation }) {
  const words = spotWords(conversation);
  return (
    <div class="spot-word" data-is={conversation.spot.value?.is}>
      <p role="status">{words}</p>
      {words && (
        <button type="button" class="tool" aria-label={texts.close} title={texts.close} onClick={conversation.forgetSpot}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}

function spotWords({ spot, room }: Conversation): string | undefined {
  if (!spot.value) return undefined;
  const { seq, is } = spot.value;
  switch (is) {
    case 'looked_for':
      return texts.lookingFor(seq);
    case 'missing':
      return texts.noSuchMessage(seq);
    case 'found':
      return findHeld(room.value, seq)?.deleted ? texts.wasDeleted(seq) : undefined;
  }
}

function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      {[70, 45, 85, 55].map((width) => (
        <div key={width} class="skeleton-line" style={{ inlineSize: `${width}%` }} />
      ))}
    </div>
  );
}

/** Keeps the reader's place over every redraw and resize, and fetches more messages when an edge comes near. */
function useReadingPlace(conversation: Conversation, isFollowing: boolean, room: RoomState, spot: Spot | undefined) {
  const scroller = useRef<HTMLDivElement | null>(null);
  const place = useRef<Place>({ drawn: room });

  useLayoutEffect(() => {
    place.current.drawn = room;
    place.current.isDrawnFollowing = isFollowing;
    if (spot?.is === 'found' && spot !== place.current.spot) showSpot(scroller.current, conversation, spot, place.current);
    else keepPlace(scroller.current, isFollowing, place.current);
  });
  useEffect(() => {
    loadWhenNearEdge(scroller.current, conversation, place.current);
  });
  useEffect(() => watchScrolling(scroller.current, conversation, place.current), [conversation]);
  return scroller;
}

/** Brings the message that was looked up into the upper half and gives it the focus. */
function showSpot(scroller: HTMLElement | null, conversation: Conversation, spot: Spot, place: Place) {
  const line = scroller?.querySelector<HTMLElement>(`[data-seq="${spot.seq}"]`);
  if (!scroller || !line) return;
  place.spot = spot;
  const [frame, box] = [scroller.getBoundingClientRect(), line.getBoundingClientRect()];
  scroller.scrollTop += box.top - frame.top - Math.max(8, (frame.height - box.height) / 3);
  place.anchor = anchorAt(line, scroller);
  line.focus({ preventScroll: true });
  if (isAtLatest(scroller, conversation)) conversation.follow();
}

function isAtLatest(scroller: HTMLElement, { room }: Conversation): boolean {
  return !room.peek().past && distanceToEnd(scroller) < NEAR_END;
}

function distanceToEnd({ scrollHeight, scrollTop, clientHeight }: HTMLElement): number {
  return scrollHeight - scrollTop - clientHeight;
}

/** Notes what is being read while it moves; returns what ends the watching. */
function watchScrolling(element: HTMLElement | null, conversation: Conversation, place: Place) {
  if (!element) return undefined;
  makeReachable(element);
  const scrolled = () => {
    // The window changed and the words in it stand elsewhere: nobody scrolled, and what was being read is put back next.
    if (isResized(element, place)) return;
    // The reader asked for the latest while this scrolling was under way: the next drawing takes them there.
    if (conversation.following.value.is === 'at_latest' && !place.isDrawnFollowing) return;
    // What was heard since the last drawing may have closed the gap to the present; the eye does not see it yet.
    const isAtEnd = !place.drawn.past && isAtLatest(element, conversation);
    // Before anything is drawn anew: an older anchor would pull the reader back.
    place.anchor = isAtEnd ? undefined : findAnchor(element);
    if (place.anchor) conversation.readAt(Number(place.anchor.seq));
    if (isAtEnd) conversation.follow();
    else conversation.unfollow();
    loadWhenNearEdge(element, conversation, place);
  };
  const resized = new ResizeObserver(() => {
    keepPlace(element, conversation.following.value.is === 'at_latest', place);
    if (!isResized(element, place)) return;
    place.frame = { width: element.clientWidth, height: element.clientHeight };
    scrolled();
  });
  element.addEventListener('scroll', scrolled, { passive: true });
  resized.observe(element);
  // Late fonts and code that gets its colours change the height of what was drawn long ago.
  if (element.firstElementChild) resized.observe(element.firstElementChild);
  return () => {
    element.removeEventListener('scroll', scrolled);
    resized.disconnect();
  };
}

function isResized({ clientWidth, clientHeight }: HTMLElement, { frame }: Place): boolean {
  return clientWidth !== frame?.width || clientHeight !== frame.height;
}

function keepPlace(scroller: HTMLElement | null, isFollowing: boolean, { anchor }: Place) {
  if (!scroller) return;
  if (isFollowing) {
    scroller.scrollTop = scroller.scrollHeight;
    return;
  }
  const line = anchor && scroller.querySelector<HTMLElement>(`[data-seq="${anchor.seq}"]`);
  if (!line) return;
  const now = anchorAt(line, scroller);
  // Of a message that begins above the window the same part is read on, however its words are broken into lines now.
  scroller.scrollTop += now.top - anchor.top * (anchor.top < 0 ? now.height / anchor.height : 1);
}

/** The first message in sight: it is the one being read. */
function findAnchor(scroller: HTMLElement): Anchor | undefined {
  const edge = scroller.getBoundingClientRect().top;
  for (const line of scroller.querySelectorAll<HTMLElement>('[data-seq]')) {
    if (line.getBoundingClientRect().bottom > edge) return anchorAt(line, scroller);
  }
  return undefined;
}

function anchorAt(line: HTMLElement, scroller: HTMLElement): Anchor {
  const { top, height } = line.getBoundingClientRect();
  return { seq: line.dataset.seq ?? '', top: top - scroller.getBoundingClientRect().top, height };
}

/** What was heard since the last drawing is not on the screen yet, so where the reader stands is not known either. */
function loadWhenNearEdge(scroller: HTMLElement | null, conversation: Conversation, { drawn }: Place) {
  if (!scroller || drawn !== conversation.room.peek()) return;
  if (scroller.scrollTop < NEAR_EDGE) conversation.loadOlder();
  if (distanceToEnd(scroller) < NEAR_EDGE) conversation.loadNewer();
}

/** A selection over several messages is copied as who said what when; within one message the browser does it right. */
function copyAcross(event: ClipboardEvent & { currentTarget: HTMLElement }, room: RoomState) {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || selection.rangeCount === 0) return;
  const range = selection.getRangeAt(0);
  const lines = [...event.currentTarget.querySelectorAll<HTMLElement>('[data-seq]')].filter((line) => range.intersectsNode(line));
  const said = lines.flatMap((line) => saidIn(line, range, room));
  if (said.length < 2) return;
  event.preventDefault();
  event.clipboardData?.setData('text/plain', asPlainText(said));
}

/** What of a message is selected: all as it was written, or a part as it is shown. */
function saidIn(line: HTMLElement, range: Range, room: RoomState) {
  const words = line.querySelector('.words');
  const message = findHeld(room, Number(line.dataset.seq));
  if (!words || !message || !range.intersectsNode(words)) return [];
  const part = document.createRange();
  part.selectNodeContents(words);
  const isWhole = range.comparePoint(words, 0) >= 0 && range.comparePoint(words, words.childNodes.length) <= 0;
  if (range.comparePoint(part.startContainer, part.startOffset) < 0) part.setStart(range.startContainer, range.startOffset);
  if (range.comparePoint(part.endContainer, part.endOffset) > 0) part.setEnd(range.endContainer, range.endOffset);
  const text = isWhole ? (message.text ?? part.toString()) : part.toString();
  return text === '' ? [] : [{ seq: message.seq, name: message.author.name, time: timeOfDay(message.at), text }];
}

/** Arrow keys go from message to message once the list, one of them, or something in one has the focus. */
function moveAmongMessages(event: KeyboardEvent & { currentTarget: HTMLElement }) {
  const step = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0;
  const isOnMessage = event.target instanceof HTMLElement && event.target.closest('.line') !== null;
  if (step === 0 || !(isOnMessage || event.target === event.currentTarget)) return;
  const lines = [...event.currentTarget.querySelectorAll<HTMLElement>('.line')];
  const current = lines.findIndex((line) => line.matches(':focus-within'));
  const next = current === -1 ? lines.at(-1) : lines[current + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
