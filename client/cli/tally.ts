import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Result, Usage } from '../../workflows/contract/task.schema.ts';
import { FailureClusters } from '../fleet-client/failure-clusters.ts';
import type { FleetChange } from '../fleet-client/watch.ts';
import { sumUsage } from './fleet-object.ts';

type Counted = Pick<Result, 'usage' | 'error' | 'label' | 'status'> & { hasChanges: boolean };

/** What the end of a fleet is told from: of each subagent its newest end, without what it said. */
export class Tally {
  readonly #ends = new Map<number, Counted>();

  add(change: FleetChange): void {
    if (change.kind !== 'ended') return;
    const { usage, label, status, error, changes } = change.result;
    this.#ends.set(change.index, { usage, label, status, hasChanges: changes !== undefined, ...(error && { error }) });
  }

  get usage(): Usage {
    return sumUsage(this.#ends.values());
  }
  get notEligible(): number {
    return this.#count(({ status, error }) => status === 'skipped' && error?.type === FAILURES.notEligible);
  }
  get changed(): number {
    return this.#count(({ hasChanges }) => hasChanges);
  }
  get clusters(): FailureClusters {
    const clusters = new FailureClusters();
    for (const end of this.#ends.values())
      if (end.status !== 'completed' && end.error?.type !== FAILURES.notEligible) clusters.add(end);
    return clusters;
  }

  #count(isCounted: (end: Counted) => boolean): number {
    let count = 0;
    for (const end of this.#ends.values()) if (isCounted(end)) count++;
    return count;
  }
}
