import { expect, test } from 'vitest';
import { resolveGrant } from '../../../client/spec/permissions.ts';
import { readRule } from '../../../workflows/policy/permission-rule.ts';

test('presets are rules, and omitted means edit', () => {
  expect(resolveGrant('read-only').grant).toEqual({ allow: ['Read'], deny: [], mode: 'dontAsk' });
  expect(resolveGrant(undefined).grant).toEqual({ allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' });
  expect(resolveGrant('full').grant).toEqual({ allow: ['Read', 'Edit', 'Bash'], deny: [], mode: 'dontAsk' });
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
  ['spawn_subagents(x)', 'has a pattern that cannot be read'],
  ['collect_subagents', 'collect_subagents is not granted by itself'],
  ['Agent(reviewer)', 'Agent is not supported yet'],
  ['Ba*', 'names the unknown tool Ba*'],
  ['mcp__*', 'globs the server'],
  ['mcp__git*__search', 'globs the server'],
  ['mcp__', 'names no server'],
  ['mcp__github__search(query:x)', 'parameters can only be denied'],
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
  ['allow', 'Bash()', 'write Bash for every command, or Bash(npm test:*)'],
  ['allow', 'Bash(:*)', 'write Bash for every command'],
  ['allow', 'Bash(npm:* test)', 'write :* at the end alone, such as Bash(npm:*)'],
  ['deny', 'Bash(npm:* test)', 'write :* at the end alone, such as Bash(npm:*)'],
  ['allow', 'WebFetch()', 'write WebFetch for every host, or WebFetch(domain:example.com)'],
  ['allow', 'WebFetch(example.com)', 'write WebFetch(domain:example.com)'],
  ['allow', 'WebFetch(https://example.com/a)', 'write WebFetch(domain:example.com)'],
  ['deny', 'WebFetch(https://example.com/a)', 'write WebFetch(domain:example.com)'],
  ['deny', 'WebFetch(url:https://example.com/a)', 'write WebFetch(domain:example.com)'],
  ['allow', 'WebFetch(domain:http://example.com)', 'write WebFetch(domain:example.com)'],
  ['allow', 'WebFetch(domain:example.com:8443)', 'write WebFetch(domain:example.com)'],
  ['allow', 'WebFetch(domain:user@example.com)', 'write WebFetch(domain:example.com)'],
  ['allow', 'WebFetch(domain:b\u00fccher.de)', 'write WebFetch(domain:xn--bcher-kva.de)'],
  ['allow', 'WebFetch(domain:*.b\u00fccher.de)', 'write WebFetch(domain:*.xn--bcher-kva.de)'],
  ['deny', 'WebFetch(domain:127.1)', 'write WebFetch(domain:127.0.0.1)'],
  ['deny', 'WebFetch(domain:[0:0::1])', 'write WebFetch(domain:[::1])'],
  ['allow', 'WebFetch(domain:)', 'write WebFetch for every host'],
  ['allow', 'WebFetch(domain:a..b)', 'write WebFetch for every host'],
  ['allow', 'WebFetch(domain:*)', 'write WebFetch for every host'],
  ['deny', 'mcp__github__search(query)', 'or mcp__github__search(parameter:value)'],
] as const)('%s %s is refused: %s', (list, rule, hint) => {
  expect(resolveGrant({ [list]: [rule] }).faults).toMatchObject([
    { list, index: 0, hint: expect.stringContaining(hint) as string },
  ]);
});

test.each(['Bash(npm test && npm run lint)', 'Bash(echo hi > out.txt)', 'Bash(a | b)', 'Bash(make *; true)'])(
  '%s can match nothing: a warning',
  (rule) => {
    const { faults, warnings } = resolveGrant({ allow: [rule] });
    expect(faults).toEqual([]);
    expect(warnings).toMatchObject([expect.stringContaining('one rule for each command')]);
  },
);

test.each([
  'Bash',
  'Bash(*)',
  'Bash(npm test:*)',
  'Bash(git commit -m "*")',
  'Bash(ls *)',
  'WebFetch',
  'WebFetch(domain:example.com)',
  'WebFetch(domain:*.Example.com.)',
  'WebFetch(domain:93.184.216.34)',
  'WebFetch(domain:[2606:2800::1])',
  'WebFetch(domain:localhost)',
  'mcp__github',
  'mcp__github__*',
  'mcp__github__get_*',
  'mcp__my-server__search',
])('%s is taken in both lists', (rule) => {
  expect(resolveGrant({ allow: [rule], deny: [rule] })).toMatchObject({ faults: [], warnings: [] });
});

test.each([
  '*',
  'mcp__*',
  'mcp__*__write',
  'G*',
  'Bash(run_in_background:true)',
  'mcp__x__y(force:true)',
  'WebFetch(domain:*)',
])('%s may be denied', (rule) => {
  expect(resolveGrant({ deny: [rule] })).toMatchObject({ faults: [], warnings: [] });
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
