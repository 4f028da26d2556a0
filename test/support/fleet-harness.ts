import { randomUUID } from 'node:crypto';
import { Client, Connection, type WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  bundleWorkflowCode,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { FLEET_WORKFLOW, SCRIPTS_QUEUE, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import type { FleetActivities, ScriptActivities, SubagentActivities } from '../../workflows/contract/activities.ts';
import type { FleetInput } from '../../workflows/contract/messages.ts';
import { BUNDLED } from '../../workers/workflow-bundle.ts';
import type { fleetWorkflow } from '../../workflows/fleet.ts';

Runtime.install({ shutdownSignals: [], logger: new DefaultLogger('ERROR') });

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;
export function workflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  return (bundle ??= bundleWorkflowCode({ ...BUNDLED, logger: new DefaultLogger('ERROR') }));
}

type FleetHandle = WorkflowHandleWithFirstExecutionRunId<typeof fleetWorkflow>;

export interface Harness {
  client: Client;
  /** What a root starts with, for clients that start it themselves. */
  startOptions(input: Partial<FleetInput>): { workflowId: string; taskQueue: string; args: [FleetInput] };
  start(input: Partial<FleetInput>): Promise<FleetHandle>;
  close(): Promise<void>;
}

/** Real workflows on a real server; what the activities do is the test's, those of a script on their own queue. */
export async function startHarness(
  address: string,
  { runScript, ...activities }: Partial<FleetActivities & ScriptActivities> & SubagentActivities,
  options: { maxCachedWorkflows?: number; identity?: string } = {},
): Promise<Harness> {
  const taskQueue = `test-${randomUUID()}`;
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities: { closeFleet: async () => undefined, ...activities },
    maxConcurrentActivityTaskExecutions: 500,
    maxHeartbeatThrottleInterval: '1s',
    ...options,
  });
  const workers = [worker];
  if (runScript)
    workers.push(await Worker.create({ connection, taskQueue: SCRIPTS_QUEUE, activities: { runScript }, ...options }));
  const running = Promise.all(workers.map((one) => one.run()));
  const clientConnection = await Connection.connect({ address });
  const client = new Client({ connection: clientConnection });
  const startOptions: Harness['startOptions'] = (input) => {
    const fleetId = randomUUID().slice(0, 8);
    const full: FleetInput = {
      v: 1,
      fleetId,
      name: 'test',
      manifest: 'sha256:0',
      count: 10,
      hasGraph: false,
      maxTimeoutMs: 60_000,
      limits: { concurrency: 5, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null },
      agentsQueue: taskQueue,
      generation: 1,
      startedAtMs: Date.now(),
      ...input,
    };
    return { workflowId: fleetWorkflowId(fleetId), taskQueue, args: [full] };
  };
  return {
    client,
    startOptions,
    start: (input) => client.workflow.start<typeof fleetWorkflow>(FLEET_WORKFLOW, startOptions(input)),
    close: async () => {
      for (const one of workers) one.shutdown();
      await running;
      await clientConnection.close();
      await connection.close();
    },
  };
}
