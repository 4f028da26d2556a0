import { describe, expect, it } from 'vitest';
import type { ClaudeCall, Message, ToolDefinition } from '../../../activities/claude/claude.ts';
import { compactionParams, messageParams, type MessageParams } from '../../../activities/claude/params.ts';
import { PrefixCache, promptTokens } from '../../../client/simulated/prefix-cache.ts';
import type { RequestBody } from '../../../client/simulated/script.ts';

const tools: ToolDefinition[] = [
  { name: 'Read', description: 'Reads. '.repeat(300), input_schema: { type: 'object' } },
];

function callOf(messages: Message[], more: Partial<ClaudeCall> = {}): ClaudeCall {
  return { model: 'claude-sonnet-5-5', maxTokens: 500, system: 'Be brief. '.repeat(500), tools, messages, ...more };
}

const text = (value: string) => ({ type: 'text' as const, text: value });
const first = (...texts: string[]): Message => ({ role: 'user', content: texts.map(text) });

/** One turn that calls so many tools: twice as many blocks, and one of thinking. */
function turn(n: number, toolCalls: number): Message[] {
  const ids = Array.from({ length: toolCalls }, (_, at) => `toolu_${n}_${at}`);
  const uses = ids.map((id) => ({ type: 'tool_use' as const, id, name: 'Read', input: { file_path: id } }));
  const results = ids.map((id) => ({ type: 'tool_result' as const, tool_use_id: id, content: `of ${id} `.repeat(20) }));
  const thinking = { type: 'thinking' as const, thinking: `I think ${n}`, signature: 's' };
  return [
    { role: 'assistant', content: [thinking, ...uses] },
    { role: 'user', content: results },
  ];
}

/** The requests of a conversation that grows by these numbers of tool calls. */
function requests(start: Message, growth: readonly number[], more: Partial<ClaudeCall> = {}): MessageParams[] {
  const messages = [start];
  return [
    messageParams(callOf([...messages], more)),
    ...growth.map((toolCalls, n) => {
      messages.push(...turn(n, toolCalls));
      return messageParams(callOf([...messages], more));
    }),
  ];
}

/** Blocks in the order of the cache, each with whether it ends at a breakpoint. */
function blocksOf(params: MessageParams): { json: string; isMarked: boolean }[] {
  const list = [
    ...(params.tools ?? []),
    ...(params.system as object[]),
    ...params.messages.flatMap(({ role, content }) =>
      typeof content === 'string' ? [{ role, ...text(content) }] : (content ?? []).map((block) => ({ role, ...block })),
    ),
  ];
  const blocks = list.map((block) => {
    const { cache_control: marker, ...rest } = block as { cache_control?: object };
    return { json: JSON.stringify(rest), isMarked: marker !== undefined };
  });
  const last = blocks.at(-1);
  if (last && params.cache_control) last.isMarked = true;
  return blocks;
}

const marks = (params: MessageParams) => blocksOf(params).flatMap(({ isMarked }, at) => (isMarked ? [at] : []));

describe('a conversation that grows', () => {
  const growth = [1, 3, 12, 40, 1, 25, 2];
  const context = `<context name="a">\n${'Data. '.repeat(2_000)}\n</context>`;

  it.each([
    ['a bare task', first('Do it.')],
    ['data and a task', first(context, 'Do it.')],
    ['a text instead of blocks', { role: 'user', content: 'Do it.' } as Message],
  ])('of %s has up to each former breakpoint the same bytes, and four breakpoints at most', (_, start) => {
    const all = requests(start, growth, { clearToolUsesAfterTokens: 50_000, thinking: 'adaptive', effort: 'low' });
    for (const [n, params] of all.entries()) {
      expect(marks(params).length).toBeLessThanOrEqual(4);
      const former = all[n - 1];
      if (former === undefined) continue;
      const length = Math.max(...marks(former)) + 1;
      const bytes = (one: MessageParams) =>
        blocksOf(one)
          .slice(0, length)
          .map(({ json }) => json);
      expect(bytes(params)).toEqual(bytes(former));
      const settings = (one: MessageParams) => JSON.stringify({ ...one, messages: [] });
      expect(settings(params)).toBe(settings(former));
    }
  });

  it('finds its former end however many blocks a turn adds', () => {
    for (const params of requests(first('Do it.'), growth).slice(1)) {
      const blocks = blocksOf(params);
      const newest = blocks.findLastIndex(
        ({ json }) => json.includes('"role":"assistant"') && json.includes('"thinking"'),
      );
      expect(marks(params)).toContain(newest - 1);
    }
  });

  it('reads from the cache all that the turn before it wrote, where a moving breakpoint alone would not', () => {
    const all = requests(first('Do it. '.repeat(900)), growth);
    const read = (list: MessageParams[]): number[] => {
      const cache = new PrefixCache();
      return list.map((params, n) => {
        const { usage, begin } = cache.meter(params as RequestBody, 'me', n);
        begin(n);
        return usage.cache_read_input_tokens;
      });
    };
    const whole = all.map((params) => promptTokens(params as RequestBody));
    expect(read(all)).toEqual([0, ...whole.slice(0, -1)]);
    const bare = all.map((params): MessageParams => {
      const messages = JSON.parse(
        JSON.stringify(params.messages, (key, value: unknown) => (key === 'cache_control' ? undefined : value)),
      ) as MessageParams['messages'];
      return { ...params, messages };
    });
    expect(read(bare)).not.toEqual([0, ...whole.slice(0, -1)]);
  });

  it('never marks thinking, which must go back as it came', () => {
    const params = messageParams(callOf([first('Do it.'), ...turn(1, 0), first('Go on.')]));
    expect(JSON.stringify(params.messages[1])).not.toContain('cache_control');
  });

  it('leaves the messages it is given as they are', () => {
    const messages = [first('Do it.'), ...turn(1, 2)];
    const before = JSON.stringify(messages);
    messageParams(callOf(messages));
    expect(JSON.stringify(messages)).toBe(before);
  });
});

