import {
  commonSettings,
  distributedSettings,
  type Environment,
  integer,
  modeOf,
  oneOf,
  readConfig,
  seconds,
  singleSettings,
} from '@securechat/shared/config';

const settings = {
  ...commonSettings,
  SIGNUP: oneOf('open', 'open', 'closed'),
  LOGIN_ATTEMPTS: integer(5, 1, 1_000),
  LOGIN_WINDOW_SECONDS: seconds(300),
  SIGNUPS_PER_ADDRESS_PER_HOUR: integer(100, 1, 100_000),
} as const;
const single = { ...settings, ...singleSettings };
const distributed = { ...settings, ...distributedSettings, LISTEN_PORT: integer(5000, 1, 65_535) };

/** All that auth can be told; durations are milliseconds. */
export type AuthConfig = ReturnType<typeof readAuthConfig>;

/**
 * Reads and checks auth's settings.
 *
 * @param env must hold MODE, SECRET_KEY and what the mode needs; whoever starts auth has generated what was missing
 * @throws {ConfigError} with all problems together, each naming its variable
 */
export function readAuthConfig(env: Environment) {
  return modeOf(env) === 'distributed' ? readConfig(distributed, env) : readConfig(single, env);
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
