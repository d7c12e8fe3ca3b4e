import { useComputed } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import type { Conversation } from '../conversation.ts';
import { idOf } from '../outbox.ts';
import type { Message, RoomState } from '../roomState.ts';
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
/** Older messages are fetched when less than this is left above (px). */
const NEAR_BEGINNING = 600;

/** The message being read and where it stands in the window (px). */
type Anchor = { seq: string; top: number };
type Place = { anchor?: Anchor | undefined; drawn: RoomState };

type Props = {
  conversation: Conversation;
  openMenu: (opened: Opened) => void;
  reply: (message: Message) => void;
  editAgain: (text: string) => void;
};

/** The conversation itself. It holds what is being read in its place and follows only a reader who is at the end. */
export function MessageList(props: Props) {
  const { conversation } = props;
  const { room, outgoing, newSince, following, me } = conversation;
  const lastRows = useRef<Row[]>([]);
  const rows = useComputed(() => {
    lastRows.current = keepUnchanged(lastRows.current, buildRows(room.value, outgoing.value.entries, me, newSince.value));
    return lastRows.current;
  });
  const scroller = useReadingPlace(conversation, following.value.is === 'at_latest', room.value);
  const { phase, epoch, beginning, messages, historyBefore } = room.value;
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
        onKeyDown={moveAmongMessages}
      >
        <div class="column">
          {isLoading && <Skeleton />}
          {isEmpty && <EmptyRoom />}
          {!isLoading && !isEmpty && beginning && <p class="beginning">{texts.beginning}</p>}
          {historyBefore !== undefined && <p class="beginning">{texts.loadingOlder}</p>}
          {rows.value.map((row) => (
            <RowView key={row.key} row={row} {...props} />
          ))}
        </div>
      </div>
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
  const missed = room.value.messages.filter(({ seq, author, deleted }) => seq > since && author.id !== me.id && !deleted).length;
  return (
    <button type="button" class="jump" onClick={conversation.follow}>
      <Icon name="down" /> {missed > 0 ? texts.newBelow(missed) : texts.jump}
    </button>
  );
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

/** Keeps the reader's place over every redraw and resize, and fetches older messages when the top comes near. */
function useReadingPlace(conversation: Conversation, isFollowing: boolean, room: RoomState) {
  const scroller = useRef<HTMLDivElement | null>(null);
  const place = useRef<Place>({ drawn: room });

  useLayoutEffect(() => {
    place.current.drawn = room;
    keepPlace(scroller.current, isFollowing, place.current);
  });
  useEffect(() => {
    loadWhenNearBeginning(scroller.current, conversation, place.current);
  });
  useEffect(() => watchScrolling(scroller.current, conversation, place.current), [conversation]);
  return scroller;
}

/** Notes what is being read while it moves; returns what ends the watching. */
function watchScrolling(element: HTMLElement | null, conversation: Conversation, place: Place) {
  if (!element) return undefined;
  makeReachable(element);
  const scrolled = () => {
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
    // Before anything is drawn anew: an older anchor would pull the reader back.
    place.anchor = isAtEnd ? undefined : findAnchor(element);
    if (isAtEnd) conversation.follow();
    else conversation.unfollow();
    loadWhenNearBeginning(element, conversation, place);
  };
  const resized = new ResizeObserver(() => keepPlace(element, conversation.following.value.is === 'at_latest', place));
  element.addEventListener('scroll', scrolled, { passive: true });
  resized.observe(element);
  return () => {
    element.removeEventListener('scroll', scrolled);
    resized.disconnect();
  };
}

function keepPlace(scroller: HTMLElement | null, isFollowing: boolean, { anchor }: Place) {
  if (!scroller) return;
  if (isFollowing) {
    scroller.scrollTop = scroller.scrollHeight;
    return;
  }
  const line = anchor && scroller.querySelector(`[data-seq="${anchor.seq}"]`);
  if (line) scroller.scrollTop += line.getBoundingClientRect().top - anchor.top;
}

/** The first message in sight and where it stands: it is the one being read. */
function findAnchor(scroller: HTMLElement): Anchor | undefined {
  const edge = scroller.getBoundingClientRect().top;
  for (const line of scroller.querySelectorAll<HTMLElement>('[data-seq]')) {
    const { top, bottom } = line.getBoundingClientRect();
    if (bottom > edge) return { seq: line.dataset.seq ?? '', top };
  }
  return undefined;
}

/** What was heard since the last drawing is not on the screen yet, so where the reader stands is not known either. */
function loadWhenNearBeginning(scroller: HTMLElement | null, conversation: Conversation, { drawn }: Place) {
  if (scroller && drawn === conversation.room.peek() && scroller.scrollTop < NEAR_BEGINNING) conversation.loadOlder();
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
