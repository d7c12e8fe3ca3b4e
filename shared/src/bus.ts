/**
 * The port for telling all replicas something. One node uses bus.memory.ts; replicas will need a networked one.
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

/** Channel on which auth announces that a session ended, or that an account changed so that its sessions must be asked about. */
export const accountChannel = 'accounts';

/** What travels on {@link accountChannel}. */
export type AccountNews = { kind: 'session_ended'; session: string } | { kind: 'account_changed'; user: string };

/** Channel on which somebody says that a room was changed behind the servers' back (administration). */
export const headsChannel = 'heads';

/** A value as a bus payload: JSON in UTF-8. */
export const toPayload = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** The value of a payload that one of our own services published. */
export const fromPayload = <T>(payload: Uint8Array): T =>
  JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()) as T;
