/** What a run writes down, and nothing but that goes to the checker. Times are milliseconds since the run began. */

/** An event as the wire says it; what the checker reads of it. */
export type WireEvent = {
  type: 'message' | 'edited' | 'deleted' | 'reacted';
  seq: number;
  at: number;
  author: { id: string; name: string };
  text?: string;
  deleted?: true;
  target?: number;
  emoji?: string;
  on?: boolean;
  clientId?: string;
  again?: true;
  editedAt?: number;
  reactions?: Record<string, string[]>;
};

/** What a v2 client showed, in the order in which it did. */
export type Shown =
  | { kind: 'afresh'; at: number; epoch: string; asOf: number; messages: readonly WireEvent[] }
  | { kind: 'event'; at: number; epoch: string; event: WireEvent; how: 'live' | 'resume' };

export type Witness = {
  client: string;
  person: string;
  shown: Shown[];
  /** What the server said about how far this person has read: in the welcome of the connection of that number, and later. */
  reads: { at: number; connection: number; epoch: string; seq: number; unread: number }[];
  connections: number;
  /** Slow readers and clients that left early are not asked to be up to date at the end. */
  staysToTheEnd: boolean;
};

/** A v1 client: the lines of one connection. */
export type LineWitness = {
  client: string;
  person: string;
  openedAt: number;
  lines: { at: number; text: string }[];
  isOpenAtTheEnd: boolean;
};

/** What the page of a browser showed when it was looked at. */
export type TabWitness = {
  client: string;
  person: string;
  /** What was typed, in order. */
  typed: { at: number; text: string }[];
  glances: { at: number; rows: { seq: number; text: string }[]; pending: number; isLast: boolean }[];
};

/** Something that somebody wanted to be stored. */
export type Saying = {
  person: string;
  client: string;
  clientId: string;
  change: 'message' | 'edited' | 'deleted' | 'reacted';
  text?: string;
  target?: number;
  at: number;
  tries: number;
  answers: { at: number; seq: number; epoch: string; again: boolean }[];
  refusals: { at: number; code: string }[];
  /** The author stopped trying; it may be stored or not, but once at most. */
  isGivenUp: boolean;
};

export type Row = {
  seq: number;
  kind: 'message' | 'edited' | 'deleted' | 'reacted';
  at: number;
  authorId: string;
  authorName: string;
  clientId: string;
  text: string | null;
  target: number | null;
  emoji: string | null;
  on: boolean | null;
};

/** The database, read by SQL when everything was quiet. */
export type Truth = { epoch: string; rows: Row[]; reads: { userId: string; seq: number }[] };

export type Mark = { at: number; epoch: string; userId: string; seq: number };

/** An older copy took the database's place; what it lacks is lost. */
export type Restore = { at: number; head: number };

export type Welcome = { person: string; userId: string; read: number; unread: number };

export type FaultSpan = { kind: string; target: string; from: number; to: number; note?: string };

export type Log = {
  witnesses: Witness[];
  lines: LineWitness[];
  tabs: TabWitness[];
  sayings: Saying[];
  marks: Mark[];
  restores: Restore[];
  /** What people who came at the very end were told about how far they have read. */
  welcomes: Welcome[];
  faults: FaultSpan[];
  /** How many changes were acknowledged one after the other, and how often the database's log was written to the disk meanwhile. */
  syncs: { acknowledged: number; synced: number }[];
  /** What did not heal in time after the last fault. */
  unhealed: { client: string; what: string }[];
};

export const emptyLog = (): Log => ({
  witnesses: [],
  lines: [],
  tabs: [],
  sayings: [],
  marks: [],
  restores: [],
  welcomes: [],
  faults: [],
  syncs: [],
  unhealed: [],
});
