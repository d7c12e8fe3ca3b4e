/** Ports that nothing listens on. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Free ports of 127.0.0.1, all different. They lie below the range from which the system gives ports to outgoing
 * connections, so that between this look and the use nobody gets one by chance.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 32_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
}
