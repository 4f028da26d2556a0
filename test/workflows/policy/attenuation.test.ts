import { expect, test } from 'vitest';
import type { Grant } from '../../../workflows/contract/task.schema.ts';
import { attenuate, meet } from '../../../workflows/policy/attenuation.ts';

const grantOf = (allow: string[], deny: string[] = [], mode: Grant['mode'] = 'dontAsk'): Grant => ({
  allow,
  deny,
  mode,
});
const EDIT = grantOf(['Read', 'Edit(**)']);

test.each<[string, string[]]>([
  // The first covers each of the others.
  ['Read', ['Read', 'Read(*)', 'Read(src/**)', 'Glob', 'Grep', 'Grep(src)']],
  ['Edit', ['Edit', 'Edit(**)', 'Write', 'NotebookEdit']],
  ['Edit(**)', ['Edit(**)', 'Edit(src/**)', 'Edit(a.ts)', 'Edit(/a/*/b?.ts)']],
  ['Edit(src/**)', ['Edit(src/**)', 'Edit(src/a/**)', 'Edit(/src/*.ts)', 'Edit(src/a)', 'Edit(./src/**/x)']],
  ['Edit(*.ts)', ['Edit(*.ts)', 'Edit(a.ts)', 'Edit(src/**/x*.ts)', 'Edit(/x.ts/a)']],
  ['Edit(src)', ['Edit(src)', 'Edit(src/**)', 'Edit(a/src/x)', 'Edit(src/)']],
  ['Edit(src/)', ['Edit(src/)', 'Edit(src/**)', 'Edit(src/a)']],
  ['Edit(a/[bc]/**)', ['Edit(a/b/**)', 'Edit(a/[bc]/d)']],
  ['Bash', ['Bash', 'Bash(*)', 'Bash(npm test)', 'Bash(npm:*)', 'Bash(a && b)']],
  ['Bash(npm:*)', ['Bash(npm:*)', 'Bash(npm *)', 'Bash(npm)', 'Bash(npm test)', 'Bash(npm run:*)', 'Bash(npm run x*)']],
  ['Bash(git * main)', ['Bash(git * main)', 'Bash(git push main)', 'Bash(git push * main)']],
  ['Bash(npm test)', ['Bash(npm test)', 'Bash(npm  test)']],
  ['WebFetch', ['WebFetch', 'WebFetch(*)', 'WebFetch(domain:a.b)', 'WebFetch(domain:*.b)']],
  [
    'WebFetch(domain:*.b.c)',
    ['WebFetch(domain:*.b.c)', 'WebFetch(domain:a.b.c)', 'WebFetch(domain:*.a.b.c)', 'WebFetch(domain:x*.b.c)'],
  ],
  ['WebFetch(domain:A.b.)', ['WebFetch(domain:a.b)']],
  ['mcp__s', ['mcp__s', 'mcp__s__*', 'mcp__s__t', 'mcp__s__get_*']],
  ['mcp__s__get_*', ['mcp__s__get_*', 'mcp__s__get_x', 'mcp__s__get_x*']],
  ['spawn_subagents', ['spawn_subagents']],
])('%s covers %j', (parent, child) => {
  expect(attenuate(grantOf([parent]), grantOf(child))).toEqual({ grant: grantOf(child), beyond: [] });
});

