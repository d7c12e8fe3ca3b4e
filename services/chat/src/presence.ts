/**
 * The port for who is here. Guarantee, over all replicas: of several `enter`s of an absent person exactly one answers
 * true; of several `sweep`s exactly one returns a person whose last entry went.
 */
import type { User } from '@securechat/shared/protocol';

export type Presence = {
  /** This server has a connection of the person. True when nobody had one: they have joined. */
  enter(room: string, user: User): Promise<boolean>;
  /**
   * This server still has connections of these people, all that entered here and have not gone. Asked for every
   * {@link TOUCH_EVERY_MS}, or they are taken for gone with the server. Whoever was forgotten is here again, unannounced.
   */
  touch(room: string, users: User[]): Promise<void>;
  /** The last connection here ended without a goodbye: they have left unless they are back within `graceMs`. */
  fade(room: string, user: User, graceMs: number): Promise<void>;
  /** The last connection here ended with a goodbye. True when they have left now: nobody else has a connection. */
  leave(room: string, user: User): Promise<boolean>;
  /** Removes those whose time is over and returns them: they have left. */
  sweep(room: string): Promise<User[]>;
  /** Who is here, in the order they came, at most `limit` of them, and how many there are in all. */
  list(room: string, limit: number): Promise<{ people: User[]; count: number }>;
};

export const TOUCH_EVERY_MS = 5_000;
