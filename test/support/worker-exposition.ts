import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type { NativeConnection, Worker } from '@temporalio/worker';
import { createLog } from '../../activities/observe/log.ts';
import { agentsQueue } from '../../workflows/contract/ids.ts';
import { readWorkerConfig } from '../../workers/config.ts';
import { openTelemetry } from '../../workers/telemetry.ts';
import { watchWorkers } from '../../workers/worker-metrics.ts';

/** What a worker of both roles exports of its own before it has done anything: every metric is registered by then. */
export async function ownExposition(): Promise<string> {
  const env = { MUSTER_HOME: '/nowhere', ANTHROPIC_API_KEY: 'key-of-nobody-at-all' };
  const config = readWorkerConfig(['--listen', '127.0.0.1:1'], env);
  const log = createLog('silent');
  const { registry } = await openTelemetry(config, log);
  const worker = {
    options: { taskQueue: agentsQueue('test') },
    getStatus: () => ({ numInFlightActivities: 0 }),
  } as unknown as Worker;
  const connection = { workflowService: { listWorkflowExecutions: async () => ({ executions: [] }) } };
  watchWorkers(registry, { config, log, workers: [worker], connection: connection as unknown as NativeConnection });
  return registry.metrics();
}

/**
 * Of the SDK's core (reference/temporal.md §13), as `telemetry.ts` asks for them: seconds, and `_total` for what
 * counts.
 */
const OF_THE_SDK = {
  histogram: [
    ...['activity_schedule_to_start_latency', 'activity_execution_latency', 'activity_succeed_endtoend_latency'],
    ...['workflow_task_schedule_to_start_latency', 'workflow_task_execution_latency', 'workflow_task_replay_latency'],
    ...['workflow_endtoend_latency', 'request_latency', 'long_request_latency'],
  ],
  counter: [
    ...['activity_execution_failed', 'activity_task_received', 'workflow_task_execution_failed', 'request_failure'],
    ...['workflow_completed', 'workflow_failed', 'workflow_canceled', 'request', 'sticky_cache_total_forced_eviction'],
  ],
  gauge: ['worker_task_slots_available', 'worker_task_slots_used', 'num_pollers', 'sticky_cache_size'],
};

/**
 * The series that the SDK can export. A worker shows many of them only once they have happened, so that its core is
 * asked: throws for a metric that it does not name.
 */
export function sdkSeries(): Set<string> {
  const { histogram, counter, gauge } = OF_THE_SDK;
  const core = coreBinary();
  const strange = [...histogram, ...counter, ...gauge].filter((name) => !core.includes(name));
  if (strange.length > 0) throw new Error(`the SDK's core has no ${strange.join(', ')}`);
  return new Set([
    ...histogram.flatMap((name) => ['bucket', 'sum', 'count'].map((part) => `temporal_${name}_seconds_${part}`)),
    ...counter.map((name) => `temporal_${name}_total`),
    ...gauge.map((name) => `temporal_${name}`),
  ]);
}

function coreBinary(): Buffer {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'));
  const directory = resolve('@temporalio/core-bridge/package.json').replace(/package\.json$/, '');
  const target = `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-unknown-linux-gnu`;
  return readFileSync(`${directory}releases/${target}/index.node`);
}
