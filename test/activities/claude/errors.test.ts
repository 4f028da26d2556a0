import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ClaudeCall, ClaudeTrouble } from '../../../activities/claude/claude.ts';
import { createClaude } from '../../../activities/claude/client.ts';
import { claudeTrouble } from '../../../activities/claude/errors.ts';
import type { FaultSpec } from '../../../client/simulated/fault.ts';
import { startSimulatedClaude, type SimulatedClaude } from '../../../client/simulated/server.ts';

const call: ClaudeCall = {
  model: 'claude-sonnet-5-5',
  maxTokens: 1_000,
  system: 'You are a test.',
  tools: [],
  messages: [{ role: 'user', content: 'Say something. [[simulate turns=1]]' }],
};

let servers: SimulatedClaude[] = [];
afterEach(async () => {
  for (const server of servers) await server.close();
  servers = [];
});

async function troubleWith(fault: FaultSpec, stallMs = 5_000, headersTimeoutMs = 5_000): Promise<ClaudeTrouble> {
  const server = await startSimulatedClaude({ latency: 10, faults: [fault] });
  servers.push(server);
  const trouble = await troubleAt(server.url, stallMs, headersTimeoutMs);
  expect(server.stats().faults[fault.kind]).toBe(1);
  return trouble;
}

async function troubleAt(baseUrl: string, stallMs = 5_000, headersTimeoutMs = 5_000): Promise<ClaudeTrouble> {
  const claude = createClaude({ baseUrl, apiKey: 'test', headersTimeoutMs });
  const answer = claude.call(call, { signal: new AbortController().signal, stallMs });
  return await answer.then(
    () => expect.unreachable('the call was answered'),
    (error: unknown) => error as ClaudeTrouble,
  );
}

/** A server that is not even a simulated Claude. */
async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refused = { act: 'retry', isRefusal: true };
const overloaded = { ...refused, isOverload: true };
const broke = { act: 'retry', isRefusal: false };
const usageLimit = { act: 'pause', reason: 'usage_limit' };
const authentication = { act: 'pause', reason: 'authentication' };
const fatal = (type: string) => ({ act: 'fatal', type });

describe('an answer with an error status was not billed, and', () => {
  it.each<[FaultSpec, object]>([
    [
      { kind: 'rate_limit', retryAfter: '7' },
      { ...refused, afterMs: 7_000 },
    ],
    [
      { kind: 'rate_limit', retryAfter: '3600' },
      { ...refused, afterMs: 3_600_000 },
    ],
    [
      { kind: 'rate_limit', retryAfterMs: 1_500 },
      { ...refused, afterMs: 1_500 },
    ],
    [
      { kind: 'rate_limit', retryAfterMs: 1_500, retryAfter: '9' },
      { ...refused, afterMs: 1_500 },
    ],
    [{ kind: 'rate_limit', retryAfter: 'none' }, refused],
    [{ kind: 'rate_limit', retryAfter: '0' }, refused],
    [{ kind: 'rate_limit', retryAfter: 'soon' }, refused],
    [{ kind: 'rate_limit', retryAfter: 'date-30' }, refused],
    [{ kind: 'ramp_limit' }, { ...refused, afterMs: 2_000 }],
    [{ kind: 'overloaded' }, overloaded],
    [
      { kind: 'overloaded', retryAfter: '3' },
      { ...overloaded, afterMs: 3_000 },
    ],
    [{ kind: 'spend_limit' }, usageLimit],
    [{ kind: 'contract_spend_limit' }, usageLimit],
    [{ kind: 'billing' }, usageLimit],
    [{ kind: 'authentication' }, authentication],
    [{ kind: 'permission' }, authentication],
    [{ kind: 'server_error' }, broke],
    [{ kind: 'bad_gateway' }, broke],
    [
      { kind: 'unavailable', retryAfter: '2' },
      { ...broke, afterMs: 2_000 },
    ],
    [{ kind: 'gateway_timeout' }, broke],
    [{ kind: 'request_timeout' }, broke],
    [{ kind: 'conflict' }, broke],
    [{ kind: 'not_found' }, fatal('Claude.UnknownModel')],
    [{ kind: 'too_large' }, fatal('Claude.ContextTooLong')],
    [{ kind: 'prompt_too_long' }, fatal('Claude.ContextTooLong')],
    [{ kind: 'bad_request' }, fatal('Claude.BadRequest')],
    [{ kind: 'unprocessable' }, fatal('Claude.UnprocessableEntity')],
  ])('%j means %j', async (fault, verdict) => {
    const trouble = await troubleWith(fault);
    expect(trouble.verdict).toEqual(verdict);
    expect(trouble.mayBeBilled).toBe(false);
    expect(trouble.requestId).toMatch(/^req_sim_/);
  });

  it('a date in retry-after becomes the wait until then', async () => {
    const { verdict } = await troubleWith({ kind: 'rate_limit', retryAfter: 'date+30' });
    expect(verdict).toMatchObject(refused);
    const { afterMs } = verdict as { afterMs: number };
    expect(afterMs).toBeGreaterThan(28_000);
    expect(afterMs).toBeLessThanOrEqual(30_000);
  });

  it('a spend cap that names its end pauses until then', async () => {
    const before = Date.now();
    const { verdict } = await troubleWith({ kind: 'spend_limit', retryAfter: '60' });
    expect(verdict).toMatchObject(usageLimit);
    expect((verdict as { resetAtMs: number }).resetAtMs - before).toBeGreaterThanOrEqual(60_000);
  });

  it.each([
    [400, { type: 'invalid_request_error', details: { error_code: 'organization_on_hold' } }, usageLimit],
    [402, { type: 'billing_error', details: { error_code: 'linked_organization_spend_limit_reached' } }, usageLimit],
    [
      400,
      { type: 'invalid_request_error', details: { error_code: 'tool_name_conflict' } },
      fatal('Claude.ToolNameConflict'),
    ],
    [503, { type: 'api_error', details: { error_code: 'cmek_context_unavailable' } }, { ...broke, afterMs: 120_000 }],
    [529, { type: 'overloaded_error', details: { error_code: 'compaction_unavailable' } }, refused],
    [
      400,
      { type: 'invalid_request_error', message: 'input length and `max_tokens` exceed context limit: 190000 + 20000' },
      fatal('Claude.ContextTooLong'),
    ],
    [
      400,
      { type: 'invalid_request_error', details: { error_code: 'compaction_signature_invalid' } },
      fatal('Claude.CompactionSignatureInvalid'),
    ],
    [418, { type: 'teapot_error' }, fatal('Claude.Teapot')],
  ])('a %i with %j means %j', async (status, error, verdict) => {
    const url = await listening((_, response) => {
      response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_1' });
      response.end(JSON.stringify({ type: 'error', error: { message: 'no', ...error } }));
    });
    const trouble = await troubleAt(url);
    expect(trouble.verdict).toEqual(verdict);
    expect(trouble).toMatchObject({ mayBeBilled: false, requestId: 'req_1' });
  });

  it.each([
    [404, fatal('Claude.Http404')],
    [502, broke],
  ])('a %i that is not in the shape of the API means %j', async (status, verdict) => {
    const url = await listening((_, response) => response.writeHead(status).end('<html>proxy</html>'));
    const trouble = await troubleAt(url);
    expect(trouble.verdict).toEqual(verdict);
    expect(trouble.requestId).toBeNull();
  });
});

