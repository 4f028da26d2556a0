import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { Census, FleetState, PauseReason } from '../../workflows/contract/statuses.ts';
import type { FleetRecord, Result, Usage } from '../../workflows/contract/task.schema.ts';
import type { Approval } from '../../workflows/contract/units.ts';
import type { ParentEnd } from '../library/outcome.ts';

/** What `json` prints of a fleet (contracts §5), `results` aside. */
export interface FleetObject {
  id: string;
  name: string;
  status: FleetState;
  reason?: PauseReason;
  /** When a paused fleet goes on by itself, ISO 8601. */
  resets_at?: string;
  /** What a person is asked, oldest first; `approve --hash` takes the hash. */
  approvals?: readonly Pick<Approval, 'kind' | 'title' | 'hash' | 'why'>[];
  /** What a script returned, or a parent Claude said last. */
  result?: unknown;
  /** What a script threw, or why a parent Claude failed. */
  error?: NonNullable<ParentEnd['error']>;
  census: Census;
  usage: Usage;
  total_cost_usd: number;
  duration_ms: number;
  simulated?: true;
}

export function fleetObject(
  status: FleetStatus,
  usage: Usage,
  isSimulated: boolean,
  { result, error }: ParentEnd = {},
): FleetObject {
  const { approvals = [] } = status;
  return {
    id: status.id,
    name: status.name,
    status: status.state,
    ...(status.reason && { reason: status.reason }),
    ...(status.resetAtMs !== undefined && { resets_at: new Date(status.resetAtMs).toISOString() }),
    ...(approvals.length > 0 && { approvals: approvals.map(asked) }),
    ...(result !== undefined && { result }),
    ...(error && { error }),
    census: status.census,
    usage,
    total_cost_usd: status.spentMicroUsd / MICRO_USD,
    duration_ms: durationMs(status),
    ...(isSimulated && { simulated: true }),
  };
}

export const durationMs = ({ startedAtMs, endedAtMs }: FleetStatus): number =>
  Math.max(0, (endedAtMs ?? Date.now()) - startedAtMs);

export const noUsage = (): Usage => ({
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
});

export function sumUsage(results: Iterable<Pick<Result, 'usage'>>): Usage {
  const sum = noUsage();
  for (const { usage } of results) for (const key of Object.keys(sum) as (keyof Usage)[]) sum[key] += usage[key];
  return sum;
}

/** The object with its results, in pieces: a hundred thousand of them do not fit one string. */
export function* fleetJson(head: object, results: Iterable<Result>): Generator<string> {
  yield `${JSON.stringify(head).slice(0, -1)},"results":[`;
  let isFirst = true;
  for (const result of results) {
    yield (isFirst ? '\n' : ',\n') + JSON.stringify(result);
    isFirst = false;
  }
  yield ']}\n';
}

/** What `status` and `list` print as JSON: no results, and where those stand that have not ended. */
export function statusObject(
  status: FleetStatus,
  fleet: Pick<FleetRecord, 'simulated' | 'source' | 'count' | 'schedule'>,
): object {
  const { waiting, queued, running, parked, count, concurrency, budgetMicroUsd, generation, startedAtMs } = status;
  const { outcome, wave } = status;
  return {
    ...fleetObject(status, noUsage(), fleet.simulated, outcome && 'error' in outcome ? { error: outcome.error } : {}),
    usage: undefined, // stands in the results, which are not read here
    ...{ count, spawned: Math.max(0, count - fleet.count), waiting, queued, running, parked, concurrency },
    ...(wave && { wave }),
    budget_usd: budgetMicroUsd === null ? null : budgetMicroUsd / MICRO_USD,
    generation,
    source: fleet.source,
    ...(fleet.schedule && { schedule: fleet.schedule.name }),
    started_at: new Date(startedAtMs).toISOString(),
    ...(status.endedAtMs !== undefined && { ended_at: new Date(status.endedAtMs).toISOString() }),
  };
}

/** Its report is for `approve` to show. */
function asked({ kind, title, hash, why = [] }: Approval): NonNullable<FleetObject['approvals']>[number] {
  return { kind, title, hash, why };
}
