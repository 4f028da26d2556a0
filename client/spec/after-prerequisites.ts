import type { PlannedTask } from './plan.ts';

type Waiting = Pick<PlannedTask, 'dependsOn'>;

const ABSENT = -1;

/**
 * The same order, but whoever waits for others comes as soon after the last of them as its rank allows. What is not
 * among `ranked` is waited for by nobody. Linear but for its sorting; a graph with a cycle is not for here.
 */
export function afterPrerequisites(ranked: readonly number[], tasks: readonly Waiting[]): number[] {
  if (ranked.every((index) => tasks[index]!.dependsOn.length === 0)) return [...ranked];
  const ranks = new Int32Array(tasks.length).fill(ABSENT);
  const depths = new Int32Array(tasks.length);
  ranked.forEach((index, rank) => void (ranks[index] = rank));
  for (const index of topological(ranked, tasks, ranks)) {
    for (const other of tasks[index]!.dependsOn) {
      if (ranks[other] === ABSENT) continue;
      ranks[index] = Math.max(ranks[index]!, ranks[other]!);
      depths[index] = Math.max(depths[index]!, depths[other]! + 1);
    }
  }
  return ranked.toSorted((a, b) => ranks[a]! - ranks[b]! || depths[a]! - depths[b]!);
}

/** Every index behind its prerequisites. */
function topological(indexes: readonly number[], tasks: readonly Waiting[], ranks: Int32Array): number[] {
  const missing = new Int32Array(tasks.length);
  const dependents: number[][] = [];
  for (const index of indexes) {
    for (const other of tasks[index]!.dependsOn) {
      if (ranks[other] === ABSENT) continue;
      missing[index] = missing[index]! + 1;
      (dependents[other] ??= []).push(index);
    }
  }
  const order = indexes.filter((index) => missing[index] === 0);
  for (const index of order) {
    for (const dependent of dependents[index] ?? []) {
      missing[dependent] = missing[dependent]! - 1;
      if (missing[dependent] === 0) order.push(dependent);
    }
  }
  return order;
}
