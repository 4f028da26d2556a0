import Anthropic from '@anthropic-ai/sdk';
import { startSimulatedClaude } from '../../../../client/simulated/server.ts';

/** A call as the parent made it. */
export interface Call {
  name: string;
  input: Record<string, unknown>;
}

/** What the other side answers; throw what it answers as an error. */
export type Answerer = (call: Call, nth: number) => string;

export interface ParentRun {
  /** Calls of each turn. */
  turns: Call[][];
  /** Its last words, or the input of its StructuredOutput. */
  output: string;
}

const TOOLS = ['Read', 'Write', 'Glob', 'StructuredOutput', 'spawn_subagents', 'collect_subagents', 'read_result'];

/** How a subagent is told that it may spawn. */
export const GRANTED = '<subagents>\nYou may spawn subagents: spawn_subagents is granted.\n</subagents>';

/** Lets simulated Claude answer these blocks of a first message over HTTP until it ends; `answer` plays the tools. */
export async function runParent(first: readonly string[], answer: Answerer): Promise<ParentRun> {
  const claude = await startSimulatedClaude({ latency: 0 });
  try {
    const client = new Anthropic({ baseURL: claude.url, apiKey: 'simulated', maxRetries: 0 });
    return await converse(client, first, answer);
  } finally {
    await claude.close();
  }
}

async function converse(client: Anthropic, first: readonly string[], answer: Answerer): Promise<ParentRun> {
  const tools = TOOLS.map((name) => ({ name, input_schema: { type: 'object' as const } }));
  const content = first.map((text) => ({ type: 'text' as const, text }));
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content }];
  const turns: Call[][] = [];
  while (turns.length < 40) {
    const stream = client.messages.stream({ model: 'claude-sonnet-5-5', max_tokens: 8_000, messages, tools });
    const message = await stream.finalMessage();
    const blocks = message.content.filter((block) => block.type === 'tool_use');
    const calls = blocks.map(({ name, input }) => ({ name, input: input as Record<string, unknown> }));
    turns.push(calls);
    const output = calls.find(({ name }) => name === 'StructuredOutput');
    if (output) return { turns, output: JSON.stringify(output.input) };
    if (calls.length === 0) return { turns, output: message.content.map((b) => ('text' in b ? b.text : '')).join('') };
    const results = blocks.map(({ id }, i) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      ...told(() => answer(calls[i]!, turns.length)),
    }));
    messages.push({ role: 'assistant', content: message.content }, { role: 'user', content: results });
  }
  throw new Error('the parent does not end');
}

function told(answer: () => string): { content: string; is_error: boolean } {
  try {
    return { content: answer(), is_error: false };
  } catch (error) {
    return { content: String((error as Error).message), is_error: true };
  }
}

/**
 * The root as a parent sees it: of what was spawned, one more has ended with each call, or as many as the call awaits.
 * Answers Glob with `files`; everything else with `ok`.
 */
export function playedRoot(files: readonly string[] = []): Answerer {
  let told = 0;
  const labels: string[] = [];
  return ({ name, input }) => {
    if (name === 'Glob') return files.join('\n');
    if (name === 'spawn_subagents') labels.push(...(input['tasks'] as { label: string }[]).map(({ label }) => label));
    if (name !== 'spawn_subagents' && name !== 'collect_subagents') return 'ok';
    const open = labels.slice(told);
    const wait = input['wait'] ?? 'all';
    const need = wait === 'all' ? open.length : wait === 'first' ? 1 : Math.min(wait as number, open.length);
    told += need;
    const results = open.map((label, i) =>
      i < need
        ? { label: `parent/${label}`, status: 'completed', output: `[simulated] ${label} is fine.` }
        : { label: `parent/${label}`, status: 'running' },
    );
    return JSON.stringify({ census: { completed: need, failed: 0, running: open.length - need }, results });
  };
}
