import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bashServer } from '../../support/mcp-world.ts';
import { call, inTurn, say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const SCHEMA = {
  type: 'object',
  properties: { count: { type: 'integer' } },
  required: ['count'],
  additionalProperties: false,
};
const COMPLETED = { kind: 'ended', status: 'completed' };

describe('a subagent', () => {
  it('runs its turns, ends once, and is found again by whoever asks', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=3 output="all done"]] a1' }]);
    const outcome = await fleet.run();
    expect(outcome).toMatchObject(COMPLETED);
    const result = await fleet.result();
    expect(result).toMatchObject({
      status: 'completed',
      output: 'all done',
      num_turns: 3,
      attempts: 1,
      simulated: true,
    });
    expect(result.total_cost_usd).toBeGreaterThan(0);
    expect(Math.round(result.total_cost_usd * 1e6)).toBe(outcome.spentMicroUsd);
    const { calls } = bench.claude.stats();
    expect(await fleet.run(0, { attempt: 2 })).toEqual(outcome);
    expect(bench.claude.stats().calls).toBe(calls);
  });

  it('leaves what it wrote as a patch, and what it was refused as denials', async () => {
    const fleet = await bench.fleet([
      {
        prompt:
          '[[simulate edit=src/a.txt old="alpha" new="beta"]] [[simulate call=Bash input=\'{"command":"ls"}\']] a2',
      },
    ]);
    await fleet.run();
    const { changes, permission_denials } = await fleet.result();
    expect(changes).toMatchObject({ files: ['src/a.txt'], insertions: 1, deletions: 1 });
    const patch = Buffer.from(await bench.parts.store.get(changes!.patch)).toString();
    expect(patch).toContain('-alpha\n+beta');
    expect(permission_denials).toMatchObject([{ tool: 'Bash' }]);
  });

  it('is told the results of what it depends on', async () => {
    const fleet = await bench.fleet([
      { prompt: '[[simulate turns=1 output="forty-two"]] a3', label: 'first' },
      { prompt: '[[simulate turns=1]] a4', dependsOn: [0] },
    ]);
    await fleet.run(0);
    await fleet.run(1);
    const transcript = Buffer.from(await bench.parts.store.get((await fleet.result(1)).transcript!)).toString();
    expect(transcript).toContain('result of first');
    expect(transcript).toContain('forty-two');
  });

  it('ends at its most turns, keeping what it has', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=9]] a5', maxTurns: 2 }]);
    expect(await fleet.run()).toMatchObject({ status: 'failed' });
    expect(await fleet.result()).toMatchObject({ error: { type: 'Subagent.MaxTurns' }, partial: true, num_turns: 2 });
  });

  it('ends at its timeout, keeping what it has; the call in flight is booked', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=9 latency=300ms]] a6', timeoutMs: 450 }]);
    expect(await fleet.run()).toMatchObject({ status: 'timed_out' });
    const result = await fleet.result();
    expect(result).toMatchObject({ error: { type: 'Subagent.TimedOut' }, partial: true, num_turns: 1 });
    expect(result.rework_cost_usd).toBeGreaterThan(0);
  });

  it('fails with the model’s refusal', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate fault=refusal]] a7' }]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'failed', error: { type: 'Claude.Refused' } });
  });

  it('runs no cut tool call: an answer cut at max_tokens is asked for again', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=2 fault=max_tokens_in_tool]] a8' }]);
    expect(await fleet.run()).toMatchObject(COMPLETED);
    expect((await fleet.result()).num_turns).toBe(2);
  });
});

