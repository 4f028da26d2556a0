import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FleetSource, StartOptions } from '../../../client/library/library.ts';
import { planOf } from '../../../client/spec/plan-of.ts';
import { formatFault, InvalidFleet, type FleetPlan } from '../../../client/spec/plan.ts';
import { isScriptText } from '../../../client/spec/script-source.ts';
import { FleetDirectory } from './fleet-directory.ts';

const script = (name: string, body: string): string =>
  `export const meta = { name: '${name}', description: 'What it does' }\n${body}\n`;
const ONE = script('one', "return await agent('Look around.')");

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory({ 'one.js': ONE, '.git/HEAD': '', 'home/': '', 'lib/': '' });
});
afterEach(() => directory[Symbol.dispose]());

interface Given extends StartOptions {
  environment?: Record<string, string>;
  within?: string;
  configuredModel?: string;
  stdin?: string;
}

function plan(source: FleetSource, given: Given = {}): Promise<FleetPlan> {
  const { environment = {}, within = '.', configuredModel, stdin, ...options } = given;
  return planOf(source, {
    ...options,
    cwd: join(directory.path, within),
    config: {
      model: configuredModel,
      concurrency: undefined,
      environment: { HOME: join(directory.path, 'home'), ...environment },
      operator: { mcpServers: { docs: { type: 'stdio', command: 'x', args: [], env: {} } } } as never,
    },
    ...(stdin !== undefined && { readStdin: () => Promise.resolve(stdin) }),
  });
}

async function faults(source: FleetSource, given?: Given): Promise<string[]> {
  const caught: unknown = await plan(source, given).catch((error: unknown) => error);
  if (!(caught instanceof InvalidFleet)) throw new Error('the source is valid', { cause: caught });
  return caught.faults.map(formatFault);
}

