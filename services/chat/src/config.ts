import {
  commonSettings,
  distributedSettings,
  type Environment,
  integer,
  modeOf,
  origins,
  readConfig,
  required,
  seconds,
  singleSettings,
  text,
} from '@securechat/shared/config';

const settings = {
  ...commonSettings,
  ALLOWED_ORIGINS: origins(),
  RATE_LIMIT_MESSAGES: integer(5, 1, 1_000_000),
  RATE_LIMIT_WINDOW_SECONDS: seconds(10),
  RATE_LIMIT_MUTE_SECONDS: seconds(10),
  HEARTBEAT_INTERVAL_SECONDS: seconds(10),
  HEARTBEAT_TIMEOUT_SECONDS: seconds(5),
  CONNECTIONS_PER_PERSON: integer(20, 1, 100_000),
  CONNECTIONS_PER_ADDRESS: integer(200, 1, 1_000_000),
  HANDSHAKES_PER_ADDRESS_PER_SECOND: integer(20, 1, 100_000),
} as const;
const single = { ...settings, ...singleSettings, AUTH_URL: text('http://127.0.0.1:5001') };
const distributed = {
  ...settings,
  ...distributedSettings,
  AUTH_URL: required('Set it to the address of auth’s internal listener, such as http://auth:5001.'),
  LISTEN_PORT: integer(8765, 1, 65_535),
  INTERNAL_PORT: integer(8766, 1, 65_535),
};

/** All that the chat service can be told; durations are milliseconds. */
export type ChatConfig = ReturnType<typeof readChatConfig>;

/**
 * Reads and checks the chat service's settings.
 *
 * @param env must hold MODE, SECRET_KEY, AUTH_URL and what the mode needs
 * @throws {ConfigError} with all problems together, each naming its variable
 */
export function readChatConfig(env: Environment) {
  return modeOf(env) === 'distributed' ? readConfig(distributed, env) : readConfig(single, env);
}
