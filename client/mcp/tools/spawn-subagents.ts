import type { TaskInput } from '../../library/library.ts';
import type { SpawnSubagents } from '../inputs.ts';
import { followFleet } from '../follow-fleet.ts';
import type { FleetReport } from '../report.ts';
import { ToolFailure } from '../tool-failure.ts';
import type { Call, Workshop } from '../tool.ts';
import { isSimulated, startOptions } from './start-options.ts';

export const DESCRIPTION = `Runs a fleet of Claude subagents, one for each task, side by side on a Temporal cluster: a few or thousands. Each gets its own copy of its working directory, sees nothing of this conversation, and leaves one result; file changes come back as patches (\`muster apply ID\`), never into the directory itself. The fleet is durable: it outlives this call, this client and any crash.
Waits until all have ended or timeout_s is up, then answers with census, results in order of completion and what to do next. Split work into tasks that need not know of each other; give each what it needs in \`context\`, and an \`output_schema\` where you will compare or merge outputs.`;

/** Starts a fleet of tasks and stays with it as long as was asked. */
export async function spawnSubagents(input: SpawnSubagents, call: Call, shop: Workshop): Promise<FleetReport> {
  const { tasks, name, wait = true, timeout_s, limit } = input;
  refuseNames(tasks);
  const notes: string[] = [];
  const isModest = (index: number): boolean => tasks[index]?.['permissions'] === undefined;
  const asked = { isSimulated: isSimulated(input, shop), isModest, notes };
  const muster = await shop.door.muster(asked.isSimulated);
  const source = { tasks: tasks as TaskInput[], ...(name !== undefined && { name }) };
  const fleet = await muster.start(source, startOptions(input, asked, call, shop));
  const timeoutMs = timeout_s === undefined ? shop.limits.waitMs : timeout_s * 1_000;
  return followFleet(fleet, { need: needOf(wait), timeoutMs, limit, notes }, call, shop);
}

function needOf(wait: NonNullable<SpawnSubagents['wait']>): number {
  if (typeof wait === 'number') return wait;
  return wait === false ? 0 : wait === 'first' ? 1 : Infinity;
}

/** `env` as a list takes values from the environment of this process, which no caller can see otherwise. */
function refuseNames(tasks: SpawnSubagents['tasks']): void {
  const index = tasks.findIndex(({ env }) => Array.isArray(env));
  if (index < 0) return;
  const hint = 'give pairs, such as {"CI": "1"}';
  throw new ToolFailure(
    'not_allowed',
    `tasks[${index}]: \`env\` names variables of the server's own environment`,
    hint,
  );
}