describe('a workflow script as a fleet', () => {
  it('is read with its own name, what its agents have by default, and its arguments as JSON', async () => {
    const made = await plan({ script: 'one.js', args: { flags: ['a'] } }, { within: '.', budgetUsd: 3, maxDepth: 2 });
    expect(made).toMatchObject({
      ...{ name: 'one', kind: 'script', tasks: [], source: join(directory.path, 'one.js'), warnings: [] },
      ...{ maxConcurrentAgents: 50, maxBudgetMicroUsd: 3_000_000, failIf: null, maxDepth: 2 },
    });
    expect(made.script).toMatchObject({
      meta: { name: 'one', description: 'What it does' },
      ...{ source: ONE, file: 'one.js', args: '{"flags":["a"]}', saved: {}, agents: [], isModelForced: false },
      defaults: {
        workspace: { directory: directory.path },
        permissions: { allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' },
        ...{ model: 'claude-sonnet-5-5', timeoutMs: 1_800_000, stallTimeoutMs: 180_000 },
      },
    });
    expect(made.script!.ceiling).toBeUndefined();
    expect(made.maxTotalAgents).toBeUndefined();
  });

  it('works in the current directory, wherever its file lies', async () => {
    const made = await plan({ file: '../one.js' }, { within: 'lib' });
    expect(made.script!.defaults.workspace).toEqual({ directory: join(directory.path, 'lib') });
    expect(made.source).toBe(join(directory.path, 'one.js'));
    expect(made.script!.args).toBeUndefined();
  });

  it.each<[what: string, source: FleetSource, stdin?: string]>([
    ['a path', { file: 'one.js' }],
    ['a path given as a script', { script: './one.js' }],
    ['standard input', { file: '-' }, ONE],
    ['a text', { script: `// one\n${ONE}` }],
    ['the name of a saved one', { file: 'saved' }],
    ['such a name given as a script', { script: 'saved' }],
  ])('may be given as %s', async (_, source, stdin) => {
    directory.write('.claude/workflows/saved.js', ONE);
    const made = await plan(source, stdin === undefined ? {} : { stdin });
    expect(made).toMatchObject({ name: 'one', kind: 'script' });
  });

  it('finds saved ones upwards to the root of the repository, then at home; the nearest wins', async () => {
    for (const [where, name] of [
      ['lib/.claude/workflows/near.js', 'near-lib'],
      ['.claude/workflows/near.js', 'near-root'],
      ['.claude/workflows/middle.js', 'middle-root'],
      ['home/.claude/workflows/near.js', 'near-home'],
      ['home/.claude/workflows/far.js', 'far-home'],
    ] as const)
      directory.write(where, script(name, 'return 1'));
    const names = await Promise.all(
      ['near', 'middle', 'far'].map(async (file) => (await plan({ file }, { within: 'lib' })).name),
    );
    expect(names).toEqual(['near-lib', 'middle-root', 'far-home']);
    expect((await plan({ file: 'near' })).name).toBe('near-root');
  });

  it('prefers a file to a saved script of the same name', async () => {
    directory.write('.claude/workflows/both.js', ONE);
    directory.write('both', 'tasks: [{prompt: a}]\n');
    expect((await plan({ file: 'both' })).tasks).toHaveLength(1);
  });

  it('prefers a saved script to a directory of the same name', async () => {
    directory.write('.claude/workflows/lib.js', ONE);
    expect((await plan({ file: 'lib' })).kind).toBe('script');
  });

  it.each<[string, boolean]>([
    [`#!/usr/bin/env muster\n// a\n/* b\n * c */ /* d */\n\n${ONE}`, true],
    [`\uFEFF${ONE}`, true],
    ['exported: 1\n', false],
    ['/* never closed', false],
    ['// export const meta', false],
    ['/* */ '.repeat(100_000), false],
    ['tasks: [{prompt: export it}]', false],
  ])('is told from other texts by how it begins: %#', (text, isScript) => {
    expect(isScriptText(text)).toBe(isScript);
  });

  it('takes saved scripts along for workflow(), by name, by the name they give themselves, and by path', async () => {
    const inner = script('inner-name', 'return 2');
    directory.write('.claude/workflows/inner.js', inner);
    directory.write('tools/other.js', ONE);
    directory.write(
      'calls.js',
      script('calls', "await workflow('inner'); await workflow({ scriptPath: 'tools/other.js' })"),
    );
    const made = await plan({ file: 'calls.js' });
    expect(made.script!.saved).toEqual({ inner, 'inner-name': inner, 'tools/other.js': ONE });
    expect(made.warnings).toEqual([]);
    expect((await plan({ file: 'one.js' })).script!.saved).toEqual({}); // it calls none, and none is stored
  });

  it('warns of scripts it names that are not there, since a script may catch what workflow() throws', async () => {
    using outside = new FleetDirectory({ 'x.js': ONE });
    directory.write('.claude/workflows/there.js', ONE);
    const body = "await workflow('absent'); await workflow({ scriptPath: '/outside/x.js' })".replace(
      '/outside',
      outside.path,
    );
    directory.write('calls.js', script('calls', body));
    expect((await plan({ file: 'calls.js' })).warnings).toEqual([
      'workflow("absent") names no saved script and will throw: there are one, there',
      `workflow({ scriptPath: "${outside.path}/x.js" }) names no script in the workspace: it will throw`,
    ]);
  });

  it('takes no file of this machine along that a link in the repository points to', async () => {
    using outside = new FleetDirectory({ 'x.js': ONE });
    mkdirSync(join(directory.path, '.claude/workflows'), { recursive: true });
    symlinkSync(join(outside.path, 'x.js'), join(directory.path, '.claude/workflows/link.js'));
    directory.write('calls.js', script('calls', 'return workflow(args)'));
    expect((await plan({ file: 'calls.js' })).script!.saved).toEqual({});
    expect(await faults({ file: 'link' })).toEqual([expect.stringMatching(/^link:1:1: no such file/)]);
  });

  it('brings the definitions of agents, and warns of those that are of no use', async () => {
    directory.write(
      '.claude/agents/reviewer.md',
      '---\nname: reviewer\ntools: Read, Grep\nmodel: opus\n---\nReview.\n',
    );
    directory.write('.claude/agents/strange.md', '---\nname: strange\nmodel: gpt-9\n---\nx\n');
    directory.write('.claude/agents/broken.md', 'no front matter');
    const { script: made, warnings } = await plan({ file: 'one.js' });
    expect(made!.agents).toEqual([
      { name: 'reviewer', prompt: 'Review.', tools: ['Read', 'Grep'], model: expect.stringMatching(/^claude-opus/) },
    ]);
    expect(warnings).toEqual([
      expect.stringMatching(/broken\.md has no front matter: nobody can be broken$/),
      expect.stringMatching(/^the agent strange: the model "gpt-9" is not known; write/),
    ]);
  });
});

describe('the model of a script', () => {
  const OPUS = 'claude-opus-5-5';
  const HAIKU = 'claude-haiku-4-5';
  it.each<[what: string, given: Given, expected: { model: RegExp; forced: boolean }]>([
    [
      'the flag goes before the variable',
      { model: OPUS, environment: { CLAUDE_CODE_SUBAGENT_MODEL: HAIKU } },
      { model: /opus/, forced: false },
    ],
    [
      'the variable before the configuration',
      { configuredModel: OPUS, environment: { CLAUDE_CODE_SUBAGENT_MODEL: 'haiku' } },
      { model: /haiku/, forced: false },
    ],
    ['the configuration before the default', { configuredModel: OPUS }, { model: /opus/, forced: false }],
    [
      'inherit says nothing',
      { environment: { CLAUDE_CODE_SUBAGENT_MODEL: 'inherit' } },
      { model: /sonnet-5-5/, forced: false },
    ],
    [
      'a forced one before all',
      { model: OPUS, environment: { CLAUDE_CODE_SUBAGENT_MODEL_FORCE: 'haiku' } },
      { model: /haiku/, forced: true },
    ],
  ])('%s', async (_, given, { model, forced }) => {
    const { script: made } = await plan({ file: 'one.js' }, given);
    expect(made!.defaults.model).toMatch(model);
    expect(made!.isModelForced).toBe(forced);
  });

  it.each<[Given, RegExp]>([
    [{ model: 'claude-opus-5-6' }, /^--model: the model "claude-opus-5-6" is not known; write claude-opus/],
    [
      { environment: { CLAUDE_CODE_SUBAGENT_MODEL: 'gpt' } },
      /^CLAUDE_CODE_SUBAGENT_MODEL: the model "gpt" is not known/,
    ],
  ])('one that is not known is refused with where it comes from: %j', async (given, message) => {
    expect(await faults({ file: 'one.js' }, given)).toEqual([expect.stringMatching(message)]);
  });
});

describe('what subagents of a script may do', () => {
  it('is edit with the rules to allow and to deny, which also bound what a call may ask for', async () => {
    const { script: made } = await plan(
      { file: 'one.js' },
      { allow: ['Bash(npm test:*)'], deny: ['Read(secrets/**)'] },
    );
    const grant = { allow: ['Read', 'Edit(**)', 'Bash(npm test:*)'], deny: ['Read(secrets/**)'], mode: 'dontAsk' };
    expect(made!.defaults.permissions).toEqual(grant);
    expect(made!.ceiling).toEqual(grant);
  });

  it('bounds a fleet file and a list of tasks as well, and is what they have by themselves', async () => {
    const given = { allow: ['Bash(npm test:*)'] };
    const tasks = [{ prompt: 'a' }, { prompt: 'b', permissions: { allow: ['Bash(npm test:*)'] } }];
    const made = await plan({ tasks }, given);
    expect(made.tasks.map(({ permissions }) => permissions.allow)).toEqual([
      ['Read', 'Edit(**)', 'Bash(npm test:*)'],
      ['Read', 'Bash(npm test:*)'],
    ]);
    expect(await faults({ tasks: [{ prompt: 'a', permissions: 'full' }] }, given)).toEqual([
      'tasks[0].permissions: the task is granted more than the flags leave (GRANT_INVALID): Edit, Bash; ' +
        'remove it here, or give --allow',
    ]);
    directory.write('wide.yaml', 'permissions: {allow: [WebFetch]}\ntasks: [{prompt: a}]\n');
    expect(await faults({ file: 'wide.yaml' }, given)).toEqual([
      'wide.yaml:1:14: the fleet is granted more than its flags leave (GRANT_INVALID): WebFetch; ' +
        'remove it here, or give --allow',
    ]);
  });

  it.each<[FleetSource]>([[{ file: 'one.js' }], [{ prompt: 'a' }]])(
    'refuses a rule that is none for %j',
    async (source) => {
      expect(await faults(source, { allow: ['Bsh(x)'], deny: ['Edit(../x)'] })).toEqual([
        expect.stringMatching(/^--allow: the rule "Bsh\(x\)" names the unknown tool Bsh; write/),
        expect.stringMatching(/^--deny: the rule "Edit\(\.\.\/x\)" leaves the workspace; write/),
      ]);
    },
  );
});

describe('a script at fault is refused with place and remedy', () => {
  it.each<[what: string, file: string, text: string, expected: RegExp[]]>([
    ['syntax', 'x.js', script('x', 'const a = ;'), [/^x\.js:2:11: not JavaScript: .*; look at/]],
    ['types', 'x.ts', script('x', 'const a: string = "b"'), [/^x\.ts:2:8: .*TypeScript.*; leave the types out/]],
    ['no meta', 'x.js', 'return 1\n', [/^x\.js:1:1: the first statement is not `export const meta/]],
    [
      'two at once',
      'x.js',
      script('x', 'agnet(1)\nfetch(2)'),
      [/^x\.js:2:1: .*agnet.*did you mean agent/, /^x\.js:3:1: .*fetch/],
    ],
  ])('%s', async (_, file, text, expected) => {
    directory.write(file, text);
    const found = await faults({ file });
    expect(found).toHaveLength(expected.length);
    for (const [i, fault] of expected.entries()) expect(found[i]).toMatch(fault);
  });

  it("also of one that it calls by name, under that one's own name and lines", async () => {
    directory.write('.claude/workflows/inner.js', script('inner', 'cosnt a = 1'));
    directory.write('.claude/workflows/unused.js', 'nothing');
    directory.write('calls.js', script('calls', "return workflow('inner')"));
    expect(await faults({ file: 'calls.js' })).toEqual([
      expect.stringMatching(/^\.claude\/workflows\/inner\.js:2:\d+: not JavaScript/),
    ]);
    directory.write('calls.js', script('calls', 'return workflow(args.which)'));
    expect((await plan({ file: 'calls.js' })).warnings).toEqual([
      expect.stringMatching(/^workflow\("inner"\) cannot be run: \.claude\/workflows\/inner\.js:2:/),
      expect.stringMatching(/^workflow\("unused"\) cannot be run: /),
    ]);
  });

  it('names what there is where neither a file nor a saved script is', async () => {
    directory.write('.claude/workflows/review.js', ONE);
    expect(await faults({ script: 'reveiw' })).toEqual([
      'reveiw:1:1: neither a file nor the name of a saved workflow script; write review',
    ]);
    expect(await faults({ file: 'reviews' })).toEqual([expect.stringMatching(/^reviews:1:1: .*; write review$/)]);
    expect(await faults({ script: 'x' })).toEqual([expect.stringMatching(/there are review$/)]);
    expect(await faults({ file: 'nowhere/x.js' })).toEqual([
      expect.stringMatching(/^nowhere\/x\.js:1:1: no such file/),
    ]);
  });

  it('tells parameters from arguments', async () => {
    directory.write('fleet.yaml', 'tasks: [{prompt: a}]\n');
    expect(await faults({ file: 'one.js', params: { a: '1' } })).toEqual([
      expect.stringMatching(/^-p: a workflow script has no parameter `a`; give its input as JSON: --args/),
    ]);
    expect(await faults({ script: 'fleet.yaml', args: 1 })).toEqual([
      expect.stringMatching(/^fleet\.yaml:1:1: this is no workflow script.*; .*-p KEY=VALUE/),
    ]);
  });

  it('refuses arguments that are no JSON, or too large', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    expect(await faults({ script: 'one.js', args: cyclic })).toEqual([
      expect.stringMatching(/^--args: this is no JSON/),
    ]);
    expect(await faults({ script: 'one.js', args: 'x'.repeat(9_000_000) })).toEqual([
      expect.stringMatching(/^--args: 9000002 bytes are more than 8 MiB/),
    ]);
  });
});

describe('a prompt as a fleet', () => {
  it('is one task named parent in the current directory, that may spawn', async () => {
    directory.write('.claude/agents/reviewer.md', '---\nname: reviewer\n---\nReview.\n');
    const made = await plan({ prompt: 'Look.\nThen report.' }, { within: 'lib', maxAgents: 7, maxDepth: 1 });
    expect(made).toMatchObject({
      ...{ kind: 'prompt', name: 'Look. Then report.', source: '-', maxTotalAgents: 7, maxDepth: 1 },
      agents: [{ name: 'reviewer', prompt: 'Review.' }],
    });
    expect(made.tasks).toMatchObject([
      {
        ...{ label: 'parent', prompt: 'Look.\nThen report.', workspace: { directory: join(directory.path, 'lib') } },
        permissions: { allow: ['Read', 'Edit(**)', 'spawn_subagents'], deny: [] },
      },
    ]);
  });

  it('is not alone: a task of a file that may spawn brings the agents beside that file', async () => {
    directory.write('lib/.claude/agents/reviewer.md', '---\nname: reviewer\n---\nReview.\n');
    directory.write('lib/f.yaml', 'tasks: [{ prompt: a, permissions: { allow: [spawn_subagents] } }]\n');
    directory.write('lib/g.yaml', 'tasks: [{ prompt: a }]\n');
    expect((await plan({ file: 'lib/f.yaml' })).agents).toMatchObject([{ name: 'reviewer' }]);
    expect((await plan({ file: 'lib/g.yaml' })).agents).toBeUndefined();
  });

  it('may do what rules allow besides, and uses the MCP servers they name', async () => {
    const source = { prompt: 'a', label: 'lead', allow: ['mcp__docs__*'], deny: ['Read(x/**)'] };
    const [task] = (await plan(source, { allow: ['WebFetch'] })).tasks;
    expect(task).toMatchObject({
      ...{ label: 'lead', mcpServers: ['docs'] },
      permissions: { allow: ['Read', 'Edit(**)', 'spawn_subagents', 'mcp__docs__*', 'WebFetch'], deny: ['Read(x/**)'] },
    });
  });

  it.each<[string, RegExp]>([
    ['', /^--prompt: `prompt` is an empty text; write a text that says what to do/],
    ['x'.repeat(1_048_577), /^--prompt: `prompt` has 1048577 bytes/],
  ])('is refused where there is nothing to do, or too much to say', async (prompt, fault) => {
    expect(await faults({ prompt })).toEqual([expect.stringMatching(fault)]);
  });
});

describe('tasks that a program holds', () => {
  it('are read as those of a file, in either spelling', async () => {
    const tasks = [
      { prompt: 'a', label: 'x', max_turns: 3 },
      { prompt: 'b', dependsOn: ['x'], maxTurns: 4, model: undefined },
    ];
    const made = await plan({ tasks, name: 'own' });
    expect(made).toMatchObject({ name: 'own', source: '-' });
    expect(made.tasks).toMatchObject([{ maxTurns: 3 }, { label: 'task-2', dependsOn: [0], maxTurns: 4 }]);
  });

  it('name themselves in their faults, all at once', async () => {
    const tasks = [
      { prompt: 'a', label: 'x' },
      { prompt: 'b', label: 'x', promt: 1 },
      { prompt: 'c', timeout: 'soon' },
    ];
    expect(await faults({ tasks })).toEqual([
      expect.stringMatching(/^tasks\[1\]\.promt: `promt` is no key of a task; write `prompt`/),
      expect.stringMatching(/^tasks\[2\]\.timeout: .*"soon"/),
      'tasks[1].label: the label "x" is already taken in tasks[0]; write another label',
    ]);
    const cyclic: Record<string, unknown> = { prompt: 'a' };
    cyclic['context'] = cyclic;
    expect(await faults({ tasks: [cyclic as never] })).toEqual([expect.stringMatching(/^tasks: this is no JSON/)]);
    expect(await faults({ tasks: [] })).toEqual([expect.stringMatching(/^tasks: there are no tasks/)]);
  });
});
