import { describe, expect, it } from 'vitest';
import { createLog } from '../../../activities/observe/log.ts';
import { createToolDispatcher } from '../../../activities/tools/dispatcher.ts';
import { createSpawningTools } from '../../../activities/tools/spawning-tools.ts';
import type { Children, ToolContext } from '../../../activities/tools/tool.ts';
import { taskInputSchema } from '../../../activities/spawn/task-input.ts';
import type { Grant } from '../../../workflows/contract/task.schema.ts';

const dispatcher = createToolDispatcher({ log: createLog('silent'), spawning: createSpawningTools(taskInputSchema) });
const heard: unknown[] = [];
const children: Children = {
  spawn: (...args) => Promise.resolve((heard.push(['spawn', ...args]), 'later' as const)),
  collect: (...args) => Promise.resolve((heard.push(['collect', ...args]), { content: 'collected' })),
  read: (...args) => Promise.resolve((heard.push(['read', ...args]), { content: 'no such label', isError: true })),
};
const context = (grant: Partial<Grant>): ToolContext => ({
  workspace: { root: '/', directory: '/', mayWrite: false },
  grant: { allow: ['spawn_subagents'], deny: [], mode: 'dontAsk', ...grant },
  children,
  signal: new AbortController().signal,
});
const run = (name: string, input: unknown, grant: Partial<Grant> = {}) =>
  dispatcher.run({ name, input }, context(grant));

describe('the tools of parents', () => {
  it('are three, in the one list that all subagents have', () => {
    const names = dispatcher.definitions.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['spawn_subagents', 'collect_subagents', 'read_result']));
    const spawn = dispatcher.definitions.find(({ name }) => name === 'spawn_subagents')!;
    expect(spawn.input_schema).toMatchObject({
      properties: { tasks: { type: 'array', items: { type: 'object', required: ['prompt'] } }, wait: {} },
      required: ['tasks'],
    });
  });

  it('are granted by one rule, and denied by one', async () => {
    for (const name of ['spawn_subagents', 'collect_subagents', 'read_result']) {
      const input = name === 'spawn_subagents' ? { tasks: [{}] } : name === 'read_result' ? { label: 'a' } : {};
      expect((await run(name, input)).denial).toBeUndefined();
      expect(await run(name, input, { mode: 'plan' })).not.toHaveProperty('denial');
      expect((await run(name, input, { allow: ['Read', 'Edit', 'Bash'] })).denial).toMatchObject({
        tool: name,
        reason: 'NOT_GRANTED',
      });
      expect((await run(name, input, { deny: ['spawn_subagents'] })).denial).toMatchObject({
        reason: 'DENIED_BY_RULE',
      });
    }
    expect((await run('read_result', { label: 'a' }, { deny: ['read_result'] })).denial).toBeDefined();
    expect((await run('collect_subagents', {}, { deny: ['read_result'] })).denial).toBeUndefined();
  });

  it('say what they wait for, and answer later or at once', async () => {
    heard.length = 0;
    expect(await run('spawn_subagents', { tasks: [{ prompt: 'p' }], wait: 2 })).toEqual({
      ...{ content: '', isError: false, hasWritten: false, isPending: true },
    });
    expect(await run('collect_subagents', {})).toEqual({ content: 'collected', isError: false, hasWritten: false });
    expect(await run('read_result', { label: 'a', offset: 5 })).toMatchObject({
      content: 'no such label',
      isError: true,
    });
    expect(heard).toEqual([
      ['spawn', [{ prompt: 'p' }], 2],
      ['collect', undefined, 'all'],
      ['read', 'a', 5, 20_000],
    ]);
  });

  it.each([
    ['spawn_subagents', { task: [] }, 'tasks: missing'],
    ['spawn_subagents', { tasks: [], wait: 'some' }, 'wait:'],
    ['spawn_subagents', { tasks: [], wait: -1 }, 'wait:'],
    ['collect_subagents', { labels: 'a' }, 'labels:'],
    ['read_result', { label: 'a', limit: 1_000_000 }, 'limit:'],
  ])('of %s %j say what does not fit: %s', async (name, input, message) => {
    const { content, isError, denial } = await run(name, input);
    expect({ isError, denial }).toEqual({ isError: true, denial: undefined });
    expect(content).toContain(message);
  });

  it('of a subagent that was not granted them are refused for that, whatever they hold', async () => {
    expect((await run('spawn_subagents', { nonsense: 1 }, { allow: [] })).denial).toMatchObject({
      reason: 'NOT_GRANTED',
    });
  });

  it('without anybody to spawn are a tool error', async () => {
    const nobody = { ...context({}), children: undefined };
    expect(await dispatcher.run({ name: 'spawn_subagents', input: { tasks: [] } }, nobody)).toMatchObject({
      isError: true,
    });
  });
});
