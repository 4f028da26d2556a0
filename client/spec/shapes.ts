import { z } from 'zod';
import { DEFAULT_CONCURRENCY, DEFAULT_MODEL, MAX_CONCURRENCY, MAX_TASKS } from '../../workflows/contract/limits.ts';
import { DURATION_HINT } from './duration.ts';
import { MONEY_HINT } from './money.ts';

/**
 * Shapes of the fleet file, in camelCase. They serve twice: as the check of values, and as the JSON Schema for editors.
 * Keys, sizes, paths and references between tasks are checked elsewhere.
 */
const Duration = z.union([z.int().positive(), z.string().regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/)]);
const Money = z.union([z.number().positive(), z.string().regex(/^\$?\d+(\.\d+)?$/)]);
const Text = z.string().min(1);
const Texts = z.union([Text, z.array(Text)]);

export const Permissions = z
  .union([
    z.enum(['read-only', 'edit', 'full']),
    z.strictObject({
      allow: z.array(Text).optional(),
      deny: z.array(Text).optional(),
      mode: z.enum(['dontAsk', 'plan']).optional(),
    }),
  ])
  .meta({
    description: 'A preset, or rules in the language of Claude Code on top of read-only.',
    default: 'edit',
    examples: ['read-only', { allow: ['Edit(src/**)'], deny: ['Read(secrets/**)'] }],
  });

export const TaskShape = z.strictObject({
  label: z
    .string()
    .regex(/^[^\r\n]{1,200}$/)
    .optional()
    .meta({ description: 'Unique name of the task.', examples: ['parser'] }),
  prompt: Text.meta({ description: 'What to do.', examples: ['Find every use of url.parse and report it.'] }),
  workingDirectory: Text.optional().meta({
    description: 'Directory, relative to this file. Inside a git repository the workspace is the whole repository.',
    examples: ['packages/parser'],
  }),
  repo: z
    .strictObject({ url: Text, ref: Text.optional() })
    .optional()
    .meta({
      description: 'A repository to clone instead of a directory.',
      examples: [{ url: 'https://example.com/a.git' }],
    }),
  context: z
    .unknown()
    .optional()
    .meta({ description: 'Data for the task: text, JSON, {file: path}, {files: [path]} or a list of them.' }),
  permissions: Permissions.optional(),
  model: Text.optional().meta({ description: 'A model of the price table.', default: DEFAULT_MODEL }),
  effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional().meta({ description: 'How hard it thinks.' }),
  thinking: z.enum(['adaptive', 'disabled']).optional().meta({ description: 'Omitted: as the model has it.' }),
  timeout: Duration.optional().meta({
    description: 'Milliseconds or a text.',
    default: '30m',
    examples: ['10m', 90_000],
  }),
  stallTimeout: Duration.optional().meta({ description: 'Longest silence of the model.', default: '3m' }),
  maxTurns: z
    .int()
    .positive()
    .optional()
    .meta({ description: 'Most model calls.', examples: [40] }),
  maxBudgetUsd: Money.optional().meta({ description: 'Most US dollars for this task.', examples: [5] }),
  outputSchema: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'JSON Schema (2020-12, root of type object) of the output.' }),
  dependsOn: Texts.optional().meta({ description: 'Labels of tasks whose outputs this one receives.' }),
});
export type TaskShape = z.infer<typeof TaskShape>;

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
      rate: z.union([z.number().gt(0).max(1), z.string().regex(/^(\d{1,2}(\.\d+)?|100)%$/)]).optional(),
      count: z.int().min(1).optional(),
    })
    .optional()
    .meta({
      description: 'Stop early: share (after 10 ended) or number of failures.',
      examples: [{ rate: 0.3 }, { count: 5 }],
    }),
});
/** Without what is read apart: tasks one by one, targets and params after substitution. */
export const FleetHead = FleetShape.omit({ task: true, tasks: true });
export type FleetHead = z.infer<typeof FleetHead>;

/** What to write, by the key whose value is wrong. */
export const EXPECTED: Readonly<Record<string, string>> = {
  version: '1',
  name: 'a text of 1 to 100 characters on one line',
  description: 'a text',
  params: 'names with a default, or {type: string|number|integer|boolean, default, pattern, description}',
  targets: 'a list of directories, globs, list files, git URLs, {path}, {list} or {url, ref}',
  exclude: 'a glob or a list of globs',
  eligible: 'a command',
  label: 'a text of 1 to 200 characters on one line',
  prompt: 'a text that says what to do',
  workingDirectory: 'a directory, relative to this file',
  repo: '{url: …, ref: …}',
  url: 'a git URL',
  ref: 'a branch, tag or commit',
  permissions: 'read-only, edit, full, or {allow: [rules], deny: [rules], mode: dontAsk|plan}',
  allow: 'a list of rules such as Edit(src/**)',
  deny: 'a list of rules such as Read(secrets/**)',
  mode: 'dontAsk or plan',
  model: `a model such as ${DEFAULT_MODEL}`,
  effort: 'low, medium, high, xhigh or max',
  thinking: 'adaptive or disabled',
  timeout: DURATION_HINT,
  stallTimeout: DURATION_HINT,
  maxTurns: 'a whole number from 1',
  maxBudgetUsd: MONEY_HINT,
  outputSchema: 'a JSON Schema whose root has type: object',
  dependsOn: 'a list of labels',
  maxConcurrentAgents: `a whole number from 1 to ${MAX_CONCURRENCY}`,
  maxTotalAgents: 'a whole number from 1',
  failIf: '{rate: 0.3} or {count: 5}',
  rate: 'a share above 0 and up to 1, or a text such as "30%"',
  count: 'a whole number from 1',
};
