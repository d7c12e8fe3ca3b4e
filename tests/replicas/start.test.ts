/** What keeps a replica from starting is one clear line, and exit 1. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startPostgres, type TestPostgres } from '@securechat/shared/postgres.fixture';
import { startRedis, type TestRedis } from '@securechat/shared/redis.fixture';
import { freePorts } from '../support/ports.ts';
import { launch } from '../support/program.ts';

const scripts = {
  auth: fileURLToPath(new URL('../../services/auth/src/main.ts', import.meta.url)),
  chat: fileURLToPath(new URL('../../services/chat/src/main.ts', import.meta.url)),
};
let postgres: TestPostgres;
let redis: TestRedis;

before(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
});
after(() => Promise.all([postgres.stop(), redis.stop()]));

/** Starts a service that must not start; resolves to the lines that it printed. */
async function failsToStart(service: keyof typeof scripts, changed: Record<string, string>): Promise<string[]> {
  const [port, internal] = await freePorts(2);
  const child = launch([scripts[service]], {
    PATH: process.env.PATH ?? '',
    MODE: 'distributed',
    SECRET_KEY: 'a secret for this test, long enough',
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    AUTH_URL: 'http://127.0.0.1:9',
    HOST: '127.0.0.1',
    LISTEN_PORT: `${port}`,
    INTERNAL_PORT: `${internal}`,
    LOG_LEVEL: 'silent',
    ...changed,
  });
  assert.ok(child.stdout !== null && child.stderr !== null);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  assert.equal(child.exitCode, 1, out + err);
  return `${out}${err}`.trimEnd().split('\n');
}

const withPassword = (url: string, password: string) => Object.assign(new URL(url), { password }).href;

for (const service of ['auth', 'chat'] as const) {
  test(`${service}: a wrong password for the database is one line that names DATABASE_URL and shows no password`, async () => {
    const lines = await failsToStart(service, { DATABASE_URL: withPassword(postgres.url, 'tulip') });
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', /^DATABASE_URL: .*password/);
    assert.doesNotMatch(lines[0] ?? '', /tulip/);
  });

  test(`${service}: a wrong password for Redis is one line that names REDIS_URL and shows no password`, async () => {
    const lines = await failsToStart(service, { REDIS_URL: withPassword(redis.url, 'tulip') });
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', /^REDIS_URL: .*password/);
    assert.doesNotMatch(lines[0] ?? '', /tulip/);
  });

  test(`${service}: everything that is wrong with its settings is told together, one line each`, async () => {
    const lines = await failsToStart(service, { DATABASE_URL: '', REDIS_URL: 'http://elsewhere', LISTEN_PORT: 'five thousand' });
    assert.deepEqual(
      lines.map((line) => line.split(' ')[0]),
      ['DATABASE_URL', 'REDIS_URL', 'LISTEN_PORT'],
    );
  });

  test(`${service}: a mode is never guessed`, async () => {
    const lines = await failsToStart(service, { MODE: '' });
    assert.match(lines[0] ?? '', /^MODE must be "single" or "distributed", it is missing\.$/);
    const pair = { SSL_CERT_PATH: 'cert.pem', SSL_KEY_PATH: 'key.pem' };
    const [line, ...more] = await failsToStart(service, { MODE: 'single', ...pair });
    assert.match(line ?? '', /npm start/);
    assert.deepEqual(more, []);
  });
}
