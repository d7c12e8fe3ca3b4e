/** Every sentence that people read and that does not come from the server; one place, ready for a second language. */
import { Sentence } from '@securechat/shared/protocol';

const plurals = new Intl.PluralRules('en');
const count = (n: number, one: string, other: string) => `${n} ${plurals.select(n) === 'one' ? one : other}`;

export const texts = {
  product: 'SecureChat',
  roomName: 'general',
  joined: Sentence.joined,
  left: Sentence.left,

  // Entrance
  show: 'Show',
  hide: 'Hide',
  serverUnreachable: 'The server could not be reached. Check your connection and try again.',
  serverFailed: 'Something went wrong on the server. Please try again in a moment.',
  tryAgainIn: (seconds: number) => `You can try again in ${span(seconds)}.`,
  tryAgainNow: 'You can try again now.',
  sessionOver: 'Your session has ended. Please log in again.',
  youLeft: 'You have left the chat.',
  linkIncomplete: 'This link is incomplete. Open it again exactly as you were given it.',
  passwordSet: 'Your new password is set.',

  // Connection
  connecting: 'Connecting…',
  catchingUp: 'Catching up…',
  connected: 'Connected',
  offline: 'You are offline',
  reconnectingIn: (seconds: number) => `Reconnecting in ${seconds}\u00a0s…`,
  restarting: 'The server is restarting.',
  lost: 'The connection was lost.',
  offlineSentence: 'You are offline.',
  tryNow: 'Try now',
  notTaken: 'The server cannot take messages at the moment.',
  waitingToBeSent: (n: number) => `${count(n, 'message is', 'messages are')} waiting and will be sent.`,
  waitingFor: (n: number, seconds: number) =>
    `${count(n, 'message is', 'messages are')} waiting and will be sent in ${seconds}\u00a0s.`,
  youMaySendIn: (seconds: number) => `You can send again in ${seconds}\u00a0s.`,
  leftHere: 'You have left.',
  details: 'Connection details',
  youAre: 'You are',
  connectedSince: 'Connected since',
  notConnected: 'Not connected',
  upTo: 'Up to date to',
  eventNumber: (seq: number) => (seq === 0 ? 'nothing said yet' : `event #${seq}`),
  roundTrip: 'Round trip',
  milliseconds: (ms: number) => `${Math.max(1, Math.round(ms))} ms`,
  measuring: 'measuring…',
  server: 'Server',
  trust: 'Encrypted on the way; the server’s keeper can read messages.',

  // Header
  people: 'People',
  peopleHere: (n: number) => `${count(n, 'person', 'people')} here`,
  andMore: (n: number) => `and ${n} more`,
  you: 'you',
  showPeople: (n: number) => `People, ${n} here`,
  close: 'Close',
  theme: { auto: 'Theme: like the system', light: 'Theme: light', dark: 'Theme: dark' },
  leave: 'Leave',

  // Messages
  messages: 'Messages',
  beginning: 'This is the beginning of the conversation.',
  emptyTitle: 'It is quiet here.',
  emptyWords: 'Say the first word, or invite others: give them this address.',
  copyAddress: 'Copy address',
  copied: 'Copied',
  newMessages: 'New',
  jump: 'Jump to latest',
  newBelow: (n: number) => count(n, 'new message', 'new messages'),
  loadingOlder: 'Loading older messages…',
  edited: 'edited',
  messageDeleted: 'Message deleted',
  earlierMessage: 'an earlier message',
  replyTo: (name: string) => `In reply to ${name}: `,
  earlierNotices: (n: number) => `Show ${count(n, 'earlier line', 'earlier lines')} about people coming and going`,
  actions: 'Message actions',
  actionsOn: (seq: number) => `Message actions, message #${seq}`,
  messageNumber: (seq: number) => `Message #${seq}`,
  more: 'More',
  reply: 'Reply',
  edit: 'Edit',
  delete: 'Delete',
  copyText: 'Copy text',
  react: (emoji: string) => `React with ${emoji}`,
  reactedBy: (emoji: string, n: number, names: string) => `${emoji} ${n}: ${names}`,
  somebody: 'Somebody',
  deleteQuestion: 'Delete this message?',
  deleteExplained: 'It disappears for everybody and cannot be brought back.',
  keep: 'Keep',

  // Pending
  sending: 'Sending…',
  waiting: 'Waiting to be sent',
  savingEdit: 'Saving…',
  notSent: 'Not sent.',
  notChanged: 'Not changed.',
  editAgain: 'Edit',
  sendAgain: 'Send again',
  copy: 'Copy',
  discard: 'Discard',

  // Composer
  composer: (room: string) => `Message ${room}`,
  send: 'Send',
  save: 'Save',
  editing: 'Editing your message',
  replyingTo: (name: string) => `Replying to ${name}`,
  cancel: 'Cancel',
  charactersLeft: (n: number) => (n >= 0 ? `${n} left` : `${-n} too many`),
  typing: (names: readonly string[], list: Intl.ListFormat) => {
    if (names.length > 3) return 'Several people are typing…';
    return `${list.format(names)} ${names.length === 1 ? 'is' : 'are'} typing…`;
  },

  // Leaving
  leaveQuestion: 'Leave now?',
  leaveExplained: (n: number) => `${count(n, 'message has', 'messages have')} not been sent yet and would be lost.`,
  stay: 'Stay',
  leaveAnyway: 'Leave and discard',

  // Keys
  keys: 'Keys',
  keyList: [
    ['Enter', 'send'],
    ['Shift + Enter', 'new line'],
    ['↑', 'edit your last message, while the field is empty'],
    ['Esc', 'close what is open, then jump to the latest'],
    ['↑ ↓ in the messages', 'move from message to message; Enter opens its actions'],
    ['?', 'show these keys'],
  ],
} as const;

function span(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
