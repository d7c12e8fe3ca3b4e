/** The page's shell, which the service worker keeps for as long as somebody is here. */
import favicon from './favicon.svg';
import { SHELL_CACHE } from './shellCache.ts';

/**
 * Asks the browser to run the worker. Where it will not (no trusted certificate, a private window), the page comes from the
 * server as ever.
 */
export async function keepShell(): Promise<void> {
  try {
    if (navigator.serviceWorker.controller || !(await isTrusted())) return;
    await navigator.serviceWorker.register(workerAddress(), { updateViaCache: 'none' });
  } catch {
    // Nothing is lost but speed.
  }
}

/**
 * Whether the browser trusts the server's certificate: from one that it does not trust it keeps nothing in its cache, and
 * refuses a worker with an error that nobody who chose their own certificate needs to read.
 */
async function isTrusted(): Promise<boolean> {
  for (let time = 1; time <= 2; time++) await (await fetch(favicon, { cache: 'force-cache' })).blob();
  const last = performance.getEntriesByName(new URL(favicon, location.href).href, 'resource').at(-1);
  return last instanceof PerformanceResourceTiming && last.transferSize === 0 && last.decodedBodySize > 0;
}

/** Drops the shell: the next visit asks the server who is there. */
export async function dropShell(): Promise<void> {
  try {
    await caches.delete(SHELL_CACHE);
  } catch {
    // Where there are no caches there is no shell.
  }
}

type ScriptPolicy = { createScriptURL: (address: string) => string };
type TrustedTypes = { createPolicy: (name: string, rules: ScriptPolicy) => ScriptPolicy };

/** The one address that the pages' policy lets become a script: a policy of this name can be made once, and knows no other. */
function workerAddress(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  return trustedTypes?.createPolicy('securechat-worker', { createScriptURL: () => '/sw.js' }).createScriptURL('') ?? '/sw.js';
}
