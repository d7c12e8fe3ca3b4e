import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { MessageEvent, ServerMessage } from '@securechat/shared/protocol';
import { makeOwnPair, ownPair } from '../../scripts/certificates.ts';
import { type Containers, describeContainers, services, startContainers } from '../support/compose.ts';
import type { Connection, Person } from '../support/person.ts';
import { ask } from '../support/web.ts';

const PATIENCE_MS = 60_000;
const LOOKS_EVERY_MS = 100;

let stack: Containers;
before(async () => {
  stack = await startContainers({ RATE_LIMIT_MESSAGES: '1000000', LOG_LEVEL: 'debug' }, { chats: 3 });
});
after(() => stack?.stop());

// ---- how they are locked up ----------------------------------------------------------------------------------------

test('no container has rights: not root, nothing to write to, no capabilities, bounded memory', async () => {
  for (const service of [...services, 'init'] as const) {
    for (const id of await stack.containersOf(service)) {
      const { Config, HostConfig, State } = await stack.inspect(id);
      assert.match(Config.User, /^(node|nginx|postgres|redis)$/, service);
      assert.ok(HostConfig.ReadonlyRootfs, service);
      assert.deepEqual(HostConfig.CapDrop, ['ALL'], service);
      assert.equal(HostConfig.CapAdd, null, service);
      assert.deepEqual(HostConfig.SecurityOpt, ['no-new-privileges:true'], service);
      assert.ok(HostConfig.Memory > 0, service);
      if (service === 'init') assert.deepEqual([State.Status, State.ExitCode], ['exited', 0]);
    }
  }
  for (const service of services) assert.notEqual(await stack.within(service, 'id', '-u'), '0', service);
});

test('two ports are published, and the stores have no way out', async () => {
  const published: string[] = [];
  for (const service of services) {
    for (const id of await stack.containersOf(service)) {
      const { Ports } = (await stack.inspect(id)).NetworkSettings;
      published.push(...Object.values(Ports).flatMap((ports) => (ports ?? []).map(({ HostPort }) => HostPort)));
    }
  }
  assert.deepEqual([...new Set(published)].sort(), [String(stack.ports.http), String(stack.ports.chat)].sort());
  const isInternal = (network: string) =>
    stack.docker('network', 'inspect', '--format', '{{.Internal}}', `${stack.project}_${network}`);
  assert.deepEqual(await Promise.all(['stores', 'services', 'outside'].map(isInternal)), ['true', 'true', 'false']);
});

test('no secret is in what docker inspect shows or in a list of processes', async () => {
  const secrets = (
    await Promise.all([
      stack.within('auth', 'sh', '-c', 'cat /run/securechat/*'),
      stack.within('postgres', 'cat', '/run/securechat/password'),
      stack.within('redis', 'cat', '/run/securechat/password'),
    ])
  ).flatMap((text) => text.split('\n').map((line) => line.trim()));
  assert.equal(secrets.filter((secret) => secret.length >= 43).length, 5);
  for (const service of [...services, 'init'] as const) {
    for (const id of await stack.containersOf(service)) {
      const shown = await stack.docker('inspect', id);
      const processes = service === 'init' ? '' : await stack.docker('top', id, '-eo', 'pid,args');
      for (const secret of secrets) assert.ok(!`${shown}${processes}`.includes(secret), `a secret of ${service}`);
    }
  }
});

test('each container reads its own files, and nobody else in it does', async () => {
  const modes = (service: 'proxy' | 'auth' | 'postgres' | 'redis', folder: string) =>
    stack.within(service, 'sh', '-c', `stat -c '%a %g' ${folder} ${folder}/* | sort -u`);
  assert.equal(await modes('auth', '/run/securechat'), '2770 5201\n640 5201');
  assert.equal(await modes('proxy', '/etc/nginx'), '2770 5202\n640 5202');
  assert.equal(await modes('postgres', '/run/securechat'), '2770 5203\n640 5203');
  assert.equal(await modes('redis', '/run/securechat'), '2770 5204\n640 5204');
  const writes = await stack.composeSays('exec', '-T', 'auth', 'sh', '-c', 'echo x > /run/securechat/secret-key');
  assert.notEqual(writes.code, 0);
});

