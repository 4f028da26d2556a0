import { execa } from 'execa';
import type { FleetPlan, PlannedTask } from './plan.ts';

/** Commands at once; they are the operator's own and usually a grep. */
const CONCURRENCY = 8;
const TIMEOUT_MS = 60_000;

/**
 * The plan with `isEligible` of each task answered by the fleet's own command, run by bash in the target's directory
 * with `MUSTER_TARGET` set to its label: exit 0 is yes; anything else, a signal or a minute gone by is no. Runs the
 * command once per task, so it is as safe to call twice as the command is. Without a command the plan comes back as is.
 */
export async function runEligible(plan: FleetPlan, { signal }: { signal?: AbortSignal } = {}): Promise<FleetPlan> {
  const { eligible } = plan;
  if (eligible === undefined) return plan;
  const tasks = [...plan.tasks];
  const queue = tasks.entries();
  const work = async (): Promise<void> => {
    for (const [i, task] of queue) tasks[i] = { ...task, isEligible: await isEligible(eligible, task, signal) };
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  signal?.throwIfAborted();
  return { ...plan, tasks };
}

async function isEligible(command: string, task: PlannedTask, signal: AbortSignal | undefined): Promise<boolean> {
  if (!('directory' in task.workspace) || signal?.aborted) return false;
  const { exitCode } = await execa('/bin/bash', ['-c', command], {
    cwd: task.workspace.directory,
    env: { MUSTER_TARGET: task.label },
    stdio: 'ignore',
    reject: false,
    timeout: TIMEOUT_MS,
    ...(signal && { cancelSignal: signal }),
  });
  return exitCode === 0;
}
