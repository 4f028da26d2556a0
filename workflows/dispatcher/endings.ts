import { FAILURES } from '../contract/failures.ts';
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

  /** Those to be committed now, by ending; each is given out once. */
  take(isBack: (index: number) => boolean): Map<Ending, number[]> {
    const byEnding = new Map<Ending, number[]>();
    for (const [index, ending] of this.wanted) {
      if (!isBack(index) || this.settling.has(index)) continue;
      this.settling.add(index);
      const indexes = byEnding.get(ending);
      if (indexes) indexes.push(index);
      else byEnding.set(ending, [index]);
    }
    return byEnding;
  }
}