test('what is for the inside is not reached from the outside', async () => {
  for (const path of ['/metrics', '/livez', '/readyz', '/internal/session']) {
    assert.equal((await ask(`${stack.url}${path}`)).status, 404, path);
    assert.equal((await ask(`https://localhost:${stack.ports.chat}${path}`)).status, 404, path);
  }
});

// ---- people --------------------------------------------------------------------------------------------------------

test('people on three replicas hear each other, through the public ports alone', async () => {
  const people = await Promise.all(['alice', 'bob', 'carol'].map(newcomer));
  const texts = people.map(({ name }) => `hello from ${name}`);
  for (const [index, talker] of people.entries()) await talker.says(texts[index] ?? '');
  for (const talker of people) await talker.hasHeard(...texts);
  assert.deepEqual(await connectionsByReplica(), [1, 1, 1]);
  for (const talker of people) await talker.goes();
});

test('replicas come and go while people talk', async (t) => {
  const [alice, bob] = [await newcomer('alice'), await newcomer('bob')];
  const talk = keepsTalking(t, alice);
  await stack.scale(4);
  await stack.scale(1);
  await stack.scale(3);
  await bob.hasHeard(...(await talk.ends()));
  await alice.hasHeard(...talk.texts);
  for (const talker of [alice, bob]) await talker.goes();
});

test('a replica that is killed takes nothing with it', async (t) => {
  const people = [await newcomer('alice'), await newcomer('bob'), await newcomer('carol')] as const;
  const talk = keepsTalking(t, people[0]);
  const [, killed = ''] = await stack.containersOf('chat');
  await stack.docker('kill', '--signal', 'KILL', killed);
  await talk.goesOn();
  const texts = await talk.ends();
  for (const talker of people) await talker.hasHeard(...texts);
  for (const talker of people) await talker.goes();
  await stack.up(3);
});

for (const service of ['redis', 'postgres', 'auth', 'proxy'] as const) {
  test(`a restart of ${service} with people connected loses and doubles nothing`, async (t) => {
    const [alice, bob] = [await newcomer('alice'), await newcomer('bob')];
    const talk = keepsTalking(t, alice);
    await talk.goesOn();
    await stack.compose('restart', '--timeout', '10', service);
    await talk.goesOn();
    const texts = await talk.ends();
    for (const talker of [alice, bob]) await talker.hasHeard(...texts);
    for (const talker of [alice, bob]) await talker.goes();
    await stack.up(3);
  });
}

test('the administrator is obeyed in a container', async () => {
  const alice = await stack.person(freshName('alice'));
  const connection = await alice.connects();
  const disabled = await stack.within('auth', 'npm', 'run', '--silent', 'admin', '--', 'disable', alice.name);
  assert.equal(disabled, `${alice.name} is signed out and cannot log in any more.`);
  assert.equal((await connection.closes(5_000)).code, 4401);
});

test('a new certificate is taken up by a command, and nobody is disconnected', async () => {
  const alice = await stack.person(freshName('alice'));
  const connection = await alice.connects();
  await connection.opens();
  await stack.compose('run', '--rm', '--no-deps', 'init');
  await stack.within('proxy', 'nginx', '-s', 'reload');
  await connection.says('still here');
  assert.equal((await alice.get('/api/me')).status, 200);
});

test('down and up again keeps people, sessions and messages', async () => {
  const alice = await newcomer('alice');
  await alice.says('remember me');
  await alice.goes();
  await stack.down();
  await stack.up(3);
  await alice.comes();
  await alice.hasHeard('remember me');
  assert.equal((await alice.person.get('/api/me')).status, 200);
});

// ---- a certificate of one's own ------------------------------------------------------------------------------------

test('a pair that does not match is told in one line, and nothing starts', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'securechat-pairs-'));
  for (const name of ['one', 'other']) makeOwnPair(join(folder, name));
  const pair = { SSL_CERT_PATH: ownPair(join(folder, 'one')).certPath, SSL_KEY_PATH: ownPair(join(folder, 'other')).keyPath };
  // The key is for its owner's eyes only.
  const owner = { INIT_USER: `${process.getuid?.()}:${process.getgid?.()}` };
  const other = await describeContainers({ ...pair, ...owner });
  t.after(async () => {
    await other.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { code, err } = await other.composeSays('run', '--rm', '--build', 'init');
  assert.equal(code, 1);
  const lines = err.split('\n').filter((line) => line.startsWith('SSL_'));
  assert.deepEqual(lines, [
    `SSL_KEY_PATH: the key in ${pair.SSL_KEY_PATH} does not match the certificate in ${pair.SSL_CERT_PATH} (SSL_CERT_PATH). Give the pair that was made together.`,
  ]);
});

