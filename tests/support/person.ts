/** People of the stories: they sign up, log in, talk and listen, through the real doors. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { inspect, isDeepStrictEqual } from 'node:util';
import {
  DEFAULT_ROOM,
  type MessageEvent,
  type MessageState,
  type Opened,
  type Page,
  type Refused,
  type RoomEvent,
  type ServerMessage,
  SUBPROTOCOL_V2,
  type Welcome,
} from '@securechat/shared/protocol';
import { type Knock, knock, type OpenSocket, type RefusedUpgrade } from './socket.ts';
import { type Answer, type Asked, ask, type CookieJar, createCookieJar } from './web.ts';

/** Where the doors of a server are; a Stack, or a server that runs already. */
export type Doors = { url: string; chatUrl: string };

export type Person = Awaited<ReturnType<typeof createPerson>>;
export type TextConnection = ReturnType<typeof speakText>;
export type Connection = ReturnType<typeof speakJson>;

/** How to connect; by default as the person's browser would, without an Origin as a script does. */
export type Way = Omit<Knock, 'subprotocols'> & {
  /** The first frame, when it is not to be the person's own name. */
  as?: string;
  /** The address of another door than the usual one. */
  at?: string;
};

/** Signs a person up and in. */
export async function createPerson(doors: Doors, name: string) {
  const person = stranger(doors, name);
  await person.signsUp();
  await person.logsIn();
  return person;
}

/** Somebody with a browser who has done nothing yet. */
export function stranger(doors: Doors, name: string, password = `the password of ${name}`) {
  const cookies = createCookieJar();
  const requests = browse(doors, cookies);

  function knocks(version: 'v1' | 'v2', { as: _, at = doors.chatUrl, ...way }: Way = {}): Promise<OpenSocket | RefusedUpgrade> {
    const subprotocols = version === 'v2' ? [SUBPROTOCOL_V2] : [];
    return knock(at, { cookie: cookies.header(), ...way, subprotocols });
  }

  async function enters(version: 'v1' | 'v2', way: Way): Promise<OpenSocket> {
    const door = await knocks(version, way);
    assert.ok(door.isOpen, `${name} was not let in: ${door.isOpen || door.status}`);
    door.send(way.as ?? name);
    return door;
  }

  return {
    name,
    password,
    cookies,
    ...requests,
    /** Asks for an upgrade without saying anything, and tells how that went. */
    knocks,
    async signsUp(): Promise<void> {
      const answer = await requests.post('/home', { username: name, password, action: 'signup' });
      assert.equal(answer.status, 201, answer.body);
    },
    async logsIn(): Promise<void> {
      const answer = await requests.post('/home', { username: name, password, action: 'login' });
      assert.equal(answer.status, 200, answer.body);
    },
    async leaves(): Promise<void> {
      const answer = await requests.get('/leave');
      assert.equal(answer.status, 302, answer.body);
    },
    /** Opens a v1 connection and waits until it is let in, which its own "has joined" line tells. */
    async connectsText(way: Way = {}): Promise<TextConnection> {
      const connection = speakText(await enters('v1', way));
      await connection.hears(`${way.as ?? name} has joined the chat!`);
      return connection;
    },
    /** Opens a v2 connection and waits for its welcome. It has no room open yet. */
    async connects(way: Way = {}): Promise<Connection> {
      const connection = speakJson(await enters('v2', way));
      await connection.isWelcomed();
      return connection;
    },
    /** Opens a connection, sends the first frame and waits for nothing. */
    entersAnyway: enters,
  };
}

type Requests = {
  asks(path: string, asked?: Asked): Promise<Answer>;
  get(path: string, asked?: Asked): Promise<Answer>;
  /** Posts a form as JSON. */
  post(path: string, fields: Record<string, unknown>, asked?: Asked): Promise<Answer>;
};

function browse(doors: Doors, cookies: CookieJar): Requests {
  async function asks(path: string, asked: Asked = {}): Promise<Answer> {
    const cookie = cookies.header();
    const answer = await ask(new URL(path, doors.url).href, {
      ...asked,
      headers: { ...(cookie && { cookie }), ...asked.headers },
    });
    cookies.keep(answer.headers);
    return answer;
  }
  return {
    asks,
    get: asks,
    post(path, fields, asked = {}) {
      const headers = { 'content-type': 'application/json', ...asked.headers };
      return asks(path, { ...asked, method: 'POST', headers, body: JSON.stringify(fields) });
    },
  };
}

