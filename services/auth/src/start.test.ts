import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { createMemoryBus } from '@securechat/shared/bus.memory';
import { ConfigError } from '@securechat/shared/config';
import { silentLog } from '@securechat/shared/log';
import { makePlace, startTestAuth } from './auth.fixture.ts';
import { readAuthConfig, startAuth } from './start.ts';

const problemsOf = (env: Record<string, string>) => {
  try {
    readAuthConfig(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
};

test('everything that is wrong with the settings is said at once, by name', () => {
  const problems = problemsOf({ MODE: 'cluster', SIGNUP: 'maybe', LOGIN_ATTEMPTS: '0', LOGIN_WINDOW_SECONDS: 'x' });
  for (const name of [
    'MODE',
    'SECRET_KEY',
    'SSL_CERT_PATH',
    'SSL_KEY_PATH',
    'SIGNUP',
    'LOGIN_ATTEMPTS',
    'LOGIN_WINDOW_SECONDS',
  ]) {
    assert.equal(problems.filter((problem) => problem.startsWith(`${name} `)).length, 1, name);
  }
  assert.equal(problems.length, 7);
});

test('behind a proxy the stores are needed, and a certificate is not', () => {
  const problems = problemsOf({ MODE: 'distributed', SECRET_KEY: 'a secret', LISTEN_PORT: '0' });
  assert.deepEqual(
    problems.map((problem) => problem.split(' ')[0]),
    ['DATABASE_URL', 'REDIS_URL', 'LISTEN_PORT'],
  );
});

test('pages that were not built are asked for in plain words', async (t) => {
  const place = await makePlace();
  t.after(place.remove);
  const options = { env: place.env, log: silentLog(), bus: createMemoryBus(), readiness: new Map() };
  await assert.rejects(startAuth({ ...options, pagesRoot: '/nowhere' }), /The pages are not built.*npm run build/);
});

test('sessions and accounts survive a restart, and a new SECRET_KEY in front of the old one', async (t) => {
  const first = await startTestAuth();
  t.after(() => first.place.remove());
  const alice = first.person();
  await alice.signsUp('alice');
  await alice.logsIn('alice');
  await first.stop();

  const second = await startTestAuth({ SECRET_KEY: `a newer secret,${first.env.SECRET_KEY}` }, first.place);
  assert.equal((await alice.gets('/api/me')).status, 200);
  assert.equal((await second.person().logsIn('alice')).status, 200);
  await second.stop();

  const third = await startTestAuth({ SECRET_KEY: 'a newer secret' }, first.place);
  t.after(() => third.stop());
  assert.equal((await alice.gets('/api/me')).status, 200, 'answers are signed with the newest secret');
});

test('when the session cannot be ended, leaving says so instead of pretending', async (t) => {
  const auth = await startTestAuth();
  t.after(() => auth.close());
  const alice = auth.person();
  await alice.signsUp('alice');
  await alice.logsIn('alice');
  const sqlite = new DatabaseSync(join(String(auth.env.DATA_DIR), 'securechat.db'));
  t.after(() => sqlite.close());
  sqlite.exec("CREATE TRIGGER stuck BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'disk trouble'); END");
  const page = await alice.gets('/leave', { accept: 'text/html' });
  assert.equal(page.status, 503);
  assert.match(page.headers['content-type'] ?? '', /html/);
  assert.doesNotMatch(page.text, /trouble|Error/);
  assert.equal(auth.news.length, 0);
  sqlite.exec('DROP TRIGGER stuck');
  assert.equal((await alice.gets('/api/me')).status, 200);
  assert.equal((await alice.gets('/leave')).headers.location, '/home');
});

test('an error inside a request is a plain 500 or 503, and the next request is served', async (t) => {
  const auth = await startTestAuth();
  t.after(() => auth.close());
  const sqlite = new DatabaseSync(join(String(auth.env.DATA_DIR), 'securechat.db'));
  t.after(() => sqlite.close());
  sqlite.exec('ALTER TABLE users RENAME TO elsewhere');
  const failed = await auth.person().signsUp('alice');
  assert.deepEqual([failed.status, Object.keys(failed.json)], [500, ['message']]);
  assert.doesNotMatch(failed.text, /users|SQL/);
  sqlite.exec('ALTER TABLE elsewhere RENAME TO users');
  assert.equal((await auth.person().signsUp('alice')).status, 201);
});

test('a login that is under way when the server ends gets its answer', async (t) => {
  const auth = await startTestAuth();
  t.after(() => auth.place.remove());
  await auth.person().signsUp('alice');
  const { compare } = auth.hasher;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const isAsked = new Promise<void>((resolve) => {
    auth.hasher.compare = async (secret, hash) => {
      resolve();
      await gate;
      return compare.call(auth.hasher, secret, hash);
    };
  });
  const answer = auth.person().logsIn('alice');
  await isAsked;
  const ended = auth.stop();
  open();
  assert.equal((await answer).status, 200);
  await ended;
  await assert.rejects(auth.person().gets('/home'), /ECONNREFUSED/);
});

test('names are found in the page as text, whatever letters they have', async (t) => {
  const auth = await startTestAuth();
  t.after(() => auth.close());
  const person = auth.person();
  assert.equal((await person.signsUp('__proto__')).status, 201);
  assert.equal((await person.logsIn('__PROTO__')).status, 200);
  assert.match((await person.gets('/chat')).text, /data-name="__proto__"/);
});
