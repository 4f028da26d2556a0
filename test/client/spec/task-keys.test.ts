import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FleetDirectory } from './fleet-directory.ts';

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory({ 'sub/': '' });
});
afterEach(() => directory[Symbol.dispose]());

const first = async (text: string, more: Parameters<FleetDirectory['load']>[1] = {}) =>
  (await directory.load(text, more)).tasks[0]!;

/** Each fault of a one-task file, `key: value` in its third line. */
const faultsOf = (line: string, more: Parameters<FleetDirectory['load']>[1] = {}): Promise<string[]> =>
  directory.faults(`tasks:\n  - prompt: a\n    ${line}\n`, more);

describe('keys of a task', () => {
  const expected = {
    fallbackModel: 'claude-opus-5',
    env: { NODE_ENV: 'test', PORT: '8080', VERBOSE: 'true' },
    mcpServers: ['docs'],
    verify: [
      { name: 'tests', run: 'npm test', timeoutMs: 900_000 },
      { name: 'types', run: 'tsc', timeoutMs: 600_000 },
    ],
    retry: { maxAttempts: 3, escalate: ['claude-opus-5-5'] },
    projectMemory: true,
  };

  test('are taken from YAML, with their defaults', async () => {
    const task = await first(`
mcpServers: { docs: { url: https://docs.example/mcp } }
tasks:
  - prompt: a
    fallbackModel: claude-opus-5
    env: { PORT: 8080, NODE_ENV: test, VERBOSE: true }
    mcpServers: [docs]
    permissions: { allow: [mcp__docs__*] }
    verify: [{ name: tests, run: npm test, timeout: 15m }, { name: types, run: tsc }]
    retry: { maxAttempts: 3, escalate: claude-opus-5-5 }
    projectMemory: true
`);
    expect(task).toMatchObject(expected);
    expect(task).not.toHaveProperty('agent');
  });

  test.each([
    ['snake_case', 'fallback_model', 'mcp_servers', 'max_attempts', 'project_memory'],
    ['camelCase', 'fallbackModel', 'mcpServers', 'maxAttempts', 'projectMemory'],
  ])('are taken from JSON in %s', async (_, fallback, servers, attempts, memory) => {
    const task = {
      prompt: 'a',
      [fallback]: 'claude-opus-5',
      env: { NODE_ENV: 'test', PORT: 8080, VERBOSE: true },
      [servers]: { docs: { url: 'https://docs.example/mcp' } },
      verify: [
        { name: 'tests', run: 'npm test', timeout: '15m' },
        { name: 'types', run: 'tsc' },
      ],
      retry: { [attempts]: 3, escalate: ['claude-opus-5-5'] },
      [memory]: true,
    };
    const plan = await directory.load(JSON.stringify({ tasks: [task] }), { as: 'tasks.json' });
    expect(plan.tasks[0]).toMatchObject(expected);
    expect(plan.mcpServers).toEqual({ docs: { type: 'http', url: 'https://docs.example/mcp', headers: {} } });
  });

  test('that say nothing leave nothing in the plan', async () => {
    const task = await first('tasks: [{ prompt: a, env: [], verify: [], mcpServers: [], projectMemory: false }]');
    for (const key of Object.keys(expected)) expect(task).not.toHaveProperty(key);
  });

  test('of the fleet hold for each task that has none of its own', async () => {
    const { tasks } = await directory.load(`
verify: [{ name: tests, run: npm test }]
env: { CI: '1' }
retry: { maxAttempts: 2 }
fallbackModel: claude-opus-5
projectMemory: true
permissions: { allow: ['Edit(src/**)'] }
tasks:
  - prompt: a
  - prompt: b
    verify: []
    env: { CI: '2' }
    fallbackModel: claude-haiku-4-5
    outputSchema: { type: object }
    projectMemory: false
    permissions: read-only
`);
    expect(tasks[0]).toMatchObject({
      verify: [{ name: 'tests', run: 'npm test', timeoutMs: 600_000 }],
      ...{ env: { CI: '1' }, retry: { maxAttempts: 2, escalate: [] }, fallbackModel: 'claude-opus-5' },
      projectMemory: true,
      permissions: { allow: ['Read', 'Edit(src/**)'] },
    });
    expect(tasks[1]).toMatchObject({ env: { CI: '2' }, fallbackModel: 'claude-haiku-4-5', retry: { maxAttempts: 2 } });
    expect(tasks[1]).not.toHaveProperty('verify');
    expect(tasks[1]).not.toHaveProperty('projectMemory');
    expect(tasks[1]!.permissions.allow).toEqual(['Read']);
  });

  test('of the fleet that are wrong are said once, where they stand', async () => {
    const tasks = Array.from({ length: 50 }, (_, i) => `  - prompt: task ${i}\n`).join('');
    expect(await directory.faults(`verify: [{name: a, run: x}, {name: a, run: y}]\ntasks:\n${tasks}`)).toEqual([
      'fleet.yaml:1:36: the verification "a" appears twice; write another name',
    ]);
  });

  test('may name parameters and, over targets, the target', async () => {
    const task = await first(
      `
params: { script: test }
targets: [sub/]
task:
  prompt: a
  env: { NAME: "\${{ target.name }}" }
  verify: [{ name: tests, run: "npm run \${{ params.script }} -- \${{ target.name }}" }]
`,
    );
    expect(task).toMatchObject({ env: { NAME: 'sub' }, verify: [{ run: 'npm run test -- sub' }] });
  });
});

