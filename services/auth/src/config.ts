import { ConfigError, commonSettings, type Environment, integer, oneOf, readConfig, seconds } from '@securechat/shared/config';

const settings = {
  ...commonSettings,
  SIGNUP: oneOf('open', 'open', 'closed'),
  LOGIN_ATTEMPTS: integer(5, 1, 1_000),
  LOGIN_WINDOW_SECONDS: seconds(300),
  SIGNUPS_PER_ADDRESS_PER_HOUR: integer(100, 1, 100_000),
} as const;

/** All that auth can be told; durations are milliseconds. */
export type AuthConfig = ReturnType<typeof readSettings> & { readonly SSL_CERT_PATH: string; readonly SSL_KEY_PATH: string };

/**
 * Reads and checks auth's settings.
 *
 * @param env must hold MODE, SECRET_KEY, SSL_CERT_PATH and SSL_KEY_PATH; whoever starts auth has generated what was missing
 * @throws {ConfigError} with all problems together, each naming its variable
 */
export function readAuthConfig(env: Environment): AuthConfig {
  const problems: string[] = [];
  const config = collecting(problems, () => readSettings(env));
  if (env.MODE?.trim() === 'distributed') problems.push('MODE is "distributed", but this release runs MODE=single only.');
  for (const name of ['SSL_CERT_PATH', 'SSL_KEY_PATH']) {
    if (!env[name]?.trim()) problems.push(`${name} is missing. Set it to the path of a PEM file.`);
  }
  if (config === undefined || problems.length > 0) throw new ConfigError(problems);
  return { ...config, SSL_CERT_PATH: config.SSL_CERT_PATH ?? '', SSL_KEY_PATH: config.SSL_KEY_PATH ?? '' };
}

/** The address of the pages on the machine itself; people elsewhere use the host's name. */
export function publicUrl({ HTTP_PORT }: AuthConfig): string {
  return `https://localhost${HTTP_PORT === 443 ? '' : `:${HTTP_PORT}`}`;
}

/** Where the internal listener is reached from this machine. */
export function internalUrl({ INTERNAL_HOST, INTERNAL_PORT }: AuthConfig): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '::1' }[INTERNAL_HOST] ?? INTERNAL_HOST;
  return `http://${host.includes(':') ? `[${host}]` : host}:${INTERNAL_PORT}`;
}

const readSettings = (env: Environment) => readConfig(settings, env);

function collecting<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}
