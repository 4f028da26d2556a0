import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Claude, ClaudeCall, Message, ToolDefinition } from '../../activities/claude/claude.ts';
import { createClaude } from '../../activities/claude/client.ts';
import { worstCaseMicroUsd } from '../../activities/claude/prices.ts';
import { SYSTEM_PROMPT } from '../../activities/subagent/prompt.ts';
import type { JournalEntry } from '../../client/simulated/journal.ts';
import { startSimulatedClaude } from '../../client/simulated/server.ts';
import { cacheFigures } from '../support/cache-figures.ts';

/**
 * `node test/bench/cache-bench.ts [subagents]`: what a launch reads from the prompt cache, and what its prompts cost, with and
 * without warm-first. Direct calls, all in the same moment, against a simulated Claude of its own; judges nothing.
 */
const MODEL = 'claude-sonnet-5-5';
const TURNS = 2;
/** The first byte comes after two fifths of it: long enough that all calls of a launch are under way by then. */
const LATENCY = '5s';
/** About as much as the real ones take. */
const TOOLS: ToolDefinition[] = ['Read', 'Glob', 'Grep', 'Edit', 'Write', 'Bash', 'WebFetch'].map((name) => ({
  name,
  description: `${name}: what it does, what it takes, and when not to use it. `.repeat(12),
  input_schema: { type: 'object' },
}));
const GUIDE = `<context name="guide">\n${'Rules that hold for all of them. '.repeat(400)}\n</context>`;
const RESULT = 'A line of a file that was read.\n'.repeat(120);

interface Launch {
  title: string;
  isWarmFirst: boolean;
  leading: string[];
}

const launches: Launch[] = [
  { title: 'tools and system shared, all at once', isWarmFirst: false, leading: [] },
  { title: 'tools and system shared, warm-first', isWarmFirst: true, leading: [] },
  { title: 'a guide shared too, all at once', isWarmFirst: false, leading: [GUIDE] },
  { title: 'a guide shared too, warm-first', isWarmFirst: true, leading: [GUIDE] },
];

/** One agent: its first call, then turns that each bring a result. */
async function work(claude: Claude, { isWarmFirst, leading }: Launch, n: number) {
  const { signal } = new AbortController();
  const texts = [...leading, `[[simulate turns=${TURNS} latency=${LATENCY}]] Task ${n}`];
  const messages: Message[] = [{ role: 'user', content: texts.map((text) => ({ type: 'text', text })) }];
  for (let turn = 1; turn <= TURNS; turn += 1) {
    const call: ClaudeCall = {
      model: MODEL,
      maxTokens: 2_000,
      system: SYSTEM_PROMPT,
      tools: TOOLS,
      messages: [...messages],
    };
    const admission = isWarmFirst ? { admission: await claude.admit(call, { fleetId: 'bench', signal }) } : {};
    const { content } = await claude.call(call, { signal, stallMs: 60_000, ...admission });
    const uses = content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
    messages.push({ role: 'assistant', content } as Message);
    messages.push({
      role: 'user',
      content: uses.map((id) => ({ type: 'tool_result', tool_use_id: id, content: RESULT })),
    });
  }
}

async function measure(launch: Launch, count: number): Promise<Record<string, number>> {
  const home = await mkdtemp(join(tmpdir(), 'muster-cache-bench-'));
  const path = join(home, 'journal.jsonl');
  const simulated = await startSimulatedClaude({ journal: path });
  try {
    const claude = createClaude({ baseUrl: simulated.url, apiKey: 'bench' });
    const startedAtMs = performance.now();
    await Promise.all(Array.from({ length: count }, (_, n) => work(claude, launch, n)));
    const wallMs = performance.now() - startedAtMs;
    const entries = async (): Promise<JournalEntry[]> => {
      simulated.stats(); // brings the journal up to date
      const lines = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
      return lines.map((line) => JSON.parse(line) as JournalEntry);
    };
    const launched = await entries();
    await work(claude, launch, -1); // reads all there is to share
    const [probe] = (await entries()).slice(launched.length);
    return { 'wall (s)': wallMs / 1_000, ...priced(launched, probe?.usage.cache_read_input_tokens ?? 0) };
  } finally {
    await simulated.close();
    await rm(home, { recursive: true });
  }
}

function priced(entries: readonly JournalEntry[], shareable: number): Record<string, number> {
  const figures = cacheFigures(entries, shareable);
  const output = entries.reduce((sum, { usage }) => sum + usage.output_tokens, 0);
  const outputMicroUsd = worstCaseMicroUsd(MODEL, 0, output);
  const first = entries.filter(({ turn }) => turn === 1);
  const firstTokens = first.reduce((sum, { usage }) => sum + usage.input_tokens + usage.cache_creation_input_tokens, 0);
  return {
    'shareable tokens of a first call': figures.shareableTokens,
    'of those read from the cache': figures.readShare,
    'first calls: tokens not read, each': firstTokens / figures.launched,
    'all calls: prompt tokens (M)': figures.promptTokens / 1e6,
    'all calls: USD per M prompt tokens': (figures.billedMicroUsd - outputMicroUsd) / figures.promptTokens,
    'all calls: USD': figures.billedMicroUsd / 1e6,
  };
}

const count = Number(process.argv[2] ?? '1000');
if (!Number.isSafeInteger(count) || count < 2) throw new Error('usage: cache-bench.ts [subagents, two or more]');
for (const launch of launches) {
  process.stdout.write(`\n${count} subagents × ${TURNS} turns: ${launch.title}\n`);
  for (const [name, value] of Object.entries(await measure(launch, count)))
    process.stdout.write(`  ${name.padEnd(38)} ${Number(value.toPrecision(4)).toString()}\n`);
}
