import { expect, it } from 'vitest';
import { attenuate, meet } from '../../../workflows/policy/attenuation.ts';
import { checkRule } from '../../../workflows/policy/rule-problem.ts';
import { hasTool } from '../../../workflows/policy/shell-scope.ts';
import type { Grant } from '../../../workflows/contract/task.schema.ts';

const grant = (allow: string[], deny: string[] = []): Grant => ({ allow, deny, mode: 'dontAsk' });
const TOOLS = ['spawn_subagents', 'collect_subagents', 'read_result'];

it('the rule spawn_subagents covers what a parent asks of its subagents', () => {
  for (const tool of TOOLS) {
    expect(hasTool(grant(['spawn_subagents']), tool)).toBe(true);
    expect(hasTool(grant(['spawn_subagents'], ['spawn_subagents']), tool)).toBe(false);
    expect(hasTool(grant(['spawn_subagents'], ['*']), tool)).toBe(false);
    expect(hasTool(grant(['Read', 'Edit', 'Bash', 'WebFetch', 'mcp__s']), tool)).toBe(false);
  }
});

it('spawning is passed on only by whom it was granted', () => {
  expect(attenuate(grant(['Read', 'Edit']), grant(['spawn_subagents'])).beyond).toEqual(['spawn_subagents']);
  expect(attenuate(grant(['spawn_subagents']), grant(['spawn_subagents', 'read_result'])).beyond).toEqual([]);
  expect(meet(grant(['spawn_subagents']), grant(['Read', 'Edit(**)'])).allow).toEqual([]);
});

it.each([
  ['spawn_subagents', 'allow', undefined],
  ['spawn_subagents', 'deny', undefined],
  ['read_result', 'deny', undefined],
  ['read_result', 'allow', 'write spawn_subagents, which covers it'],
  ['spawn_subagents(x)', 'allow', 'write spawn_subagents'],
  ['spawn_subagents(wait:first)', 'deny', undefined],
  ['Agent', 'allow', 'remove it'],
] as const)('%s in %s: %s', (rule, list, hint) => {
  expect(checkRule(rule, list)?.hint).toBe(hint);
});
