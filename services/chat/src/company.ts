/** Who is here: people come with their first connection and leave with their last, and the others are told. */
import { type Bus, roomChannel, toPayload } from '@securechat/shared/bus';
import { Limit, Sentence, type User } from '@securechat/shared/protocol';
import type { Hub, HubRoom, Member, RoomNews } from './hub.ts';
import type { Presence } from './presence.ts';

/** Who was here at a look, and whether that is still so: a notice between the look and a joining would reach nobody. */
export type Here = { people: User[]; peopleCount: number; isCurrent: () => boolean };

/** What the notices of a room came to in the current second. */
type Crowd = { second: number; count: number; changes: number; snapshot: NodeJS.Timeout | undefined };

export type Company = ReturnType<typeof createCompany>;

/** Back within this time after an unclean end, a person was never gone. */
const GRACE_MS = 5_000;
const SWEEP_EVERY_MS = 1_000;
const AFTER_TOO_MANY_NOTICES_MS = 1_000;

/**
 * The company of one room.
 *
 * @param now a clock in milliseconds that never goes back
 */
export function createCompany(options: {
  room: string;
  hub: Pick<Hub, 'tell' | 'tellLine'>;
  bus: Pick<Bus, 'publish'>;
  presence: Presence;
  onError: (err: unknown) => void;
  now: () => number;
}) {
  const { room: roomId, hub, bus, presence, onError, now } = options;
  const connectionsOf = new Map<string, Set<Member>>();
  const crowd: Crowd = { second: 0, count: 0, changes: 0, snapshot: undefined };
  const publish = (news: RoomNews) => bus.publish(roomChannel(roomId), toPayload(news));

  async function sweep(): Promise<void> {
    for (const user of await presence.sweep(roomId)) publish({ kind: 'left', user });
  }
  const sweeper = setInterval(() => void sweep().catch(onError), SWEEP_EVERY_MS);
  sweeper.unref();

  function hasRoomForNotice(): boolean {
    const second = Math.floor(now() / 1000);
    if (crowd.second !== second) Object.assign(crowd, { second, count: 0 });
    crowd.count += 1;
    return crowd.count <= Limit.noticesPerSecond;
  }

  /** Thousands who come at once would be millions of notices: one list a second says the same. */
  function snapshotSoon(room: HubRoom) {
    crowd.snapshot ??= setTimeout(async () => {
      crowd.snapshot = undefined;
      try {
        const { people, count } = await presence.list(roomId, Limit.peopleListed);
        hub.tell(room, { type: 'people', room: roomId, people, peopleCount: count }, ({ version }) => version === 'v2');
      } catch (error) {
        onError(error);
      }
    }, AFTER_TOO_MANY_NOTICES_MS);
  }

  return {
    /** Counts a connection as its person's, from the moment of its acceptance. */
    count(member: Member): void {
      const companions = connectionsOf.get(member.user.id) ?? new Set();
      connectionsOf.set(member.user.id, companions.add(member));
    },

    /** The person is here. True when nobody had a connection of theirs: they have joined, which {@link announce} tells. */
    enter: (member: Member): Promise<boolean> => presence.enter(roomId, member.user),

    /** Tells everybody but the newcomer's own connection, which knows. */
    announce(member: Member): void {
      publish({ kind: 'joined', user: member.user, except: member.id });
    },

    /** A connection ended; with a goodbye (closed normally, or signed out) the person leaves at once. */
    async depart(member: Member, saidGoodbye: boolean): Promise<void> {
      const companions = connectionsOf.get(member.user.id);
      if (!companions?.delete(member) || companions.size > 0) return;
      connectionsOf.delete(member.user.id);
      if (!saidGoodbye) return presence.fade(roomId, member.user, GRACE_MS);
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
      const { people, count } = await presence.list(roomId, Limit.peopleListed);
      return { people, peopleCount: count, isCurrent: () => crowd.changes === changes };
    },

    close(): void {
      clearInterval(sweeper);
      clearTimeout(crowd.snapshot);
    },
  };
}
