import { getEventListeners } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ClaudeCall, ToolDefinition } from '../../../activities/claude/claude.ts';
import { createClaude } from '../../../activities/claude/client.ts';
import { startSimulatedClaude, type SimulatedClaude } from '../../../client/simulated/server.ts';

const tools: ToolDefinition[] = ['Read', 'Glob'].map((name) => ({
  name,
  description: `${name} something. `.repeat(100),
  input_schema: { type: 'object' },
}));

function callOf(prompt: string, more: Partial<ClaudeCall> = {}): ClaudeCall {
  const messages = [{ role: 'user' as const, content: prompt }];
  return { model: 'claude-sonnet-5-5', maxTokens: 2_000, system: 'Be brief. '.repeat(300), tools, messages, ...more };
}

const never = () => ({ signal: new AbortController().signal, stallMs: 10_000 });

let simulated: SimulatedClaude;
beforeAll(async () => {
  simulated = await startSimulatedClaude({ latency: 20 });
});
afterAll(() => simulated.close());

const claude = () => createClaude({ baseUrl: simulated.url, apiKey: 'sk-test' });

/** What goes over the wire for one call. The answer is an error, which does not matter. */
async function wireOf(call: ClaudeCall): Promise<{ headers: IncomingHttpHeaders; body: Record<string, unknown> }> {
  let seen: { headers: IncomingHttpHeaders; body: Record<string, unknown> } | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen = {
        headers: request.headers,
        body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>,
      };
      response.writeHead(400).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await createClaude({ baseUrl, authToken: 'token' })
    .call(call, never())
    .catch(() => undefined);
  return seen ?? expect.unreachable('nothing was sent');
}

describe('an answered call', () => {
  it('brings content, stop reason, usage, request id and the cost the provider bills', async () => {
    const before = simulated.stats().billedMicroUsd;
    const answer = await claude().call(callOf('Hello [[simulate turns=1 tokens=77 output="Hi."]]'), never());
    expect(answer.content).toEqual([{ type: 'text', text: 'Hi.', citations: null }]);
    expect(answer).toMatchObject({ stopReason: 'end_turn', usage: { output_tokens: 77 } });
    expect(answer.requestId).toMatch(/^req_sim_/);
    expect(answer.costMicroUsd).toBe(simulated.stats().billedMicroUsd - before);
    expect(answer.costMicroUsd).toBeGreaterThan(770);
  });

  it('reads its prefix from the cache the second time, also for another agent', async () => {
    const system = 'A prefix of its own. '.repeat(400);
    const first = await claude().call(callOf('one [[simulate turns=1]]', { system }), never());
    const second = await claude().call(callOf('two [[simulate turns=1]]', { system }), never());
    expect(first.usage.cache_read_input_tokens).toBe(0);
    expect(second.usage.cache_read_input_tokens).toBeGreaterThan(2_000);
    expect(second.costMicroUsd).toBeLessThan(first.costMicroUsd / 3);
  });

  it('hands tool calls on, and thinking so that it can be sent back unchanged', async () => {
    const call = callOf('Look around.');
    const first = await claude().call(call, never());
    expect(first.stopReason).toBe('tool_use');
    const use = first.content.find((block) => block.type === 'tool_use') ?? expect.unreachable();
    const result = { type: 'tool_result' as const, tool_use_id: use.id, content: 'a.ts\nb.ts' };
    const messages = [...call.messages, { role: 'assistant' as const, content: first.content }];
    const next = { ...call, messages: [...messages, { role: 'user' as const, content: [result] }] };
    const second = await claude().call(next, never());
    expect(second.content.map((block) => (block.type === 'tool_use' ? block.input : undefined))).toHaveLength(2);
  });

  it.each([
    ['refusal', 'refusal'],
    ['max_tokens', 'max_tokens'],
  ])('that stops for %s says so', async (fault, stopReason) => {
    const answer = await claude().call(callOf(`Do it. [[simulate turns=1 fault=${fault}]]`), never());
    expect(answer.stopReason).toBe(stopReason);
  });

  it('that is cut inside a tool call says max_tokens, with an input nobody may use', async () => {
    const answer = await claude().call(callOf('Look. [[simulate fault=max_tokens_in_tool]]'), never());
    expect(answer.stopReason).toBe('max_tokens');
    expect(answer.content.at(-1)).toMatchObject({ type: 'tool_use', name: 'Glob', input: {} });
  });
});

