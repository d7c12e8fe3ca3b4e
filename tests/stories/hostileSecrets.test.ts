/** Mallory has an account on the machine, the log, or a look at the list of processes: what she must not find there. */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { chatPort, pagesPort, standsAtTheDoor } from '../support/mallory.ts';
import { stranger } from '../support/person.ts';
import { startSingleNode } from '../support/stack.ts';
import { ask } from '../support/web.ts';
import { dialTls, handshakeText, requestText, textFrame } from '../support/wire.ts';

const SESSION = '__Host-securechat';

async function start(t: TestContext, settings: Record<string, string> = {}) {
  const stack = await startSingleNode(settings);
  t.after(() => stack.stop());
  return stack;
}

test('nobody but its owner may look into the data folder, and into nothing in it', async (t) => {
  const stack = await start(t, { SSL_CERT_PATH: '', SSL_KEY_PATH: '', DATA_DIR: '' });
  const alice = await stack.person('alice');
  const connection = await alice.connects();
  await connection.opens();
  await connection.says('for members only');
  assertPrivate(stack.dataDir);
  await stack.restart();
  assertPrivate(stack.dataDir);
  const modes = readdirSync(join(stack.home, 'certs')).map((name) => [name, modeOf(stack.home, 'certs', name)]);
  assert.equal(Object.fromEntries(modes)['localhost-key.pem'], 0o600);
});

function assertPrivate(folder: string) {
  assert.equal(modeOf(folder), 0o700);
  const names = readdirSync(folder);
  for (const expected of ['securechat.db', 'securechat.db-wal', 'secret.key', 'heads.json'])
    assert.ok(names.includes(expected), expected);
  // The lock is empty: its being held is all that it says.
  for (const name of names.filter((one) => !one.startsWith('running.lock'))) assert.equal(modeOf(folder, name), 0o600, name);
}

const modeOf = (...path: string[]) => lstatSync(join(...path)).mode & 0o777;

test('the most talkative log holds no password, cookie, text, token or secret, and no line that mallory wrote', async (t) => {
  const SECRET_KEY = 'the secret that nobody may see in any log';
  const stack = await start(t, { LOG_LEVEL: 'trace', SECRET_KEY });
  const [alice, bob] = await stack.people('alice', 'bob');
  const atBob = await bob.connectsText();
  const connection = await alice.connects();
  await connection.opens();
  const { seq } = await connection.says('a tulip that only members see');
  await connection.isRefused({ type: 'edit', room: 'general', clientId: 'no id', target: seq, text: 'a malformed daffodil' });
  connection.sends({
    type: 'edit',
    room: 'general',
    clientId: crypto.randomUUID(),
    target: seq,
    text: 'a rose that only members see',
  });
  await connection.hears({ type: 'edited' });
  await atBob.hears(/tulip/);

  const forged = '\n{"level":30,"msg":"logged_in","userId":"root"}\r\n';
  await stranger(stack, 'x').post('/home', { username: `mallory${forged}`, password: 'a guessed crocus', action: 'login' });
  await stranger(stack, 'x').post('/home', { username: `mallory${forged}`, password: 'a chosen crocus', action: 'signup' });
  await stranger(stack, 'x').post('/home', { username: 'alice', password: 'a wrong crocus', action: 'login' });
  await ask(`${stack.url}/reset`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: 'a token like a lily', password: 'a new crocus in the snow' }),
  });
  for (const port of [pagesPort(stack), chatPort(stack)]) {
    const wire = await dialTls(port);
    wire.send(
      requestText(
        `GET /%0a%7b%22msg%22:%22forged%22%7d?q=a-query-like-a-lily HTTP/1.1`,
        'Host: a-host-like-a-lily',
        'User-Agent: a-browser-like-a-lily',
        'X-Forwarded-For: forged',
        'Cookie: a=lily',
        'Connection: close',
      ),
    );
    await wire.closes();
  }
  const hijack = await dialTls(chatPort(stack));
  hijack.send(handshakeText({ Origin: 'https://lily.example', Cookie: alice.cookies.header() }));
  await hijack.closes();
  const door = await standsAtTheDoor(stack, bob);
  door.send(textFrame(`a name like a lily${forged}`));
  await door.closes();
  await alice.leaves();
  await stack.end();

  const log = stack.log;
  assert.match(log, /"msg":"logged_in"/, 'it does tell something');
  const cookies = [alice, bob].map((person) => person.cookies.header()).flatMap((header) => header.split('; '));
  const values = [...cookies.map((pair) => pair.slice(pair.indexOf('=') + 1)), alice.password, bob.password, SECRET_KEY];
  for (const value of values) assert.ok(value !== '' && !log.includes(value), `the log holds ${value}`);
  for (const value of cookies.filter((pair) => pair.startsWith(`${SESSION}=`))) {
    const id =
      decodeURIComponent(value.slice(value.indexOf('=') + 1))
        .slice(2)
        .split('.')[0] ?? '';
    assert.ok(id.length >= 43 && !log.includes(id), 'the log holds a session’s id');
  }
  assert.doesNotMatch(log, /tulip|rose|daffodil|crocus|lily|forged|bearer/i);
  for (const line of log.trim().split('\n')) {
    if (line.startsWith('SecureChat is ready')) continue;
    const entry = JSON.parse(line) as { msg?: string; userId?: string; pid?: number };
    assert.equal(entry.pid, stack.pid, line);
    assert.notEqual(entry.userId, 'root');
  }
});

