import { describe, expect, it } from 'vitest';
import { PrefixCache, promptTokens } from '../../../client/simulated/prefix-cache.ts';
import type { RequestBody } from '../../../client/simulated/script.ts';

const HOUR = { type: 'ephemeral', ttl: '1h' } as const;
const FIVE = { type: 'ephemeral' } as const;

function body(turns: number, more: Partial<RequestBody> = {}): RequestBody {
  const messages: RequestBody['messages'] = [{ role: 'user', content: 'task '.repeat(1_000) }];
  for (let n = 1; n < turns; n += 1) {
    messages.push({ role: 'assistant', content: `answer ${n}` }, { role: 'user', content: `result ${n} `.repeat(200) });
  }
  const system = [{ type: 'text' as const, text: 'stable '.repeat(1_000), cache_control: HOUR }];
  return { model: 'claude-sonnet-5-5', max_tokens: 100, system, messages, cache_control: FIVE, ...more };
}

const read = (cache: PrefixCache, request: RequestBody, nowMs: number, caller = 'me') => {
  const { usage, begin } = cache.meter(request, caller, nowMs);
  begin(nowMs);
  return usage;
};

describe('the prompt cache', () => {
  it('writes the stable prefix for an hour and the rest for five minutes', () => {
    const usage = read(new PrefixCache(), body(1), 0);
    const { ephemeral_1h_input_tokens: hour, ephemeral_5m_input_tokens: five } = usage.cache_creation;
    expect(usage).toMatchObject({ input_tokens: 0, cache_read_input_tokens: 0 });
    expect([hour, five].map((tokens) => Math.round(tokens / 100))).toEqual([18, 13]);
    expect(hour + five).toBe(promptTokens(body(1)));
  });

  it('reads what the turn before wrote, and writes only what is new', () => {
    const cache = new PrefixCache();
    read(cache, body(1), 0);
    const usage = read(cache, body(2), 1_000);
    expect(usage.cache_read_input_tokens).toBe(promptTokens(body(1)));
    expect(usage.cache_creation).toEqual({
      ephemeral_1h_input_tokens: 0,
      ephemeral_5m_input_tokens: promptTokens(body(2)) - promptTokens(body(1)),
    });
  });

  it('is readable only once the answer of the writer has begun', () => {
    const cache = new PrefixCache();
    const first = cache.meter(body(1), 'me', 0);
    expect(cache.meter(body(1), 'me', 10).usage.cache_read_input_tokens).toBe(0);
    first.begin(20);
    expect(cache.meter(body(1), 'me', 30).usage.cache_read_input_tokens).toBe(promptTokens(body(1)));
  });

  it('keeps a five-minute prefix five minutes after its last use, and an hour one an hour', () => {
    const cache = new PrefixCache();
    read(cache, body(1), 0);
    read(cache, body(1), 299_000);
    expect(read(cache, body(1), 598_000).cache_read_input_tokens).toBe(promptTokens(body(1)));
    const later = read(cache, body(1), 598_000 + 301_000);
    expect(later.cache_read_input_tokens).toBeGreaterThan(1_000);
    expect(later.cache_read_input_tokens).toBeLessThan(promptTokens(body(1)));
    expect(read(cache, body(1), 8_000_000).cache_read_input_tokens).toBe(0);
  });

  it('shares nothing between callers or models, and nothing after a changed byte', () => {
    const cache = new PrefixCache();
    read(cache, body(1), 0);
    expect(read(cache, body(1), 1, 'another').cache_read_input_tokens).toBe(0);
    expect(read(cache, body(1, { model: 'claude-opus-5-5' }), 1).cache_read_input_tokens).toBe(0);
    const tools = [{ name: 'Read', input_schema: { type: 'object' as const } }];
    expect(read(cache, body(1, { tools }), 1).cache_read_input_tokens).toBe(0);
  });

  it('loses the messages, but neither tools nor system, when thinking or the choice of tools changes', () => {
    const tools = [{ name: 'Read', input_schema: { type: 'object' as const } }];
    const stable = promptTokens(body(1, { tools, messages: [] }));
    for (const change of [{ tool_choice: { type: 'none' } }, { thinking: { type: 'disabled' } }] as const) {
      const cache = new PrefixCache();
      const written = promptTokens(body(1, { tools }));
      read(cache, body(1, { tools }), 0);
      expect(read(cache, body(2, { tools }), 1).cache_read_input_tokens).toBe(written);
      expect(read(cache, body(2, { tools, ...change }), 1).cache_read_input_tokens).toBe(stable);
    }
  });

  it('keeps nothing shorter than the minimum of the model', () => {
    const short = { system: 'short', messages: [{ role: 'user' as const, content: 'task '.repeat(1_000) }] };
    const cache = new PrefixCache();
    expect(read(cache, body(1, short), 0).cache_creation.ephemeral_5m_input_tokens).toBeGreaterThan(1_024);
    expect(read(cache, body(1, { ...short, model: 'claude-haiku-4-5' }), 0)).toMatchObject({
      cache_creation: { ephemeral_5m_input_tokens: 0 },
    });
  });

  it('looks back twenty blocks and no further', () => {
    const cache = new PrefixCache();
    read(cache, body(1), 0);
    const bare = (turns: number) => body(turns, { system: 'stable '.repeat(1_000) });
    read(cache, bare(1), 0);
    expect(read(cache, bare(10), 1).cache_read_input_tokens).toBeGreaterThan(1_024);
    const far = new PrefixCache();
    read(far, bare(1), 0);
    expect(read(far, bare(12), 1).cache_read_input_tokens).toBe(0);
  });

  it('takes four markers, the longer-lived first', () => {
    const block = (cache_control: typeof HOUR | typeof FIVE) => ({ type: 'text' as const, text: 'x', cache_control });
    const messages = (markers: (typeof HOUR | typeof FIVE)[]) => ({
      messages: [{ role: 'user' as const, content: markers.map(block) }],
    });
    const cache = new PrefixCache();
    expect(() => cache.meter(body(1, messages([HOUR, HOUR, FIVE])), 'me', 0)).not.toThrow();
    expect(() => cache.meter(body(1, messages([HOUR, HOUR, FIVE, FIVE])), 'me', 0)).toThrow('maximum of 4');
    expect(() => cache.meter(body(1, messages([FIVE, HOUR])), 'me', 0)).toThrow('ttl of 1h must not come after');
  });
});
