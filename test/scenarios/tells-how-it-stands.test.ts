import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, Cluster, type WorkerProcess } from '../support/cluster.ts';
import { MusterGround, type Ran } from '../support/muster-process.ts';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts';
import { exposedNames } from '../support/promql-names.ts';
import { freePort } from '../support/temporal-server.ts';
import { sdkSeries } from '../support/worker-exposition.ts';

/**
 * In the prompt, the output, the environment and the collector's headers: none of it is a trace's or a log's business.
 */
const PROMPT_WORD = 'prompt-canary-Xw4Kq81z';
const COMMAND_WORD = 'command-canary-Tb93mQ0p';
const COLLECTOR_KEY = 'collector-canary-Lp70vN3s';
const CALLER = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

let cluster: Cluster;
let receiver: OtlpReceiver;
let worker: WorkerProcess;
let metrics: string;
let ran: Ran;
/** What the collector had when the command ended, before the worker did. */
let atItsEnd: ReceivedSpan[];
const ground = new MusterGround();

beforeAll(async () => {
  [cluster, receiver] = await Promise.all([Cluster.start({ workers: 0 }), OtlpReceiver.start()]);
  const tracing = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: `api-key=${COLLECTOR_KEY}`,
  };
  const port = await freePort();
  const env = { ...tracing, MUSTER_LOG_LEVEL: 'debug', MUSTER_WORKER_SLOTS: '40' };
  worker = await cluster.startWorker('all', env, `127.0.0.1:${port.toString()}`);
  const input = JSON.stringify({ command: `echo ${COMMAND_WORD}` }).replace(/[\\']/g, '\\$&');
  ground.write(
    'tasks.json',
    JSON.stringify({
      tasks: [
        {
          label: 'with-a-tool',
          prompt: `${PROMPT_WORD} [[simulate call=Bash input='${input}']]`,
          permissions: { allow: ['Read', 'Bash'] },
        },
        { label: 'without', prompt: PROMPT_WORD },
      ],
    }),
  );
  ran = await ground.run(['run', 'tasks.json', '--output-format', 'json', '--yes'], {
    env: {
      ...tracing,
      ANTHROPIC_API_KEY: API_KEY,
      ANTHROPIC_BASE_URL: cluster.claude.url,
      TEMPORAL_ADDRESS: cluster.server.address,
      MUSTER_ARTIFACTS: `file://${join(cluster.home, 'artifacts')}`,
      TRACEPARENT: `00-${CALLER.traceId}-${CALLER.spanId}-01`,
    },
  });
  atItsEnd = [...receiver.spans];
  metrics = await (await fetch(`http://127.0.0.1:${port.toString()}/metrics`)).text();
  await worker.kill('SIGTERM');
  if (process.env['MUSTER_KEEP_METRICS']) writeFileSync(process.env['MUSTER_KEEP_METRICS'], metrics);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

const only = (name: string): ReceivedSpan => {
  const found = receiver.named(name);
  expect(found, name).toHaveLength(1);
  return found[0]!;
};

describe('a fleet of two that is traced', () => {
  it('completes', () => {
    expect(ran.stderr).not.toContain('Error');
    expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'completed', census: { completed: 2 } });
    expect(ran.code).toBe(0);
  });

  it('has sent the command’s span when the command ends, and the worker’s when it has drained', () => {
    expect(atItsEnd.map(({ name }) => name)).toContain('muster run');
    expect(new Set(receiver.spans.map(({ service }) => service))).toEqual(new Set(['muster', 'muster-worker']));
    expect(receiver.headers.every((headers) => headers['api-key'] === COLLECTOR_KEY)).toBe(true);
  });

  it('is one trace, below whoever called, each span below the one it is part of', () => {
    expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(new Set([CALLER.traceId]));
    const command = only('muster run');
    expect(command.parentSpanId).toBe(CALLER.spanId);
    const root = only('fleetWorkflow');
    expect(root.parentSpanId).toBe(command.spanId);
    const batch = only('batchWorkflow');
    expect(batch.parentSpanId).toBe(root.spanId);
    const subagents = receiver.named('runSubagent');
    expect(subagents.map(({ parentSpanId }) => parentSpanId)).toEqual([batch.spanId, batch.spanId]);
    const byLabel = Object.fromEntries(subagents.map((span) => [span.attributes['gen_ai.agent.name'], span]));
    const below = (label: string) => receiver.spans.filter((s) => s.parentSpanId === byLabel[label]!.spanId);
    const names = (label: string) => below(label).map(({ name }) => name.split(' ')[0]);
    expect(names('with-a-tool').toSorted()).toEqual(['chat', 'chat', 'execute_tool']);
    expect(names('without')).toContain('chat');
    expect(only('closeFleet').parentSpanId).toBe(root.spanId);
    const ids = new Set([CALLER.spanId, ...receiver.spans.map(({ spanId }) => spanId)]);
    expect(receiver.spans.filter(({ parentSpanId }) => !ids.has(parentSpanId!))).toEqual([]);
  });

  it('says who did what by the conventions', () => {
    const { id } = JSON.parse(ran.stdout) as { id: string };
    const subagents = receiver.named('runSubagent').map(({ attributes }) => attributes);
    expect(subagents.map((of) => of['agent_id']).toSorted()).toEqual([`${id}/0`, `${id}/1`]);
    expect(subagents).toEqual(
      Array(2).fill(expect.objectContaining({ 'workflow.run_id': id, 'workflow.name': 'tasks' })),
    );
    expect(only('muster run').attributes).toMatchObject({ 'workflow.run_id': id, 'process.exit.code': 0 });
    expect(only('fleetWorkflow').attributes).toMatchObject({ 'workflow.run_id': id });
    expect(receiver.spans.find(({ name }) => name.startsWith('chat '))!.attributes).toMatchObject({
      'gen_ai.system': 'anthropic',
      'gen_ai.request.model': 'claude-sonnet-5-5',
      'gen_ai.usage.input_tokens': expect.any(Number),
      'gen_ai.usage.output_tokens': expect.any(Number),
      'gen_ai.response.finish_reasons': [expect.any(String)],
    });
    expect(only('execute_tool Bash').attributes).toMatchObject({ 'muster.tool.outcome': 'ok' });
    expect(receiver.spans.every(({ durationMs }) => durationMs >= 0)).toBe(true);
  });

  it.each([PROMPT_WORD, COMMAND_WORD, COLLECTOR_KEY, API_KEY])('tells the collector nothing of %s', (word) => {
    expect(receiver.bodies).not.toContain(word);
    expect(receiver.bodies).not.toContain(Buffer.from(word).toString('base64').slice(0, -4));
  });
});

describe('the log of its worker', () => {
  it('is JSON line by line, the SDK’s own lines too, and names fleet and subagent where it is about one', () => {
    const lines = worker.lines.split('\n').filter(Boolean);
    const { id } = JSON.parse(ran.stdout) as { id: string };
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed.every(({ msg, role }) => typeof msg === 'string' && role === 'all')).toBe(true);
    expect(parsed.find(({ msg, tool }) => msg === 'tool call allowed' && tool === 'Bash')).toMatchObject({
      ...{ fleetId: id, index: 0, label: 'with-a-tool', traceId: CALLER.traceId },
    });
    expect(parsed.some(({ sdkComponent }) => sdkComponent !== undefined)).toBe(true);
  });

  it('holds no credential, and of what passes through Temporal nothing', () => {
    expect(worker.lines).not.toContain(API_KEY);
    expect(worker.lines).not.toContain(COLLECTOR_KEY);
    expect(worker.lines).not.toContain('Got workflow activation');
  });
});

