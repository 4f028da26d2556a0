import type { Rollout } from '../../workflows/contract/units.ts';
import { InvalidFleet, type FleetPlan } from './plan.ts';
import { gateProblem } from './rollout.ts';
import { assignWaves } from './waves.ts';

export interface WavePlan {
  rollout: Rollout;
  /** Of each task, from 1; 0 for one that is not eligible. */
  waves: number[];
  warnings: string[];
}

/**
 * Which task belongs to which wave, once it is known who is eligible; undefined: the plan has no waves, or nobody is
 * eligible. Asked again about the same plan it answers the same. Throws `InvalidFleet` for a gate that these targets can
 * never open.
 */
export function planWaves({ rollout, tasks }: Pick<FleetPlan, 'rollout' | 'tasks'>): WavePlan | undefined {
  if (!rollout) return undefined;
  const waves = assignWaves(tasks, rollout.reaches);
  const count = waves.reduce((most, wave) => Math.max(most, wave), 0);
  if (count === 0) return undefined;
  const { gate, stopOnFailureRate, at } = rollout;
  for (let wave = 1; wave < count; wave++) {
    const problem = gateProblem(
      rollout,
      tasks.filter((_, i) => waves[i]! > 0 && waves[i]! <= wave),
    );
    if (problem) throw new InvalidFleet([{ ...at, ...problem }]);
  }
  const warnings: string[] = [];
  const eligible = waves.filter((wave) => wave > 0).length;
  const behind = gate ? ': no gate comes between them' : '';
  const all = eligible === 1 ? 'the only target is' : `all ${eligible} targets are`;
  if (count === 1 && rollout.reaches.length > 1) warnings.push(`${all} in the first wave${behind}`);
  else if (count < rollout.reaches.length)
    warnings.push(`${eligible} targets make ${count} waves, not ${rollout.reaches.length}: the others would be empty`);
  return { rollout: { waves: count, gate, stopOnFailureRate }, waves, warnings };
}
