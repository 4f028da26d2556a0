import { text } from 'node:stream/consumers';
import { findModel, nearestModel } from '../../activities/claude/prices.ts';
import { loadFleet } from '../spec/load.ts';
import type { Config } from '../config.ts';
import type { FleetPlan } from '../spec/plan.ts';
import type { RunFlags } from './commands/run.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { LATER_FILES } from './later.ts';

/** Reads and checks the file with what flags and configuration say. Throws `InvalidFleet`. */
export async function loadPlan(
  file: string,
  flags: Pick<RunFlags, 'param' | 'budget' | 'timeout' | 'maxAgents' | 'model' | 'concurrency'>,
  config: Pick<Config, 'model' | 'concurrency' | 'environment' | 'operator'>,
): Promise<FleetPlan> {
  if (LATER_FILES.test(file)) {
    throw new CommandFailure(
      EXIT.usage,
      `${file}: workflow scripts are not supported yet`,
      'write a fleet.yaml or a task list',
      'not_supported',
    );
  }
  const { budget, timeout, maxAgents, model, concurrency } = flags;
  return loadFleet({
    source: file,
    ...(file === '-' && { stdin: await text(process.stdin) }),
    cwd: process.cwd(),
    params: flags.param ?? {},
    overrides: {
      ...(budget !== undefined && { budgetUsd: budget }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
      ...(maxAgents !== undefined && { maxAgents }),
      ...(model !== undefined && { model }),
      ...(concurrency !== undefined && { concurrency }),
    },
    defaults: {
      ...(config.model !== undefined && { model: config.model }),
      ...(config.concurrency !== undefined && { concurrency: config.concurrency }),
    },
    environment: config.environment,
    operatorMcpServers: Object.keys(config.operator.mcpServers),
    knownModels: (name) => findModel(name) || (nearestModel(name) ?? false),
  });
}
