/** The person who looks after a server and types `npm run admin` commands. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Stack } from './stack.ts';

const program = fileURLToPath(new URL('./admin.ts', import.meta.url));

/** Runs one command for a stack's server and resolves with its exit code and what it printed. */
export function administer({ home, env }: Pick<Stack, 'home' | 'env'>, ...words: string[]) {
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const child = execFile(process.execPath, [program, home, ...words], { env }, (_, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}
