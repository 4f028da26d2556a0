import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, it, onTestFinished } from 'vitest';
import { editContext } from '../../../client/simulated/context-edit.ts';
import type { RequestBody } from '../../../client/simulated/script.ts';
import { startSimulatedClaude, type SimulatedOptions } from '../../../client/simulated/server.ts';

type Params = Anthropic.Beta.MessageCreateParamsNonStreaming;
type Messages = Params['messages'];

const COMPACT = 'compact-2026-09-04';
const EDIT = 'context-management-2025-06-27';

async function start(options: SimulatedOptions = {}) {
  const server = await startSimulatedClaude({ latency: 0, ...options });
  onTestFinished(() => server.close());
  return { ...server, sdk: new Anthropic({ baseURL: server.url, apiKey: 'test', maxRetries: 0 }) };
}

const text = (value: string) => ({ type: 'text' as const, text: value });
const use = (id: string, name = 'Read') => ({ type: 'tool_use' as const, id, name, input: {} });
const result = (id: string, bytes: number) => ({
  type: 'tool_result' as const,
  tool_use_id: id,
  content: 'r'.repeat(bytes),
});
const tools = ['Read', 'Glob'].map((name) => ({ name, input_schema: { type: 'object' as const } }));
const ask = (messages: Messages): Params => ({ model: 'claude-sonnet-5-5', max_tokens: 1_000, tools, messages });

/** A conversation whose turns each bring so many bytes. */
function talk(...bytes: number[]): Messages {
  const turns = bytes.flatMap((size, n): Messages => [
    { role: 'assistant', content: [use(`t${n}`)] },
    { role: 'user', content: [result(`t${n}`, size)] },
  ]);
  return [{ role: 'user', content: 'Read on. [[simulate turns=50]]' }, ...turns];
}

describe('compaction on demand', () => {
  const request = (messages: Messages): Params => ({
    ...ask(messages),
    betas: [COMPACT],
    compaction: { type: 'summarize' },
  });

  it('answers with one signed block alone, streamed or whole, whose usage stands in the iterations', async () => {
    const { sdk, stats } = await start();
    const streamed = await sdk.beta.messages.stream(request(talk(100, 100))).finalMessage();
    const whole = await sdk.beta.messages.create(request(talk(100, 100)));
    for (const { content, stop_reason, usage } of [streamed, whole]) {
      expect(stop_reason).toBe('compaction');
      expect(content).toEqual([
        { type: 'compaction', content: expect.stringContaining('Read on.'), signature: expect.any(String) },
      ]);
      expect(usage).toMatchObject({ input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0 });
      expect(usage.iterations).toMatchObject([{ type: 'compaction', output_tokens: expect.any(Number) }]);
    }
    expect(streamed.content).toEqual(whole.content);
    expect(stats().usage.output_tokens).toBeGreaterThan(0);
  });

  it('is continued from the block, the agent and its turns still known', async () => {
    const { sdk, stats } = await start();
    const { content } = await sdk.beta.messages.create(request(talk(100, 100)));
    const messages: Messages = [
      { role: 'assistant', content: content as Anthropic.Beta.BetaContentBlockParam[] },
      { role: 'assistant', content: [use('t9')] },
      { role: 'user', content: [result('t9', 50), text('Read on. [[simulate turns=4 output=over]]')] },
    ];
    const next = await sdk.beta.messages.create({ ...ask(messages), betas: [COMPACT] });
    expect(next.content).toMatchObject([{ type: 'text', text: 'over' }]);
    expect(stats().agents).toBe(1);
  });

  const head = async (sdk: Anthropic) => (await sdk.beta.messages.create(request(talk(100)))).content[0] as object;
  const block = (value: object) => value as Anthropic.Beta.BetaCompactionBlockParam;
  const go: Messages[number] = { role: 'user', content: 'Go on.' };
  it.each<[string, (own: object) => Messages, RegExp, string | null]>([
    [
      'its content was changed',
      (own) => [{ role: 'assistant', content: [block({ ...own, content: 'x' })] }, go],
      /recorded/,
      'compaction_content_mismatch',
    ],
    [
      'its signature was changed',
      (own) => [{ role: 'assistant', content: [block({ ...own, signature: 'x' })] }, go],
      /verify/,
      'compaction_signature_invalid',
    ],
    [
      'it is not first',
      (own) => [go, { role: 'assistant', content: [block(own)] }, go],
      /first block/,
      'compaction_block_misplaced',
    ],
    [
      'there are two',
      (own) => [{ role: 'assistant', content: [block(own), block(own)] }, go],
      /more than one/,
      'compaction_block_ambiguous',
    ],
    [
      'it has a field the API did not send',
      (own) => [{ role: 'assistant', content: [block({ ...own, citations: null })] }, go],
      /Extra inputs/,
      null,
    ],
  ])('refuses a block when %s', async (_, messages, message, code) => {
    const { sdk } = await start();
    const promise = sdk.beta.messages.create({ ...ask(messages(await head(sdk))), betas: [COMPACT] });
    await expect(promise).rejects.toMatchObject({
      status: 400,
      apiMessage: expect.stringMatching(message),
      errorCode: code,
    });
  });

  it('refuses a block without the beta, as a kind of content it does not know', async () => {
    const { sdk } = await start();
    const messages: Messages = [{ role: 'assistant', content: [block(await head(sdk))] }, go];
    await expect(sdk.beta.messages.create(ask(messages))).rejects.toMatchObject({
      status: 400,
      apiMessage: expect.stringMatching(/compaction/),
    });
  });

  it.each<[string, Partial<Params>, RegExp]>([
    ['without the beta', { betas: [] }, /requires anthropic-beta: compact-2026-09-04/],
    ['with clearing', { context_management: { edits: [] }, betas: [COMPACT, EDIT] }, /context_management/],
    ['of a model that cannot', { model: 'claude-haiku-4-5' }, /not supported by claude-haiku-4-5/],
    ['with stop sequences', { stop_sequences: ['x'] }, /stop_sequences/],
    ['with instructions too long', { compaction: { type: 'summarize', instructions: 'x'.repeat(16_385) } }, /16384/],
    ['with a tool call unanswered', { messages: talk(1).slice(0, 2) }, /without results/],
  ])('is refused %s', async (_, change, message) => {
    const { sdk } = await start();
    const promise = sdk.beta.messages.create({ ...request(talk(100)), ...change });
    await expect(promise).rejects.toMatchObject({ status: 400, apiMessage: expect.stringMatching(message) });
  });

  it('must fit the window like any call', async () => {
    const { sdk } = await start({ windows: { 'claude-sonnet-5-5': 3_000 } });
    const promise = sdk.beta.messages.create(request(talk(20_000)));
    await expect(promise).rejects.toMatchObject({
      status: 400,
      apiMessage: expect.stringMatching(/prompt is too long: \d+ tokens > 3000 maximum/),
    });
  });
});