test.each<[string[], string[]]>([
  [
    ['Read', 'Edit'],
    ['Bash', 'WebFetch', 'mcp__s', 'spawn_subagents', 'Agent(x)'],
  ],
  [
    ['Glob', 'Grep', 'Write'],
    ['Read', 'Edit', 'Read(x)'],
  ],
  [['Read(src/**)'], ['Read', 'Read(**)', 'Read(src)', 'Read(*.ts)', 'Grep', 'Edit(src/**)', 'Glob']],
  [['Edit(src/*)'], ['Edit(src/**/a)', 'Edit(*/a)']],
  [['Edit(src/)'], ['Edit(src)']],
  [['Edit(**/)'], ['Edit(a)', 'Edit(**)']],
  [
    ['Edit(src/**)', 'Edit(docs/**)'],
    ['Edit(**)', 'Edit(*/a)', 'Edit(other/**)'],
  ],
  [['Edit(a/?)'], ['Edit(a/*)', 'Edit(a/bc)']],
  [['Bash(npm test)'], ['Bash', 'Bash(npm test:*)', 'Bash(npm *)', 'Bash(npm tests)', 'Bash(timeout 5 npm test)']],
  [
    ['Bash(npm:*)'],
    ['Bash(npm*)', 'Bash(npmx)', 'Bash(* npm)', 'Bash(npm a && npm b)', 'Bash(npm a > b)', 'Bash(FOO=1 npm a)'],
  ],
  [['Bash(find:*)'], ['Bash(find . -delete)', 'Bash(find . -exec rm {} +)']],
  [
    ['Bash(watch:*)', 'Bash(timeout:*)'],
    ['Bash(watch ls x)', 'Bash(timeout 5 rm x)'],
  ],
  [['Bash(npm:* x)'], ['Bash(npm x)']],
  [['WebFetch(domain:a.b)'], ['WebFetch', 'WebFetch(domain:*.b)', 'WebFetch(domain:c.a.b)', 'WebFetch(a.b)']],
  [['WebFetch(domain:*.b)'], ['WebFetch(domain:b)', 'WebFetch(domain:*)', 'WebFetch(domain:*.*)']],
  [['WebFetch(domain:x.*.c)'], ['WebFetch(domain:*.c)', 'WebFetch(domain:x.y.z.c)']],
  [['WebFetch(domain:*.*.*.*)'], ['WebFetch(domain:10.0.0.1)']],
  [['mcp__s__get_*'], ['mcp__s', 'mcp__s__*', 'mcp__s__put', 'mcp__t__get_x', 'mcp__*']],
  [['mcp__s'], ['mcp__s_', 'mcp__st', 'mcp__s___x', 'mcp__*__t']],
  [
    ['Edit(', '*', 'Re*'],
    ['Read', 'Edit', 'Edit(a)'],
  ],
  [['Read'], ['Read(', 'Read(../x)', '']],
])('%j does not cover any of %j', (parent, child) => {
  expect(attenuate(grantOf(parent), grantOf(child))).toEqual({ grant: grantOf([]), beyond: child });
});

test('both deny, and plan mode is inherited', () => {
  const parent = grantOf(['Read'], ['Read(secrets/**)', 'Bash'], 'plan');
  const child = grantOf(['Read', 'Edit'], ['Bash', 'WebFetch']);
  expect(attenuate(parent, child)).toEqual({
    grant: grantOf(['Read'], ['Bash', 'WebFetch', 'Read(secrets/**)'], 'plan'),
    beyond: ['Edit'],
  });
  expect(attenuate(child, parent).grant.mode).toBe('plan');
});

test.each<[string[], string[]]>([
  [
    ['Read', 'Edit', 'Bash'],
    ['Read', 'Edit(**)'],
  ],
  [['Read'], ['Read']],
  [
    ['Read(docs/**)', 'Edit(src/**)'],
    ['Read(docs/**)', 'Edit(src/**)'],
  ],
  [['Bash', 'WebFetch'], []],
])('left out, a child of %j gets %j', (parent, expected) => {
  expect(meet(grantOf(parent), EDIT)).toEqual(grantOf(expected));
});

test('from another directory the same words mean other files', () => {
  const parent = grantOf(['Read', 'Edit(**)'], ['Edit(/gen/**)', 'Read(.env)']);
  const directories = { parent: 'app', child: 'lib' };
  expect(attenuate(parent, EDIT, directories)).toEqual({
    grant: grantOf(['Read'], ['Edit(**/app/gen/**)', 'Read(.env)']),
    beyond: ['Edit(**)'],
  });
  expect(attenuate(parent, EDIT, { parent: 'app', child: 'app/x' }).beyond).toEqual([]);
  expect(attenuate(parent, EDIT, { parent: '', child: 'lib' }).beyond).toEqual([]);
  expect(meet(grantOf(['Edit(*.ts)', 'Edit(/a b/**)']), EDIT, { parent: 'app', child: '' }).allow).toEqual([
    'Edit(/app/**/*.ts)',
    'Edit(/app/a b/**)',
  ]);
  expect(meet(grantOf(['Edit(src/**)']), EDIT, { parent: 'app', child: 'app/src' }).allow).toEqual(['Edit(**)']);
  expect(meet(grantOf(['Edit(src/**)']), EDIT, { parent: 'app', child: 'lib' }).allow).toEqual([]);
});