describe('an output schema', () => {
  it('is fulfilled by StructuredOutput, which ends the subagent', async () => {
    const fleet = await bench.fleet([
      { prompt: `[[simulate turns=2 structured='{"count":3}']] b1`, outputSchema: SCHEMA },
    ]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', structured_output: { count: 3 } });
  });

  it('is explained to a model that misses it', async () => {
    const fleet = await bench.fleet([
      {
        prompt: `[[simulate turns=1 structured='{"count":3}' fault=malformed_structured_output times=3]] b2`,
        outputSchema: SCHEMA,
      },
    ]);
    await fleet.run();
    expect(await fleet.result()).toMatchObject({ status: 'completed', structured_output: { count: 3 }, num_turns: 4 });
  });

  it('that five outputs missed is met by one repair call', async () => {
    const fleet = await bench.fleet([
      { prompt: `[[simulate turns=1 structured='{"count":"few"}']] b3`, outputSchema: SCHEMA },
    ]);
    const before = bench.claude.stats().calls;
    await fleet.run();
    expect(await fleet.result()).toMatchObject({
      status: 'completed',
      structured_output: { count: expect.any(Number) as number },
    });
    expect(bench.claude.stats().calls - before).toBe(6);
  });

  it('that is never met ends as a mismatch, with the work kept', async () => {
    bench.claude.addFault({ kind: 'malformed_structured_output', match: 'never b4' });
    const prompt = '[[simulate turns=1]] never b4';
    const fleet = await bench.fleet([{ prompt, outputSchema: { ...SCHEMA, description: 'never b4' } }]);
    const before = bench.claude.stats().calls;
    await fleet.run();
    const result = await fleet.result();
    expect(result).toMatchObject({ status: 'failed', error: { type: 'Output.SchemaMismatch' } });
    expect(result.raw_output).toMatch(/^\{/);
    expect(result.schema_errors?.join(' ')).toMatch(/count/);
    expect(bench.claude.stats().calls - before).toBe(6); // five tries and one repair
  });
});

describe('money', () => {
  it('of its own ends it as budget_reached before a call it could not pay', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=30 tokens=3000]] c1', maxBudgetMicroUsd: 150_000 }]);
    expect(await fleet.run()).toMatchObject({ status: 'budget_reached' });
    const result = await fleet.result();
    expect(result.total_cost_usd).toBeLessThanOrEqual(0.15);
    expect(result).toMatchObject({ partial: true, error: { type: 'Subagent.MaxBudget' } });
    expect(result.num_turns).toBeGreaterThan(1);
  });

  it('handed out in slices parks it until it gets another', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=8 tokens=1000]] c2' }]);
    const first = await fleet.run(0, { sliceMicroUsd: 60_000 });
    expect(first).toMatchObject({ kind: 'parked', reason: { for: 'budget' } });
    expect(first.spentMicroUsd).toBeLessThanOrEqual(60_000);
    const second = await fleet.run(0, { epoch: 2, sliceMicroUsd: 2_000_000 });
    expect(second).toMatchObject(COMPLETED);
    const { total_cost_usd, rework_cost_usd, num_turns } = await fleet.result();
    expect(Math.round(total_cost_usd * 1e6)).toBe(first.spentMicroUsd + second.spentMicroUsd);
    expect({ rework_cost_usd, num_turns }).toEqual({ rework_cost_usd: 0, num_turns: 8 });
  });

  it('of a call cut in mid-stream is booked as rework, and the turn is taken again', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=2 fault=cut]] c3' }]);
    expect(await fleet.run()).toMatchObject(COMPLETED);
    const { rework_cost_usd, total_cost_usd } = await fleet.result();
    expect(rework_cost_usd).toBeGreaterThan(0);
    expect(total_cost_usd).toBeGreaterThan(rework_cost_usd);
  });
});

describe('a provider that refuses', () => {
  it.each([
    ['for seconds is waited for in place', 'fault=rate_limit retry_after_ms=30', COMPLETED],
    [
      'for longer than two minutes parks it until then',
      'fault=rate_limit retry_after=600',
      { kind: 'parked', reason: { for: 'limit', pause: 'rate_limit' } },
    ],
    [
      'because of a spend cap parks it for a person',
      'fault=spend_limit',
      { kind: 'parked', reason: { for: 'limit', pause: 'usage_limit' } },
    ],
    [
      'its credential parks it for a person',
      'fault=authentication',
      { kind: 'parked', reason: { for: 'limit', pause: 'authentication' } },
    ],
    ['the request itself fails it', 'fault=bad_request', { kind: 'ended', status: 'failed' }],
  ])('%s', async (name, fault, outcome) => {
    const fleet = await bench.fleet([{ prompt: `[[simulate turns=1 ${fault}]] ${name}` }]);
    expect(await fleet.run()).toMatchObject(outcome);
  });

  it('for a minute frees the slot: Temporal waits', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=1 fault=rate_limit retry_after=60]] d1' }]);
    await expect(fleet.run()).rejects.toMatchObject({ name: 'RetryLater', afterMs: 60_000 });
    expect(await fleet.run(0, { attempt: 2 })).toMatchObject(COMPLETED);
  });
});

describe('wanted back', () => {
  it('it finishes the call that is nearly there, and parks', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=5 latency=400ms]] e1' }]);
    const back = new AbortController();
    const running = fleet.run(0, { back: back.signal });
    await untilCalls(bench, bench.claude.stats().calls + 1);
    back.abort();
    const parked = await running;
    expect(parked).toMatchObject({ kind: 'parked', reason: { for: 'drain' } });
    expect(await fleet.run(0, { epoch: 2 })).toMatchObject(COMPLETED);
    expect(await fleet.result()).toMatchObject({ num_turns: 5, rework_cost_usd: 0, attempts: 2 });
  });

  it('it gives up a call that takes long, and books it', async () => {
    const fleet = await bench.fleet([{ prompt: '[[simulate turns=1 latency=60s]] e2' }]);
    const back = new AbortController();
    const running = fleet.run(0, { back: back.signal });
    await untilCalls(bench, bench.claude.stats().calls + 1);
    back.abort();
    const parked = await running;
    expect(parked).toMatchObject({ kind: 'parked', reason: { for: 'drain' } });
    expect(parked.spentMicroUsd).toBeGreaterThan(0);
  });
});

