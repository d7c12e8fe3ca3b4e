/** One server per data directory. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Takes a data directory for this process alone: two servers on one conversation would not hear each other. The mark
 * is a lock that the system keeps, so it ends with the process however that ends, kill -9 included.
 *
 * @returns how to give the directory back, or undefined when another process has it
 */
export function takeAlone(folder: string): (() => void) | undefined {
  const lock = new DatabaseSync(join(folder, 'running.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return () => lock.close();
  } catch (error) {
    lock.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html#busy */
const isBusy = (error: unknown) => (error as { errcode?: number }).errcode === 5;
