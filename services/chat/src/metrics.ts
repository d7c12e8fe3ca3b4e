import { Counter, Gauge, Histogram } from '@prometheus-io/client';

export type ChatMetrics = ReturnType<typeof createChatMetrics>;

/** What the chat service counts; see `GET /metrics` on the internal listener. */
export function createChatMetrics() {
  return {
    connections: new Gauge({ name: 'securechat_connections', help: 'Open WebSocket connections' }),
    handshakes: new Counter({
      name: 'securechat_handshakes_total',
      help: 'WebSocket handshakes by HTTP status (401: completed only to say so)',
      labelNames: ['status'],
    }),
    ended: new Counter({
      name: 'securechat_connections_ended_total',
      help: 'Connections that the server itself ended, by cause',
      labelNames: ['cause'],
    }),
    events: new Counter({ name: 'securechat_events_stored_total', help: 'Changes stored' }),
    appendSeconds: new Histogram({
      name: 'securechat_append_seconds',
      help: 'From a batch of changes to its durable commit',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    }),
    deliverySeconds: new Histogram({
      name: 'securechat_delivery_seconds',
      help: 'From the time that an event bears to its writing to the connections here, by the clocks of store and server',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    }),
    gapsHealed: new Counter({ name: 'securechat_gaps_healed_total', help: 'Events fetched from the store to fill a hole' }),
    duplicates: new Counter({
      name: 'securechat_duplicates_suppressed_total',
      help: 'Events that came twice, and re-sent changes answered instead of stored again',
    }),
    resumes: new Counter({ name: 'securechat_resumes_total', help: 'Rooms opened with a position', labelNames: ['complete'] }),
  };
}