describe('reuse', () => {
  const prompt = '[[simulate turns=2 output="found"]] f1';

  it('takes the completed result of an equal task of another fleet, at no cost', async () => {
    await (await bench.fleet([{ prompt }])).run();
    const { calls } = bench.claude.stats();
    const later = await bench.fleet([{ prompt, label: 'other', timeoutMs: 5_000 }]);
    expect(await later.run()).toMatchObject({ ...COMPLETED, spentMicroUsd: 0 });
    expect(await later.result()).toMatchObject({ label: 'other', output: 'found', total_cost_usd: 0 });
    expect((await later.result()).reused_from).toMatch(/^fleet-\d+\/task-1$/);
    expect(bench.claude.stats().calls).toBe(calls);
  });

  it('sees a script that was saved or edited as no change of the workspace', async () => {
    const files = { 'a.txt': 'a', '.claude/workflows/fix.js': 'one' };
    const of = async (change: Record<string, string>) => {
      const workspace = await bench.source({ ...files, ...change });
      const fleet = await bench.fleet([{ prompt: `${prompt} scripts`, workspace }]);
      await fleet.run();
      return (await fleet.result()).reused_from;
    };
    expect(await of({})).toBeUndefined();
    expect(await of({ '.claude/workflows/fix.js': 'two' })).toBeDefined();
    expect(await of({ 'a.txt': 'b' })).toBeUndefined();
  });

  it.each([
    ['another prompt', { prompt: `${prompt} more` }, {}],
    ['another model', { prompt, model: 'claude-haiku-5-5' }, {}],
    ['another grant', { prompt, permissions: { allow: ['Read'], deny: [], mode: 'dontAsk' as const } }, {}],
    ['the next occurrence', { prompt, occurrence: 1 }, {}],
    ['another environment', { prompt, env: { MODE: 'fast' } }, {}],
    ['checks to pass', { prompt, verify: [{ name: 'c', run: 'true', timeoutMs: 9_000 }] }, {}],
    ['another agent', { prompt, agent: { name: 'a', prompt: 'b' } }, {}],
    ['the project’s memory', { prompt, projectMemory: true }, {}],
    ['another context', { prompt, context: [{ name: 'c', text: 't' }] }, {}],
    ['real Claude', { prompt }, { simulated: false }],
    ['--fresh', { prompt }, { reuse: 'never' as const }],
  ])('runs anew for %s', async (_, task, head) => {
    await (await bench.fleet([{ prompt }])).run();
    const later = await bench.fleet([task], head);
    await later.run();
    expect((await later.result()).reused_from).toBeUndefined();
  });
});

describe('a subagent that may see the web', () => {
  it('runs anew in each fleet, unless that is told to reuse', async () => {
    const task = {
      prompt: '[[simulate turns=1 output="found"]] g1',
      permissions: { allow: ['Read', 'WebFetch(domain:example.com)'], deny: [], mode: 'dontAsk' as const },
    };
    const reusedFrom = async (reuse: 'auto' | 'always'): Promise<string | undefined> => {
      const fleet = await bench.fleet([task], { reuse });
      await fleet.run();
      return (await fleet.result()).reused_from;
    };
    expect(await reusedFrom('auto')).toBeUndefined();
    expect(await reusedFrom('auto')).toBeUndefined();
    expect(await reusedFrom('always')).toMatch(/\/task-1$/);
  });
});

describe('a subagent with MCP servers', () => {
  it('that do not start fails before a call is paid', async () => {
    const declared = { gone: { type: 'stdio' as const, command: '/nowhere/server', args: [], env: {} } };
    const task = { prompt: '[[simulate turns=1]] h1', mcpServers: ['gone'] };
    const fleet = await bench.fleet([task], { mcpServers: declared });
    expect(await fleet.run()).toMatchObject({ status: 'failed', spentMicroUsd: 0 });
    expect(await fleet.result()).toMatchObject({ error: { type: 'Mcp.Unavailable' }, num_turns: 0 });
  });

  it('has their tools behind its own, and calls those it was granted', async () => {
    const prompt = bench.played.play(
      'mcp',
      inTurn([call('mcp__tools__echo', { text: 'marco' }), call('mcp__tools__probe', {})], [say('done')]),
    );
    const permissions = { allow: ['Read', 'mcp__tools__echo'], deny: [], mode: 'dontAsk' as const };
    const task = { prompt, permissions, mcpServers: ['tools'] };
    const fleet = await bench.fleet([task], { mcpServers: { tools: bashServer('subagent') } });
    await fleet.run();
    expect(await fleet.result()).toMatchObject({
      status: 'completed',
      permission_denials: [{ tool: 'mcp__tools__probe', reason: 'NOT_GRANTED' }],
    });
    const [first] = bench.played.turns.get('mcp')!;
    const names = first!.request.body.tools!.map((tool) => ('name' in tool ? tool.name : ''));
    const own = bench.parts.tools.definitions.map(({ name }) => name);
    expect(names.slice(0, own.length)).toEqual(own);
    expect(names).toContain('mcp__tools__echo');
    expect(bench.played.toldAt('mcp')[1]).toContain('marco');
  });
});

async function untilCalls({ claude }: SubagentBench, calls: number): Promise<void> {
  while (claude.stats().calls < calls) await new Promise((resolve) => setTimeout(resolve, 5));
}
