/** Files that are either whole or not there. */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes a file so that nobody ever sees half of it: beside its place first, then renamed into it. Its folder is made
 * when it is missing.
 *
 * @param mode permissions, such as 0o600 for what nobody else may read
 */
export function writeWhole(path: string, content: string, mode: number): void {
  makeFolder(dirname(path));
  const beside = `${path}.${process.pid}.new`;
  try {
    writeFileSync(beside, content, { mode, flag: 'wx' });
    // The mode given above is cut by the umask; what must be readable for others is made so here.
    chmodSync(beside, mode);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

/**
 * Makes a folder, and those above it, where they are missing. Node's own recursive mkdir never returns where the system
 * answers ENOENT below a folder that exists, as /proc does.
 *
 * @returns the topmost folder that was made; undefined when all were there
 */
export function makeFolder(folder: string, mode?: number): string | undefined {
  if (existsSync(folder)) return undefined;
  const above = dirname(folder) === folder ? undefined : makeFolder(dirname(folder), mode);
  try {
    mkdirSync(folder, { mode });
  } catch (error) {
    if (above !== undefined) rmSync(above, { recursive: true, force: true });
    throw error;
  }
  return above ?? folder;
}

/** The text of a file, or undefined when there is no such file. Other failures are thrown. */
export function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined;
    throw error;
  }
}

/**
 * Why no file could be written into a folder, or undefined when one could. A folder that is missing is judged by
 * the nearest one above it that exists; nothing is made.
 *
 * @returns an error code such as EACCES, EROFS or ENOTDIR
 */
export function whyNotWritable(folder: string): string | undefined {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    if (!statSync(nearest).isDirectory()) return 'ENOTDIR';
    accessSync(nearest, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** The code of a system error, such as ENOENT; its message when it has none. */
export function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
