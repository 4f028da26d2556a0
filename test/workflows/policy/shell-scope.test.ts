import { expect, test } from 'vitest';
import type { Grant } from '../../../workflows/contract/task.schema.ts';
import { hasTool, isHiddenFromShell, mayKeep, mayReach, shellScope } from '../../../workflows/policy/shell-scope.ts';

const grantOf = (allow: string[], deny: string[] = [], mode: Grant['mode'] = 'dontAsk'): Grant => ({
  allow,
  deny,
  mode,
});

test.each<[string[], string, string[]]>([
  [['Edit'], 'app', ['']],
  [['Write'], 'app', ['']],
  [['Edit(*)'], 'app', ['']],
  [['Edit(**)'], 'app', ['app']],
  [['Edit(**)'], '', ['']],
  [['Edit(src/**)'], '', ['src']],
  [['Edit(src/**)'], 'app', ['app/src']],
  [['Edit(/src/)'], 'app', ['app/src']],
  [['Edit(src/*.ts)'], '', ['src']],
  [['Edit(src/a/b.ts)'], '', ['src/a']],
  [['Edit(package.json)'], 'app', ['app']],
  [['Edit(/package.json)'], '', ['']],
  [['Edit(**/test/**)'], 'app', ['app']],
  [['Edit(src/**)', 'Edit(src/a/**)', 'Edit(docs/**)'], '', ['docs', 'src']],
  [['Edit(src/**)', 'Edit(srcs/**)'], '', ['src', 'srcs']],
  [['Edit(a\\*b/**)'], '', ['a*b']],
  [['Read', 'Bash', 'Write(src/**)', 'Edit(', 'Edit(../x)'], '', []],
])('%j in %j: a shell may write in %j', (allow, directory, writable) => {
  expect(shellScope(grantOf(allow), directory)).toEqual({ writable, readOnly: [], hidden: [], hidesByPattern: false });
  expect(shellScope(grantOf(allow, [], 'plan'), directory).writable).toEqual([]);
  for (const deny of ['Edit', 'Read', '*', 'Edit('])
    expect(shellScope(grantOf(allow, [deny]), directory).writable).toEqual([]);
});

test.each<[string[], string, Partial<ReturnType<typeof shellScope>>]>([
  [['Edit(gen/out/**)'], '', { readOnly: ['gen/out'] }],
  [['Edit(/gen)'], 'app', { readOnly: ['app/gen'] }],
  [['Edit(gen/**)'], 'app', { readOnly: ['gen', 'app/gen'] }],
  [['Write(gen/**)', 'Edit(*.lock)'], '', { readOnly: [] }],
  [['Read(/secrets/**)'], '', { hidden: ['secrets'], hidesByPattern: false }],
  [['Read(/a/.env)'], 'app', { hidden: ['app/a/.env'], hidesByPattern: false }],
  [['Read(.env)'], 'app', { hidden: ['.env', 'app/.env'], hidesByPattern: true }],
  [['Read(*.pem)'], '', { hidden: [], hidesByPattern: true }],
  [['Read(/keys/*.pem)'], '', { hidden: [], hidesByPattern: true }],
  [['Read'], 'app', { hidden: [''] }],
  [['Bash(rm:*)', 'WebFetch', 'Grep(x)', 'mcp__x'], '', { readOnly: [], hidden: [], hidesByPattern: false }],
])('%j denied in %j: %j', (deny, directory, expected) => {
  expect(shellScope(grantOf(['Read', 'Edit', 'Bash'], deny), directory)).toMatchObject(expected);
});

test('what a shell changed stays when an edit of it would have been allowed', () => {
  const grant = grantOf(['Read', 'Edit(src/*.ts)', 'Bash'], ['Edit(gen.ts)', 'Read(key.ts)']);
  const kept = [
    'src/a.ts',
    'src/b.js',
    'src/gen.ts',
    'src/key.ts',
    'a.ts',
    'src/.git/a.ts',
    'src/.npmrc',
    '../src/a.ts',
  ];
  expect(kept.filter((path) => mayKeep(grant, '', path))).toEqual(['src/a.ts']);
  expect(mayKeep(grant, 'app', 'app/src/a.ts')).toBe(true);
  expect(mayKeep(grant, 'app', 'src/a.ts')).toBe(false);
  expect(mayKeep({ ...grant, mode: 'plan' }, '', 'src/a.ts')).toBe(false);
  expect(mayKeep(grantOf(['Write']), '', 'x')).toBe(true);
});

test('a shell sees no file that a rule denies to be read, whatever else it may read', () => {
  const grant = grantOf(['Bash'], ['Read(*.pem)', 'Read(/secrets/**)', 'Edit(x)']);
  const paths = ['a/b.pem', 'a/B.PEM', 'secrets/x', 'a/secrets/x', 'x', 'a.pem/b'];
  expect(paths.filter((path) => isHiddenFromShell(grant, '', path))).toEqual([
    'a/b.pem',
    'a/B.PEM',
    'secrets/x',
    'a.pem/b',
  ]);
  expect(isHiddenFromShell(grantOf(['Bash'], ['Read([)']), '', 'x')).toBe(true);
});