describe('a call that broke after it was sent may have been billed, and is tried again:', () => {
  it.each<[string, FaultSpec, object]>([
    ['an error event in the stream', { kind: 'mid_stream_error', errorType: 'api_error' }, broke],
    ['overload in the stream', { kind: 'mid_stream_error', errorType: 'overloaded_error' }, overloaded],
    ['a rate limit in the stream', { kind: 'mid_stream_error', errorType: 'rate_limit_error' }, refused],
    ['a timeout in the stream', { kind: 'mid_stream_error', errorType: 'timeout_error' }, broke],
    ['a connection cut in the stream', { kind: 'cut' }, broke],
    ['a stream that ends early', { kind: 'early_end' }, broke],
    ['a connection reset before the headers', { kind: 'reset' }, broke],
  ])('%s', async (_, fault, verdict) => {
    const trouble = await troubleWith(fault);
    expect(trouble.verdict).toEqual(verdict);
    expect(trouble.mayBeBilled).toBe(true);
  });

  it('tool input that is no JSON', async () => {
    const server = await startSimulatedClaude({ latency: 5, faults: [{ kind: 'broken_tool_json' }] });
    servers.push(server);
    const tools = [{ name: 'Glob', description: '', input_schema: { type: 'object' as const } }];
    const messages = [{ role: 'user' as const, content: 'Look around.' }];
    const answer = createClaude({ baseUrl: server.url, apiKey: 'k' }).call(
      { ...call, tools, messages },
      { signal: new AbortController().signal, stallMs: 5_000 },
    );
    await expect(answer).rejects.toMatchObject({ verdict: broke, mayBeBilled: true });
    expect(server.stats().faults['broken_tool_json']).toBe(1);
  });

  it('no headers in time', async () => {
    const trouble = await troubleWith({ kind: 'stall_before_headers' }, 5_000, 50);
    expect(trouble).toMatchObject({ verdict: broke, mayBeBilled: true, requestId: null });
  });

  it('silence before the headers, by our own watchdog', async () => {
    const trouble = await troubleWith({ kind: 'stall_before_headers' }, 50);
    expect(trouble).toMatchObject({ verdict: broke, mayBeBilled: true });
    expect(trouble.message).toContain('silent');
  });

  it('silence in the stream, by our own watchdog', async () => {
    const trouble = await troubleWith({ kind: 'stall' }, 60);
    expect(trouble).toMatchObject({ verdict: broke, mayBeBilled: true });
    expect(trouble.requestId).toMatch(/^req_sim_/);
  });

  it('a success that holds no event at all', async () => {
    const url = await listening((_, response) => response.writeHead(200).end('<html>captive portal</html>'));
    expect(await troubleAt(url)).toMatchObject({ verdict: broke, mayBeBilled: true });
  });
});

describe('an error event in the stream whose type is final', () => {
  it.each([
    ['invalid_request_error', fatal('Claude.BadRequest')],
    ['billing_error', usageLimit],
    ['authentication_error', authentication],
  ])('%s means %j, and may have been billed', async (errorType, verdict) => {
    const trouble = await troubleWith({ kind: 'mid_stream_error', errorType });
    expect(trouble.verdict).toEqual(verdict);
    expect(trouble.mayBeBilled).toBe(true);
  });
});

it('where nobody listens nothing was sent, so nothing was billed', async () => {
  const server = await startSimulatedClaude();
  await server.close();
  const trouble = await troubleAt(server.url);
  expect(trouble).toMatchObject({ verdict: broke, mayBeBilled: false, requestId: null });
  expect(trouble.message).toContain('ECONNREFUSED');
});

it('where the host does not exist nothing was sent either', async () => {
  const trouble = await troubleAt('http://nowhere.invalid');
  expect(trouble).toMatchObject({ verdict: broke, mayBeBilled: false });
});

it('a throw of our own before anything was sent is final', () => {
  const trouble = claudeTrouble(new TypeError('bug'), { hasStalled: false, hasBegun: false, requestId: null });
  expect(trouble.verdict).toEqual(fatal('Subagent.Internal'));
});
