import { FaultList } from './fault-list.ts';
import type { GivenRules } from './flag-grant.ts';
import { FleetReader } from './fleet-reader.ts';
import { fleetName } from './fleet-name.ts';
import type { PlanSettings } from './plan-settings.ts';
import { InvalidFleet, type FleetPlan } from './plan.ts';
import { nowhere, type Path } from './source-document.ts';
import { hashOfText } from './source-text.ts';

const LABEL = 'parent';

export interface PromptInput {
  prompt: string;
  label?: string | undefined;
  name?: string | undefined;
  rules: GivenRules;
}

/**
 * A fleet whose parent is a Claude that may spawn subagents: one task in the current directory, which may do what `edit`
 * and the rules allow. MCP servers of the operator that a rule allows are connected. Throws `InvalidFleet` that names the
 * flags.
 */
export async function loadPrompt(input: PromptInput, settings: PlanSettings): Promise<FleetPlan> {
  const { prompt, label = LABEL, rules } = input;
  const allow = [...OWN_RULES, ...rules.allow];
  const servers = (settings.operatorMcpServers ?? []).filter((server) =>
    rules.allow.some((rule) => rule === `mcp__${server}` || rule.startsWith(`mcp__${server}__`)),
  );
  const task = {
    ...{ label, prompt, permissions: { allow, deny: [...rules.deny] } },
    ...(servers.length > 0 && { mcpServers: servers }),
  };
  const document = nowhere({ tasks: [task] }, flagOf);
  const faults = new FaultList('--prompt', document);
  const own = { ...settings };
  delete own.ceiling; // the rules are in the task
  const reader = new FleetReader({ document, spelling: 'snake', faults, base: own.cwd, params: {}, settings: own });
  const plan = await reader.read('-', input.name ?? fleetName(prompt, LABEL));
  if (faults.faults.length > 0) throw new InvalidFleet(faults.faults);
  return { ...plan, kind: 'prompt', textHash: hashOfText(prompt, rules) };
}

/** What a parent may do by itself. */
const OWN_RULES = ['Edit(**)', 'spawn_subagents'];

/** As whoever typed it knows it. */
function flagOf(path: Path): string {
  const list = path.find((key) => key === 'allow' || key === 'deny');
  return list === undefined ? '--prompt' : `--${list}`;
}
