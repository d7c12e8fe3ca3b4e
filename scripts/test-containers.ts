/** `npm run test:containers`: the stories of the containers, one file after the other; a word after `--` chooses files. */
import { spawn, spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { projectFolder } from './home.ts';

const ONE_TEST_WITHIN_MS = 600_000;

function main(words: readonly string[]) {
  const reason = whyNoContainers();
  if (reason !== undefined) {
    process.stderr.write(`${reason}\n`);
    process.exit(1);
  }
  const all = globSync('tests/containers/*.test.ts', { cwd: projectFolder }).sort();
  const files = words.length === 0 ? all : all.filter((path) => words.some((word) => path.includes(word)));
  const settings = ['--test-reporter=spec', '--test-concurrency=1', `--test-timeout=${ONE_TEST_WITHIN_MS}`];
  const runner = spawn(process.execPath, ['--test', ...settings, ...files], { cwd: projectFolder, stdio: 'inherit' });
  // Ctrl-C reaches the runner by itself; it ends its tests, which remove their containers, and then we end.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => runner.kill('SIGTERM'));
  runner.once('exit', (code) => process.exit(code ?? 1));
}

/** Why no containers can be started here; undefined when they can. */
function whyNoContainers(): string | undefined {
  const { error, status, stderr } = spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], { encoding: 'utf8' });
  if (error !== undefined) return 'The container stories need Docker with Compose v2, and there is no "docker" here.';
  if (status !== 0) return `The container stories need a running Docker engine: ${stderr.trim().split('\n').at(-1)}`;
  const compose = spawnSync('docker', ['compose', 'version'], { encoding: 'utf8' });
  return compose.status === 0 ? undefined : 'The container stories need Docker Compose v2 ("docker compose").';
}

main(process.argv.slice(2));
