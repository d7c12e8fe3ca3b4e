/**
 * What is kept on this device so that nothing typed is lost and the last messages are there at once: who was here last, and
 * for each person, apart from all others, what waits to be sent, drafts, and the latest messages of each room.
 */
import type { User } from '@securechat/shared/protocol';
import type { Entry } from './outbox.ts';
import type { KeptRoom } from './roomState.kept.ts';

/** Words that were not sent yet. */
export type Draft = {
  text: string;
  /** The message that they answer. */
  replyTo?: number;
};

/** What was kept for one person in one room. */
export type Belongings = { entries: Entry[]; draft: Draft | undefined; room: KeptRoom | undefined };

/** Everything resolves when it is durable, and rejects when the browser refuses. */
export type Device = {
  /** Who was here last and did not leave. */
  lastPerson: () => Promise<User | undefined>;
  remember: (person: User) => Promise<void>;
  belongings: (userId: string, room: string) => Promise<Belongings>;
  /** In the order in which they were said. */
  entries: (userId: string) => Promise<Entry[]>;
  /**
   * Keeps an entry. If the draft of its room is still `written`, out of which the entry was made, it goes in the same step:
   * never both, never none. Another draft is being written in another tab and stays.
   */
  putEntry: (userId: string, entry: Entry, written?: string) => Promise<void>;
  eraseEntry: (userId: string, clientId: string) => Promise<void>;
  putDraft: (userId: string, room: string, draft: Draft) => Promise<void>;
  /** Erases a draft if it is still `written`. */
  eraseDraft: (userId: string, room: string, written: string) => Promise<void>;
  putRoom: (userId: string, room: string, kept: KeptRoom) => Promise<void>;
  /** Forgets who was here last and all messages of everybody. What somebody wrote and did not send stays theirs. */
  forget: () => Promise<void>;
};
