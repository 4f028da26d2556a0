import { describe, expect, test } from 'vitest';
import { narrowGrant } from '../../../client/spec/agent-grant.ts';

const grant = (allow: string[], deny: string[] = []) => ({ allow, deny, mode: 'dontAsk' as const });

describe('tools of an agent definition', () => {
  const cases: [title: string, allow: string[], tools: string[], left: string[], denied: string[]][] = [
    ['leave what they name', ['Read', 'Edit(**)', 'Bash'], ['Read', 'Glob', 'Grep', 'Bash'], ['Read', 'Bash'], []],
    ['take searches from reading', ['Read(docs/**)'], ['Read'], ['Read(docs/**)'], ['Glob', 'Grep']],
    ['leave the searches without reading', ['Read'], ['Grep', 'Glob'], ['Grep', 'Glob'], []],
    ['leave nothing where a pattern is for reading alone', ['Read(docs/**)'], ['Grep', 'Glob'], [], []],
    ['take writing for editing', ['Edit(src/**)'], ['Write'], ['Edit(src/**)'], []],
    ['grant nothing', ['Read'], ['Read', 'Glob', 'Grep', 'Edit', 'Bash', 'mcp__a'], ['Read'], []],
    ['narrow a whole tool to a rule', ['Bash'], ['Bash(git log:*)'], ['Bash(git log:*)'], []],
    ['keep a rule that is the same', ['Bash(npm test)'], ['Bash(npm test)'], ['Bash(npm test)'], []],
    ['keep the narrower of two rules', ['Bash(npm:*)'], ['Bash(npm test)'], ['Bash(npm test)'], []],
    ['leave nothing of rules that only overlap', ['Edit(*.ts)'], ['Edit(src/**)'], [], []],
    ['narrow a server to its tool', ['mcp__a__*', 'mcp__b'], ['mcp__a__read'], ['mcp__a__read'], []],
    ['keep a tool of a named server', ['mcp__a__read', 'mcp__ab__read'], ['mcp__a'], ['mcp__a__read'], []],
    ['know subagents by their older names', ['spawn_subagents'], ['Task'], ['spawn_subagents'], []],
    ['leave nothing when they name nothing', ['Read', 'Edit', 'Bash', 'mcp__a'], [], [], []],
  ];
  test.each(cases)('%s', (_, allow, tools, left, denied) => {
    expect(narrowGrant(grant(allow), tools)).toEqual({ grant: grant(left, denied), unknown: [] });
  });

  test('keep every denial, and * keeps all', () => {
    expect(narrowGrant(grant(['Read'], ['Read(.env)']), ['Read', 'Glob', 'Grep']).grant.deny).toEqual(['Read(.env)']);
    expect(narrowGrant(grant(['Read', 'Bash']), ['*']).grant).toEqual(grant(['Read', 'Bash']));
  });

  test('that muster does not have are named', () => {
    expect(narrowGrant(grant(['Read']), ['Read', 'WebSearch', 'toString']).unknown).toEqual(['WebSearch', 'toString']);
  });
});
