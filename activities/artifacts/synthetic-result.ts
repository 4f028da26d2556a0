import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Result, Task } from '../../workflows/contract/task.schema.ts';
import type { SubagentStatus } from '../../workflows/contract/statuses.ts';

/** Why a subagent has an end but no result of its own. */
export interface Reason {
  type: string;
  message: string;
}

export const NOT_ELIGIBLE: Reason = {
  type: FAILURES.notEligible,
  message: 'the `eligible` command said no for this target',
};
const DEPENDENCY_FAILED: Reason = {
  type: FAILURES.dependencyFailed,
  message: 'a prerequisite did not complete',
};

/** What ends without a start is for: skipped ones, those never attempted, and the rest that should have left a result. */
export function reasonFor(status: SubagentStatus, hasFailedPrerequisite: boolean): Reason {
  switch (status) {
    case 'skipped':
      return hasFailedPrerequisite
        ? DEPENDENCY_FAILED
        : { type: FAILURES.skippedByUser, message: 'skipped by a person' };
    case 'not_attempted':
      return { type: FAILURES.notAttempted, message: 'the fleet ended before it was started' };
    case 'stopped':
      return { type: FAILURES.stopped, message: 'stopped before it was started' };
    case 'completed':
    case 'failed':
    case 'timed_out':
    case 'budget_reached':
      return { type: FAILURES.internal, message: 'the store holds no result of it' };
  }
}

/** The result of a subagent that never did anything: nothing spent, nothing changed. */
export function syntheticResult(
  task: Pick<Task, 'label' | 'model' | 'parent'>,
  end: { status: SubagentStatus; error: Reason; atMs: number; isSimulated: boolean },
): Result {
  return {
    label: task.label,
    ...(task.parent && { parent: task.parent.label }),
    status: end.status,
    output: null,
    error: { ...end.error },
    model: task.model,
    num_turns: 0,
    usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
    total_cost_usd: 0,
    rework_cost_usd: 0,
    duration_ms: 0,
    attempts: 0,
    permission_denials: [],
    ...(end.isSimulated && { simulated: true }),
    ended_at_ms: end.atMs,
  };
}
