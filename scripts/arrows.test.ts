import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { projectFolder } from './home.ts';

/** Who may import whom: a file, what it would import, and whether the house allows it. */
const arrows: [file: string, imported: string, allowed: boolean][] = [
  ['services/web/src/socket.ts', '@securechat/shared/protocol', true],
  ['services/web/src/socket.ts', '@securechat/shared/config', false],
  ['services/web/src/socket.ts', '@securechat/chat/src/rooms.ts', false],
  ['services/web/src/components/People.ts', '../roomState.ts', true],
  ['services/web/src/socket.ts', '../../chat/src/rooms.ts', false],

  ['services/chat/src/server.ts', '@securechat/shared/bus', true],
  ['services/chat/src/server.ts', './rooms.ts', true],
  ['services/chat/src/server.ts', 'ws', true],
  ['services/chat/src/identity.ts', '../../auth/src/sessions.ts', false],
  ['services/chat/src/identity.ts', '@securechat/auth/src/sessions.ts', false],
  ['services/auth/src/routes.ts', '../../chat/src/rooms.ts', false],
  ['services/auth/src/routes.ts', '../../../scripts/files.ts', false],
  ['services/auth/src/start.ts', '../../chat/src/start.ts', false],

  ['services/chat/src/start.ts', '@securechat/shared/rateLimiter.memory', true],
  ['services/chat/src/start.ts', './presence.memory.ts', true],
  ['services/chat/src/hub.test.ts', '@securechat/shared/bus.memory', true],
  ['services/chat/src/server.ts', '@securechat/shared/bus.memory', false],
  ['services/chat/src/server.ts', './presence.memory.ts', false],
  ['services/auth/src/app.ts', './sessionStore.sqlite.ts', false],
  ['services/auth/src/app.ts', './sessionStore.ts', true],

  ['services/chat/src/rooms.ts', './eventStore.ts', true],
  ['services/chat/src/rooms.ts', 'ws', false],
  ['services/chat/src/rooms.ts', 'node:http', false],
  ['services/chat/src/hub.ts', 'ioredis', false],
  ['services/chat/src/hub.ts', 'express', false],
  ['services/chat/src/hub.ts', 'node:process', false],
  ['services/chat/src/hub.ts', './presence.memory.ts', false],
  ['services/chat/src/server.ts', './presence.redis.ts', false],
  ['services/chat/src/server.ts', './adapters.distributed.ts', false],
  ['services/chat/src/start.ts', './adapters.distributed.ts', true],
  ['services/chat/src/adapters.distributed.ts', './eventStore.postgres.ts', true],
  ['services/chat/src/hub.ts', '../../auth/src/sessions.ts', false],

  ['shared/src/bus.memory.ts', './bus.ts', true],
  ['shared/src/bus.memory.ts', '../../services/chat/src/rooms.ts', false],
  ['shared/src/bus.memory.ts', '@securechat/chat/src/rooms.ts', false],
  ['shared/src/protocol.ts', 'valibot', true],
  ['shared/src/protocol.ts', 'node:crypto', false],

  ['scripts/single-node.ts', '../services/chat/src/start.ts', true],
  ['scripts/single-node.ts', '@securechat/shared/bus.memory', true],
  ['scripts/admin.ts', '../services/auth/src/admin.ts', true],
  ['scripts/admin.ts', '../services/auth/src/userStore.ts', false],
  ['scripts/admin.ts', '@securechat/shared/bus.memory', false],
  ['scripts/admin.ts', '@securechat/shared/database.postgres', false],
  ['tests/support/stack.ts', '../../scripts/single-node.ts', true],
  ['tests/stories/chat.test.ts', '../../services/chat/src/start.ts', true],
  ['tests/stories/chat.test.ts', '../../services/chat/src/hub.ts', false],
  ['tests/stories/chat.test.ts', '@securechat/chat/src/hub.ts', false],
];

test('the linter holds the import arrows: what may be imported passes, what may not is refused', (t) => {
  const house = mkdtempSync(join(tmpdir(), 'securechat-house-'));
  t.after(() => rmSync(house, { recursive: true, force: true }));
  const lines = build(house);
  const refused = lint(house);
  const wrong = arrows.filter(
    ([file, imported, allowed]) => refused.has(`${file}:${lines.get(`${file} ${imported}`)}`) === allowed,
  );
  assert.deepEqual(wrong, []);
});

/** Writes all files with one import a line; returns which import is on which line. */
function build(house: string): Map<string, number> {
  cpSync(join(projectFolder, 'biome.json'), join(house, 'biome.json'));
  const lines = new Map<string, number>();
  for (const [file, ofFile] of Map.groupBy(arrows, ([name]) => name)) {
    mkdirSync(dirname(join(house, file)), { recursive: true });
    writeFileSync(join(house, file), ofFile.map(([, imported]) => `import '${imported}';\n`).join(''));
    ofFile.forEach(([, imported], index) => void lines.set(`${file} ${imported}`, index + 1));
  }
  return lines;
}

/** The lines that the linter refuses, as file:line. */
function lint(house: string): Set<string> {
  const biome = join(projectFolder, 'node_modules', '.bin', 'biome');
  const words = [
    'lint',
    '--only=style/noRestrictedImports',
    '--reporter=github',
    '--vcs-enabled=false',
    '--max-diagnostics=none',
    '.',
  ];
  const { stdout } = spawnSync(biome, words, { cwd: house, encoding: 'utf8' });
  const complaints = stdout.matchAll(/title=lint\/style\/noRestrictedImports,file=([^,]+),line=(\d+)/g);
  return new Set([...complaints].map(([, file, line]) => `${relative(realpathSync(house), file ?? '')}:${line}`));
}
