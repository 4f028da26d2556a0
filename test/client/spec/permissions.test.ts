import { expect, test } from 'vitest';
import { resolveGrant } from '../../../client/spec/permissions.ts';
import { readRule } from '../../../workflows/policy/permission-rule.ts';

test('presets are rules, and omitted means edit', () => {
  expect(resolveGrant('read-only').grant).toEqual({ allow: ['Read'], deny: [], mode: 'dontAsk' });
  expect(resolveGrant(undefined).grant).toEqual({ allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' });
  expect(resolveGrant('full').grant).toEqual({ allow: ['Read', 'Edit'], deny: [], mode: 'dontAsk' });
});

test('rules stand on top of read-only', () => {
  expect(resolveGrant({ allow: ['Edit(src/**)'], deny: ['Read(secrets/**)'], mode: 'plan' })).toEqual({
    grant: { allow: ['Read', 'Edit(src/**)'], deny: ['Read(secrets/**)'], mode: 'plan' },
    faults: [],
    warnings: [],
  });
});

test.each([
  ['Edit(../x)', 'leaves the workspace'],
  ['Edit(a/../../x)', 'leaves the workspace'],
  ['Read(//etc/passwd)', 'leaves the workspace'],
  ['Read(~/.ssh/**)', 'leaves the workspace'],
  ['Edit(src', 'is no rule'],
  ['Edit()', 'is no rule'],
  ['read', 'names the unknown tool read'],
  ['Bash(npm test:*)', 'Bash is not supported yet'],
  ['mcp__github__*', 'not supported yet'],
])('%s is refused among the allowed: %s', (rule, message) => {
  expect(resolveGrant({ allow: [rule] }).faults).toMatchObject([
    { list: 'allow', index: 0, message: expect.stringContaining(message) as string },
  ]);
});

test.each([
  ['Edit(src/[ab)', 'close the bracket'],
  ['Edit(src/[a/b])', 'close the bracket'],
  ['Read([[:nope:]])', 'close the bracket'],
  ['Grep(src\\)', 'no backslash'],
  ['Edit(src\\/a)', 'no backslash'],
  ['Read(a/../b)', 'without ..'],
  ['Edit(/)', 'such as src/**'],
  ['Edit( )', 'such as src/**'],
])('%s cannot be read, and is refused in both lists: %s', (rule, hint) => {
  const message = `the rule ${JSON.stringify(rule)} has a pattern that cannot be read`;
  for (const list of ['allow', 'deny'] as const) {
    expect(readRule(rule, list)).toBeUndefined();
    expect(resolveGrant({ [list]: [rule] }).faults).toEqual([
      { list, index: 0, message, hint: expect.stringContaining(hint) as string },
    ]);
  }
});

test.each([
  'Edit(/src/**)',
  'Edit(./src)',
  'Read(*.md)',
  'Grep',
  'Edit(*)',
  'Read(a..b/**)',
  'Read([ab].ts)',
  'Edit(\\[a)',
])('%s is taken', (rule) => {
  expect(resolveGrant({ allow: [rule], deny: ['Bash', 'mcp__x'] })).toMatchObject({ faults: [], warnings: [] });
});
