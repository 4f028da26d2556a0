import { join } from 'node:path';
import { Worker, type NativeConnection, type WorkerOptions, type WorkerTuner } from '@temporalio/worker';
import { fingerprint } from '../activities/claude/endpoint.ts';
import { dataConverterOf } from '../activities/encryption/data-converter.ts';
import { FLEET_QUEUE, SCRIPTS_QUEUE, agentsQueue } from '../workflows/contract/ids.ts';
import { HAND_BACK_GRACE_MS, HEARTBEAT_THROTTLE_MS } from '../workflows/contract/limits.ts';
import { ClosingSlots } from './closing-slots.ts';
import type { Composition } from './composition.ts';
import type { WorkerConfig } from './config.ts';
import { workflowBundle } from './workflow-bundle.ts';

/** Slots of short bookkeeping, of workflow tasks. */
const BOOKKEEPING_SLOTS = 20;
const WORKFLOW_SLOTS = 40;
/** Exchanges with scripts at once: on a queue of their own, where one that spins holds up no bookkeeping. */
const SCRIPT_SLOTS = 8;
/** About 1 MB each (reference/reliability-and-performance.md §2). */
const CACHED_WORKFLOWS = 200;

/** After a drain has begun: the call in flight, its checkpoint, and some slack. */
const SHUTDOWN_GRACE_MS = HAND_BACK_GRACE_MS + 5_000;

const fixed = (numSlots: number) => ({ type: 'fixed-size' as const, numSlots });

const poll = (maximum: number) => ({
  type: 'autoscaling' as const,
  minimum: 1,
  initial: Math.min(2, maximum),
  maximum,
});

export interface RoleWorkers {
  workers: Worker[];
  /** No activity is asked for any more. Resolves once all polls under way are answered, which may take a minute. */
  closeSlots(): Promise<unknown>;
}

/** Role → queues, activities and slots. */
export async function createWorkers(
  config: WorkerConfig,
  connection: NativeConnection,
  { fleet, scripts, subagents }: Composition,
  more: Pick<WorkerOptions, 'interceptors' | 'sinks'> = {},
): Promise<RoleWorkers> {
  const allSlots: ClosingSlots[] = [];
  const tuner = (activities: number): WorkerTuner => {
    const slots = new ClosingSlots(activities);
    allSlots.push(slots);
    return {
      activityTaskSlotSupplier: slots,
      workflowTaskSlotSupplier: fixed(WORKFLOW_SLOTS),
      localActivityTaskSlotSupplier: fixed(1),
      nexusTaskSlotSupplier: fixed(1),
    };
  };
  const common = {
    connection,
    ...more,
    namespace: config.namespace,
    dataConverter: dataConverterOf(config.encryptionKeys),
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    shutdownGraceTime: SHUTDOWN_GRACE_MS,
    shutdownForceTime: SHUTDOWN_GRACE_MS + 10_000,
  } satisfies Partial<WorkerOptions>;
  const workers: Worker[] = [];
  if (config.role !== 'subagent') {
    workers.push(
      await Worker.create({
        ...common,
        taskQueue: FLEET_QUEUE,
        workflowBundle: await workflowBundle(join(config.home, 'cache'), config.encryptionKeys.length > 0),
        activities: { ...fleet },
        // Root and batch go on with whichever build is current: nobody waits for a build whose workers are gone.
        ...(config.deployment && {
          workerDeploymentOptions: {
            version: config.deployment,
            useWorkerVersioning: true,
            defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
          },
        }),
        maxCachedWorkflows: CACHED_WORKFLOWS,
        tuner: tuner(BOOKKEEPING_SLOTS),
        activityTaskPollerBehavior: poll(2),
        workflowTaskPollerBehavior: poll(8),
      }),
      await Worker.create({
        ...common,
        taskQueue: SCRIPTS_QUEUE,
        activities: { ...scripts },
        tuner: tuner(SCRIPT_SLOTS),
        activityTaskPollerBehavior: poll(2),
      }),
    );
  }
  if (config.role !== 'orchestrator' && config.claude && subagents) {
    workers.push(
      await Worker.create({
        ...common,
        taskQueue: agentsQueue(fingerprint(config.claude)),
        activities: { ...subagents },
        tuner: tuner(config.slots),
        // A frontend allows 1,200 long polls of one kind (reference/temporal.md §6): enough for 300 such workers.
        activityTaskPollerBehavior: poll(config.role === 'all' ? 8 : 4),
      }),
    );
  }
  return { workers, closeSlots: () => Promise.all(allSlots.map((slots) => slots.close())) };
}
