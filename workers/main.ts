import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { createLog } from '../activities/observe/log.ts';
import { createRedactor } from '../activities/observe/redaction.ts';
import { reportAttempts, supervisorOf } from './attempt-reports.ts';
import { compose } from './composition.ts';
import { WorkerConfigError, readWorkerConfig } from './config.ts';
import { makeCurrent } from './current-version.ts';
import { serveHealth } from './health.ts';
import { watchIdleness } from './idle.ts';
import { createWorkers } from './roles.ts';
import { openTelemetry } from './telemetry.ts';
import { watchWorkers } from './worker-metrics.ts';

/** Where work waits a poll is answered sooner; where none does, none is lost. */
const LAST_POLLS_MS = 1_000;

/**
 * A worker process: `worker --role all|orchestrator|subagent`. SIGTERM and SIGINT hand over what is in flight within
 * seconds and end it with 0.
 */
async function main(): Promise<void> {
  const config = readWorkerConfig(process.argv.slice(2));
  const log = createLog(config.logLevel, { role: config.role }, createRedactor(config.secrets));
  const telemetry = await openTelemetry(config, log);
  const draining = new AbortController();
  const connection = await NativeConnection.connect(config.connection);
  const composition = await compose(config, log, draining.signal, telemetry.watchers);
  const supervisor = supervisorOf(process);
  const { workers, closeSlots } = await createWorkers(config, connection, composition, {
    ...telemetry.workerOptions,
    interceptors: {
      activity: [
        ...(supervisor ? [reportAttempts((report) => supervisor.tell(report))] : []),
        ...telemetry.activityInterceptors,
      ],
    },
  });
  if (config.listen) watchWorkers(telemetry.registry, { config, connection, workers, log });
  const end = (why: string): void => {
    if (draining.signal.aborted) return;
    log.info({ why }, 'worker is ending');
    draining.abort();
    void handOver();
  };
  const runs: Promise<void>[] = [];
  const shutDown = async (some: readonly Worker[]): Promise<void> => {
    for (const worker of some) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.allSettled(runs.filter((_, i) => some.includes(workers[i]!)));
  };
  async function handOver(): Promise<void> {
    // Polls under way are answered first: what they bring is handed over like the rest.
    await Promise.race([closeSlots(), delay(LAST_POLLS_MS)]);
    // Workflows last: they take back what subagents hand over, and give it to other workers.
    await shutDown(workers.filter((worker) => !hasWorkflows(worker)));
    await shutDown(workers.filter(hasWorkflows));
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal));
  supervisor?.onGone(() => end('the supervisor is gone'));
  const health = config.listen && (await serveHealth(config.listen, workers, telemetry));
  const idleness = watchIdleness(config, connection, log, () => end('idle'));
  log.info({ queues: workers.map(({ options }) => options.taskQueue), slots: config.slots }, 'worker is up');
  if (config.makesCurrent) void makeCurrent(config, connection, log, draining.signal);
  try {
    if (!draining.signal.aborted) runs.push(...workers.map((worker) => worker.run()));
    await Promise.all(runs);
  } finally {
    await composition.close();
    await health?.close();
    await idleness.close();
    await connection.close();
    await telemetry.close();
  }
}

const hasWorkflows = ({ options }: Worker): boolean => options.workflowBundle !== undefined;

try {
  await main();
} catch (error) {
  const isUsage = error instanceof WorkerConfigError;
  process.stderr.write(`muster worker: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
