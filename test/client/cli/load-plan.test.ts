import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CommandFailure } from '../../../client/cli/context.ts';
import { planOptions, sourceOf, type PlanningFlags } from '../../../client/cli/load-plan.ts';
import { createProgram } from '../../../client/cli/program.ts';
import { ruleList } from '../../../client/cli/values.ts';
import { InvalidFleet } from '../../../client/spec/plan.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

function complaint(file: string | undefined, flags: PlanningFlags): string {
  try {
    sourceOf(file, flags);
  } catch (error) {
    if (error instanceof CommandFailure) return `${error.exitCode} ${error.message}; ${error.hint}`;
    if (error instanceof InvalidFleet) return error.message;
    throw error;
  }
  throw new Error('it had nothing to complain about');
}

describe('what the command line names', () => {
  it.each<[file: string | undefined, flags: PlanningFlags, source: object]>([
    ['fleet.yaml', {}, { file: 'fleet.yaml' }],
    ['fleet.yaml', { param: { a: '1' } }, { file: 'fleet.yaml', params: { a: '1' } }],
    ['review.js', {}, { file: 'review.js' }],
    ['review', { args: '{"a": [1, "b"]}' }, { script: 'review', args: { a: [1, 'b'] } }],
    ['review', { args: '0' }, { script: 'review', args: 0 }],
    [undefined, { prompt: 'Look.' }, { prompt: 'Look.' }],
  ])('is the source of %j with %j', (file, flags, source) => {
    expect(sourceOf(file, flags)).toEqual(source);
  });

  it('takes arguments from a file', async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'args.json');
    writeFileSync(file, '{"a": 1}');
    expect(sourceOf('x.js', { args: `@${file}` })).toEqual({ script: 'x.js', args: { a: 1 } });
    writeFileSync(file, '{"a": 1,\n "a": 2, }');
    expect(complaint('x.js', { args: `@${file}` })).toMatch(/args\.json:2:\d+: .*comma/);
    expect(complaint('x.js', { args: '@nowhere.json' })).toMatch(
      /^2 --args @nowhere\.json: there is no such file; write/,
    );
  });

  it.each<[file: string | undefined, flags: PlanningFlags, said: RegExp]>([
    [undefined, {}, /^2 missing required argument 'file'; muster run FILE, or muster run --prompt/],
    ['x.js', { prompt: 'a' }, /^2 --prompt and x\.js exclude each other; give one/],
    ['x.js', { args: '1', param: { a: '1' } }, /^2 -p and --args exclude each other; a fleet file takes -p/],
    [undefined, { prompt: 'a', args: '1' }, /^2 --args means nothing to a prompt/],
    [undefined, { prompt: 'a', param: { a: '1' } }, /^2 -p means nothing to a prompt/],
    ['x.js', { args: 'main' }, /^--args:1:1: not JSON: .*; write JSON: --args '"main"', or --args @FILE/],
    ['x.js', { args: '{"a": }' }, /^--args:1:7: not JSON/],
    ['x.js', { args: '' }, /^--args:1:1: not JSON/],
  ])('says what is wrong with %j and %j', (file, flags, said) => {
    expect(complaint(file, flags)).toMatch(said);
  });
});

describe('flags as options of the library', () => {
  it('carries every limit and rule, and nothing that was not said', () => {
    const flags = { budget: 3, timeout: 60_000, maxAgents: 9, maxDepth: 2, model: 'm', concurrency: 4 };
    expect(planOptions({ ...flags, allow: ['Bash'], deny: ['Read(x)'] })).toEqual({
      ...{ budgetUsd: 3, timeoutMs: 60_000, maxAgents: 9, maxDepth: 2, model: 'm', concurrency: 4 },
      ...{ allow: ['Bash'], deny: ['Read(x)'] },
    });
    expect(planOptions({})).toEqual({});
  });

  it('reads rules one by one, or as `claude` takes them', async () => {
    expect(ruleList('Bash(git add:*, git commit:*),Edit, Read')).toEqual([
      'Bash(git add:*, git commit:*)',
      'Edit',
      'Read',
    ]);
    const program = await createProgram(['run']);
    const run = program.commands.find((command) => command.name() === 'run')!;
    run.parseOptions(['--allow', 'Bash(a, b)', '--allow=Edit', '--deny', 'Read(x)', '--max-depth', '2']);
    expect(run.opts()).toMatchObject({ allow: ['Bash(a, b)', 'Edit'], deny: ['Read(x)'], maxDepth: 2 });
    expect(run.helpInformation()).not.toContain('allowedTools');
    expect(() => run.parseOptions(['--max-depth', '0'])).toThrow(/write a whole number from 1 to 20/);
  });
});
