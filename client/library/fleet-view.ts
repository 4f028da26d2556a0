import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { FleetView } from './library.ts';

/** A status as programs see it: money in dollars, moments as dates. */
export function fleetView(status: FleetStatus, { rollout }: Pick<FleetRecord, 'rollout'>): FleetView {
  const { id, name, census, count, running, queued, waiting, parked, concurrency, budgetMicroUsd } = status;
  return {
    ...{ id, name, status: status.state, census, count, running, queued, waiting, parked, concurrency },
    ...(status.reason && { reason: status.reason }),
    ...(status.resetAtMs !== undefined && { resetsAt: new Date(status.resetAtMs) }),
    totalCostUsd: status.spentMicroUsd / MICRO_USD,
    budgetUsd: budgetMicroUsd === null ? null : budgetMicroUsd / MICRO_USD,
    startedAt: new Date(status.startedAtMs),
    ...(status.endedAtMs !== undefined && { endedAt: new Date(status.endedAtMs) }),
    approvals: status.approvals ?? [],
    ...(status.wave && { wave: status.wave }),
    ...(rollout && { rollout }),
  };
}
