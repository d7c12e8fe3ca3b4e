import type { Environment } from '@securechat/shared/config';
import { commonSettings, integer, origins, readConfig, seconds, text } from '@securechat/shared/config';

const settings = {
  ...commonSettings,
  AUTH_URL: text('http://127.0.0.1:5001'),
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

export type ChatConfig = ReturnType<typeof readChatConfig>;

/**
 * The chat service's configuration.
 *
 * @throws {ConfigError} with all problems together
 */
export const readChatConfig = (env: Environment) => readConfig(settings, env);
