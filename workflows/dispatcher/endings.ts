import { FAILURES } from '../contract/failures.ts';
import { MAX_SETTLED_AT_ONCE } from '../contract/limits.ts';
import type { SubagentStatus } from '../contract/statuses.ts';

/** How a subagent that has begun is made to end. */
export interface Ending {
  status: SubagentStatus;
  type: string;
  message: string;
}

export const STOPPED: Ending = { status: 'stopped', type: FAILURES.stopped, message: 'stopped by a person' };
export const SKIPPED: Ending = { status: 'skipped', type: FAILURES.skippedByUser, message: 'skipped by a person' };
export const GIVEN_UP: Ending = { status: 'stopped', type: FAILURES.stopped, message: 'stopped by the failure policy' };
export const ORPHANED: Ending = {
  status: 'stopped',
  type: FAILURES.orphaned,
  message: 'its parent ended without awaiting it',
};
export const DEPENDENCY_FAILED: Ending = {
  status: 'skipped',
  type: FAILURES.dependencyFailed,
  message: 'a prerequisite did not complete',
};
export const NOT_ATTEMPTED: Ending = {
  status: 'not_attempted',
  type: FAILURES.notAttempted,
  message: 'the fleet ended before it was started',
};

/** Those that are to end as soon as they have come back, and those whose end the store is committing. */
export class Endings {
  private readonly wanted = new Map<number, Ending>();
  private readonly settling = new Set<number>();

  get isEmpty(): boolean {
    return this.wanted.size === 0;
  }
  get isSettling(): boolean {
    return this.settling.size > 0;
  }
  of(index: number): Ending | undefined {
    return this.wanted.get(index);
  }
  /** The first to ask decides how it ends. */
  ask(index: number, ending: Ending): void {
    if (!this.wanted.has(index)) this.wanted.set(index, ending);
  }
  forget(index: number): void {
    this.wanted.delete(index);
  }
  settled(index: number): void {
    this.settling.delete(index);
  }

  /** Those to be committed now, by ending and in portions; each is given out once. */
  take(isBack: (index: number) => boolean): [Ending, number[]][] {
    const groups: [Ending, number[]][] = [];
    const filling = new Map<Ending, number[]>();
    for (const [index, ending] of this.wanted) {
      if (!isBack(index) || this.settling.has(index)) continue;
      this.settling.add(index);
      const indexes = filling.get(ending);
      if (indexes && indexes.length < MAX_SETTLED_AT_ONCE) indexes.push(index);
      else {
        const portion = [index];
        filling.set(ending, portion);
        groups.push([ending, portion]);
      }
    }
    return groups;
  }
}
