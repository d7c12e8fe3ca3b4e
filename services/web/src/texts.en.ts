/** English: every sentence that people read and that does not come from the server. What is written here is what others translate. */
import { Sentence } from '@securechat/shared/protocol';

const plurals = new Intl.PluralRules('en');
const lists = new Intl.ListFormat('en');
const count = (n: number, one: string, other: string) => `${n} ${plurals.select(n) === 'one' ? one : other}`;

export type Texts = typeof english;

export const english = {
  product: 'SecureChat',
  roomName: 'general',
  joined: Sentence.joined,
  left: Sentence.left,

  // Entrance
  lead: 'Group chat that runs on your own machine.',
  name: 'Name',
  password: 'Password',
  showPassword: 'Show password',
  logIn: 'Log in',
  signUp: 'Sign up',
  signUpClosed: 'Sign-up is closed here; people with an account can log in.',
  newPasswordTitle: 'New password – SecureChat',
  choosePassword: 'Choose a new password.',
  newPassword: 'New password',
  passwordRule: 'At least 8 characters. You will be signed out everywhere else.',
  setPassword: 'Set password',
  goToLogIn: 'Go to log in',
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
  waitingHere: 'Waiting here',
  nothingWaits: 'nothing',
  messagesWait: (n: number) => count(n, 'message', 'messages'),
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
  lookingFor: (seq: number) => `Looking for message #${seq}…`,
  noSuchMessage: (seq: number) => `There is no message #${seq} here.`,
  wasDeleted: (seq: number) => `Message #${seq} was deleted.`,
  loadingNewer: 'Loading newer messages…',
  manyBelow: (n: number) => `More than ${n} new messages`,
  newBelow: (n: number) => count(n, 'new message', 'new messages'),
  loadingOlder: 'Loading older messages…',
  edited: 'edited',
  messageDeleted: 'Message deleted',
  earlierMessage: 'an earlier message',
  replyTo: (name: string) => `In reply to ${name}: `,
  actions: 'Message actions',
  actionsOn: (seq: number) => `Message actions, message #${seq}`,
  messageNumber: (seq: number) => `Message #${seq}`,
  more: 'More',
  reply: 'Reply',
  edit: 'Edit',
  delete: 'Delete',
  copyText: 'Copy text',
  copyLink: 'Copy link',
  showOriginal: 'Show what it answers',
  react: (emoji: string) => `React with ${emoji}`,
  reactedBy: (emoji: string, n: number, names: string) => `${emoji} ${n}: ${names}`,
  somebody: 'Somebody',

  // Pending
  sending: 'Sending…',
  waiting: 'Waiting to be sent',
  savingEdit: 'Saving…',
  notSent: 'Not sent.',
  shorten: 'Shorten it and send it again.',
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
  typing: (names: readonly string[]) => {
    if (names.length > 3) return 'Several people are typing…';
    return `${lists.format(names)} ${names.length === 1 ? 'is' : 'are'} typing…`;
  },
  list: (names: readonly string[]) => lists.format(names),

  // Words and emoji
  code: (language: string) => (language === '' ? 'Code' : `Code (${language})`),
  copyCode: 'Copy code',
  suggestions: 'Suggestions',
  emoji: 'Emoji',
  otherEmoji: 'Other emoji…',
  searchEmoji: 'Search emoji',
  noEmoji: 'No emoji goes by that name. Try another word.',
  emojiFailed: 'The emoji could not be loaded. Check your connection and try again.',
  emojiFound: (n: number) => `${n} emoji found`,
  recentEmoji: 'Used lately',
  emojiGroups: {
    smileys: 'Smileys',
    people: 'People',
    nature: 'Animals and nature',
    food: 'Food and drink',
    activities: 'Activities',
    travel: 'Travel and places',
    objects: 'Objects',
    symbols: 'Symbols',
    flags: 'Flags',
  },
  skinTone: 'Skin tone',
  skinTones: ['Yellow', 'Light', 'Medium-light', 'Medium', 'Medium-dark', 'Dark'],

  // People
  aboutPerson: (name: string) => `About ${name}`,
  isHere: 'Here now',
  isHereSince: (time: string) => `Here since ${time}`,
  isNotHere: 'Not here now',
  thatIsYou: 'That is you.',
  lastWords: 'Latest message',
  mention: 'Mention',
  goToPerson: 'Go to a person',
  personName: 'Name of the person',
  nobodyFound: 'Nobody here goes by that name.',
  peopleFound: (n: number) => count(n, 'person found', 'people found'),
  came: (n: number) => `${count(n, 'person', 'people')} came`,
  went: (n: number) => `${count(n, 'person', 'people')} left`,
  cameAndWent: (n: number) => `${count(n, 'person', 'people')} came and went`,

  // Deleting
  deletingSoon: (n: number, seconds: number) =>
    `${n === 1 ? 'The message' : `${n} messages`} will be deleted in ${seconds}\u00a0s.`,
  deletingAnnounced: (n: number) =>
    `${n === 1 ? 'The message is' : `${n} messages are`} about to be deleted. ${n === 1 ? 'It' : 'They'} can be kept for 5 seconds.`,
  undo: 'Undo',

  // Settings
  settings: 'Settings',
  themeTitle: 'Theme',
  themeChoices: { auto: 'Like the system', light: 'Light', dark: 'Dark' },
  languageTitle: 'Language',
  notifyTitle: 'Notifications',
  notifyWhen: 'Only while this page is out of sight.',
  notifyChoices: { none: 'None', mentions: 'Mentions of me', all: 'All messages' },
  notifyNotAsked: 'Your browser has not allowed them yet. Choose once more, then answer its question.',
  notifyBlocked: 'Your browser blocks notifications from this page. Allow them in its settings for this page, then choose again.',
  notifyMissing: 'This browser shows no notifications.',
  textSize: 'The text is as large as your browser is told to show it.',

  // This device
  keepsNothing: 'This browser keeps nothing for us. Words that are not sent yet are lost when you close the page.',
  understood: 'OK',

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
    ['@ or : and a name', 'mention somebody, write an emoji; Enter or Tab takes the suggestion'],
    ['**bold** *italic* ~~struck~~ `code`', 'marks in what you write'],
    ['↑', 'edit your last message, while the field is empty'],
    ['Esc', 'close what is open, then jump to the latest'],
    ['↑ ↓ in the messages', 'move from message to message; Enter opens its actions'],
    ['Ctrl or ⌘ + K', 'go to a person'],
    ['Ctrl or ⌘ + Z', 'keep a message that is about to be deleted, while the field is empty'],
    ['?', 'show these keys, outside of the field'],
    ['Ctrl or ⌘ + /', 'show these keys from anywhere'],
  ],
};

function span(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
