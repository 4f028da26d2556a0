import type { PlannedTask } from './plan.ts';

/**
 * The same order, but whoever waits for others comes as soon after the last of them as its rank allows. What is not
 * among `ranked` is waited for by nobody. Linear but for its sorting; a graph with a cycle is not for here.
 */
export function afterPrerequisites(
  ranked: readonly number[],
  tasks: readonly Pick<PlannedTask, 'dependsOn'>[],
): number[] {
  if (ranked.every((index) => tasks[index]!.dependsOn.length === 0)) return [...ranked];
  const ranks = new Map(ranked.map((index, rank) => [index, rank]));
  const depths = new Map(ranked.map((index) => [index, 0]));
  for (const index of topological(ranked, tasks)) {
    for (const other of tasks[index]!.dependsOn.filter((before) => ranks.has(before))) {
      const [rank, depth] = [ranks.get(other)!, depths.get(other)! + 1];
      if (rank > ranks.get(index)!) ranks.set(index, rank);
      depths.set(index, Math.max(depths.get(index)!, depth));
    }
  }
  return ranked.toSorted((a, b) => ranks.get(a)! - ranks.get(b)! || depths.get(a)! - depths.get(b)!);
}

/** Of a graph without cycles: every index behind its prerequisites. */
function topological(indexes: readonly number[], tasks: readonly Pick<PlannedTask, 'dependsOn'>[]): number[] {
  const own = new Set(indexes);
  const missing = new Map<number, number>();
  const dependents = new Map<number, number[]>();
  for (const index of indexes) {
    const before = tasks[index]!.dependsOn.filter((other) => own.has(other));
    missing.set(index, before.length);
    for (const other of before) listOf(dependents, other).push(index);
  }
  const order = indexes.filter((index) => missing.get(index) === 0);
  for (const index of order) {
    for (const dependent of dependents.get(index) ?? []) {
      const left = missing.get(dependent)! - 1;
      missing.set(dependent, left);
      if (left === 0) order.push(dependent);
    }
  }
  return order;
}

function listOf(lists: Map<number, number[]>, key: number): number[] {
  let list = lists.get(key);
  if (!list) lists.set(key, (list = []));
  return list;
}