describe('what is wrong with a key is said where it stands', () => {
  test.each([
    ['verify: [{nam: a, run: x}]', 'fleet.yaml:3:15: `nam` is no key of a verification; write `name`'],
    ['verify: [{name: a}]', '`verify.0.run` is missing; write a command'],
    ['verify: npm test', 'fleet.yaml:3:13: `verify` is the text "npm test"; write a list of at most 20 {name'],
    [
      'verify: [{name: a, run: x, timeout: soon}]',
      'fleet.yaml:3:41: `verify.0.timeout` is the text "soon"; write a number',
    ],
    ['verify: [{name: a, run: x, judge: {}}]', '`judge` is not supported yet'],
    ['retry: {}', 'fleet.yaml:3:12: `retry` says nothing; write {maxAttempts: 2} or'],
    [
      'retry: {maxAttempts: 1, escalate: [claude-opus-5]}',
      'fleet.yaml:3:26: 1 attempts never come to the last of 1 models',
    ],
    ['retry: {maxAttempts: 99}', '`retry` asks for 99 attempts; write at most 10'],
    ['retry: {escalate: [claude-opus-5, opus]}', 'fleet.yaml:3:39: the model "opus" is not known; write one such as'],
    ['retry: {escalte: x}', 'fleet.yaml:3:13: `escalte` is no key of retry; write `escalate`'],
    ['fallbackModel: cloud', 'fleet.yaml:3:20: the model "cloud" is not known; write claude-sonnet-5-5'],
    ['fallbackModel: claude-sonnet-5-5', '`fallbackModel` is the model itself, claude-sonnet-5-5; write another model'],
    ['projectMemory: CLAUDE.md', '`projectMemory` is the text "CLAUDE.md"; write true or false'],
    ['agent: ../x', '`agent` is the text "../x"; write the name of a file in .claude/agents'],
    ['env: {RATE: 1.10}', 'fleet.yaml:3:17: `env.RATE` is 1.1; write a list of names, or names with texts; put quotes'],
    ['env: [1]', '`env.0` is 1; write a list of names'],
  ])('%s', async (line, text) => {
    expect((await faultsOf(line)).join('\n')).toContain(text);
  });

  test.each([
    [
      'model: claude-opus-4-6\n    effort: max',
      'fleet.yaml:4:13: claude-opus-4-6 has no effort max; write low, medium, high',
    ],
    ['model: claude-haiku-4-5\n    effort: low', 'claude-haiku-4-5 has no effort low; remove it'],
    ['model: claude-opus-5-5\n    thinking: disabled', 'claude-opus-5-5 has no thinking disabled; write adaptive, or'],
  ])('%s', async (line, text) => {
    expect((await faultsOf(line)).join('\n')).toContain(text);
  });

  test('what another model cannot do is left out there, and said', async () => {
    const { warnings } = await directory.load(`tasks:
  - prompt: a
    effort: max
    fallbackModel: claude-opus-4-6
    outputSchema: { type: object }
    retry: { escalate: claude-haiku-4-5 }
`);
    expect(warnings).toEqual([
      'claude-opus-4-6 has no effort max: a subagent that comes to it goes on without',
      'claude-haiku-4-5 has no effort max: a subagent that comes to it goes on without',
    ]);
  });

  test('a retry that nothing can bring about is warned of', async () => {
    const { warnings } = await directory.load('tasks: [{ prompt: a, retry: { maxAttempts: 2 } }]');
    expect(warnings).toEqual(['`retry` has no effect where a task has neither `verify` nor `outputSchema`']);
  });
});

describe('permissions of a fleet', () => {
  const ceiling = "permissions: { allow: ['Edit(src/**)'] }\n";

  test('bound those of its tasks: more is a fault at the task', async () => {
    const faults = await directory.faults(`${ceiling}tasks:
  - prompt: a
    permissions: { allow: ['Edit(docs/**)'] }
  - prompt: b
    permissions: full
  - prompt: c
    permissions: { allow: ['Edit(src/lib/**)'] }
`);
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(
      /^fleet\.yaml:4:18: the task is granted more than its fleet \(GRANT_INVALID\): .*Edit\(docs/,
    );
    expect(faults[1]).toMatch(/^fleet\.yaml:6:18: .*GRANT_INVALID/);
  });

  test('of a wrong form are said at the head', async () => {
    expect(await directory.faults("permissions: { allow: ['Edit(../x)'] }\ntasks: [{ prompt: a }]\n")).toEqual([
      expect.stringMatching(/^fleet\.yaml:1:24: the rule "Edit\(\.\.\/x\)" leaves the workspace/),
    ]);
  });
});
