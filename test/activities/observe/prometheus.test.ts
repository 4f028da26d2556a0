import { Registry } from 'prom-client';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Claude, ClaudeAnswer, ClaudeCall, Verdict } from '../../../activities/claude/claude.ts';
import { ClaudeTrouble } from '../../../activities/claude/claude.ts';
import type { Metrics } from '../../../activities/observe/metrics.ts';
import { createMetrics } from '../../../activities/observe/prometheus.ts';
import { NO_TRACES } from '../../../activities/observe/traces.ts';
import { watchedClaude } from '../../../activities/observe/watched-claude.ts';

let registry: Registry;
let metrics: Metrics;
beforeEach(() => void (metrics = createMetrics((registry = new Registry()))));

/** The value of one series, spelled as Prometheus does; undefined: there is none. */
async function value(series: string): Promise<number | undefined> {
  const line = (await registry.metrics()).split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const usage = {
  input_tokens: 10,
  output_tokens: 20,
  cache_read_input_tokens: 30,
  cache_creation_input_tokens: 40,
};
const answer: ClaudeAnswer = { content: [], stopReason: 'end_turn', usage, costMicroUsd: 1_500, requestId: 'req_1' };
const call: ClaudeCall = { model: 'claude-sonnet-5-5', maxTokens: 100, system: '', tools: [], messages: [] };
const options = { signal: new AbortController().signal, stallMs: 1_000 };

/** A Claude that answers as told. */
function claudeThat(answers: () => Promise<ClaudeAnswer>): Claude {
  const played: Claude = { admit: async () => ({ release: () => undefined }), call: answers, compact: answers };
  return watchedClaude(played, { metrics, traces: NO_TRACES, host: 'api.example' });
}

const refusing = (verdict: Verdict): Claude =>
  claudeThat(() => Promise.reject(new ClaudeTrouble('no', { verdict, mayBeBilled: false })));

describe('the metrics of a worker', () => {
  it('count an answered call by model: turn, money, tokens and time', async () => {
    const claude = claudeThat(() => Promise.resolve(answer));
    await claude.admit(call, { fleetId: 'f', signal: options.signal });
    await claude.call(call, options);
    await claude.compact(call, options);
    expect(await value('fleet_turns_total{model="claude-sonnet-5-5"}')).toBe(1);
    expect(await value('fleet_cost_usd_total{model="claude-sonnet-5-5"}')).toBe(0.003);
    expect(await value('fleet_tokens_total{type="output",model="claude-sonnet-5-5"}')).toBe(40);
    expect(await value('fleet_tokens_total{type="cache_read",model="claude-sonnet-5-5"}')).toBe(60);
    expect(await value('fleet_tokens_total{type="cache_write",model="claude-sonnet-5-5"}')).toBe(80);
    expect(await value('fleet_model_call_duration_seconds_count{model="claude-sonnet-5-5"}')).toBe(2);
    expect(await value('fleet_model_call_wait_seconds_count')).toBe(1);
    expect(await value('fleet_model_calls{state="under_way"}')).toBe(0);
    expect(await value('fleet_model_calls{state="waiting"}')).toBe(0);
  });

  it.each<[string, Verdict]>([
    ['rate_limit', { act: 'retry', isRefusal: true, afterMs: 1 }],
    ['overload', { act: 'retry', isRefusal: true, isOverload: true }],
    ['usage_limit', { act: 'pause', reason: 'usage_limit' }],
    ['authentication', { act: 'pause', reason: 'authentication' }],
  ])('count a refusal by host and kind: %s', async (kind, verdict) => {
    await expect(refusing(verdict).call(call, options)).rejects.toThrow(ClaudeTrouble);
    expect(await value(`fleet_host_rate_limited_total{host="api.example",kind="${kind}"}`)).toBe(1);
    expect(await value(`fleet_model_call_failures_total{model="claude-sonnet-5-5",reason="${kind}"}`)).toBe(1);
    expect(await value('fleet_turns_total{model="claude-sonnet-5-5"}')).toBeUndefined();
  });

  it('count breakage as failure, not as refusal, and a cancel as neither', async () => {
    await expect(refusing({ act: 'retry', isRefusal: false }).call(call, options)).rejects.toThrow();
    await expect(refusing({ act: 'fatal', type: 'Claude.BadRequest' }).call(call, options)).rejects.toThrow();
    await expect(claudeThat(() => Promise.reject(new Error('cancelled'))).call(call, options)).rejects.toThrow();
    const text = await registry.metrics();
    expect(text.match(/^fleet_model_call_failures_total\{.*$/gm)).toEqual([
      'fleet_model_call_failures_total{model="claude-sonnet-5-5",reason="broken"} 1',
      'fleet_model_call_failures_total{model="claude-sonnet-5-5",reason="fatal"} 1',
    ]);
    expect(text).not.toMatch(/^fleet_host_rate_limited_total\{/m);
    expect(await value('fleet_model_calls{state="under_way"}')).toBe(0);
  });

  it('stand at zero before the first of each status, so that the first is seen as an increase', async () => {
    expect(await value('fleet_subagents{status="failed"}')).toBe(0);
    metrics.subagentEnded({ status: 'failed', duration_ms: 61_000 });
    expect(await value('fleet_subagents{status="failed"}')).toBe(1);
    expect(await value('fleet_subagent_duration_seconds_bucket{le="60"}')).toBe(0);
    expect(await value('fleet_subagent_duration_seconds_bucket{le="120"}')).toBe(1);
  });

  it('keep to a few series whatever names models, hosts and tools are given', async () => {
    for (let i = 0; i < 5_000; i++) {
      const name = `made-up-${i.toString()}`;
      metrics.callAnswered({ model: name, isTurn: true, usage, costMicroUsd: 1, durationMs: 1 });
      metrics.callFailed({ model: name, host: name, why: 'rate_limit' });
      metrics.tool({ name, outcome: 'error', durationMs: 1 });
      metrics.tool({ name: `mcp__server__${name}`, outcome: 'ok', durationMs: 1 });
    }
    const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines.length).toBeLessThan(1_000);
    expect(await value('fleet_turns_total{model="other"}')).toBe(4_960);
    expect(await value('fleet_host_rate_limited_total{host="other",kind="rate_limit"}')).toBe(4_995);
    expect(await value('fleet_tool_duration_seconds_count{tool="mcp",outcome="ok"}')).toBe(5_000);
    expect(await value('fleet_tool_duration_seconds_count{tool="other",outcome="error"}')).toBe(5_000);
  });

  it('have no label that could hold an id, a label of a subagent or a repository', async () => {
    const labels = new Set(
      (await registry.getMetricsAsJSON()).flatMap(({ name }) => {
        const { labelNames = [] } = registry.getSingleMetric(name) as unknown as { labelNames?: string[] };
        return labelNames;
      }),
    );
    expect([...labels].toSorted()).toEqual([
      'ended_by',
      'host',
      'kind',
      'model',
      'operation',
      'outcome',
      'reason',
      'result',
      'state',
      'status',
      'tool',
      'type',
    ]);
  });
});