describe('context windows', () => {
  it('are those of the model unless the server or the prompt has a smaller one', async () => {
    const { sdk } = await start({ windows: { 'claude-opus-5-5': 2_000 } });
    const long = (directive = ''): Params => ask([{ role: 'user', content: `${'word '.repeat(2_000)} ${directive}` }]);
    await expect(sdk.beta.messages.create(long())).resolves.toMatchObject({ stop_reason: 'tool_use' });
    const opus = { ...long(), model: 'claude-opus-5-5' };
    await expect(sdk.beta.messages.create(opus)).rejects.toMatchObject({
      apiMessage: expect.stringMatching(/> 2000 maximum/),
    });
    await expect(sdk.beta.messages.create(long('[[simulate window=1500]]'))).rejects.toMatchObject({
      apiMessage: expect.stringMatching(/> 1500 maximum/),
    });
  });
});

describe('the clearing of tool results', () => {
  type Edit = Anthropic.Beta.BetaClearToolUses20250919Edit;
  const body = (messages: Messages, edit: Partial<Edit>): RequestBody =>
    ({
      ...ask(messages),
      context_management: {
        edits: [{ type: 'clear_tool_uses_20250919', keep: { type: 'tool_uses', value: 2 }, ...edit }],
      },
    }) as RequestBody;
  const at = (value: number): Partial<Edit> => ({ trigger: { type: 'input_tokens', value } });
  const sizes = (edited: ReturnType<typeof editContext>) =>
    edited?.body.messages.flatMap(({ content }) =>
      typeof content === 'string'
        ? []
        : content.flatMap((one) => (one.type === 'tool_result' ? [String(one.content).length] : [])),
    );

  it('replaces the oldest, keeps the newest, and counts what it saved', () => {
    const edited = editContext(body(talk(4_000, 4_000, 4_000, 4_000), at(3_500)), [EDIT]);
    expect(sizes(edited)).toEqual([33, 33, 4_000, 4_000]);
    expect(edited?.applied).toMatchObject([{ cleared_tool_uses: 2, cleared_input_tokens: 1_984 }]);
  });

  it('does nothing below its trigger, nor where too little would be gained', () => {
    expect(editContext(body(talk(4_000, 4_000, 4_000), at(5_000)), [EDIT])?.applied).toEqual([]);
    const least = { clear_at_least: { type: 'input_tokens' as const, value: 1_500 } };
    expect(editContext(body(talk(4_000, 4_000, 4_000), { ...at(2_000), ...least }), [EDIT])?.applied).toEqual([]);
  });

  it('moves its border in steps, so that the prefix between two of them stays', () => {
    const edit = { ...at(5_000), clear_at_least: { type: 'input_tokens' as const, value: 2_000 } };
    const cleared = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((turns) => {
      const edited = editContext(body(talk(...Array.from({ length: turns }, () => 4_000)), edit), [EDIT]);
      return sizes(edited)?.filter((size) => size < 4_000).length;
    });
    expect(cleared).toEqual([0, 0, 0, 0, 3, 3, 3, 6, 6, 6, 9, 9]);
  });

  it('spares tools that are excluded', () => {
    const messages = talk(4_000, 4_000, 4_000, 4_000);
    const edited = editContext(body(messages, { ...at(1_000), exclude_tools: ['Read'] }), [EDIT]);
    expect(edited?.applied).toEqual([]);
  });

  it('lowers the bill and is reported, in the stream too; without the beta it is refused', async () => {
    const { sdk } = await start();
    const params = body(talk(4_000, 4_000, 4_000, 4_000), at(3_500)) as Params;
    const message = await sdk.beta.messages.stream({ ...params, betas: [EDIT] }).finalMessage();
    expect(message.usage.input_tokens).toBeLessThan(2_500);
    expect(message.context_management?.applied_edits).toMatchObject([{ cleared_tool_uses: 2 }]);
    await expect(sdk.beta.messages.create(params)).rejects.toMatchObject({
      status: 400,
      apiMessage: expect.stringMatching(/Extra inputs/),
    });
  });
});

describe('faults of one model', () => {
  it('spare the others', async () => {
    const { sdk } = await start({ faults: [{ kind: 'overloaded', model: 'claude-opus-5-5' }] });
    const params = ask([{ role: 'user', content: 'x' }]);
    await expect(sdk.beta.messages.create({ ...params, model: 'claude-opus-5-5' })).rejects.toMatchObject({
      status: 529,
    });
    await expect(sdk.beta.messages.create(params)).resolves.toMatchObject({ type: 'message' });
  });
});
