/** The second listener of a service, for the people and machines that look after it; no proxy ever routes to it. */
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, register } from '@prometheus-io/client';
import type { Readiness, Running } from './lifecycle.ts';

/**
 * Serves `GET /livez` (the process answers), `GET /readyz` (all conditions hold; 503 names those that do not),
 * `GET /metrics` (Prometheus text format 0.0.4) and hands everything else to `routes`.
 *
 * @returns the port it listens on, once it does
 * @throws what listening throws, such as EADDRINUSE
 */
export async function startInternalServer(options: {
  host: string;
  port: number;
  readiness: Readiness;
  routes?: RequestListener;
}): Promise<Running & { port: number }> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method === 'GET' && path === '/livez') return answer(response, 200, 'ok\n');
    if (request.method === 'GET' && path === '/readyz') return void answerReadiness(options.readiness, response);
    if (request.method === 'GET' && path === '/metrics') return void answerMetrics(response);
    if (options.routes !== undefined) return options.routes(request, response);
    answer(response, 404, 'not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerReadiness(readiness: Readiness, response: ServerResponse) {
  const failed: string[] = [];
  for (const [name, holds] of readiness) {
    if (!(await Promise.try(holds).catch(() => false))) failed.push(name);
  }
  if (failed.length === 0) return answer(response, 200, 'ready\n');
  answer(response, 503, `not ready: ${failed.join(', ')}\n`);
}

async function answerMetrics(response: ServerResponse) {
  collectProcessMetrics();
  const metrics = await register.metrics();
  response.writeHead(200, { 'content-type': register.contentType }).end(metrics);
}

function answer(response: ServerResponse, status: number, text: string) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

let isCollecting = false;
/** Memory, CPU and the lag of the event loop: from the first time that somebody asks, since watching it costs a little. */
function collectProcessMetrics() {
  if (isCollecting) return;
  isCollecting = true;
  collectDefaultMetrics();
}
