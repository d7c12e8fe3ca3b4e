/** The states of the chat page, each made from nothing but what the page draws from. */
import type { RefusalCode, User } from '@securechat/shared/protocol';
import { Limit, RefusalSentence, Sentence } from '@securechat/shared/protocol';
import type { Clock } from './clock.ts';
import type { Conversation } from './conversation.ts';
import { createConversation } from './conversation.ts';
import { createLooseLocker } from './locker.ts';
import type { Entry } from './outbox.ts';
import { ask } from './questions.ts';
import type { Message, RoomNotice, RoomState } from './roomState.ts';
import { emptyRoom } from './roomState.ts';
import type { SocketLike } from './socket.ts';

export type State = {
  name: string;
  set: (conversation: Conversation) => void;
  /** What a hand does after the page was drawn. */
  open?: (page: Document) => void;
  /** What that brings up, when it comes later. */
  brings?: string;
  isRightToLeft?: true;
  isOffline?: true;
};

export const MAX_CHARACTERS = 4_000;

const NOW = Date.UTC(2026, 4, 7, 9, 41);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const marta: User = { id: 'u-marta', name: 'Marta' };
const jonas: User = { id: 'u-jonas', name: 'Jonas' };
const lin: User = { id: 'u-lin', name: 'Lin' };
const yusuf: User = { id: 'u-yusuf', name: 'Yusuf' };
const longest: User = { id: 'u-long', name: 'Wolfeschlegelsteinhausenbergerdo' };
const everybody = [marta, jonas, lin, yusuf];

const stopped: Clock = { now: () => NOW, after: () => () => {} };

class SilentSocket implements SocketLike {
  readyState = 1;
  onopen = null;
  onmessage = null;
  onclose = null;
  send() {}
  close() {}
}

/** A conversation of Marta's whose clock stands still and whose server never says a word. */
export function createGalleryConversation(): Conversation {
  return createConversation({
    me: marta,
    url: 'wss://localhost:8765/',
    WebSocket: SilentSocket,
    clock: stopped,
    random: () => 0,
    locker: createLooseLocker(stopped),
    newId: () => crypto.randomUUID(),
    whoAmI: () => Promise.resolve('unknown'),
    ended: () => {},
  });
}

type Words = { by: User; text?: string } & Partial<Omit<Message, 'author' | 'text' | 'at'>> & { ago: number };

/** Messages as they are held, numbered from `first`; `ago` in minutes. */
function said(all: readonly Words[], first = 1): Message[] {
  return all.map(({ by, ago, ...rest }, index) => {
    const seq = first + index;
    return { seq, at: NOW - ago * MINUTE, author: by, deleted: rest.text === undefined, reactions: {}, asOf: seq, ...rest };
  });
}

function inRoom(conversation: Conversation, messages: readonly Message[], more: Partial<RoomState> = {}) {
  const last = messages.at(-1);
  conversation.link.value = { state: 'connected', since: NOW - 20 * MINUTE };
  conversation.serverVersion.value = '0.1.0';
  conversation.roundTripMs.value = 23;
  conversation.room.value = {
    ...emptyRoom,
    epoch: 'gallery',
    phase: 'open',
    cursor: last?.seq ?? 0,
    messages,
    beginning: messages.length === 0 || messages[0]?.seq === 1,
    people: everybody,
    peopleCount: everybody.length,
    greeted: true,
    ...more,
  };
}

const garden = said([
  {
    by: lin,
    ago: 15 * 60 + 21,
    text: 'The first radishes are up! I counted eleven.',
    reactions: { '🎉': ['u-jonas', 'u-marta'] },
  },
  { by: jonas, ago: 15 * 60 + 9, text: 'Already? Mine are still thinking about it.' },
  { by: jonas, ago: 29, text: 'Good morning! Who can open the greenhouse today? I only get there at noon.' },
  { by: marta, ago: 27, text: 'I have the key. I will be there at ten and leave the door open.', replyTo: 3 },
  {
    by: yusuf,
    ago: 11,
    text: 'The seed swap is on **Saturday at three**, in the shed if it rains.',
    reactions: { '👍': ['u-jonas', 'u-marta'] },
  },
  { by: yusuf, ago: 10, text: 'Who brings what: https://garden.example/swap' },
  { by: lin, ago: 7, text: 'Three kinds of beans from me, and my grandmother’s dill.', editedAt: NOW - 6 * MINUTE },
  { by: yusuf, ago: 5, text: 'The dill! Keep a spoonful for me, @Lin.', replyTo: 7 },
  { by: marta, ago: 3, text: 'And I will bake something with the last of the plums.' },
  { by: lin, ago: 2, text: '🥧😍' },
]);

