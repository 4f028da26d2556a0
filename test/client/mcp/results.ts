import type { FleetView } from '../../../client/library/library.ts';
import { emptyCensus, type Census } from '../../../workflows/contract/statuses.ts';
import type { Result } from '../../../workflows/contract/task.schema.ts';

/** A completed result with these parts. */
export function resultOf(more: Partial<Result> = {}): Result {
  const usage = { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
  return {
    ...{ label: 'a', status: 'completed', output: null, model: 'm', num_turns: 1, usage, total_cost_usd: 0.01 },
    ...{ rework_cost_usd: 0, duration_ms: 5, attempts: 1, permission_denials: [], ended_at_ms: 1 },
    ...more,
  };
}

/** A fleet of ten that stands like this. */
export function viewOf({
  census,
  ...more
}: Omit<Partial<FleetView>, 'census'> & { census?: Partial<Census> } = {}): FleetView {
  const none = { running: 0, queued: 0, waiting: 0, parked: 0, totalCostUsd: 0, budgetUsd: null, concurrency: 50 };
  return {
    ...{ id: 'f', name: 'f', status: 'running', count: 10, ...none, startedAt: new Date(0), approvals: [] },
    ...more,
    census: { ...emptyCensus(), ...census },
  };
}
