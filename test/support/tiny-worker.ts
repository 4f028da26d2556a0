import { writeFileSync } from 'node:fs';
import { Connection } from '@temporalio/client';
import { fingerprint } from '../../activities/claude/endpoint.ts';
import { agentsQueue, FLEET_QUEUE } from '../../workflows/contract/ids.ts';

/**
 * As small as a worker can be: asks for work on the two queues that its environment names and takes none. On SIGTERM it
 * writes TINY_WORKER_FAREWELL, if that is set, and ends. With TINY_WORKER_DIES it ends at once.
 */
const { env } = process;
if (env['TINY_WORKER_DIES']) throw new Error('this worker was told to die');
process.on('SIGTERM', () => {
  if (env['TINY_WORKER_FAREWELL']) writeFileSync(env['TINY_WORKER_FAREWELL'], String(process.pid));
  process.exit();
});

const { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_AUTH_TOKEN: authToken } = env;
const credential = apiKey === undefined ? { authToken: authToken! } : { apiKey };
const agents = agentsQueue(fingerprint({ baseUrl: env['ANTHROPIC_BASE_URL']!, ...credential }));
const connection = await Connection.connect({ address: env['TEMPORAL_ADDRESS']! });
const { workflowService } = connection;
const common = { namespace: env['TEMPORAL_NAMESPACE']!, identity: `${process.pid}@tiny` };

async function poll(ask: () => Promise<unknown>): Promise<never> {
  for (;;)
    await connection
      .withDeadline(Date.now() + 60_000, ask)
      .catch(() => new Promise((resolve) => setTimeout(resolve, 50)));
}
await Promise.all([
  poll(() => workflowService.pollWorkflowTaskQueue({ ...common, taskQueue: { name: FLEET_QUEUE } })),
  poll(() => workflowService.pollActivityTaskQueue({ ...common, taskQueue: { name: agents } })),
]);
