import { createHash } from 'node:crypto';
import type { Task } from '../../../workflows/contract/task.schema.ts';
import type { UnitRef } from '../../../workflows/contract/units.ts';
import { likeness } from '../../../workflows/policy/task-likeness.ts';
import type { FleetRecords } from '../../artifacts/fleet-records.ts';
import type { Spawning } from '../../spawn/spawning.ts';
import type { Checkpoint } from '../checkpoint.ts';

/** One subagent of a parent's present try. */
export interface Child {
  index: number;
  /** As the parent gave it. */
  label: string;
  /** In the tree. */
  wholeLabel: string;
  capMicroUsd: number | undefined;
  /** Hash of what makes tasks equal. */
  like: string;
}

export interface FamilyOf {
  unit: UnitRef;
  task: Task;
  checkpoint: Checkpoint;
}

export const likeOf = (task: Task): string => createHash('sha256').update(likeness(task)).digest('base64');

/** Those a parent spawned in its present try, as the root's answers say; each answer is read once. */
export class Family {
  private readonly parts: { records: FleetRecords; spawning: Spawning };
  private readonly of: FamilyOf;
  private readonly bySeq = new Map<number, Child[]>();

  constructor(parts: Family['parts'], of: FamilyOf) {
    this.parts = parts;
    this.of = of;
  }

  /** Behind its labels: where an earlier generation or try of the parent may have given the same ones. */
  get labelEnd(): string {
    const { unit, checkpoint } = this.of;
    const { restarts = 0 } = checkpoint.record;
    if (restarts > 0) return `#${unit.generation.toString()}.${restarts.toString()}`;
    return unit.generation === 1 ? '' : `#${unit.generation.toString()}`;
  }

  /** In the order of their spawning; those of a request without an answer are not among them. */
  async all(): Promise<Child[]> {
    const { spawnFrom = 0, spawnSeq = 0 } = this.of.checkpoint.record;
    const children: Child[] = [];
    for (let seq = spawnFrom + 1; seq <= spawnSeq; seq++) children.push(...(await this.ofRequest(seq)));
    return children;
  }

  /** A range of indexes, or indexes one by one, as children. */
  async at(indexes: readonly number[]): Promise<Child[]> {
    const byIndex = new Map((await this.all()).map((child) => [child.index, child]));
    return indexes.flatMap((index) => byIndex.get(index) ?? []);
  }

  /** The label as the parent gave it. */
  ownLabel(wholeLabel: string): string {
    const label = wholeLabel.slice(this.of.task.label.length + 1);
    return label.endsWith(this.labelEnd) ? label.slice(0, label.length - this.labelEnd.length) : label;
  }

  private async ofRequest(seq: number): Promise<Child[]> {
    const known = this.bySeq.get(seq);
    if (known) return known;
    const { fleetId, index: spawner, generation, manifest } = this.of.unit;
    const answer = await this.parts.spawning.answer({ fleetId, spawner, generation, seq });
    if (!answer) return [];
    const children: Child[] = [];
    if (answer.kind === 'admitted') {
      let index = answer.from;
      for await (const task of this.parts.records.tasks(manifest, answer.from, answer.count))
        children.push({
          index: index++,
          label: this.ownLabel(task.label),
          wholeLabel: task.label,
          capMicroUsd: task.maxBudgetMicroUsd,
          like: likeOf(task),
        });
    }
    this.bySeq.set(seq, children);
    return children;
  }
}
