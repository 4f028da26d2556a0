import { describe, expect, it, onTestFinished } from 'vitest';
import { ClaudeTrouble, type Claude, type ClaudeCall } from '../../../activities/claude/claude.ts';
import { createClaude } from '../../../activities/claude/client.ts';
import type { AdmissionRequest, ProviderLimits } from '../../../activities/claude/limits/limits.ts';
import { createProviderLimits } from '../../../activities/claude/limits/provider-limits.ts';
import { promptTokens } from '../../../client/simulated/prefix-cache.ts';
import type { RequestBody } from '../../../client/simulated/script.ts';
import { startSimulatedClaude, type SimulatedOptions } from '../../../client/simulated/server.ts';

/** Limits that write down what they are told. */
class Ledger implements ProviderLimits {
  readonly requests: AdmissionRequest[] = [];
  readonly told: string[] = [];
  refusal: Error | undefined;

  admit(request: AdmissionRequest) {
    this.requests.push(request);
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    return Promise.resolve({
      observe: (status: number, headers: Headers) =>
        void this.told.push(`observe ${status} ${headers.has('request-id')}`),
      settle: (usage: object | undefined) => void this.told.push(usage === undefined ? 'back' : 'settle'),
      refused: (trouble: ClaudeTrouble) => void this.told.push(`refused ${trouble.verdict.act}`),
    });
  }
}

async function start(options: SimulatedOptions = {}) {
  const simulated = await startSimulatedClaude({ latency: 5, ...options });
  onTestFinished(() => simulated.close());
  const ledger = new Ledger();
  return { simulated, ledger, claude: createClaude({ baseUrl: simulated.url, apiKey: 'k', limits: ledger }) };
}

function callOf(prompt: string, more: Partial<ClaudeCall> = {}): ClaudeCall {
  const messages = [{ role: 'user' as const, content: prompt }];
  return { model: 'claude-sonnet-5-5', maxTokens: 200, system: 'Be brief. '.repeat(400), tools: [], messages, ...more };
}

const never = () => new AbortController().signal;

async function admitAndCall(claude: Claude, call: ClaudeCall, signal = never()) {
  const admission = await claude.admit(call, { fleetId: 'fleet-a', signal });
  return await claude.call(call, { signal, stallMs: 30_000, admission });
}

describe('the limits', () => {
  it('are asked for the whole prompt, on behalf of the fleet', async () => {
    const { claude, ledger } = await start();
    const call = callOf('Do it. [[simulate turns=1]]');
    await admitAndCall(claude, call);
    const [request] = ledger.requests;
    expect(request).toMatchObject({ model: call.model, fleetId: 'fleet-a', maxTokens: 200 });
    const counted = promptTokens({ ...call, max_tokens: 1 } as unknown as RequestBody);
    expect(Math.abs(request!.inputTokens - counted)).toBeLessThan(20);
  });

  it('hear of the headers, then of what an answer took, then no more that counts', async () => {
    const { claude, ledger } = await start();
    await admitAndCall(claude, callOf('Do it. [[simulate turns=1]]'));
    expect(ledger.told).toEqual(['observe 200 true', 'settle', 'back']);
  });

  it.each([
    ['rate_limit', ['observe 429 true', 'refused retry', 'back']],
    ['overloaded', ['observe 529 true', 'refused retry', 'back']],
    ['spend_limit', ['observe 429 true', 'refused pause', 'back']],
    ['server_error', ['observe 500 true', 'back']],
    ['bad_request', ['observe 400 true', 'back']],
    ['reset', ['back']],
    ['cut', ['observe 200 true', 'back']],
  ] as const)('hear of a call that ends with %s', async (kind, told) => {
    const { claude, ledger } = await start({ faults: [{ kind }] });
    await expect(admitAndCall(claude, callOf('Do it.'))).rejects.toBeInstanceOf(ClaudeTrouble);
    expect(ledger.told).toEqual(told);
  });

  it('get back what is not used: released, aborted before it is made, or of a model nobody knows', async () => {
    const { claude, ledger } = await start();
    const admission = await claude.admit(callOf('x'), { fleetId: 'f', signal: never() });
    admission.release();
    expect(ledger.told).toEqual(['back']);
    const controller = new AbortController();
    const second = await claude.admit(callOf('x'), { fleetId: 'f', signal: controller.signal });
    controller.abort('stop');
    const late = claude.call(callOf('x'), { signal: controller.signal, stallMs: 1_000, admission: second });
    await expect(late).rejects.toBe('stop');
    await expect(admitAndCall(claude, callOf('x', { model: 'claude-2' }))).rejects.toMatchObject({
      name: 'ClaudeTrouble',
    });
    expect(ledger.told).toEqual(['back', 'back', 'back']);
  });

  it('that reject pass their reason on, and the prefix is left to the next call', async () => {
    const { claude, ledger } = await start();
    ledger.refusal = new ClaudeTrouble('the cap is reached', {
      verdict: { act: 'pause', reason: 'usage_limit' },
      mayBeBilled: false,
    });
    await expect(admitAndCall(claude, callOf('x'))).rejects.toBe(ledger.refusal);
    ledger.refusal = undefined;
    await expect(admitAndCall(claude, callOf('x [[simulate turns=1]]'))).resolves.toMatchObject({
      stopReason: 'end_turn',
    });
  });
});

it('a call without admission is made at once and tells nobody', async () => {
  const { claude, ledger } = await start();
  const options = { signal: never(), stallMs: 30_000 };
  await expect(claude.call(callOf('x [[simulate turns=1]]'), options)).resolves.toMatchObject({
    stopReason: 'end_turn',
  });
  expect(ledger.requests).toEqual([]);
});

it('an admission of something else is refused', async () => {
  const { claude } = await start();
  const admission = { release: () => undefined };
  const call = claude.call(callOf('x'), { signal: never(), stallMs: 30_000, admission });
  await expect(call).rejects.toThrow('an admission is for one call');
});

it('a launch through the real limits reads its prefix too, and is refused nothing', async () => {
  const { simulated } = await start({ limits: { rpm: 60_000, itpm: 10_000_000, otpm: 10_000_000 } });
  const claude = createClaude({ baseUrl: simulated.url, apiKey: 'k', limits: createProviderLimits() });
  const calls = Array.from({ length: 40 }, (_, n) => admitAndCall(claude, callOf(`${n} [[simulate turns=1]]`)));
  const read = (await Promise.all(calls)).filter(({ usage }) => usage.cache_read_input_tokens > 500);
  expect(read).toHaveLength(39);
  expect(simulated.stats().refused).toBe(0);
});
