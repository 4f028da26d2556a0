import { z } from 'zod';
import { MAX_CONCURRENCY, MAX_PROMPT_BYTES, MAX_TASKS } from '../../workflows/contract/limits.ts';
import { strict } from './strict.ts';
import { Task } from './task-schema.ts';

/** What the tools take. Unknown names are refused with the nearest known one. */

/** A day: nobody holds a call open for longer. */
export const MAX_TIMEOUT_S = 86_400;
export const MAX_ROWS = 500;
/** So many outputs of 500 characters still fit one reply. */
const MAX_LABELS = 40;

const Id = z.string().min(1).max(200).describe('Id of a fleet, or @latest.');
const Timeout = z.number().min(0).max(MAX_TIMEOUT_S);
const Rules = z.array(z.string().min(1)).max(1_000);

/** Of every fleet that is started here. */
const start = {
  name: z
    .string()
    .regex(/^[^\r\n]{1,100}$/)
    .optional()
    .describe('Name of the fleet, for people.'),
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).optional().describe('Subagents in flight at once (default 50).'),
  budget_usd: z
    .number()
    .positive()
    .max(1_000_000)
    .optional()
    .describe('Hard cap of the whole fleet in US dollars; needed for more than 12 subagents on the real Claude.'),
  max_agents: z.int().min(1).max(MAX_TASKS).optional().describe('Most subagents spawned by subagents (default 1000).'),
  max_depth: z.int().min(1).max(16).optional().describe('How deep spawned subagents may stand (default 3).'),
  model: z.string().min(1).optional().describe('Model of all tasks.'),
  reuse: z
    .enum(['auto', 'always', 'never'])
    .optional()
    .describe('Whether earlier results of equal tasks are taken over; auto: where nothing outside can have changed.'),
  idempotency_key: z.string().min(1).max(200).optional().describe('The same key is the same fleet, started once.'),
  simulate: z.boolean().optional().describe('A simulated Claude: no credential, no cost.'),
};

const follow = {
  timeout_s: Timeout.optional().describe(
    'Longest time this call takes; the fleet goes on after it. Default: 50, or what the server was started with.',
  ),
  limit: z
    .int()
    .min(1)
    .max(MAX_ROWS)
    .optional()
    .describe('Most results in this reply (default 50); size bounds it too.'),
};

export const SpawnSubagents = strict({
  tasks: z.array(Task).min(1).max(MAX_TASKS).describe('One subagent each. They see nothing of this conversation.'),
  wait: z
    .union([z.boolean(), z.enum(['all', 'first']), z.int().min(1)])
    .optional()
    .describe('How many must have ended before this returns: all (default), first, a number; false: none.'),
  ...start,
  ...follow,
});
export type SpawnSubagents = z.infer<typeof SpawnSubagents>;

export const RunWorkflow = strict({
  file: z
    .string()
    .min(1)
    .optional()
    .describe('A fleet.yaml, tasks.json or script.js, or the name of a saved workflow.'),
  script: z.string().min(1).max(MAX_PROMPT_BYTES).optional().describe('The text of a workflow script of Claude Code.'),
  prompt: z.string().min(1).max(MAX_PROMPT_BYTES).optional().describe('A task for a Claude that spawns subagents.'),
  args: z.unknown().optional().describe('JSON that the script sees as `args`.'),
  params: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('Parameters of the fleet file.'),
  allow: Rules.optional().describe('Rules a script or prompt has besides `edit`, such as Bash(npm test:*).'),
  deny: Rules.optional().describe('Rules that win over all that is allowed.'),
  wait: z.boolean().optional().describe('Whether to wait for its end (default true).'),
  ...start,
  ...follow,
});
export type RunWorkflow = z.infer<typeof RunWorkflow>;

export const FleetStatus = strict({
  id: Id,
  timeout_s: Timeout.optional().describe('Wait so long for its end, or until it needs a person (default 0).'),
});
export type FleetStatus = z.infer<typeof FleetStatus>;

export const FleetResults = strict({
  id: Id,
  cursor: z.string().min(1).max(64).optional().describe('Of an earlier reply: go on behind it.'),
  limit: follow.limit,
  labels: z.array(z.string().min(1)).min(1).max(MAX_LABELS).optional().describe('Only these, with longer outputs.'),
  offset: z
    .int()
    .min(0)
    .optional()
    .describe('With exactly one label: its output from this character on, for outputs that were cut.'),
  timeout_s: Timeout.optional().describe('Wait so long for more results where there are none yet (default 0).'),
});
export type FleetResults = z.infer<typeof FleetResults>;

export const ApproveFleet = strict({
  id: Id,
  hash: z.string().min(1).max(200).optional().describe('Of what was looked at, as fleet_status tells it.'),
  approve: z.boolean().optional().describe('false: reject it (default true).'),
});
export type ApproveFleet = z.infer<typeof ApproveFleet>;

export const CancelFleet = strict({ id: Id });
export type CancelFleet = z.infer<typeof CancelFleet>;
