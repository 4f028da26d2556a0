import { createHash } from 'node:crypto';
import type { ScriptPlan, Task } from '../../workflows/contract/task.schema.ts';
import type { Rollout } from '../../workflows/contract/units.ts';
import type { FleetPlan } from '../spec/plan.ts';

export interface Resolved {
  tasks: readonly Task[];
  script: ScriptPlan | undefined;
  rollout: Rollout | undefined;
}

/**
 * Hash of what a fleet was made from and of what that came to: text and parameters of the file, then every task with its
 * files, model and permissions. The same file over the same files gives the same hash; anything else gives another.
 */
export function planHash({ textHash = '' }: Pick<FleetPlan, 'textHash'>, { tasks, script, rollout }: Resolved): string {
  const hash = createHash('sha256').update(JSON.stringify([textHash, script, rollout]));
  // One by one: 100,000 tasks are no one text.
  for (const task of tasks) hash.update(JSON.stringify(task));
  return `sha256:${hash.digest('hex')}`;
}
