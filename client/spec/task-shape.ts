import { z } from 'zod';
import { DEFAULT_MODEL } from '../../workflows/contract/limits.ts';
import { AGENT_NAME } from './agents.ts';
import { McpServerShape } from './mcp-shape.ts';

/**
 * Shapes of the fleet file, in camelCase. They serve twice: as the check of values, and as the JSON Schema for editors.
 * Keys, sizes, paths and references between tasks are checked elsewhere.
 */
const Duration = z.union([z.int().positive(), z.string().regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/)]);
export const Money = z.union([z.number().positive(), z.string().regex(/^\$?\d+(\.\d+)?$/)]);
export const Percentage = z.string().regex(/^(?!0+(\.0+)?%$)(\d{1,2}(\.\d+)?|100)%$/);
/** Above 0 and up to 1. */
export const Share = z.union([z.number().gt(0).max(1), Percentage]);
export const Text = z.string().min(1);
export const Texts = z.union([Text, z.array(Text)]);

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

const Verify = z
  .array(
    z.strictObject({
      name: z
        .string()
        .regex(/^[^\r\n]{1,100}$/)
        .meta({ description: 'Unique in its list.', examples: ['tests'] }),
      run: Text.meta({ description: 'Command for bash, in the working directory.', examples: ['npm test'] }),
      timeout: Duration.optional().meta({ description: 'Then it is ended, and has failed.', default: '10m' }),
    }),
  )
  .max(20)
  .meta({
    description: 'Commands the worker runs in the sandbox afterwards; `completed` needs all of them to exit with 0.',
    examples: [[{ name: 'tests', run: 'npm test', timeout: '15m' }]],
  });

const Retry = z
  .strictObject({
    maxAttempts: z.int().min(1).optional().meta({ description: 'Tries in all.', default: 1 }),
    escalate: Texts.optional().meta({ description: 'Models of the second try and of those after it.' }),
  })
  .meta({
    description: 'Fresh starts after a failed verification or output schema.',
    examples: [{ maxAttempts: 2 }, { escalate: ['claude-opus-5-5'] }],
  });

const Environment = z.union([z.array(Text), z.record(z.string(), z.union([z.string(), z.int(), z.boolean()]))]).meta({
  description: 'Variables of its shell: names taken from here, or pairs. Never secrets.',
  examples: [['CI'], { NODE_ENV: 'test' }],
});

/** Keys of a task that its fleet may give for all tasks without one of their own. */
const inheritable = {
  permissions: Permissions.optional(),
  fallbackModel: Text.optional().meta({
    description: 'Goes on in its place when the model is overloaded again and again, or refuses.',
    examples: ['claude-opus-5'],
  }),
  env: Environment.optional(),
  verify: Verify.optional(),
  retry: Retry.optional(),
  agent: z
    .string()
    .regex(AGENT_NAME)
    .optional()
    .meta({ description: 'A definition of .claude/agents: its prompt, model and tools.', examples: ['reviewer'] }),
  projectMemory: z.boolean().optional().meta({ description: 'CLAUDE.md of the workspace is read.', default: false }),
};
export const INHERITABLE = Object.keys(inheritable) as (keyof typeof inheritable)[];

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
  ...inheritable,
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
  mcpServers: z
    .union([Texts, z.record(z.string(), McpServerShape)])
    .optional()
    .meta({
      description: "MCP servers by name, of the fleet's or else of the operator's; or declarations.",
      examples: [['docs']],
    }),
  dependsOn: Texts.optional().meta({ description: 'Labels of tasks whose outputs this one receives.' }),
});
export type TaskShape = z.infer<typeof TaskShape>;

/** For `fleet-shape`: the same keys, said of all tasks. */
export const Inheritable = z.strictObject(inheritable);
export type Inheritable = z.infer<typeof Inheritable>;