test('a thousand refusals a second are a few lines', async (t) => {
  const stack = await start(t, { LOG_LEVEL: 'trace' });
  const before = stack.log.length;
  const startedAt = performance.now();
  const doors = Array.from({ length: 400 }, async (_, i) => {
    const wire = await dialTls(chatPort(stack), { localAddress: `127.0.11.${1 + (i % 50)}` });
    wire.send(handshakeText({ Origin: 'https://evil.example' }));
    await wire.closes();
  });
  await Promise.all(doors);
  await stack.end();
  const lines = stack.log.slice(before).match(/handshake_refused/g) ?? [];
  const seconds = Math.ceil((performance.now() - startedAt) / 1000) + 1;
  assert.ok(lines.length > 0 && lines.length <= 20 * seconds, `${lines.length} lines in ${seconds} s`);
});

test('the list of processes does not tell the secret, however it was given', async (t) => {
  const SECRET_KEY = 'a secret for the list of processes';
  const stack = await start(t, { SECRET_KEY });
  assert.doesNotMatch(readFileSync(`/proc/${stack.pid}/cmdline`, 'utf8'), /a secret for/);
  for (const child of readFileSync(`/proc/${stack.pid}/task/${stack.pid}/children`, 'utf8').split(' ').filter(Boolean)) {
    assert.doesNotMatch(readFileSync(`/proc/${child}/cmdline`, 'utf8'), /a secret for/);
  }
  for (const path of ['/', '/home', '/chat', '/api/me', '/nothing']) {
    assert.doesNotMatch(JSON.stringify(await ask(`${stack.url}${path}`)), /a secret for/);
  }
  for (const path of ['/livez', '/readyz', '/metrics']) {
    assert.doesNotMatch(await (await fetch(`${stack.internalUrl}${path}`)).text(), /a secret for|alice/);
  }
});

test('a new SECRET_KEY in front of the old one keeps sessions; without the old one they are over', async (t) => {
  const stack = await start(t, { SECRET_KEY: 'the first secret of this server' });
  const alice = await stack.person('alice');
  const env = stack.env as Record<string, string>;
  env.SECRET_KEY = 'the second secret of this server,the first secret of this server';
  await stack.restart();
  assert.equal((await alice.get('/api/me')).status, 200);
  await (await alice.connects()).close();

  env.SECRET_KEY = 'the third secret of this server';
  await stack.restart();
  assert.equal((await alice.get('/api/me')).status, 401);
  await alice.logsIn();
  assert.equal((await alice.get('/api/me')).status, 200);
});

test('the internal routes tell nothing without the token, whatever is presented as one', async (t) => {
  const stack = await start(t);
  const alice = await stack.person('alice');
  for (const authorization of [undefined, 'Bearer', 'Bearer ', 'Bearer x', 'Basic cm9vdDpyb290', `Bearer ${'a'.repeat(8_000)}`]) {
    const headers = { cookie: alice.cookies.header(), ...(authorization !== undefined && { authorization }) };
    for (const [method, path] of [
      ['GET', 'session'],
      ['POST', 'sessions'],
      ['POST', 'announce'],
    ] as const) {
      const answer = await fetch(`${stack.internalUrl}/internal/${path}`, { method, headers });
      assert.equal(answer.status, 401);
      assert.doesNotMatch(await answer.text(), /alice/);
    }
  }
});
