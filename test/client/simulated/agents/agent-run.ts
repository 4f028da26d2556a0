import Anthropic from '@anthropic-ai/sdk';
import { OUTPUT_SCHEMA, PROMPT, type Answer, type ReportedUse } from '../../../../client/demo/fleet-file.ts';
import { startSimulatedClaude } from '../../../../client/simulated/server.ts';
import type { Grant } from '../../../../workflows/contract/task.schema.ts';
import { ToolWorld } from '../../../activities/tools/tool-world.ts';

export interface AgentRun {
  answer: Answer;
  /** Uses of the answer as `file:line api`, and how they ended. */
  uses: Record<string, 'migrated' | 'migratable' | 'kept'>;
  read(path: string): string;
  /** Names of the tools called, a list a turn. */
  turns: string[][];
  /** Inputs of all Edits. */
  edits: unknown[];
}

/** Lets the scripted agent work on these files: real server, real SDK, real tools. Ends with its StructuredOutput. */
export async function runAgent(files: Record<string, string | Buffer>, grant?: Partial<Grant>): Promise<AgentRun> {
  using world = new ToolWorld(files);
  const claude = await startSimulatedClaude({ latency: 0 });
  try {
    const client = new Anthropic({ baseURL: claude.url, apiKey: 'simulated', maxRetries: 0 });
    const run = await converse(client, world, grant);
    const contents = new Map(Object.keys(files).map((path) => [path, world.read(path)]));
    return { ...run, read: (path) => contents.get(path) ?? '' };
  } finally {
    await claude.close();
  }
}

async function converse(client: Anthropic, world: ToolWorld, grant?: Partial<Grant>): Promise<Omit<AgentRun, 'read'>> {
  const schema = `<output_schema>\n${JSON.stringify(OUTPUT_SCHEMA)}\n</output_schema>`;
  const content = [`${PROMPT}\n[[simulate latency=0ms]]`, schema].map((text) => ({ type: 'text' as const, text }));
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content }];
  const turns: string[][] = [];
  const edits: unknown[] = [];
  for (let turn = 1; turn <= 40; turn++) {
    const tools = world.dispatcher.definitions as Anthropic.Tool[];
    const stream = client.messages.stream({ model: 'claude-sonnet-5-5', max_tokens: 8_000, messages, tools });
    const message = await stream.finalMessage();
    const calls = message.content.filter((block) => block.type === 'tool_use');
    turns.push(calls.map(({ name }) => name));
    edits.push(...calls.filter(({ name }) => name === 'Edit').map(({ input }) => input));
    const final = calls.find(({ name }) => name === 'StructuredOutput');
    if (final) return { answer: final.input as Answer, uses: byPlace((final.input as Answer).uses), turns, edits };
    const results: Anthropic.ToolResultBlockParam[] = [];
    for (const { id, name, input } of calls) {
      const { content: text, isError } = await world.run(name, input, grant ? { grant } : {});
      results.push({ type: 'tool_result', tool_use_id: id, content: text, is_error: isError });
    }
    messages.push({ role: 'assistant', content: message.content }, { role: 'user', content: results });
  }
  throw new Error('the agent does not end');
}

function byPlace(uses: readonly ReportedUse[]): AgentRun['uses'] {
  return Object.fromEntries(
    uses.map(({ file, line, api, migratable, migrated }) => [
      `${file}:${line} ${api}`,
      migrated ? 'migrated' : migratable ? 'migratable' : 'kept',
    ]),
  );
}
