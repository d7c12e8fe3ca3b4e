/** The people one may meet in the room: those who are here, and those whose words are loaded. */
import type { User } from '@securechat/shared/protocol';
import type { Message, RoomState } from './roomState.ts';
import { locale } from './texts.ts';

/** What is known of somebody: whether they are here, when they were seen to come, and their last words that are loaded. */
export type Acquaintance = {
  user: User;
  isHere: boolean;
  /** When they came (ms since 1970); unknown when they were here before the viewer. */
  since?: number;
  lastWords?: Message;
};

/** Everybody who is here or whose words are loaded, each once, in the order of their names. */
export function everybody(room: Pick<RoomState, 'people' | 'messages'>): User[] {
  const known = new Map<string, User>();
  for (const { author } of room.messages) known.set(author.id, author);
  for (const user of room.people) known.set(user.id, user);
  return inOrder([...known.values()]);
}

/** People in the order that the reader's language gives their names. */
export function inOrder(people: readonly User[]): User[] {
  const byName = new Intl.Collator(locale(), { sensitivity: 'base', numeric: true });
  return [...people].sort((a, b) => byName.compare(a.name, b.name));
}

/** Those whose names hold what was typed, whatever its case and accents; names that begin with it come first. */
export function findPeople(people: readonly User[], typed: string): User[] {
  const wanted = folded(typed.trim().replace(/^@/, ''));
  const matching = people.filter(({ name }) => folded(name).includes(wanted));
  const begins = ({ name }: User) => folded(name).startsWith(wanted);
  return [...matching.filter(begins), ...matching.filter((user) => !begins(user))];
}

/** What is known of the person with this id; undefined when they are neither here nor among the authors. */
export function acquaintance(room: Pick<RoomState, 'people' | 'messages' | 'notices'>, id: string): Acquaintance | undefined {
  const lastWords = room.messages.findLast(({ author, deleted }) => author.id === id && !deleted);
  const present = room.people.find((user) => user.id === id);
  const user = present ?? lastWords?.author ?? room.messages.find(({ author }) => author.id === id)?.author;
  if (!user) return undefined;
  const notice = room.notices.findLast((candidate) => candidate.user.id === id);
  return {
    user,
    isHere: present !== undefined,
    ...(present && notice?.kind === 'joined' && { since: notice.at }),
    ...(lastWords && { lastWords }),
  };
}

function folded(name: string): string {
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}
