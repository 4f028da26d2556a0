import { z } from 'zod';
import { nearest, toSnake } from '../../workflows/policy/key-names.ts';

const Text = z.string().min(1);
const Duration = z.union([z.int().positive(), z.string()]);

const Permissions = z.union([
  z.enum(['read-only', 'edit', 'full']),
  z.strictObject({
    allow: z.array(Text).optional(),
    deny: z.array(Text).optional(),
    mode: z.enum(['dontAsk', 'plan']).optional(),
  }),
]);

/** A task as a parent writes it. Descriptions are for the model: they are part of every prompt, so they are short. */
const TaskInput = z.strictObject({
  prompt: Text.describe('What to do. It sees nothing of your conversation: say everything.'),
  label: z
    .string()
    .regex(/^[^\r\n]{1,200}$/)
    .optional()
    .describe('Unique name, by which you ask for its result. Default: task-N.'),
  context: z.unknown().optional().describe('Data for it: a text, JSON, or a list of them.'),
  working_directory: Text.optional().describe('Relative to yours.'),
  repo: z.strictObject({ url: Text, ref: Text.optional() }).optional().describe('Another repository to work in.'),
  permissions: Permissions.optional().describe(
    'A preset, or rules such as Edit(src/**), Bash(npm test:*); never more than yours. Default: edit, as far as you may.',
  ),
  model: Text.optional().describe('Default: yours.'),
  effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional(),
  thinking: z.enum(['adaptive', 'disabled']).optional(),
  fallback_model: Text.optional(),
  timeout: Duration.optional().describe('Milliseconds or "10m". Default: 30m.'),
  stall_timeout: Duration.optional(),
  max_turns: z.int().positive().optional(),
  max_budget_usd: z.union([z.number().positive(), z.string()]).optional(),
  output_schema: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('JSON Schema of its result, of type object; then its result is structured_output.'),
  agent: Text.optional().describe('An agent definition of the project.'),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  mcp_servers: z.array(Text).optional(),
  depends_on: z.array(Text).optional().describe('Labels of tasks of this list whose results it is given.'),
  verify: z
    .array(z.strictObject({ name: z.string().regex(/^[^\r\n]{1,100}$/), run: Text, timeout: Duration.optional() }))
    .max(20)
    .optional()
    .describe('Commands that must succeed when it is done.'),
  retry: z
    .strictObject({ max_attempts: z.int().min(1).optional(), escalate: z.array(Text).optional() })
    .optional()
    .describe('Fresh starts when verify or output_schema fails.'),
  project_memory: z.boolean().optional(),
});
export type TaskInput = z.infer<typeof TaskInput>;

/** JSON Schema of one task. */
export const taskInputSchema: Record<string, unknown> = jsonSchema();

function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(TaskInput, {
    override: ({ jsonSchema }) => {
      // Largest integer of JavaScript, and what names of keys may be: no news to a model.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      delete jsonSchema.propertyNames;
    },
  });
  delete schema.$schema;
  return schema;
}

/** What to write, by the key whose value is wrong. */
const EXPECTED: Readonly<Record<string, string>> = {
  prompt: 'a text that says what to do',
  label: 'a text of 1 to 200 characters on one line',
  working_directory: 'a directory relative to yours',
  repo: '{"url": …, "ref": …}',
  permissions: '"read-only", "edit", "full", or {"allow": [rules], "deny": [rules], "mode": "dontAsk" or "plan"}',
  effort: 'low, medium, high, xhigh or max',
  thinking: 'adaptive or disabled',
  output_schema: 'a JSON Schema such as {"type": "object", "properties": {…}}',
  env: 'names with texts: a name alone takes nothing from anywhere',
  mcp_servers: 'a list of names',
  depends_on: 'a list of labels',
  verify: 'a list of at most 20 {"name": …, "run": …, "timeout": …}',
  retry: '{"max_attempts": 2} or {"escalate": ["a model"]}',
  project_memory: 'true or false',
  max_turns: 'a whole number from 1',
};

const KEYS = Object.keys(TaskInput.shape) as (keyof TaskInput)[];

/**
 * The keys of a task, checked one by one: what is wrong is left out and said, so that the rest is looked at as well. Keys
 * may be spelled in camelCase; null is the same as nothing.
 */
export function readTaskInput(raw: Record<string, unknown>): { given: Partial<TaskInput>; faults: string[] } {
  const faults: string[] = [];
  const given: Record<string, unknown> = {};
  for (const [spelled, value] of Object.entries(raw)) {
    const key = KEYS.find((known) => known === spelled || known === toSnake(spelled));
    if (key === undefined) faults.push(unknownKey(spelled, KEYS));
    else if (key in given) faults.push(`\`${key}\` is given twice; keep one of them`);
    else if (value !== null && value !== undefined) {
      const parsed = TaskInput.shape[key].safeParse(inSnakeCase(key, value));
      if (parsed.success) given[key] = parsed.data;
      else faults.push(...parsed.error.issues.flatMap((issue) => faultsOf(key, value, issue)));
    }
  }
  return { given, faults: [...new Set(faults)] };
}

/** Keys inside of keys are ours as well; those of a schema or of an environment are not. */
function inSnakeCase(key: string, value: unknown): unknown {
  if (key !== 'retry' || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value as object).map(([inner, item]) => [toSnake(inner), item as unknown]));
}

const INNER_KEYS: Readonly<Record<string, readonly string[]>> = {
  repo: ['url', 'ref'],
  permissions: ['allow', 'deny', 'mode'],
  verify: ['name', 'run', 'timeout'],
  retry: ['max_attempts', 'escalate'],
};

function faultsOf(key: string, value: unknown, issue: z.core.$ZodIssue): string[] {
  const issues = issue.code === 'invalid_union' ? issue.errors.flat() : [issue];
  const unknown = issues.flatMap((one) => (one.code === 'unrecognized_keys' ? one.keys : []));
  if (unknown.length > 0) return unknown.map((name) => `${key}: ${unknownKey(name, INNER_KEYS[key] ?? [])}`);
  return [`\`${key}\` is ${shown(value)}; write ${EXPECTED[key] ?? 'what the schema of the tool says'}`];
}

function unknownKey(name: string, known: readonly string[]): string {
  const near = nearest(toSnake(name), known);
  return `\`${name}\` is no key; ${near === undefined ? `there are ${known.join(', ')}` : `write \`${near}\``}`;
}

/** A value in a few words. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