// ---- people who come back ------------------------------------------------------------------------------------------

let names = 0;
const freshName = (name: string) => `${name}-${++names}`;

type Talker = Awaited<ReturnType<typeof newcomer>>;

/** Somebody who comes back whenever the connection is lost, resumes, and says again what was not seen back. */
async function newcomer(name: string) {
  const person = await stack.person(freshName(name));
  const connections: Connection[] = [];
  let epoch: string | undefined;

  /** All that was heard so far, in the order in which it was shown. */
  const heard = (): MessageEvent[] => connections.flatMap((connection) => connection.heard.slice(1).flatMap(messagesIn));

  async function comes() {
    const last = heard().at(-1);
    const connection = await patiently(() => person.connects());
    const since = last && { since: last.seq, sinceAt: last.at, ...(epoch !== undefined && { epoch }) };
    connections.push(connection);
    epoch = (await connection.opens(since ?? {})).opened.epoch;
  }

  const present = () => connections.at(-1) ?? assert.fail(`${name} is not here`);
  const isCut = () => present().socket.readyState !== present().socket.OPEN;

  await patiently(comes);
  return {
    name,
    person: person as Person,
    comes: () => patiently(comes),
    /** Says something until it is seen back. */
    async says(text: string) {
      const clientId = randomUUID();
      await patiently(async () => {
        if (isCut()) await comes();
        await present().says(text, { clientId });
      });
    },
    /** Waits until all of these were heard; they came once, in this order, and nothing came twice or is missing. */
    async hasHeard(...texts: string[]) {
      const isAmong = (event: MessageEvent) => texts.includes(event.text ?? '');
      await patiently(async () => {
        if (isCut()) await comes();
        assert.ok(heard().some((event) => event.text === texts.at(-1)));
      });
      const events = heard();
      assert.deepEqual(
        events.filter(isAmong).map(({ text }) => text),
        texts,
      );
      const first = events[0]?.seq ?? 0;
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => first + index),
        `what ${name} heard has holes or doubles`,
      );
    },
    goes: () => present().close(),
  };
}

/** The messages that a frame shows for the first time. */
function messagesIn(frame: string): MessageEvent[] {
  const message = JSON.parse(frame) as ServerMessage & { again?: boolean };
  if (message.type === 'page') return message.events.filter((event) => event.type === 'message') as MessageEvent[];
  return message.type === 'message' && message.again !== true ? [message] : [];
}

/** Somebody who says one thing after the other until told to end. */
function keepsTalking(t: TestContext, talker: Talker) {
  const texts: string[] = [];
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  async function talks() {
    while (!isOver) {
      const text = `${talker.person.name} says ${texts.length + 1}`;
      await talker.says(text);
      texts.push(text);
      await wait(LOOKS_EVERY_MS);
    }
  }
  const talking = talks();
  // Whoever waits for the end hears of a failure; nobody else has to.
  talking.catch(() => {});
  return {
    texts,
    /** Resolves when five more things were said and seen back. */
    async goesOn() {
      const enough = texts.length + 5;
      await Promise.race([talking, patiently(() => Promise.resolve(assert.ok(texts.length >= enough)))]);
    },
    async ends() {
      isOver = true;
      await talking;
      return texts;
    },
  };
}

/** Tries again and again what fails because something is away. */
async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await wait(LOOKS_EVERY_MS);
    }
  }
}

/** How many people each replica of chat has, fewest first. */
async function connectionsByReplica(): Promise<number[]> {
  const script = `fetch('http://127.0.0.1:8766/metrics').then((answer) => answer.text()).then((text) => console.log(/^securechat_connections (\\d+)/m.exec(text)?.[1] ?? text))`;
  const counts = await Promise.all(
    (await stack.containersOf('chat')).map((id) => stack.docker('exec', id, 'node', '-e', script)),
  );
  return counts.map(Number).sort();
}