const came = (id: number, kind: RoomNotice['kind'], user: User, afterSeq: number): RoomNotice => ({
  id,
  kind,
  user,
  at: NOW - 9 * MINUTE,
  afterSeq,
});

function entry(text: string, state: Entry['state'], ago = 0): Entry {
  return { request: { type: 'send', room: 'general', clientId: `gallery-${text}`, text }, at: NOW - ago * MINUTE, state };
}

const refused = (code: RefusalCode, type: string): Entry['state'] => ({
  is: 'failed',
  refusal: { type: 'refused', code, message: RefusalSentence[code], for: type },
});

const chatter = (messages: number, first = 1) =>
  said(
    Array.from({ length: messages }, (_, index) => ({
      by: everybody[Math.floor(index / 3) % everybody.length] ?? lin,
      ago: (messages - index) * 2,
      text: `This is number ${first + index} of a very long conversation.`,
    })),
    first,
  );

const manyEmoji = [
  '👍',
  '❤️',
  '😂',
  '🎉',
  '😮',
  '😢',
  '🔥',
  '👀',
  '🙏',
  '🌱',
  '🌻',
  '🍅',
  '🥕',
  '🐝',
  '☔',
  '☀️',
  '🧑‍🌾',
  '🏡',
  '✅',
  '💯',
];
const crowd: User[] = Array.from({ length: Limit.peopleListed }, (_, index) => ({
  id: `c-${index}`,
  name: `gardener${index + 1}`,
}));

const press = (page: Document, selector: string) => page.querySelector<HTMLElement>(selector)?.click();
const key = (element: Element | null | undefined, name: string) =>
  element?.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
const openMenu = (page: Document) => key([...page.querySelectorAll('.line')].at(-2), 'Enter');

function openPeople(page: Document) {
  if (!page.querySelector('.people')) press(page, '[aria-controls="people"]');
}

function write(page: Document, text: string) {
  const field = page.querySelector('textarea');
  if (!field) return;
  field.focus();
  field.value = text;
  field.setSelectionRange(text.length, text.length);
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
}

const talk = (conversation: Conversation, more: Partial<RoomState> = {}) => inRoom(conversation, garden, more);

