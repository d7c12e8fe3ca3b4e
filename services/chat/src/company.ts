/** Who is here: people come with their first connection and leave with their last, and the others are told. */
import { type Bus, roomChannel, toPayload } from '@securechat/shared/bus';
import { Limit, Sentence, type User } from '@securechat/shared/protocol';
import type { Hub, HubRoom, Member, RoomNews } from './hub.ts';
import { type Presence, TOUCH_EVERY_MS } from './presence.ts';

/** Who was here at a look, and whether that is still so: a notice between the look and a joining would reach nobody. */
export type Here = { people: User[]; peopleCount: number; isCurrent: () => boolean };

/** What the notices of a room came to in the current second. */
type Crowd = { second: number; count: number; changes: number; snapshot: NodeJS.Timeout | undefined };

export type Company = ReturnType<typeof createCompany>;

/** Back within this time after an unclean end, a person was never gone. */
const GRACE_MS = 5_000;
/** Whoever is sent away is told to come back at a time of its own, and finds another server first. */
const DRAINING_GRACE_MS = 15_000;
const SWEEP_EVERY_MS = 1_000;
const AFTER_TOO_MANY_NOTICES_MS = 1_000;

/**
 * The company of one room.
 *
 * @param now a clock in milliseconds that never goes back
 */
export function createCompany(options: {
  room: string;
  hub: Pick<Hub, 'tell' | 'tellLine' | 'rooms'>;
  bus: Pick<Bus, 'publish' | 'onInterrupted'>;
  presence: Presence;
  onError: (err: unknown) => void;
  now: () => number;
}) {
  const { room: roomId, hub, bus, presence, onError, now } = options;
  const connectionsOf = new Map<string, Set<Member>>();
  /** Those of them who are known to be here: touched before it was answered that they joined, they would not have. */
  const entered = new Map<string, User>();
  let lastList: { people: User[]; count: number } = { people: [], count: 0 };
  let graceMs = GRACE_MS;
  const crowd: Crowd = { second: 0, count: 0, changes: 0, snapshot: undefined };
  const publish = (news: RoomNews) => bus.publish(roomChannel(roomId), toPayload(news));

  async function sweep(): Promise<void> {
    for (const user of await presence.sweep(roomId)) publish({ kind: 'left', user });
  }
  const sweeper = setInterval(() => void sweep().catch(onError), SWEEP_EVERY_MS);
  sweeper.unref();

  function touch() {
    if (entered.size > 0) presence.touch(roomId, [...entered.values()]).catch(onError);
  }
  const toucher = setInterval(touch, TOUCH_EVERY_MS);
  toucher.unref();

  // The presence may have forgotten people, and notices may have been lost.
  bus.onInterrupted(() => {
    touch();
    for (const room of hub.rooms()) if (room.id === roomId) snapshotSoon(room);
  });

  /** Who is here, or, when the presence cannot be asked, who was here when it was asked last and who is on this server. */
  async function lookAround(): Promise<{ people: User[]; count: number }> {
    try {
      lastList = await presence.list(roomId, Limit.peopleListed);
      return lastList;
    } catch (error) {
      onError(error);
      const { people, count } = lastList;
      const known = [...entered.values(), ...people.filter(({ id }) => !entered.has(id))];
      return { people: known.slice(0, Limit.peopleListed), count: Math.max(count, known.length) };
    }
  }

  function hasRoomForNotice(): boolean {
    const second = Math.floor(now() / 1000);
    if (crowd.second !== second) Object.assign(crowd, { second, count: 0 });
    crowd.count += 1;
    return crowd.count <= Limit.noticesPerSecond;
  }

  /** Thousands who come at once would be millions of notices: one list a second says the same. */
  function snapshotSoon(room: HubRoom) {
    crowd.snapshot ??= setTimeout(() => {
      crowd.snapshot = undefined;
      sendSnapshot(room).catch(onError);
    }, AFTER_TOO_MANY_NOTICES_MS);
  }

  async function sendSnapshot(room: HubRoom): Promise<void> {
    const { people, count } = await lookAround();
    hub.tell(room, { type: 'people', room: roomId, people, peopleCount: count }, ({ version }) => version === 'v2');
  }

  return {
    /** Counts a connection as its person's, from the moment of its acceptance. */
    count(member: Member): void {
      const companions = connectionsOf.get(member.user.id) ?? new Set();
      connectionsOf.set(member.user.id, companions.add(member));
    },

    /** The person is here. True when nobody had a connection of theirs: they have joined, which {@link announce} tells. */
    async enter(member: Member): Promise<boolean> {
      const hasJoined = await presence.enter(roomId, member.user);
      // It may have gone while we asked.
      if (connectionsOf.get(member.user.id)?.has(member)) entered.set(member.user.id, member.user);
      return hasJoined;
    },

    /** Tells everybody but the newcomer's own connection, which knows. */
    announce(member: Member): void {
      publish({ kind: 'joined', user: member.user, except: member.id });
    },

    /** A connection ended; with a goodbye (closed normally, or signed out) the person leaves at once. */
    async depart(member: Member, saidGoodbye: boolean): Promise<void> {
      const companions = connectionsOf.get(member.user.id);
      if (!companions?.delete(member) || companions.size > 0) return;
      connectionsOf.delete(member.user.id);
      entered.delete(member.user.id);
      if (!saidGoodbye) return presence.fade(roomId, member.user, graceMs);
      if (await presence.leave(roomId, member.user)) publish({ kind: 'left', user: member.user });
    },

    /** Hands a notice that came by the bus to the members here. */
    notice(room: HubRoom, kind: 'joined' | 'left', user: User, except?: string): void {
      const isForOthers = (version: Member['version']) => (m: Member) => m.version === version && m.id !== except;
      crowd.changes += 1;
      if (!hasRoomForNotice()) return snapshotSoon(room);
      hub.tellLine(room, Sentence[kind](user.name), isForOthers('v1'));
      hub.tell(room, { type: kind, room: roomId, user }, isForOthers('v2'));
    },

    async whoIsHere(): Promise<Here> {
      const { changes } = crowd;
      const { people, count } = await lookAround();
      return { people, peopleCount: count, isCurrent: () => crowd.changes === changes };
    },

    /** From now on whoever leaves without a goodbye was sent away, and has longer to be back. */
    beginDraining(): void {
      graceMs = DRAINING_GRACE_MS;
    },

    close(): void {
      clearInterval(sweeper);
      clearInterval(toucher);
      clearTimeout(crowd.snapshot);
    },
  };
}
