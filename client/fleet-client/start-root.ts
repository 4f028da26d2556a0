import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { FLEET_QUEUE, FLEET_STATE_MEMO, FLEET_WORKFLOW, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import type { FleetCarry, FleetInput } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { fleetWorkflow } from '../../workflows/fleet.ts';
import type { Stack } from '../local/stack.ts';
import { persist } from './server-talk.ts';

/**
 * Starts the root of a fleet's newest generation. The first generation of one id starts once, however often and from
 * wherever this is called; a later one throws `WorkflowExecutionAlreadyStartedError` while a root of that id is open.
 */
export async function startRoot(
  stack: Stack,
  fleet: FleetRecord,
  hasGraph: boolean,
  carry?: FleetCarry,
): Promise<void> {
  const { id, name, manifest, count, generation, limits, agentsQueue, maxTimeoutMs, startedAtMs } = fleet;
  const { kind, rollout } = fleet;
  const isFirst = generation === 1;
  const input: FleetInput = {
    ...{ v: 1, fleetId: id, name, manifest, count, hasGraph, maxTimeoutMs, limits, agentsQueue, generation },
    startedAtMs,
    ...(kind === 'script' && { hasScript: true }),
    ...(rollout && { rollout }),
    ...(carry && { carry }),
  };
  try {
    await persist(stack, () =>
      stack.client.workflow.start<typeof fleetWorkflow>(FLEET_WORKFLOW, {
        workflowId: fleetWorkflowId(id),
        taskQueue: FLEET_QUEUE,
        args: [input],
        memo: { name, [FLEET_STATE_MEMO]: 'running' },
        workflowIdConflictPolicy: isFirst ? 'USE_EXISTING' : 'FAIL',
        workflowIdReusePolicy: isFirst ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE',
      }),
    );
  } catch (error) {
    if (isFirst && error instanceof WorkflowExecutionAlreadyStartedError) return; // it started and has ended
    throw error;
  }
}
