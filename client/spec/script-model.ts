import { DEFAULT_MODEL } from '../../workflows/contract/limits.ts';
import type { FaultList } from './fault-list.ts';
import { Models } from './models.ts';
import type { PlanSettings } from './plan-settings.ts';

/** Claude Code's own variables for the models of a script's subagents. */
const OF_SUBAGENTS = 'CLAUDE_CODE_SUBAGENT_MODEL';
const FORCED = `${OF_SUBAGENTS}_FORCE`;

export interface ScriptModel {
  model: string;
  /** Whatever a call or a definition names, it is this one. */
  isForced: boolean;
  models: Models;
}

/** What model a script's subagents have that name none: forced > flag > variable > configuration > default. */
export function scriptModel(
  { overrides, defaults = {}, environment = {}, knownModels }: PlanSettings,
  faults: FaultList,
): ScriptModel {
  const models = new Models({ flag: undefined, standard: undefined, known: knownModels }, faults);
  const variable = (name: string): string | undefined => models.meantByAgent(environment[name]?.trim() || undefined);
  const forced = variable(FORCED);
  const [origin, model] = [
    [FORCED, forced] as const,
    ['--model', overrides.model] as const,
    [OF_SUBAGENTS, variable(OF_SUBAGENTS)] as const,
    ['model of the configuration', defaults.model] as const,
  ].find(([, named]) => named !== undefined) ?? ['', DEFAULT_MODEL];
  const problem = model === DEFAULT_MODEL ? undefined : models.problem(model!);
  if (problem) faults.addElsewhere(origin, problem.message, problem.hint);
  return { model: model!, isForced: forced !== undefined, models };
}
