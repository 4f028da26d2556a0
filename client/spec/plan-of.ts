import { findModel, nearestModel } from '../../activities/claude/prices.ts';
import type { Config } from '../config.ts';
import type { FleetSource, StartOptions } from '../library/library.ts';
import { loadFleet, loadTasks } from './load.ts';
import type { PlanSettings } from './plan-settings.ts';
import { InvalidFleet, type FleetPlan } from './plan.ts';

/** Where, and with whose configuration, a plan is made. */
export interface PlanContext {
  /** Absolute. */
  cwd: string;
  config: Pick<Config, 'model' | 'concurrency' | 'environment' | 'operator'>;
  /** Reads what the file `-` is; omitted: nothing. */
  readStdin?: () => Promise<string>;
}

/**
 * What a source comes to with all options applied: the one way from files, lists, scripts and prompts to a fleet. Reads
 * the disk; starts, writes and spends nothing, and runs no command. Throws `InvalidFleet` with all faults at once.
 */
export async function planOf(source: FleetSource, options: StartOptions & PlanContext): Promise<FleetPlan> {
  const settings = settingsOf(options);
  if ('tasks' in source) return loadTasks(source, settings);
  if ('file' in source) {
    const { file, params = {} } = source;
    const stdin = file === '-' ? await options.readStdin?.() : undefined;
    return loadFleet({ source: file, params, ...(stdin !== undefined && { stdin }), ...settings });
  }
  const [what] = Object.keys(source);
  throw new InvalidFleet([
    { file: String(what), line: 0, column: 0, message: 'not supported yet', hint: 'give a file or tasks' },
  ]);
}

function settingsOf({ cwd, config, ...options }: StartOptions & PlanContext): PlanSettings {
  const { concurrency, budgetUsd, maxAgents, maxDepth, model, timeoutMs, allow, deny } = options;
  return {
    cwd,
    overrides: {
      ...(concurrency !== undefined && { concurrency }),
      ...(budgetUsd !== undefined && { budgetUsd }),
      ...(maxAgents !== undefined && { maxAgents }),
      ...(maxDepth !== undefined && { maxDepth }),
      ...(model !== undefined && { model }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    },
    defaults: {
      ...(config.model !== undefined && { model: config.model }),
      ...(config.concurrency !== undefined && { concurrency: config.concurrency }),
    },
    ...((allow ?? deny) && { ceiling: { allow: [...(allow ?? [])], deny: [...(deny ?? [])] } }),
    environment: config.environment,
    operatorMcpServers: Object.keys(config.operator.mcpServers),
    knownModels: (name) => findModel(name) || (nearestModel(name) ?? false),
  };
}
