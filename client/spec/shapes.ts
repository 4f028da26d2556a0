import { z } from 'zod';
import { DEFAULT_CONCURRENCY, MAX_CONCURRENCY, MAX_TASKS } from '../../workflows/contract/limits.ts';
import { McpServerShape } from './mcp-shape.ts';
import { RolloutShape, Scout } from './rollout-shape.ts';
import { Inheritable, Money, Share, TaskShape, Text, Texts } from './task-shape.ts';

const Param = z.union([
  z.string(),
  z.number(),
  z.boolean(),
  z.strictObject({
    type: z.enum(['string', 'number', 'integer', 'boolean']).optional(),
    default: z.union([z.string(), z.number(), z.boolean()]).optional(),
    pattern: z.string().optional(),
    description: z.string().optional(),
  }),
]);

const Target = z.union([
  Text,
  z.strictObject({ path: Text }),
  z.strictObject({ list: Text }),
  z.strictObject({ url: Text, ref: Text.optional() }),
]);

export const FleetShape = z.strictObject({
  version: z
    .union([z.literal(1), z.literal('1')])
    .optional()
    .meta({ description: 'Version of this format.', default: 1 }),
  name: z
    .string()
    .regex(/^[^\r\n]{1,100}$/)
    .optional()
    .meta({ description: 'Name of the fleet.', examples: ['drop-moment'] }),
  description: z.string().optional().meta({ description: 'For people.' }),
  params: z
    .record(z.string().regex(/^[A-Za-z_][\w-]*$/), Param)
    .optional()
    .meta({
      description: 'Typed parameters, set by -p KEY=VALUE and used as ${{ params.KEY }}.',
      examples: [{ library: { type: 'string', default: 'moment', pattern: '^[a-z-]+$' } }],
    }),
  targets: z
    .union([z.array(Target), Text])
    .optional()
    .meta({
      description: 'Directories, file globs, list files (repos.txt, CSV) and git URLs; `task` runs once for each.',
      examples: [['packages/*/', 'repos.txt', 'https://example.com/a.git']],
    }),
  exclude: Texts.optional().meta({ description: 'Globs over names and paths of targets to leave out.' }),
  eligible: Text.optional().meta({
    description: 'Command run in each target; when it fails the target is skipped.',
    examples: ['grep -q moment package.json'],
  }),
  task: TaskShape.optional().meta({ description: 'The one task of a fleet over `targets`.' }),
  tasks: z.array(TaskShape).max(MAX_TASKS).optional().meta({ description: 'The tasks of the fleet.' }),
  maxConcurrentAgents: z
    .int()
    .min(1)
    .max(MAX_CONCURRENCY)
    .optional()
    .meta({ description: 'Subagents at once.', default: DEFAULT_CONCURRENCY }),
  maxTotalAgents: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'Most subagents spawned while it runs.', default: 1_000 }),
  maxBudgetUsd: Money.optional().meta({ description: 'Hard cap in US dollars of the whole fleet.', examples: [20] }),
  failIf: z
    .strictObject({
      rate: Share.optional(),
      count: z.int().min(1).optional(),
    })
    .optional()
    .meta({
      description: 'Stop early: share (after 10 ended) or number of failures.',
      examples: [{ rate: 0.3 }, { count: 5 }],
    }),
  rollout: RolloutShape.optional(),
  scout: Scout.optional(),
  ...Inheritable.shape,
  permissions: Inheritable.shape.permissions.meta({
    description: 'Of every task that names none; what a task names must lie within.',
    default: 'edit',
    examples: ['full', { allow: ['Edit(src/**)', 'Bash(npm test:*)'] }],
  }),
  mcpServers: z
    .record(z.string(), McpServerShape)
    .optional()
    .meta({
      description: 'MCP servers of this fleet, by name; a task lists those it uses.',
      examples: [{ docs: { url: 'https://docs.example/mcp' } }],
    }),
});
/** Without what is read apart: tasks one by one, targets and params after substitution. */
export const FleetHead = FleetShape.omit({ task: true, tasks: true });
export type FleetHead = z.infer<typeof FleetHead>;