// ---- v1 ------------------------------------------------------------------------------------------------------------

function speakText(door: OpenSocket) {
  return {
    ...door,
    says: (text: string) => door.send(text),
    /** Waits for a line, and passes over those before it. */
    hears(line: string | RegExp): Promise<string> {
      const isIt = (frame: string) => (typeof line === 'string' ? frame === line : line.test(frame));
      return door.receive((frame) => (isIt(frame) ? frame : undefined), inspect(line));
    },
    /** Waits for the last of these lines; nothing else may have come since what was heard before. */
    async hearsNothingBut(...lines: string[]): Promise<void> {
      const heard = await door.receiveUntil((frame) => frame === lines.at(-1), inspect(lines.at(-1)));
      assert.deepEqual(heard, lines);
    },
  };
}

// ---- v2 ------------------------------------------------------------------------------------------------------------

/** What an `open` brought: its pages, the events in them, and the end of it. */
export type Arrival = { pages: Page[]; events: (RoomEvent | MessageState)[]; opened: Opened };
type Since = { room?: string; since?: number; sinceAt?: number; epoch?: string };
type Saying = { clientId?: string; replyTo?: number; room?: string };

/** The server's message of a type; one shape may serve several types. */
type MessageOf<T, M = ServerMessage> = M extends { type: infer Types } ? (T extends Types ? M : never) : never;

function speakJson(door: OpenSocket) {
  let welcome: Welcome | undefined;
  const parse = (frame: string) => JSON.parse(frame) as ServerMessage;
  const sends = (frame: Record<string, unknown>) => door.send(JSON.stringify(frame));

  /** Waits for a frame that the predicate accepts, and passes over those before it. */
  function receives<M extends ServerMessage>(accepts: (message: ServerMessage) => message is M, what?: string): Promise<M>;
  function receives(accepts: (message: ServerMessage) => boolean, what?: string): Promise<ServerMessage>;
  function receives(accepts: (message: ServerMessage) => boolean, what = 'a frame'): Promise<ServerMessage> {
    return door.receive((frame) => (accepts(parse(frame)) ? parse(frame) : undefined), what);
  }

  /** Waits for a frame that has these fields, and passes over those before it. */
  function hears<T extends ServerMessage['type']>(fields: { type: T } & Record<string, unknown>): Promise<MessageOf<T>> {
    const accepts = (message: ServerMessage): message is MessageOf<T> => hasFields(message, fields);
    return receives(accepts, inspect(fields));
  }

  return {
    ...door,
    get welcome(): Welcome {
      assert.ok(welcome);
      return welcome;
    },
    async isWelcomed() {
      welcome = await hears({ type: 'welcome' });
    },
    sends,
    receives,
    hears,
    /** Opens a room and waits until it is open. */
    async opens({ room = DEFAULT_ROOM, ...since }: Since = {}): Promise<Arrival> {
      sends({ type: 'open', room, ...since });
      const isOpened = (frame: string) => parse(frame).type === 'opened';
      const messages = (await door.receiveUntil(isOpened, '"opened"')).map(parse);
      const pages = messages.filter((message) => message.type === 'page');
      const opened = messages.find((message) => message.type === 'opened');
      assert.ok(opened);
      return { pages, events: pages.flatMap((page) => page.events), opened };
    },
    /** Says something in an open room and waits to see it back, which means that it is stored. */
    async says(text: string, { clientId = randomUUID(), room = DEFAULT_ROOM, replyTo }: Saying = {}): Promise<MessageEvent> {
      sends({ type: 'send', room, clientId, text, ...(replyTo !== undefined && { replyTo }) });
      const isAnswer = (message: ServerMessage): message is MessageEvent | Refused =>
        (message.type === 'message' || message.type === 'refused') && message.clientId === clientId;
      const answer = await receives(isAnswer, `${inspect(text)} to come back`);
      assert.equal(answer.type, 'message', inspect(answer));
      return answer as MessageEvent;
    },
    /** Sends a frame and waits for its refusal. */
    async isRefused(frame: Record<string, unknown> & { type: string }): Promise<Refused> {
      sends(frame);
      return await hears({ type: 'refused', for: frame.type });
    },
  };
}

function hasFields(message: object, fields: Record<string, unknown>): boolean {
  const given = message as Record<string, unknown>;
  return Object.entries(fields).every(([name, value]) => isDeepStrictEqual(given[name], value));
}
