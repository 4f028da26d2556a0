import { createHash } from 'node:crypto';
import { likeness, type Shaping } from '../../workflows/policy/task-likeness.ts';

/** For each task how many equal ones stand before it (contracts §2, reuse). */
export function countOccurrences(tasks: readonly Shaping[]): number[] {
  const seen = new Map<string, number>();
  return tasks.map((task) => {
    const key = createHash('sha256').update(likeness(task)).digest('base64');
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return before;
  });
}
