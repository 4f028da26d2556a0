import { UNIT_LETTERS as L, statusOfLetter } from '../../workflows/contract/statuses.ts';
import type { Lineage } from './lineage.ts';

/** Letters that a retry of "the failed" takes up again. */
const FAILED: ReadonlySet<string> = new Set([L.failed, L.timed_out, L.budget_reached, L.stopped, L.not_attempted]);

export interface Ended {
  units: string;
  generations: readonly [index: number, generation: number][];
}

/**
 * An ended fleet with some of its subagents queued again under their next generation: with them what they need that
 * did not complete, and what was skipped only because of them. The rule is that of a running fleet's dispatcher.
 */
export function reopen(
  { units, generations }: Ended,
  chosen: readonly number[] | 'failed',
  { prerequisites, parents }: Lineage,
): { units: string; generations: [index: number, generation: number][]; reopened: number } {
  const letters = [...units];
  const raised = new Map(generations);
  const dependents = invert(prerequisites);
  const hasFailed = (index: number): boolean => isEnded(letters[index]) && letters[index] !== L.completed;
  const open = (index: number): void => {
    letters[index] = L.queued;
    raised.set(index, (raised.get(index) ?? 1) + 1);
  };
  const again = chosen === 'failed' ? failedOf(letters, parents) : [...chosen];
  for (const index of again) {
    if (!isEnded(letters[index])) continue;
    open(index);
    again.push(...(prerequisites[index] ?? []).filter(hasFailed));
  }
  for (const index of again) {
    for (const dependent of dependents.get(index) ?? []) {
      if (letters[dependent] !== L.skipped || prerequisites[dependent]!.some(hasFailed)) continue;
      open(dependent);
      again.push(dependent);
    }
  }
  const reopened = letters.filter((letter) => letter === L.queued).length;
  return { units: letters.join(''), generations: [...raised], reopened };
}

/** With a parent that runs again its children do not: it spawns anew. A parent stands before its children. */
function failedOf(letters: readonly string[], parents: Lineage['parents']): number[] {
  const failed = [...letters.keys()].filter((index) => FAILED.has(letters[index]!));
  const again = new Set(failed);
  return failed.filter((index) => {
    const parent = parents[index];
    return parent === undefined || !again.has(parent);
  });
}

const isEnded = (letter: string | undefined): boolean => statusOfLetter(letter ?? '') !== undefined;

function invert(prerequisites: readonly (readonly number[])[]): Map<number, number[]> {
  const dependents = new Map<number, number[]>();
  for (const [index, needed] of prerequisites.entries())
    for (const other of needed) dependents.set(other, [...(dependents.get(other) ?? []), index]);
  return dependents;
}
