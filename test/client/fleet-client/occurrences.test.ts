import { expect, it } from 'vitest';
import { countOccurrences } from '../../../client/fleet-client/occurrences.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';

const task = (of: Partial<WorkspaceSource>) => ({
  prompt: 'look',
  context: [],
  model: 'claude-sonnet-5-5',
  permissions: { allow: ['Read'], deny: [], mode: 'dontAsk' as const },
  workspace: { bundle: null, tree: 'a', subdirectory: '', origin: '/somewhere', ...of },
});

it('counts tasks whose workspaces differ in saved scripts alone as equal, as reuse does', () => {
  const tasks = [{ tree: 'a' }, { tree: 'b', reuseTree: 'a' }, { tree: 'b' }, { tree: 'c', reuseTree: 'a' }];
  expect(countOccurrences(tasks.map(task))).toEqual([0, 1, 0, 2]);
});

it('tells apart what reuse tells apart: environment, checks, servers, agent; but not how long a check may take', () => {
  const same = task({});
  const check = (run: string, timeoutMs: number) => ({ ...same, verify: [{ name: 'a', run, timeoutMs }] });
  const tasks = [
    ...[same, { ...same, env: { A: '1' } }, { ...same, mcpServers: ['docs'] }, { ...same, projectMemory: true }],
    ...[{ ...same, agent: { name: 'a', prompt: 'b' } }, check('x', 1), check('y', 1), check('x', 2)],
    { ...same, projectMemory: false },
  ];
  expect(countOccurrences(tasks)).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1]);
});