describe('the request', () => {
  it('marks the stable prefix for an hour and moves a breakpoint with the conversation', async () => {
    const { body } = await wireOf(callOf('Hello'));
    expect(body['cache_control']).toEqual({ type: 'ephemeral' });
    expect(body['system']).toMatchObject([{ cache_control: { type: 'ephemeral', ttl: '1h' } }]);
    expect(body['tools']).toEqual(tools);
    const { body: bare } = await wireOf(callOf('Hello', { system: '' }));
    expect(bare['system']).toBeUndefined();
    expect(bare['tools']).toEqual([tools[0], { ...tools[1], cache_control: { type: 'ephemeral', ttl: '1h' } }]);
  });

  it('has byte-identical tools and system for every prompt', async () => {
    const [one, other] = [await wireOf(callOf('one')), await wireOf(callOf('other'))];
    expect(JSON.stringify([one.body['tools'], one.body['system']])).toBe(
      JSON.stringify([other.body['tools'], other.body['system']]),
    );
  });

  it('streams, and never carries sampling parameters or an api version of its own', async () => {
    const { body, headers } = await wireOf(callOf('Hello'));
    expect(Object.keys(body).sort()).toEqual(
      ['cache_control', 'max_tokens', 'messages', 'model', 'stream', 'system', 'tools'].sort(),
    );
    expect(headers).toMatchObject({ authorization: 'Bearer token', 'anthropic-version': expect.any(String) });
  });

  it.each([
    ['claude-sonnet-5-5', 'high', 'disabled', { output_config: { effort: 'high' }, thinking: { type: 'disabled' } }],
    ['claude-opus-5-5', 'max', 'disabled', { output_config: { effort: 'max' } }],
    ['claude-opus-5-5', 'low', 'adaptive', { output_config: { effort: 'low' }, thinking: { type: 'adaptive' } }],
    ['claude-haiku-4-5', 'high', 'adaptive', {}],
    ['claude-opus-4-5', 'max', 'disabled', { thinking: { type: 'disabled' } }],
  ] as const)('to %s carries of effort %s and thinking %s what it takes', async (model, effort, thinking, sent) => {
    const { body } = await wireOf(callOf('Hello', { model, effort, thinking }));
    const { output_config, thinking: sentThinking } = body;
    expect({ output_config, thinking: sentThinking }).toEqual({
      output_config: undefined,
      thinking: undefined,
      ...sent,
    });
  });
});

describe('a call that must not be made', () => {
  it('for an unknown model is fatal and never sent', async () => {
    const before = simulated.stats().calls;
    const answer = claude().call(callOf('Hello', { model: 'claude-sonet-5-5' }), never());
    await expect(answer).rejects.toMatchObject({
      verdict: { act: 'fatal', type: 'Claude.UnknownModel' },
      mayBeBilled: false,
      message: expect.stringContaining('claude-sonnet-5-5'),
    });
    expect(simulated.stats().calls).toBe(before);
  });

  it('for a signal already aborted rejects with its reason and is never sent', async () => {
    const before = simulated.stats().calls;
    const signal = AbortSignal.abort('stopped');
    await expect(claude().call(callOf('Hello'), { signal, stallMs: 1_000 })).rejects.toBe('stopped');
    expect(simulated.stats().calls).toBe(before);
  });

  it('needs exactly one credential', () => {
    expect(() => createClaude({ baseUrl: simulated.url })).toThrow('exactly one');
    expect(() => createClaude({ baseUrl: simulated.url, apiKey: 'a', authToken: 'b' })).toThrow('exactly one');
  });
});

