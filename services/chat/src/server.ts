/** The door of the chat service: plain requests are told where they are, handshakes are judged, sockets are looked after. */
import { randomUUID } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { atMost, type Log } from '@securechat/shared/log';
import { CloseCode, Limit, SUBPROTOCOL_V2 } from '@securechat/shared/protocol';
import { type KeyPair, tlsOptions } from '@securechat/shared/tls';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ChatConfig } from './config.ts';
import { type Connection, type ConnectionEvents, createConnection, sayUnauthorized } from './connection.ts';
import { createHandshake, faultOf, incomplete, type Refused } from './handshake.ts';
import type { Identity, IdentityDesk } from './identity.ts';
import type { ChatMetrics } from './metrics.ts';
import type { Quota } from './quota.ts';
import type { Rooms } from './rooms.ts';
import type { Sessions } from './sessions.ts';

/** How frames are read: everything a stranger could make large is bounded, and nothing is inflated. */
export const webSocketOptions = {
  maxPayload: Limit.frameBytes,
  maxFragments: 1_024,
  maxBufferedChunks: 8_192,
  // Beyond what a connection may send at once: a flood of pings is answered with its close code, not cut in silence.
  maxPendingAutoPongs: 1_200,
  perMessageDeflate: false,
  clientTracking: false,
  closeTimeout: 2_000,
} as const;

/** Bytes that may wait for one slow reader, and for all of them together. */
const UNREAD_BYTES = 8 * 1024 * 1024;
const UNREAD_BYTES_IN_ALL = 128 * 1024 * 1024;
const LOOK_AT_UNREAD_FROM_BYTES = 1024 * 1024;
/** When the room begins anew people come back spread over this time. */
const RETURN_WITHIN_MS = 3_000;
const FAREWELLS_EVERY_MS = 50;

/** How everybody is sent away when the process ends. */
export type Farewell = {
  /** 1001 or 1012. */
  code: number;
  /** They are sent one after another, spread over this time, so that whoever takes them in is not overrun. */
  spreadMs: number;
  /** Each is told a wait of at most this before coming back, at random. */
  returnWithinMs: number;
  /** Resolves when what they said up to now is stored and written to them. */
  settled: () => Promise<void>;
};

export type ChatServer = ReturnType<typeof createChatServer>;

