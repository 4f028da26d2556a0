import type { AgentDefinition } from '../../workflows/contract/task.schema.ts';
import { Agents } from './agents.ts';
import type { Models } from './models.ts';
import type { Place } from './places.ts';

/**
 * The definitions of `.claude/agents/` as subagents may name them later: nothing is read from this disk once the fleet
 * has started. One that is of no use becomes a warning, since nobody has named it yet.
 */
export async function agentDefinitions(
  place: Place,
  models: Models,
): Promise<{ agents: AgentDefinition[]; warnings: string[] }> {
  const agents: AgentDefinition[] = [];
  const warnings: string[] = [];
  for (const { name, found } of await new Agents().all(place)) {
    if (!('agent' in found)) {
      warnings.push(`${found.message}: nobody can be ${name}`);
      continue;
    }
    const { agent } = found;
    const model = models.meantByAgent(agent.model);
    const problem = model === undefined ? undefined : models.problem(model);
    if (problem) {
      warnings.push(`the agent ${name}: ${problem.message}; ${problem.hint}`);
      continue;
    }
    const { prompt, tools } = agent;
    agents.push({ name, prompt, ...(tools && { tools }), ...(model !== undefined && { model }) });
  }
  return { agents, warnings };
}