describe('the metrics of its worker', () => {
  const value = (series: string): number => {
    const line = metrics.split('\n').find((text) => text.startsWith(`${series} `));
    return Number(line?.split(' ').at(-1));
  };

  it('count what it did', () => {
    expect(value('fleet_subagents{status="completed"}')).toBe(2);
    expect(value('fleet_subagent_attempts_total{outcome="ended"}')).toBe(2);
    const chats = receiver.spans.filter(({ name }) => name.startsWith('chat '));
    expect(value('fleet_turns_total{model="claude-sonnet-5-5"}')).toBe(chats.length);
    expect(value('fleet_cost_usd_total{model="claude-sonnet-5-5"}')).toBeGreaterThan(0);
    expect(value('fleet_reuse_requests_total{result="miss"}')).toBe(2);
    expect(value('fleet_tool_duration_seconds_count{tool="Bash",outcome="ok"}')).toBe(1);
    expect(value('fleet_sandboxes')).toBe(0);
    expect(value('fleet_permits{state="free"}')).toBe(40);
    expect(value('fleet_states{state="running"}')).toBe(0);
    expect(value('fleet_store_duration_seconds_count{operation="write_record",outcome="ok"}')).toBeGreaterThan(2);
  });

  it('come with those of the SDK, in seconds', () => {
    expect(metrics).toMatch(/^temporal_activity_schedule_to_start_latency_seconds_bucket\{.*le="3600"/m);
    expect(metrics).toMatch(/^temporal_worker_task_slots_available\{/m);
    // Spelled as alerts and dashboards read them; these are the ones that a good day does not show.
    const shown = exposedNames(metrics);
    const rare = /_(?:failed|failure|canceled|forced_eviction)_total$/;
    expect([...sdkSeries()].filter((name) => !shown.has(name) && !rare.test(name))).toEqual([]);
  });

  it('have no label that names the fleet, a subagent or a directory', () => {
    const { id } = JSON.parse(ran.stdout) as { id: string };
    for (const word of [id, 'with-a-tool', ground.directory, PROMPT_WORD, CALLER.traceId])
      expect(metrics).not.toContain(word);
  });
});
