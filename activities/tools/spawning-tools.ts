import { z } from 'zod';
import { defineTool } from './define-tool.ts';
import { ToolError } from './refusal.ts';
import type { AllowedCall, Children, ChildrenAnswer, Tool, ToolOutput } from './tool.ts';

/** Characters of an output that one call reads where it names no limit; about 5,000 tokens. */
const PAGE_CHARS = 20_000;
const MAX_PAGE_CHARS = 100_000;

const wait = z
  .union([z.enum(['all', 'first']), z.int().min(0)])
  .optional()
  .describe('Until all of them have ended, the first one, or so many. Default: all.');

/** The tools of parents. `taskSchema`: what a task may say; its keys are read by whoever resolves the tasks. */
export function createSpawningTools(taskSchema: Record<string, unknown>): Tool[] {
  return [spawnTool(taskSchema), collectTool(), readTool()];
}

function spawnTool(taskSchema: Record<string, unknown>): Tool {
  const input = z.strictObject({ tasks: z.array(z.unknown().meta(taskSchema)), wait });
  return defineTool({
    name: 'spawn_subagents',
    description:
      'Starts subagents, each with one task, and waits. They work at the same time, in copies of your workspace as it is at the end of this turn; what they change comes back as their changes, not into your files. Answers {census, results}: one result a task, in their order, failures included.',
    kind: 'other',
    input,
    path: () => undefined,
    run: async ({ tasks, wait = 'all' }, call) => outputOf(await childrenOf(call).spawn(tasks, wait)),
  });
}

function collectTool(): Tool {
  const input = z.strictObject({
    labels: z.array(z.string()).optional().describe('Default: all you spawned whose results you have not seen.'),
    wait,
  });
  return defineTool({
    name: 'collect_subagents',
    description: 'Waits for subagents you spawned. Answers as spawn_subagents does.',
    kind: 'other',
    input,
    path: () => undefined,
    run: async ({ labels, wait = 'all' }, call) => outputOf(await childrenOf(call).collect(labels, wait)),
  });
}

function readTool(): Tool {
  const input = z.strictObject({
    label: z.string(),
    offset: z.int().min(0).optional().describe('Characters to skip; default 0.'),
    limit: z.int().min(1).max(MAX_PAGE_CHARS).optional().describe(`Default ${PAGE_CHARS.toString()}.`),
  });
  return defineTool({
    name: 'read_result',
    description: 'Reads the output of a subagent you spawned where a result shows it cut.',
    kind: 'other',
    input,
    path: () => undefined,
    run: async ({ label, offset = 0, limit = PAGE_CHARS }, call) =>
      outputOf(await childrenOf(call).read(label, offset, limit)),
  });
}

function childrenOf({ children }: AllowedCall): Children {
  if (!children) throw new ToolError('No subagents can be spawned here. Do the work yourself.');
  return children;
}

function outputOf(answer: ChildrenAnswer): ToolOutput {
  if (answer === 'later') return { content: '', isPending: true };
  if (answer.isError === true) throw new ToolError(answer.content);
  return { content: answer.content };
}