export function createChatServer(options: {
  config: ChatConfig;
  /** Undefined when a proxy speaks TLS. */
  pair: KeyPair | undefined;
  identities: IdentityDesk;
  sessions: Sessions;
  rooms: Rooms;
  quota: Quota;
  metrics: ChatMetrics;
  log: Log;
}) {
  const { config, pair, identities, sessions, rooms, quota, metrics, log } = options;
  const connections = new Set<Connection>();
  const perNetwork = new Map<string, number>();
  let isDraining = false;
  let leavingCode: number = CloseCode.GoingAway;

  const handshake = createHandshake({
    config,
    identities,
    countOf: (network) => perNetwork.get(network) ?? 0,
    quota,
    isDraining: () => isDraining,
  });
  const upgrader = new WebSocketServer({ ...webSocketOptions, noServer: true, handleProtocols: chooseProtocol });
  const logRefusal = atMost<{ status: number; network: string }>(20, (suppressed, fields) =>
    log.warn({ ...fields, suppressed }, 'handshake_refused'),
  );
  const logEnd = atMost<{ user: string; cause: string }>(20, (suppressed, fields) =>
    log.warn({ ...fields, suppressed }, 'connection_ended_by_server'),
  );
  const logError = atMost<unknown>(5, (suppressed, err) => log.error({ err, suppressed }, 'connection_failed'));

  const limits = {
    headersTimeout: 20_000,
    requestTimeout: 20_000,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: 5_000,
    maxHeaderSize: 16 * 1024,
  };
  const server: Server = pair === undefined ? createPlainServer(limits) : createTlsServer({ ...tlsOptions(pair), ...limits });
  server.maxHeadersCount = 100;

  // A proxy adds its own name to an answer that has none.
  const nameless: Record<string, string> = pair === undefined ? { Server: '' } : {};
  const answered = new WeakSet<Duplex>();
  server.on('request', (request, response) => {
    answered.add(request.socket);
    const { status, reason } = faultOf(request) ?? incomplete;
    response.writeHead(status, { ...nameless, ...plainHeaders(status, request) }).end(`${reason}\n`);
  });
  upgrader.on('headers', (headers) => headers.push(...Object.keys(nameless).map((name) => `${name}: `)));
  // What only the library sees, such as subprotocols that are offered twice.
  upgrader.on('wsClientError', (_error, socket, request) => refuseUpgrade(socket, incomplete, request, nameless));
  server.on('clientError', (_error, socket) => {
    // Behind an answer a second one would be taken for the answer to a request that nobody made.
    if (socket.writable && !answered.has(socket))
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', () => socket.destroy());
    else socket.destroy();
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('upgrade', (request, socket, head) => {
    // First of all: an error on a socket that nobody listens to would end the process.
    socket.on('error', () => socket.destroy());
    upgrade(request, socket, head).catch((error: unknown) => {
      logError(error);
      socket.destroy();
    });
  });

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer) {
    const network = handshake.networkOf(request);
    countWhileOpen(socket, perNetwork, network);
    const verdict = await handshake.judge(request, network);
    metrics.handshakes.inc({ status: verdict.ok ? (verdict.identity ? '101' : '401') : String(verdict.status) });
    if (!verdict.ok) {
      logRefusal({ status: verdict.status, network });
      return refuseUpgrade(socket, verdict, request, nameless);
    }
    const { identity } = verdict;
    if (identity !== undefined) giveBackWhenClosed(socket, quota, identity.user.id);
    if (socket.destroyed) return;
    upgrader.handleUpgrade(request, socket, head, (ws) => {
      const version = ws.protocol === SUBPROTOCOL_V2 ? 'v2' : 'v1';
      if (identity === undefined) turnAway(ws, version);
      else admit(ws, socket, version, identity);
    });
  }

  function admit(ws: WebSocket, socket: Duplex, version: 'v1' | 'v2', identity: Identity) {
    const connection = createConnection({ id: randomUUID(), ws, socket, version, identity, rooms, rules, events });
    connections.add(connection);
    metrics.connections.set(connections.size);
    sessions.register(connection);
    if (isDraining) connection.end(leavingCode, returnAfter());
  }

  // Shared by all connections: thousands of them wait in silence, and each closure would cost each of them.
  const rules = {
    heartbeatMs: config.HEARTBEAT_INTERVAL_SECONDS,
    heartbeatTimeoutMs: config.HEARTBEAT_TIMEOUT_SECONDS,
    unreadBytes: UNREAD_BYTES,
  };
  const events: ConnectionEvents = {
    onAccepted: ({ identity, version }) => log.info({ user: identity.user.id, version }, 'connection_accepted'),
    onEnded(connection, cause) {
      const user = connection.identity.user.id;
      connections.delete(connection);
      sessions.unregister(connection);
      metrics.connections.set(connections.size);
      if (cause === undefined) return;
      metrics.ended.inc({ cause });
      logEnd({ user, cause });
    },
    onWritten: ({ unreadBytes }) => {
      if (unreadBytes() >= LOOK_AT_UNREAD_FROM_BYTES) boundUnread();
    },
    onError: logError,
  };

  /** Keeps the memory of all slow readers together within bounds: the slowest is cut first. */
  function boundUnread() {
    let total = 0;
    let slowest: Connection | undefined;
    for (const connection of connections) {
      total += connection.unreadBytes();
      if (slowest === undefined || connection.unreadBytes() > slowest.unreadBytes()) slowest = connection;
    }
    if (total > UNREAD_BYTES_IN_ALL) slowest?.cut('slow_reader');
  }

  async function sendEverybodyAway({ code, spreadMs, returnWithinMs, settled }: Farewell) {
    const everybody = [...connections];
    const rounds = Math.max(1, Math.min(everybody.length, Math.floor(spreadMs / FAREWELLS_EVERY_MS)));
    const perRound = Math.ceil(everybody.length / rounds);
    for (let round = 0; round < rounds; round++) {
      if (round > 0) await pause(spreadMs / rounds);
      await settled();
      for (const connection of everybody.slice(round * perRound, (round + 1) * perRound)) {
        connection.end(code, returnAfter(returnWithinMs));
      }
    }
    // Those who were let in at the last moment have been told already.
  }

  return {
    server,
    isDraining: () => isDraining,
    /** From now on handshakes are refused with 503. */
    beginDraining() {
      isDraining = true;
    },

    /** Closes some connections, each told when to come back. */
    sendAway(members: readonly { id: string }[], code: number) {
      const ids = new Set(members.map(({ id }) => id));
      for (const connection of connections) if (ids.has(connection.id)) connection.end(code, returnAfter());
    },

    /** Sends everybody away and resolves when nobody is left. */
    async close(farewell: Farewell): Promise<void> {
      isDraining = true;
      leavingCode = farewell.code;
      const ended = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await sendEverybodyAway(farewell);
      const patience = setTimeout(() => server.closeAllConnections(), webSocketOptions.closeTimeout + 500);
      await ended;
      clearTimeout(patience);
    },
  };
}

function chooseProtocol(offered: Set<string>): string | false {
  return offered.has(SUBPROTOCOL_V2) ? SUBPROTOCOL_V2 : false;
}

/** A browser cannot read a refused handshake: this socket lives only to say why, and is known to nobody. */
function turnAway(ws: WebSocket, version: 'v1' | 'v2') {
  ws.on('error', () => {});
  sayUnauthorized(ws, version);
  ws.close(CloseCode.Unauthorized);
}

function refuseUpgrade(
  socket: Duplex,
  { status, reason, retryAfterSeconds }: Refused,
  request: IncomingMessage,
  more: Record<string, string>,
) {
  const headers = {
    ...more,
    ...plainHeaders(status, request),
    ...(retryAfterSeconds !== undefined && { 'Retry-After': retryAfterSeconds }),
  };
  const lines = Object.entries({ ...headers, 'Content-Length': reason.length + 1 }).map(([name, value]) => `${name}: ${value}`);
  socket.once('finish', () => socket.destroy());
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', `${reason}\n`].join('\r\n'));
}

function plainHeaders(status: number, { headers }: IncomingMessage): Record<string, string> {
  const isLocal = /^localhost(:\d+)?$/i.test(headers.host ?? '');
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
    ...(!isLocal && { 'Strict-Transport-Security': 'max-age=31536000' }),
    ...(status === 426 && { Upgrade: 'websocket' }),
    ...(status === 405 && { Allow: 'GET' }),
  };
}

/** Counts a socket under a key until it is closed. Its own function, so that nothing else of the handshake is kept. */
function countWhileOpen(socket: Duplex, counts: Map<string, number>, key: string) {
  count(counts, key, 1);
  socket.once('close', () => count(counts, key, -1));
}

/** Whatever becomes of the socket, its person's place is free again when it is closed. Its own function, as above. */
function giveBackWhenClosed(socket: Duplex, quota: Quota, user: string) {
  if (socket.closed) quota.giveBack(user);
  else socket.once('close', () => quota.giveBack(user));
}

function count(counts: Map<string, number>, key: string, change: number) {
  const next = (counts.get(key) ?? 0) + change;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}

const returnAfter = (withinMs = RETURN_WITHIN_MS) => String(Math.floor(Math.random() * withinMs));
