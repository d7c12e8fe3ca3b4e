/** Telling a store that is away from an error of our own: the one is answered "try again", the other is a bug. */

/** Errors of sockets (https://nodejs.org/api/errors.html#common-system-errors) that mean that nobody answers there. */
const NETWORK =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN)$/;
/** SQLSTATEs: connection exceptions, too many connections, shutting down or starting up, disk full, statement or lock time-out. */
const SQLSTATE = /^(08...|53...|57P0.|57014|55P03|25006)$/;
/** pg, ioredis and node-redis say some of it in words alone. */
const WORDS =
  /timeout|timed out|connection (is )?(terminated|closed|ended)|client (is|was) closed|isn't writeable|closed unexpectedly|max retries per request|offline/i;

/**
 * True when an error of a database's or Redis' client says that the store cannot be asked at the moment; what was
 * being done may or may not have happened.
 */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (NETWORK.test(code) || SQLSTATE.test(code) || WORDS.test(error.message)) return true;
  // Redis while it loads its file, as a replica without its master, or with a full disk or memory.
  if (/^(LOADING|MASTERDOWN|READONLY|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|MISCONF|OOM)\b/.test(error.message)) return true;
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return inner.some(isAway);
}
