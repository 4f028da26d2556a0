import { expect, test } from 'vitest';
import { resolveGrant } from '../../../client/spec/permissions.ts';

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

test.each(['Edit(/src/**)', 'Edit(./src)', 'Read(*.md)', 'Grep', 'Edit(*)', 'Read(a..b/**)'])('%s is taken', (rule) => {
  expect(resolveGrant({ allow: [rule], deny: ['Bash', 'mcp__x'] })).toMatchObject({ faults: [], warnings: [] });
});
