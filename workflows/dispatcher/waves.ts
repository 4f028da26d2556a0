import { emptyCensus, endedIn, statusOfLetter, type Census, type SubagentStatus } from '../contract/statuses.ts';
import type { Approval, GateVerdict, Parents, Rollout } from '../contract/units.ts';
import { stopsTheLine } from '../policy/verdict.ts';

/** What is to be done about the next wave. */
export type NextWave = 'open' | 'judge' | undefined;

/** A verdict; without a report where the gate could not be judged. */
export type Judgement = Omit<GateVerdict, 'report'> & Partial<Pick<GateVerdict, 'report'>>;

/** Waves of a plan: which is under way, whether it is over, what the gate behind it says. Pure. */
export class Waves {
  private open: number;
  private readonly rollout: Rollout;
  private readonly waveOf: readonly number[];
  /** By wave, from 1. */
  private readonly sizes: number[];
  private readonly censuses: Census[];
  /** Counts what happens to its waves: a verdict on what is no longer so is none. */
  private turn = 0;
  private judging: number | undefined;
  private asked: Approval | undefined;
  private hasStopped: boolean;

  /** `text` as `loadWaves` gives it; `letters`: where the plan's subagents stood before. */
  constructor(
    rollout: Rollout,
    text: string,
    before: { letters?: string | undefined; parents?: Parents | undefined; gate?: Approval | undefined },
  ) {
    this.rollout = rollout;
    this.waveOf = Array.from(text, (letter) => letter.charCodeAt(0) - 48);
    this.open = before.parents?.wave ?? 1;
    this.asked = before.gate;
    this.hasStopped = before.parents?.isLineStopped ?? false;
    this.sizes = Array.from({ length: rollout.waves + 1 }, () => 0);
    this.censuses = Array.from({ length: rollout.waves + 1 }, emptyCensus);
    this.waveOf.forEach((wave, index) => {
      this.sizes[wave]!++;
      const status = statusOfLetter(before.letters?.[index] ?? '');
      if (status) this.censuses[wave]![status]++;
    });
  }

  get wave(): { open: number; of: number } {
    return { open: this.open, of: this.rollout.waves };
  }
  get approval(): Approval | undefined {
    return this.asked;
  }
  get isJudging(): boolean {
    return this.judging !== undefined;
  }

  isClosed(index: number): boolean {
    return (this.waveOf[index] ?? 0) > this.open;
  }
  ended(index: number, status: SubagentStatus): void {
    this.note(index, status, 1);
  }
  /** A gate that was judged before is judged again once this one has ended. */
  reopened(index: number, status: SubagentStatus): void {
    this.note(index, status, -1);
    if (!this.isClosed(index)) this.asked = undefined;
  }

  /** Failures of the present wave stop the fleet; once they have, they go on doing so. */
  get isLineStopped(): boolean {
    const { stopOnFailureRate } = this.rollout;
    if (stopOnFailureRate === null || this.hasStopped) return this.hasStopped;
    const census = this.censuses[this.open]!;
    return (this.hasStopped = stopsTheLine(census, this.sizes[this.open]! - census.skipped, stopOnFailureRate));
  }

  get next(): NextWave {
    if (this.open >= this.rollout.waves || this.asked || this.isJudging || !this.isOver) return undefined;
    return this.rollout.gate === null || this.sizes[this.open] === 0 ? 'open' : 'judge';
  }

  judge(): { wave: number; waves: number; gate: NonNullable<Rollout['gate']> } {
    this.judging = this.turn;
    return { wave: this.open, waves: this.rollout.waves, gate: this.rollout.gate! };
  }

  /** Whether the next wave may open; else a person is asked, or the gate is judged again. */
  judged(verdict: Judgement): boolean {
    const isCurrent = this.judging === this.turn && this.isOver;
    this.judging = undefined;
    if (!isCurrent) return false;
    if (verdict.isOpen && !this.rollout.gate?.approval) return true;
    const { title, hash, report, why } = verdict;
    this.asked = { kind: 'gate', title, hash, why, ...(report && { report }) };
    return false;
  }

  /** The next wave starts; resolves with its subagents. */
  openNext(): number[] {
    this.asked = undefined;
    this.open++;
    return this.waveOf.flatMap((wave, index) => (wave === this.open ? [index] : []));
  }

  private get isOver(): boolean {
    for (let wave = 1; wave <= this.open; wave++) {
      if (endedIn(this.censuses[wave]!) < this.sizes[wave]!) return false;
    }
    return true;
  }

  private note(index: number, status: SubagentStatus, by: 1 | -1): void {
    const wave = this.waveOf[index];
    if (wave === undefined) return;
    this.censuses[wave]![status] += by;
    this.turn++;
  }
}
