import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLog } from '../activities/observe/log.ts';
import { supervise } from './supervisor.ts';

/**
 * What `muster worker` runs: this small process, which starts the worker proper as its child, starts it again when it
 * dies, and tells Temporal at once of what it held. SIGTERM, SIGINT and SIGHUP drain it. It loads neither the worker's SDK
 * nor a client while nobody dies.
 */
const worker = fileURLToPath(new URL(`main${extname(import.meta.url)}`, import.meta.url));
const log = createLog('info', { role: 'supervisor' });
const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ending.abort());

const code = await supervise({
  worker,
  args: process.argv.slice(3),
  log: (fields, message) => log.warn(fields, message),
  ending: ending.signal,
  failAttempts: (tokens, message, retryAfterMs) =>
    handOver(tokens, message, retryAfterMs).catch((error: unknown) =>
      log.error({ err: error }, 'attempts cannot be handed over'),
    ),
});
process.exit(code); // what cannot be handed over any more holds nothing up

async function handOver(tokens: readonly string[], message: string, retryAfterMs: number): Promise<void> {
  const [{ failAttempts }, { readTemporal }] = await Promise.all([import('./dead-attempts.ts'), import('./config.ts')]);
  const failed = await failAttempts(readTemporal(), tokens, { message, retryAfterMs });
  log.info({ attempts: tokens.length, failed }, 'attempts of a dead worker process are handed over');
}