test.each<[string, string[], string[], boolean, boolean]>([
  ['Bash', ['Bash'], [], true, true],
  ['Bash', ['Bash(npm test)'], [], true, true],
  ['Bash', ['Bash(npm test)'], ['Bash(npm:*)'], true, true],
  ['Bash', ['Bash'], ['Bash'], false, false],
  ['Bash', ['Bash'], ['B*'], false, false],
  ['Bash', ['Read'], [], false, false],
  ['Bash', ['Bash(:*)', 'Bash(a:* b)'], [], false, false],
  ['Bash', ['Bash'], ['Read('], false, false],
  ['WebFetch', ['WebFetch(domain:a.b)'], [], true, true],
  ['WebFetch', ['WebFetch(a.b)', 'Bash'], [], false, false],
  ['Edit', ['Edit(src/**)'], [], true, false],
  ['Write', ['Edit(src/**)'], ['Read'], false, false],
  ['Write', ['Write(src/**)'], [], false, false],
  ['Grep', ['Read(x)'], [], true, true],
  ['mcp__a__b', ['mcp__a'], [], true, true],
  ['mcp__a__b', ['mcp__*'], [], false, false],
  ['spawn_subagents', ['spawn_subagents'], [], true, true],
])('%s under allow %j, deny %j: %s, in plan mode %s', (tool, allow, deny, usually, inPlan) => {
  expect(hasTool(grantOf(allow, deny), tool)).toBe(usually);
  expect(hasTool(grantOf(allow, deny, 'plan'), tool)).toBe(inPlan);
});

test.each<[string, string[], string[], boolean]>([
  ['example.com', ['WebFetch(domain:example.com)'], [], true],
  ['example.com', ['WebFetch(domain:EXAMPLE.com.)'], [], true],
  ['www.example.com', ['WebFetch(domain:example.com)'], [], false],
  ['example.com.evil.com', ['WebFetch(domain:example.com)'], [], false],
  ['evilexample.com', ['WebFetch(domain:example.com)'], [], false],
  ['www.example.com', ['WebFetch(domain:*.example.com)'], [], true],
  ['a.b.example.com', ['WebFetch(domain:*.example.com)'], [], true],
  ['example.com', ['WebFetch(domain:*.example.com)'], [], false],
  ['evilexample.com', ['WebFetch(domain:*.example.com)'], [], false],
  ['api.example.com', ['WebFetch(domain:a*.example.com)'], [], true],
  ['a.b.example.com', ['WebFetch(domain:a*.example.com)'], [], false],
  ['api.example.com', ['WebFetch(domain:api.*.com)'], [], true],
  ['api.x.y.com', ['WebFetch(domain:api.*.com)'], [], false],
  ['example.com', ['WebFetch'], [], true],
  ['example.com', ['WebFetch(*)'], [], true],
  ['example.com', ['WebFetch'], ['WebFetch(domain:example.com)'], false],
  ['a.example.com', ['WebFetch'], ['WebFetch(domain:*.example.com)'], false],
  ['example.com', ['WebFetch'], ['WebFetch(domain:*)'], false],
  ['10.1.2.3', ['WebFetch'], ['WebFetch(domain:10.*.*.*)'], false],
  ['example.com', ['WebFetch'], ['WebFetch(example.com)'], false],
  ['10.1.2.3', ['WebFetch(domain:*.1.2.3)', 'WebFetch(domain:10.*.*.*)'], [], false],
  ['10.1.2.3', ['WebFetch(domain:10.1.2.3)'], [], true],
  ['[::1]', ['WebFetch(domain:[::1])'], [], true],
  ['[::1]', ['WebFetch(domain:*)'], [], false],
  ['xn--bcher-kva.de', ['WebFetch(domain:xn--bcher-kva.de)'], [], true],
  ['xn--bcher-kva.de', ['WebFetch(domain:b\u00fccher.de)'], [], false],
  ['example.com', ['WebFetch(domain:https://example.com)', 'WebFetch(domain:example.com:443)'], [], false],
  ['example.com', ['WebFetch(domain:)', 'WebFetch(domain:.)', 'WebFetch(url:*)'], [], false],
  ['example.com', [], [], false],
  ['Example.com', ['WebFetch'], [], false],
  ['example.com.', ['WebFetch'], [], false],
  ['example.com:443', ['WebFetch'], [], false],
  ['user@example.com', ['WebFetch'], [], false],
  ['0177.0.0.1', ['WebFetch'], [], false],
  ['', ['WebFetch'], [], false],
])('%j under allow %j, deny %j: %s', (host, allow, deny, isReached) => {
  expect(mayReach(grantOf(allow, deny), host)).toBe(isReached);
});
