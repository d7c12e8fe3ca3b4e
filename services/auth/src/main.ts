/** `node services/auth/src/main.ts`: auth as a process of its own, behind a proxy. */
import { fileURLToPath } from 'node:url';
import { runService } from '@securechat/shared/lifecycle';
import { startAuth } from './start.ts';

const envFile = fileURLToPath(new URL('../../../.env', import.meta.url));
await runService(process.env, envFile, ({ env, log }) => startAuth({ env, log, bus: undefined, readiness: new Map() }));
