import { Context } from '@temporalio/activity';
import type { SettleRequest, UnitOutcome, UnitRef } from '../../workflows/contract/units.ts';

/** Subagents that end when told, count who is in flight, and park when they are wanted back. */
export class HeldAgents {
  readonly calls: UnitRef[] = [];
  readonly ended: UnitRef[] = [];
  readonly parked: UnitRef[] = [];
  inFlight = 0;
  most = 0;
  private isOpen = false;
  private readonly gates = new Map<number, () => void>();
  outcome: (unit: UnitRef) => UnitOutcome = () => ({ kind: 'ended', status: 'completed', spentMicroUsd: 10 });

  /** Lets one that is in flight go on; without an index all, and all that come later. */
  release(index?: number): void {
    if (index !== undefined) return this.gates.get(index)?.();
    this.isOpen = true;
    for (const open of this.gates.values()) open();
  }

  private gate(index: number): Promise<false> {
    return new Promise((resolve) => this.gates.set(index, () => resolve(false)));
  }

  readonly runSubagent = async (unit: UnitRef): Promise<UnitOutcome> => {
    this.calls.push(unit);
    this.most = Math.max(this.most, ++this.inFlight);
    const { cancelled } = Context.current();
    const beat = setInterval(() => Context.current().heartbeat(), 200);
    try {
      const isBack = !this.isOpen && (await Promise.race([this.gate(unit.index), cancelled.catch(() => true)]));
      const outcome: UnitOutcome = isBack
        ? { kind: 'parked', reason: { for: 'drain' }, spentMicroUsd: 3 }
        : this.outcome(unit);
      this[outcome.kind].push(unit);
      return outcome;
    } finally {
      clearInterval(beat);
      this.inFlight--;
    }
  };
}

/** As if the store held nothing: an end is taken as asked for, without one a subagent is parked. */
export const settleSubagents = async ({ units, end }: SettleRequest): Promise<UnitOutcome[]> =>
  units.map(() =>
    end
      ? { kind: 'ended', status: end.status, spentMicroUsd: 0 }
      : { kind: 'parked', reason: { for: 'drain' }, spentMicroUsd: 0 },
  );

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}