export const states: readonly State[] = [
  {
    name: 'empty-room',
    set: (chat) => inRoom(chat, [], { people: [marta], peopleCount: 1, notices: [came(1, 'joined', marta, 0)] }),
  },
  { name: 'loading', set: () => {} },
  {
    name: 'conversation',
    set: (chat) => talk(chat, { notices: [came(1, 'joined', yusuf, 4), came(2, 'left', jonas, 6), came(3, 'joined', jonas, 6)] }),
  },
  {
    name: 'new-messages-and-typing',
    set: (chat) => {
      talk(chat, { typing: [jonas, lin].map((user) => ({ user, until: NOW + 4_000 })) });
      chat.newSince.value = 6;
    },
  },
  {
    name: 'many-came-and-went',
    set: (chat) =>
      talk(chat, { notices: crowd.slice(0, 40).map((user, index) => came(index + 1, index % 3 ? 'joined' : 'left', user, 10)) }),
  },
  {
    name: 'sending',
    set: (chat) => {
      talk(chat);
      chat.outgoing.value = {
        entries: [entry('On my way with the key.', { is: 'sending' }), entry('Who is there?', { is: 'waiting' })],
      };
    },
  },
  {
    name: 'muted',
    set: (chat) => {
      talk(chat);
      chat.outgoing.value = {
        entries: [entry('One more thing', { is: 'waiting' }), entry('and another', { is: 'waiting' })],
        halt: { until: NOW + 8_000, sentence: Sentence.rateLimited(10) },
      };
    },
  },
  {
    name: 'server-takes-nothing',
    set: (chat) => {
      talk(chat);
      chat.outgoing.value = { entries: [entry('Who waters on Sunday?', { is: 'waiting' })], isRefused: true };
    },
  },
  {
    name: 'failed',
    set: (chat) => {
      talk(chat);
      chat.outgoing.value = { entries: [entry('A very long story that the server does not take.', refused('too_long', 'send'))] };
    },
  },
  {
    name: 'no-permission',
    set: (chat) => {
      talk(chat);
      const request = { type: 'edit', room: 'general', clientId: 'gallery-edit', target: 9, text: 'something else' } as const;
      chat.outgoing.value = { entries: [{ request, at: NOW, state: refused('forbidden', 'edit') }] };
    },
  },
  {
    name: 'offline',
    isOffline: true,
    set: (chat) => {
      talk(chat, { phase: 'away' });
      chat.link.value = { state: 'waiting', until: NOW + 12_000, why: 'lost' };
      chat.outgoing.value = {
        entries: [entry('Written in the tunnel', { is: 'waiting' }), entry('and this too', { is: 'waiting' })],
      };
    },
  },
  {
    name: 'reconnecting',
    set: (chat) => {
      talk(chat, { phase: 'away' });
      chat.link.value = { state: 'waiting', until: NOW + 7_000, why: 'lost' };
    },
  },
  {
    name: 'server-restarting',
    set: (chat) => {
      talk(chat, { phase: 'away' });
      chat.link.value = { state: 'waiting', until: NOW + 3_000, why: 'restarting' };
    },
  },
  {
    name: 'connecting-again',
    set: (chat) => {
      talk(chat, { phase: 'away' });
      chat.link.value = { state: 'connecting', isFirst: false };
    },
  },
  { name: 'catching-up', set: (chat) => talk(chat, { phase: 'resuming' }) },
  {
    name: 'signed-out',
    set: (chat) => {
      talk(chat, { phase: 'away' });
      chat.link.value = { state: 'ended', why: 'session_over' };
    },
  },
  {
    name: 'device-keeps-nothing',
    set: (chat) => {
      talk(chat);
      chat.keepsNothing.value = true;
    },
  },
  {
    name: 'very-long-history',
    set: (chat) => {
      const past = { messages: chatter(120, 301), to: 420, beginning: false };
      inRoom(chat, chatter(60, 5_000), { past, historyBefore: 301, historyFor: { is: 'older' } });
      chat.following.value = { is: 'away', since: 5_040 };
    },
  },
  {
    name: 'message-looked-up',
    set: (chat) => {
      const past = { messages: chatter(50, 301), to: 350, beginning: false };
      inRoom(chat, chatter(60, 5_000), { past });
      chat.following.value = { is: 'away', since: 5_059 };
      chat.spot.value = { seq: 326, is: 'found' };
    },
  },
  {
    name: 'looking-for-a-message',
    set: (chat) => {
      talk(chat);
      chat.spot.value = { seq: 4, is: 'looked_for' };
    },
  },
  {
    name: 'message-not-found',
    set: (chat) => {
      talk(chat);
      chat.spot.value = { seq: 123_456, is: 'missing' };
    },
  },
  {
    name: 'message-deleted',
    set: (chat) => {
      inRoom(chat, [...garden.slice(0, 8), ...said([{ by: jonas, ago: 1 }], 9)]);
      chat.spot.value = { seq: 9, is: 'found' };
    },
  },
  { name: 'people-200', set: (chat) => talk(chat, { people: crowd, peopleCount: 1_234 }) },
  {
    name: 'people-over-the-page',
    set: (chat) => talk(chat),
    open: openPeople,
  },
  {
    name: 'long-names-and-words',
    set: (chat) =>
      inRoom(
        chat,
        said([
          { by: longest, ago: 9, text: 'w'.repeat(300) },
          { by: longest, ago: 8, text: `https://example.org/${'path/'.repeat(40)}` },
          {
            by: marta,
            ago: 7,
            text: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
            replyTo: 1,
          },
          { by: longest, ago: 6, text: 'Short again.', replyTo: 3 },
        ]),
        { people: [longest, ...everybody], peopleCount: 5, typing: [{ user: longest, until: NOW + 3_000 }] },
      ),
  },
  {
    name: 'right-to-left',
    isRightToLeft: true,
    set: (chat) =>
      inRoom(
        chat,
        said([
          { by: { id: 'u-he', name: 'נועה' }, ago: 9, text: 'שלום לכולם! מי פותח היום את החממה?' },
          {
            by: { id: 'u-ar', name: 'سلمى' },
            ago: 7,
            text: 'صباح الخير، المفتاح معي. https://garden.example/ar',
            reactions: { '👍': ['u-marta'] },
          },
          { by: marta, ago: 5, text: 'Thank you! תודה', replyTo: 2 },
          { by: { id: 'u-he', name: 'נועה' }, ago: 4, text: 'בבקשה :)', editedAt: NOW - MINUTE },
        ]),
      ),
  },
  {
    name: 'code-and-marks',
    set: (chat) =>
      inRoom(
        chat,
        said([
          { by: jonas, ago: 9, text: '**bold** *italic* ~~struck~~ `snippet` and a [link](https://example.org/page)' },
          { by: jonas, ago: 8, text: '> quoted words\n> of two lines\n\nand an answer' },
          { by: lin, ago: 7, text: '- beans\n- dill\n  - and its seeds\n\n1. dig\n2. water' },
          {
            by: marta,
            ago: 5,
            text: `\`\`\`ts\nconst wide = "${'columns are kept '.repeat(12)}";\nfor (const bean of beans) plant(bean);\n\`\`\``,
          },
          { by: yusuf, ago: 3, text: '@Marta and @Jonas: look at this.' },
        ]),
      ),
  },
  {
    name: 'emoji',
    set: (chat) =>
      inRoom(
        chat,
        said([
          { by: lin, ago: 3, text: '🌱🌻' },
          { by: jonas, ago: 2, text: '👩‍👩‍👧‍👦🏳️‍🌈👍🏽' },
          { by: marta, ago: 1, text: 'with words 🥧' },
        ]),
      ),
  },
  {
    name: 'many-reactions',
    set: (chat) => {
      const reactions = Object.fromEntries(
        manyEmoji.map((emoji, index) => [emoji, index % 2 ? ['u-jonas'] : ['u-marta', 'u-lin']]),
      );
      inRoom(
        chat,
        said([
          { by: lin, ago: 3, text: 'The tomatoes are ripe!', reactions },
          { by: jonas, ago: 1, text: 'At last.' },
        ]),
      );
    },
  },
  { name: 'editing', set: talk, open: (page) => key(page.querySelector('textarea'), 'ArrowUp') },
  { name: 'replying', set: talk, open: (page) => press(page, '.line-tools button') },
  { name: 'long-draft', set: talk, open: (page) => write(page, 'a line of a long letter\n'.repeat(14)) },
  { name: 'draft-too-long', set: talk, open: (page) => write(page, 'x'.repeat(MAX_CHARACTERS + 12)) },
  {
    name: 'saving-an-edit',
    set: (chat) => {
      talk(chat);
      const request = {
        type: 'edit',
        room: 'general',
        clientId: 'gallery-edit',
        target: 9,
        text: 'And I will bake a plum cake.',
      } as const;
      chat.outgoing.value = { entries: [{ request, at: NOW, state: { is: 'waiting' } }] };
    },
  },
  {
    name: 'deleting',
    set: (chat) => {
      talk(chat);
      chat.deleting.value = { seqs: [9], until: NOW + 4_000 };
    },
  },
  {
    name: 'emoji-picker',
    set: talk,
    open: (page) => press(page, '.composer-field .tool'),
    brings: '.emoji-grid button',
  },
  { name: 'mention-suggestions', set: talk, open: (page) => write(page, '@'), brings: '.completion [role="option"]' },
  { name: 'emoji-suggestions', set: talk, open: (page) => write(page, 'so :smi'), brings: '.completion [role="option"]' },
  { name: 'menu', set: talk, open: openMenu },
  { name: 'connection-details', set: talk, open: (page) => press(page, '.connection') },
  {
    name: 'question-leave',
    set: (chat) => {
      talk(chat);
      chat.outgoing.value = { entries: [entry('not sent yet', { is: 'waiting' })] };
      ask({ is: 'leave' });
    },
  },
  { name: 'keys', set: talk, open: () => ask({ is: 'keys' }) },
  { name: 'settings', set: talk, open: () => ask({ is: 'settings' }) },
  { name: 'go-to', set: talk, open: () => ask({ is: 'go' }) },
  { name: 'person', set: talk, open: () => ask({ is: 'person', id: 'u-lin' }) },
  {
    name: 'yesterday-and-long-ago',
    set: (chat) => {
      const days = [400, 30, 1, 0].map((ago) => ({
        by: lin,
        ago: (ago * DAY) / MINUTE + 5,
        text: 'Good morning from another day.',
      }));
      inRoom(chat, said(days));
    },
  },
];
