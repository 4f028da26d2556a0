import { nearest, toSnake } from '../../workflows/policy/key-names.ts';

/** Options of Claude Code's own `agent()` that a task has by another name (workflow-scripts.md §1). */
export const TASK_KEY_OF: Readonly<Record<string, string>> = {
  schema: 'output_schema',
  agentType: 'agent',
  stallMs: 'stall_timeout',
  cwd: 'working_directory',
  timeoutMs: 'timeout',
};

/** Not of the task, but of what its script makes of it. `isolation`: whoever may write has files of its own anyway. */
const OF_THE_SCRIPT = ['label', 'phase', 'onNull', 'isolation'];

/** Those that are task keys (contracts §1) as well. */
const TASK_OPTIONS = [
  ...['model', 'effort', 'repo', 'permissions', 'maxBudgetUsd', 'context', 'env', 'verify', 'fallbackModel'],
  ...['workingDirectory', 'timeout', 'stallTimeout', 'maxTurns', 'outputSchema', 'thinking', 'agent', 'projectMemory'],
  ...['mcpServers', 'retry'],
];

const OPTIONS = [...OF_THE_SCRIPT, ...Object.keys(TASK_KEY_OF), ...TASK_OPTIONS];
const ISOLATIONS = ['worktree', 'remote'];
const ON_NULL = ['null', 'throw', 'result'] as const;

export type OnNull = (typeof ON_NULL)[number];

/** What is wrong with options as far as their names tell, as one sentence; undefined: nothing. Values a task checks. */
export function optionFault(options: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    if (!OPTIONS.includes(name)) return unknownOption(name);
    const isText = typeof value === 'string' && value.trim() !== '';
    if ((name === 'label' || name === 'phase') && !isText) return `${name} is a text`;
    if (name === 'isolation' && !ISOLATIONS.some((known) => known === value)) return "isolation is 'worktree'";
    if (name === 'onNull' && !ON_NULL.some((known) => known === value)) return "onNull is 'null', 'throw' or 'result'";
    const other = TASK_KEY_OF[name];
    const twice = other && Object.keys(options).find((key) => key !== name && toSnake(key) === other);
    if (twice) return `${name} and ${twice} are the same: write one of them`;
  }
  return undefined;
}

function unknownOption(name: string): string {
  if (/^depends_?on$/i.test(name)) return `agent() has no ${name}: await the other agent first`;
  const near = nearest(name, OPTIONS);
  return `agent() has no option ${name}${near === undefined ? `; there are ${OPTIONS.join(', ')}` : `: did you mean ${near}?`}`;
}