describe('a cancelled call', () => {
  it.each(['stall', 'stall_before_headers', 'stall_with_pings'])(
    'rejects with the reason of its signal and closes the connection, in %s',
    async (fault) => {
      const stop = new AbortController();
      const before = simulated.stats();
      const answer = claude().call(callOf(`Wait ${fault}. [[simulate fault=${fault}]]`), {
        signal: stop.signal,
        stallMs: 10_000,
      });
      await vi.waitFor(() => expect(simulated.stats().faults[fault]).toBe((before.faults[fault] ?? 0) + 1));
      const reason = new Error('the fleet was cancelled');
      stop.abort(reason);
      await expect(answer).rejects.toBe(reason);
      await vi.waitFor(() => expect(simulated.stats()).toMatchObject({ inFlight: 0, cut: before.cut + 1 }));
    },
  );

  it('still hears its signal after the collector has run', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const stop = new AbortController();
    const answer = claude().call(callOf('Wait. [[simulate fault=stall_with_pings delay=10ms]]'), {
      signal: stop.signal,
      stallMs: 10_000,
    });
    await vi.waitFor(() => expect(simulated.stats().inFlight).toBe(1));
    for (let round = 0; round < 5; round += 1) {
      collect();
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort('now');
    await expect(answer).rejects.toBe('now');
  });
});

describe('the watchdog', () => {
  it('takes pings for life, however long nothing else comes', async () => {
    const slow = await startSimulatedClaude({ pingEveryMs: 20 });
    onTestFinished(() => slow.close());
    const prompt = 'Think long. [[simulate turns=1 latency=600ms output="done"]]';
    const startedMs = performance.now();
    const answer = await createClaude({ baseUrl: slow.url, apiKey: 'k' }).call(callOf(prompt), {
      ...never(),
      stallMs: 300,
    });
    expect(answer.content).toMatchObject([{ text: 'done' }]);
    expect(performance.now() - startedMs).toBeGreaterThan(500);
  });

  it('lets slow tokens come as slowly as they like', async () => {
    const prompt =
      'Slow. [[simulate turns=1 fault=slow_tokens delay=30ms output="one two three four five six seven eight nine ten"]]';
    const answer = await claude().call(callOf(prompt), { ...never(), stallMs: 200 });
    expect(answer.content).toMatchObject([{ text: 'one two three four five six seven eight nine ten' }]);
  });
});

describe('many calls', () => {
  it('leave no listener on a signal they share, and no timer', async () => {
    const { signal } = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const one = claude();
    await one.call(callOf('warm [[simulate turns=1]]'), { signal, stallMs: 5_000 });
    const before = timers();
    for (const fault of [
      '',
      'fault=overloaded',
      'fault=cut',
      'fault=early_end',
      'fault=mid_stream_error',
      'fault=reset',
    ]) {
      const prompt = `Once more. [[simulate turns=1 ${fault}]]`;
      await one.call(callOf(prompt), { signal, stallMs: 5_000 }).catch(() => undefined);
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    }
    await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before));
  });

  it('run at once: 300 of them share one client', async () => {
    const one = claude();
    const prompts = Array.from(
      { length: 300 },
      (_, n) => `Agent ${n}. [[simulate turns=1 latency=1500ms output="${n}"]]`,
    );
    const answers = await Promise.all(prompts.map((prompt) => one.call(callOf(prompt), never())));
    expect(answers.map(({ content }) => (content[0]?.type === 'text' ? content[0].text : ''))).toEqual(
      prompts.map((_, n) => String(n)),
    );
    expect(simulated.stats().peakInFlight).toBeGreaterThan(100);
  });
});

it('logs a failed call once, with what was decided and without the credential', async () => {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const one = createClaude({ baseUrl: simulated.url, apiKey: 'sk-very-secret', log });
  await one.call(callOf('Fail. [[simulate fault=overloaded]]'), never()).catch(() => undefined);
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    msg: 'model call failed',
    verdict: { act: 'retry', isRefusal: true },
  });
  expect(lines.join()).not.toContain('sk-very-secret');
});
