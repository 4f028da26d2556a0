import fastify from 'fastify';
import type { Worker } from '@temporalio/worker';
import type { Telemetry } from './telemetry.ts';

/** What tells whether a worker can work: it polls for all that it serves, and it has not begun to end. */
function isReady(worker: Worker): boolean {
  const { runState, workflowPollerState, activityPollerState } = worker.getStatus();
  // One without workflows never polls for their tasks.
  const isPolling = worker.options.workflowBundle === undefined || workflowPollerState === 'POLLING';
  return runState === 'RUNNING' && isPolling && activityPollerState === 'POLLING';
}

/**
 * Of the worker process itself: while its supervisor starts it again nobody answers, which is as good as 503.
 * `GET /healthz`: the process answers. `GET /readyz`: 200 while every worker of it polls, else 503. `GET /metrics`: for
 * Prometheus. Rejects when the address cannot be had.
 */
export async function serveHealth(
  listen: { host: string; port: number },
  workers: readonly Worker[],
  { registry, exposition }: Pick<Telemetry, 'registry' | 'exposition'>,
) {
  const server = fastify();
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', (_, reply) =>
    workers.every(isReady) ? { status: 'ready' } : reply.code(503).send({ status: 'not ready' }),
  );
  server.get('/metrics', async (_, reply) =>
    reply.header('content-type', registry.contentType).send(await exposition()),
  );
  await server.listen(listen);
  return { close: () => server.close() };
}
