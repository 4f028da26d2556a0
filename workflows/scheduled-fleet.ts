import {
  CancellationScope,
  proxyActivities,
  startChild,
  upsertMemo,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import type { FleetActivities } from './contract/activities.ts';
import { rootOptionsOf } from './contract/fleet-start.ts';
import { FLEET_WORKFLOW, SCHEDULED_FLEET_MEMO, fleetWorkflowId } from './contract/ids.ts';
import { cancelSignal, type ScheduledFleetInput } from './contract/messages.ts';
import type { FleetSummary } from './contract/units.ts';
import type { fleetWorkflow } from './fleet.ts';

/**
 * One firing of a schedule: writes a fleet down, starts its root and lives as long as it does, so that the schedule's
 * overlap policy is about fleets. Cancelled, it cancels the fleet as a person would, and ends when that has; terminated, it
 * takes the root with it.
 */
export async function scheduledFleetWorkflow(input: ScheduledFleetInput): Promise<FleetSummary> {
  const scope = CancellationScope.current();
  const root = await CancellationScope.nonCancellable(() => start(input));
  const ended = root.result();
  try {
    return await Promise.race([ended, scope.cancelRequested]);
  } catch (error) {
    if (!scope.consideredCancelled) throw error;
    await CancellationScope.nonCancellable(async () => {
      await root.signal(cancelSignal).catch(() => undefined); // it has just ended
      await ended;
    });
    throw error;
  }
}

/** To its end once begun: what is written down must be started. */
async function start(input: ScheduledFleetInput): Promise<ChildWorkflowHandle<typeof fleetWorkflow>> {
  const { registerFleet } = proxyActivities<FleetActivities>({
    startToCloseTimeout: 60_000,
    retry: { initialInterval: 1_000, maximumInterval: 10_000 },
  });
  const { hasSearchAttributes } = input;
  const registered = await registerFleet({ ...input, firing: workflowInfo().runId });
  const fleet = { ...registered, ...(hasSearchAttributes && { hasSearchAttributes }) };
  const root = await startChild<typeof fleetWorkflow>(FLEET_WORKFLOW, {
    workflowId: fleetWorkflowId(fleet.fleetId),
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    parentClosePolicy: 'TERMINATE',
    args: [fleet],
    ...rootOptionsOf(fleet),
  });
  upsertMemo({ [SCHEDULED_FLEET_MEMO]: fleet.fleetId });
  return root;
}
