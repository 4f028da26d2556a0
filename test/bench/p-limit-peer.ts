import Anthropic from '@anthropic-ai/sdk';
import pLimit from 'p-limit';

/**
 * The peer: a bare loop over the same simulated Claude, nothing durable. Arguments: url, subagents, turns, latency
 * directive, concurrency. Prints one JSON line.
 */
const [url, agents, turns, latency, concurrency] = process.argv.slice(2);
const client = new Anthropic({ baseURL: url!, apiKey: 'simulated', maxRetries: 0 });
const limit = pLimit(Number(concurrency));
const startedAt = performance.now();

async function agent(index: number): Promise<void> {
  const messages: Anthropic.MessageParam[] = [
    {
      role: 'user',
      content: `[[simulate turns=${turns!} latency=${latency!} seed=a${index.toString()}]] Peer ${index.toString()}`,
    },
  ];
  for (let turn = 0; turn < Number(turns); turn++) {
    const params = { model: 'claude-sonnet-5-5', max_tokens: 16_384, messages };
    const { content } = await client.messages.stream(params).finalMessage();
    messages.push({ role: 'assistant', content: content as Anthropic.MessageParam['content'] });
    const results = content.flatMap((block) =>
      block.type === 'tool_use' ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'nothing' }] : [],
    );
    messages.push({ role: 'user', content: results.length > 0 ? results : 'go on' });
  }
}

await Promise.all(Array.from({ length: Number(agents) }, (_, i) => limit(() => agent(i))));
const { user, system } = process.cpuUsage();
const wallMs = performance.now() - startedAt;
process.stdout.write(`${JSON.stringify({ wallMs, cpuMs: (user + system) / 1_000 })}\n`);
