import type { FleetPlan, PlannedTask } from './plan.ts';
import { assignWaves } from './waves.ts';

/** Scouts of a file that asks for no waves. */
const DEFAULT_SCOUTS = 5;
const MOST_NAME_LENGTH = 100;

export interface ScoutPlan {
  /** The scouts as a fleet of their own. */
  plan: FleetPlan;
  /** Targets of the whole that can run at all. */
  eligible: number;
}

/**
 * The scouts of a plan whose targets were asked whether they are eligible: those a run would begin with, or the first
 * `limit` of the same order. They stand by themselves: no waves, no failure policy, nothing that would end them early.
 * Undefined: nobody is eligible. Scouts keep their order, so that equal tasks are counted as in a run, which takes their
 * results over.
 */
export function scoutPlan(whole: FleetPlan, limit?: number): ScoutPlan | undefined {
  const tasks = runnable(whole.tasks);
  const eligible = tasks.filter(({ isEligible }) => isEligible).length;
  if (eligible === 0) return undefined;
  const reach = limit ?? whole.rollout?.reaches[0] ?? DEFAULT_SCOUTS;
  const waves = assignWaves(tasks, [reach]);
  const chosen = [...tasks.keys()].filter((index) => waves[index] === 1);
  const places = new Map(chosen.map((index, place) => [index, place]));
  const plan: FleetPlan = {
    ...whole,
    name: `preview of ${whole.name}`.slice(0, MOST_NAME_LENGTH),
    failIf: null,
    tasks: chosen.map((index) => {
      const task = tasks[index]!;
      return { ...task, dependsOn: task.dependsOn.map((other) => places.get(other)!) };
    }),
  };
  delete plan.rollout;
  delete plan.eligible; // answered already
  return { plan, eligible };
}

/** Whoever waits for one that is not eligible is skipped with it. */
function runnable(tasks: readonly PlannedTask[]): PlannedTask[] {
  const left = tasks.map((task) => ({ ...task }));
  const dependents = new Map<number, number[]>();
  tasks.forEach(({ dependsOn }, index) => {
    for (const other of dependsOn) {
      const others = dependents.get(other);
      if (others) others.push(index);
      else dependents.set(other, [index]);
    }
  });
  const out = [...left.keys()].filter((index) => !left[index]!.isEligible);
  for (const index of out) {
    for (const dependent of dependents.get(index) ?? []) {
      if (!left[dependent]!.isEligible) continue;
      left[dependent]!.isEligible = false;
      out.push(dependent);
    }
  }
  return left;
}
