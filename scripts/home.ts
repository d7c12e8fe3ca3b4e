/** Where the files of an installation are, and what its settings say about them. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Environment, withEnvFile } from '@securechat/shared/config';

/** The folder of the project, which holds `.env`, `certs/` and, unless DATA_DIR says otherwise, `data/`. */
export const projectFolder = dirname(dirname(fileURLToPath(import.meta.url)));

const PATHS = ['DATA_DIR', 'SSL_CERT_PATH', 'SSL_KEY_PATH', 'SECRET_KEY_FILE'] as const;

/**
 * The settings of the single node: the environment, completed by `.env`, with MODE given and paths made absolute.
 *
 * @param home the folder that `.env` is in and that relative paths start from
 * @throws {ConfigError} when `.env` cannot be read
 */
export function settingsOf(given: Environment, home: string = projectFolder): Environment {
  const env: Environment = { MODE: 'single', DATA_DIR: 'data', ...onlySet(withEnvFile(given, join(home, '.env'))) };
  for (const name of PATHS) {
    const path = env[name];
    if (path !== undefined) env[name] = resolve(home, path.trim());
  }
  return env;
}

/** The folder of generated certificates. */
export const certificateFolder = (home: string) => join(home, 'certs');

/** An empty value counts as missing. */
function onlySet(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
}
