import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { startInternalServer } from './internalServer.ts';
import type { Readiness } from './lifecycle.ts';

test('it lives, and is ready while every condition holds', async (t) => {
  const readiness: Readiness = new Map([['database', () => true]]);
  const ask = await start(t, { readiness });
  assert.deepEqual(await ask('GET', '/livez'), [200, 'ok\n']);
  assert.deepEqual(await ask('GET', '/readyz'), [200, 'ready\n']);
});

test('what is not ready is named: false, rejected and thrown alike; the process lives on', async (t) => {
  const readiness: Readiness = new Map<string, () => boolean | Promise<boolean>>([
    ['database', () => true],
    ['bus', () => false],
    ['auth', () => Promise.reject(new Error('unreachable'))],
    [
      'disk',
      () => {
        throw new Error('full');
      },
    ],
  ]);
  const ask = await start(t, { readiness });
  assert.deepEqual(await ask('GET', '/readyz'), [503, 'not ready: bus, auth, disk\n']);
  readiness.set('bus', () => true);
  assert.deepEqual(await ask('GET', '/readyz'), [503, 'not ready: auth, disk\n']);
  assert.deepEqual(await ask('GET', '/livez'), [200, 'ok\n']);
});

test('metrics are Prometheus text', async (t) => {
  const ask = await start(t, {});
  const [status, , type] = await ask('GET', '/metrics');
  assert.equal(status, 200);
  assert.match(String(type), /^text\/plain; version=/);
});

test('everything else goes to the routes, or nowhere', async (t) => {
  const bare = await start(t, {});
  assert.equal((await bare('GET', '/internal/session'))[0], 404);
  assert.equal((await bare('POST', '/livez'))[0], 404);
  const routed = await start(t, { routes: (_, response) => void response.writeHead(204).end() });
  assert.equal((await routed('POST', '/internal/sessions'))[0], 204);
  assert.equal((await routed('GET', '/livez?deep'))[0], 200);
});

test('a port that is taken is an error to whoever starts it', async (t) => {
  const first = await startInternalServer({ host: '127.0.0.1', port: 0, readiness: new Map() });
  t.after(first.close);
  await assert.rejects(startInternalServer({ host: '127.0.0.1', port: first.port, readiness: new Map() }), {
    code: 'EADDRINUSE',
  });
});

async function start(t: TestContext, options: Partial<Parameters<typeof startInternalServer>[0]>) {
  const { port, close } = await startInternalServer({ host: '127.0.0.1', port: 0, readiness: new Map(), ...options });
  t.after(close);
  return async (method: string, path: string): Promise<[status?: number, body?: string, type?: string]> => {
    const asking = request({ port, host: '127.0.0.1', method, path, agent: false }).end();
    const [response] = await once(asking, 'response');
    let body = '';
    for await (const chunk of response.setEncoding('utf8')) body += chunk;
    return [response.statusCode, body, ...(path === '/metrics' ? [response.headers['content-type']] : [])] as [
      number,
      string,
      string,
    ];
  };
}
