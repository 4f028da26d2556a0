import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Below the range from which systems take ports for outgoing connections (Linux 32768, macOS 49152), so none steals ours. */
const LOWEST = 17_000;
const HIGHEST = 31_999;

/** Moving to another port ends those who know the old one, so it is not done lightly. */
export const PORT_PATIENCE_MS = 2_000;

/** Whether a server could listen there on loopback now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * `wanted` if it is free or becomes so within `patienceMs` (its last holder may just be ending), else any other; it may
 * be taken again before it is used, so callers try more than once.
 */
export async function freePort(wanted?: number, patienceMs = 0): Promise<number> {
  for (const deadline = performance.now() + patienceMs; wanted !== undefined; await delay(50)) {
    if (await isPortFree(wanted)) return wanted;
    if (performance.now() >= deadline) break;
  }
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} on 127.0.0.1`);
}
