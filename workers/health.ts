import fastify from 'fastify';
import type { Worker } from '@temporalio/worker';
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';

/** What tells whether a worker can work: it polls, and it has not begun to end. */
function isReady(worker: Worker): boolean {
  return worker.getState() === 'RUNNING';
}

/**
 * `GET /healthz`: the process answers. `GET /readyz`: 200 while every worker of it polls, else 503. `GET /metrics`: for
 * Prometheus. Rejects when the address cannot be had.
 */
export async function serveHealth(listen: { host: string; port: number }, workers: readonly Worker[]) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'fleet_worker_activities_in_flight',
    help: 'Activities under way in this process, subagents and bookkeeping.',
    labelNames: ['task_queue'],
    registers: [registry],
    collect() {
      for (const worker of workers)
        this.set({ task_queue: worker.options.taskQueue }, worker.getStatus().numInFlightActivities);
    },
  });
  const server = fastify();
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', (_, reply) =>
    workers.every(isReady) ? { status: 'ready' } : reply.code(503).send({ status: 'not ready' }),
  );
  server.get('/metrics', async (_, reply) =>
    reply.header('content-type', registry.contentType).send(await registry.metrics()),
  );
  await server.listen(listen);
  return { close: () => server.close() };
}
