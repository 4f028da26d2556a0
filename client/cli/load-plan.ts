import { text } from 'node:stream/consumers';
import { planOf, type PlanContext } from '../spec/plan-of.ts';
import type { FleetPlan } from '../spec/plan.ts';
import type { FleetSource, StartOptions } from '../library/library.ts';
import type { RunFlags } from './commands/run.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { LATER_FILES } from './later.ts';

export type PlanningFlags = Pick<RunFlags, 'param' | 'budget' | 'timeout' | 'maxAgents' | 'model' | 'concurrency'>;

/** What the command line names, as the library takes it. Throws `CommandFailure` 2. */
export function sourceOf(file: string, { param }: PlanningFlags): FleetSource {
  if (LATER_FILES.test(file)) {
    throw new CommandFailure(
      EXIT.usage,
      `${file}: workflow scripts are not supported yet`,
      'write a fleet.yaml or a task list',
      'not_supported',
    );
  }
  return { file, ...(param && { params: param }) };
}

/** Flags as the library's options, those that decide how a fleet is started (idempotency, reuse) left out. */
export function planOptions({ budget, timeout, maxAgents, model, concurrency }: PlanningFlags): StartOptions {
  return {
    ...(budget !== undefined && { budgetUsd: budget }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(maxAgents !== undefined && { maxAgents }),
    ...(model !== undefined && { model }),
    ...(concurrency !== undefined && { concurrency }),
  };
}

/** Reads and checks what the command line names, with what flags and configuration say. Throws `InvalidFleet`. */
export function loadPlan(file: string, flags: PlanningFlags, config: PlanContext['config']): Promise<FleetPlan> {
  const context = { cwd: process.cwd(), config, readStdin };
  return planOf(sourceOf(file, flags), { ...planOptions(flags), ...context });
}

/** For `PlanContext`. */
export const readStdin = (): Promise<string> => text(process.stdin);
