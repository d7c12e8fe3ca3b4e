/** `node services/chat/src/main.ts`: a chat replica, behind a proxy. */
import { fileURLToPath } from 'node:url';
import { runService } from '@securechat/shared/lifecycle';
import { startChat } from './start.ts';

const envFile = fileURLToPath(new URL('../../../.env', import.meta.url));
await runService(process.env, envFile, ({ env, log }) => startChat({ env, log, bus: undefined, readiness: new Map() }));