describe('a conversation that begins', () => {
  const long = (name: string) => `<context name="${name}">\n${'Data. '.repeat(1_500)}\n</context>`;
  const markedTexts = (messages: MessageParams['messages']) =>
    (messages[0]?.content as { text: string; cache_control?: object }[]).flatMap(({ text: one, cache_control }) =>
      cache_control === undefined ? [] : [one],
    );

  it('marks the end of its leading data, and of what it shares of them', () => {
    const agent = `<agent name="reviewer">\n${'Rule. '.repeat(1_500)}\n</agent>`;
    const memory = `<project_memory>\n${'Habit. '.repeat(1_500)}\n</project_memory>`;
    const call = callOf([first(agent, memory, long('own'), 'Do it.', long('later'))]);
    expect(markedTexts(messageParams(call).messages)).toEqual([long('own')]);
    expect(markedTexts(messageParams(call, 1).messages)).toEqual([memory, long('own')]);
    expect(markedTexts(messageParams(call, 2).messages)).toEqual([long('own')]);
  });

  it('marks no data too short for the cache', () => {
    const call = callOf([first('<context name="a">\nshort\n</context>', 'Do it.')]);
    expect(markedTexts(messageParams(call).messages)).toEqual([]);
  });
});

describe('the parameters', () => {
  it('keep the tools and forbid their use where no tool may be called', () => {
    const params = messageParams(callOf([first('Do it.')], { withoutTools: true }));
    expect(params).toMatchObject({ tool_choice: { type: 'none' }, tools });
    expect(messageParams(callOf([first('Do it.')], { withoutTools: true, tools: [] })).tool_choice).toBeUndefined();
  });

  it('ask for the clearing of old tool results only where it is wanted', () => {
    expect(messageParams(callOf([first('Do it.')]))).not.toHaveProperty('context_management');
    expect(messageParams(callOf([first('Do it.')], { clearToolUsesAfterTokens: 100_000 }))).toMatchObject({
      betas: ['context-management-2025-06-27'],
      context_management: {
        edits: [
          {
            type: 'clear_tool_uses_20250919',
            trigger: { type: 'input_tokens', value: 100_000 },
            keep: { type: 'tool_uses', value: 6 },
            clear_at_least: { type: 'input_tokens', value: 25_000 },
          },
        ],
      },
    });
  });

  it('of a compaction start as the call before it did, and clear nothing themselves', () => {
    const messages = [first('Do it.'), ...turn(1, 2), ...turn(2, 2)];
    const former = messageParams(callOf(messages.slice(0, 3)));
    const params = compactionParams(callOf(messages, { withoutTools: true }));
    const { compaction, betas, ...rest } = params;
    expect(rest).toEqual(former);
    expect(betas).toEqual(['compact-2026-09-04']);
    expect(compaction?.type).toBe('summarize');
    expect(compaction?.instructions?.length).toBeLessThan(16_384);
    expect(compactionParams(callOf(messages, { clearToolUsesAfterTokens: 1 }))).not.toHaveProperty(
      'context_management',
    );
  });
});
