import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { fleetInputOf, rootOptionsOf } from '../../workflows/contract/fleet-start.ts';
import { FLEET_QUEUE, FLEET_WORKFLOW, fleetWorkflowId } from '../../workflows/contract/ids.ts';
import type { FleetCarry } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { fleetWorkflow } from '../../workflows/fleet.ts';
import type { Stack } from '../local/stack.ts';
import { hasSearchAttributes } from './search-attributes.ts';
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
  const { id, generation } = fleet;
  const isFirst = generation === 1;
  try {
    await persist(stack, async () => {
      const isListed = await hasSearchAttributes(stack.client);
      const input = { ...fleetInputOf(fleet, hasGraph, carry), ...(isListed && { hasSearchAttributes: true }) };
      await stack.client.workflow.start<typeof fleetWorkflow>(FLEET_WORKFLOW, {
        workflowId: fleetWorkflowId(id),
        taskQueue: FLEET_QUEUE,
        args: [input],
        ...rootOptionsOf(input),
        workflowIdConflictPolicy: isFirst ? 'USE_EXISTING' : 'FAIL',
        workflowIdReusePolicy: isFirst ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE',
      });
    });
  } catch (error) {
    if (isFirst && error instanceof WorkflowExecutionAlreadyStartedError) return; // it started and has ended
    throw error;
  }
}
