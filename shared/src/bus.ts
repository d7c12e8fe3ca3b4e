/**
 * The port for telling all replicas something: bus.memory.ts on one node, bus.redis.ts between several.
 *
 * Guarantee: what is published is heard by every subscriber of the channel, the publisher's own too, on a later turn;
 * publications of one publisher arrive in the order they were made. A networked bus may lose publications while it is
 * interrupted, and then says so through `onInterrupted`; the database is the truth and whoever must not miss anything
 * looks there.
 */
export type Bus = {
  /** Tells all subscribers of a channel. Never throws and never waits: a publication is a hint, not a record. */
  publish(channel: string, payload: Uint8Array): void;
  /** Hears a channel from the moment the promise resolves. Returns how to stop. */
  subscribe(channel: string, onPayload: (payload: Uint8Array) => void): Promise<() => Promise<void>>;
  /** Calls back when publications on these channels may have been lost. */
  onInterrupted(listener: (channels: string[]) => void): void;
  close(): Promise<void>;
};

/** Channel of the changes and notices of a room. */
export const roomChannel = (room: string) => `room:${room}`;

/** Channel of what announcements.ts tells about sessions and accounts. */
export const accountChannel = 'accounts';

/** Channel on which somebody says that a room was changed behind the servers' back (administration). */
export const headsChannel = 'heads';

/** A value as a bus payload: JSON in UTF-8. */
export const toPayload = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** The value of a payload that one of our own services published. */
export const fromPayload = <T>(payload: Uint8Array): T =>
  JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()) as T;
