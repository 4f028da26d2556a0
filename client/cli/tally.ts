import { FAILURES } from '../../workflows/contract/failures.ts';
import type { Result, Usage } from '../../workflows/contract/task.schema.ts';
import { FailureClusters } from '../fleet-client/failure-clusters.ts';
import type { FleetChange } from '../fleet-client/news.ts';
import { sumUsage } from './fleet-object.ts';

type Counted = Pick<Result, 'usage' | 'error' | 'label' | 'status'> & {
  hasChanges: boolean;
  /** Whether its verifications passed; undefined: it has none, or never came to them. */
  isVerified: boolean | undefined;
  isToLookAt: boolean;
};

/** What the end of a fleet is told from: of each subagent its newest end, without what it said. */
export class Tally {
  readonly #ends = new Map<number, Counted>();

  add(change: FleetChange): void {
    if (change.kind === 'ended') this.count(change.index, change.result);
  }

  /** Once more for the same index takes the place of what was counted before. */
  count(index: number, { usage, label, status, error, changes, verify, guards = [] }: Result): void {
    this.#ends.set(index, {
      ...{ usage, label, status, hasChanges: changes !== undefined, isToLookAt: guards.length > 0 },
      isVerified: verify?.every(({ ok }) => ok),
      ...(error && { error }),
    });
  }

  get usage(): Usage {
    return sumUsage(this.#ends.values());
  }
  get notEligible(): number {
    return this.#number(({ status, error }) => status === 'skipped' && error?.type === FAILURES.notEligible);
  }
  get changed(): number {
    return this.#number(({ hasChanges }) => hasChanges);
  }
  /** Of those whose verifications were run, how many passed and how many did not. */
  get verified(): { passed: number; failed: number } {
    return {
      passed: this.#number(({ isVerified }) => isVerified === true),
      failed: this.#number(({ isVerified }) => isVerified === false),
    };
  }
  /** Whose changes a guard has something to say about. */
  get toLookAt(): number {
    return this.#number(({ isToLookAt }) => isToLookAt);
  }
  get clusters(): FailureClusters {
    const clusters = new FailureClusters();
    for (const end of this.#ends.values())
      if (end.status !== 'completed' && end.error?.type !== FAILURES.notEligible) clusters.add(end);
    return clusters;
  }

  #number(isCounted: (end: Counted) => boolean): number {
    let count = 0;
    for (const end of this.#ends.values()) if (isCounted(end)) count++;
    return count;
  }
}
