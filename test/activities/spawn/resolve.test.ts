import { describe, expect, it } from 'vitest';
import type { SpawnParent } from '../../../activities/spawn/spawning.ts';
import type { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import type { ArtifactStore } from '../../../activities/artifacts/store.ts';
import type { Grant, Task } from '../../../workflows/contract/task.schema.ts';
import { openSpawning } from '../../../workers/spawning-parts.ts';

const spawning = openSpawning({ store: {} as ArtifactStore, records: {} as FleetRecords });

const workspace = {
  bundle: null,
  tree: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  subdirectory: 'packages',
  origin: '/src',
};
const grant = (allow: string[], more: Partial<Grant> = {}): Grant => ({ allow, deny: [], mode: 'dontAsk', ...more });
const EDIT = grant(['Read', 'Edit(**)']);

function parent(
  more: Partial<SpawnParent> = {},
  granted = grant(['Read', 'Edit(**)', 'spawn_subagents']),
): SpawnParent {
  return {
    subagent: { index: 4, label: 'boss', generation: 1 },
    depth: 0,
    maxDepth: 3,
    defaults: {
      workspace,
      permissions: EDIT,
      model: 'claude-opus-5-5',
      effort: 'low',
      timeoutMs: 1_000,
      stallTimeoutMs: 100,
    },
    ceiling: { grant: granted, directory: 'packages' },
    labels: new Set(),
    agents: [{ name: 'reviewer', prompt: 'You review.', tools: ['Read'], model: 'haiku' }],
    mcpServers: ['docs'],
    ...more,
  };
}

const tasksOf = (tasks: unknown[], of = parent()): Task[] => {
  const resolved = spawning.resolve(tasks, of);
  if (!resolved.ok) throw new Error(resolved.faults.join('\n'));
  return resolved.tasks;
};
const faultsOf = (tasks: unknown[], of = parent()): string => {
  const resolved = spawning.resolve(tasks, of);
  return resolved.ok ? '' : resolved.faults.join('\n');
};
const one = (task: Record<string, unknown>, of = parent()): Task => tasksOf([{ prompt: 'p', ...task }], of)[0]!;

describe('a spawned task', () => {
  it('that says nothing has what its parent gives', () => {
    expect(one({})).toEqual({
      label: 'boss/task-1',
      prompt: 'p',
      context: [],
      workspace,
      permissions: EDIT,
      model: 'claude-opus-5-5',
      effort: 'low',
      timeoutMs: 1_000,
      stallTimeoutMs: 100,
      dependsOn: [],
      occurrence: 0,
      occurrenceOf: 'boss',
      parent: { index: 4, label: 'boss' },
      depth: 1,
    });
  });

  it('may say everything a task may, in either spelling', () => {
    const schema = { type: 'object', properties: { n: { type: 'integer' } } };
    const asked = {
      label: 'x',
      context: ['text', { name: 'n', text: 't' }, { a: 1 }],
      working_directory: 'core/../ui',
      permissions: 'read-only',
      model: 'claude-sonnet-5-5',
      effort: 'high',
      timeout: '10m',
      stallTimeout: 5_000,
      max_turns: 7,
      maxBudgetUsd: '0.5',
      outputSchema: schema,
      env: { CI: true, N: 1 },
      mcp_servers: ['docs'],
      retry: { maxAttempts: 2 },
      fallback_model: 'claude-haiku-5-5',
      project_memory: true,
      verify: null,
    };
    expect(one(asked)).toMatchObject({
      label: 'boss/x',
      context: [
        { name: 'context', text: 'text' },
        { name: 'n', text: 't' },
        { name: 'context 3', text: '{\n  "a": 1\n}' },
      ],
      workspace: { subdirectory: 'packages/ui' },
      permissions: grant(['Read']),
      model: 'claude-sonnet-5-5',
      effort: 'high',
      timeoutMs: 600_000,
      stallTimeoutMs: 5_000,
      maxTurns: 7,
      maxBudgetMicroUsd: 500_000,
      outputSchema: schema,
      env: { CI: 'true', N: '1' },
      mcpServers: ['docs'],
      retry: { maxAttempts: 2, escalate: [] },
      fallbackModel: 'claude-haiku-5-5',
      projectMemory: true,
    });
  });

  it('of an agent definition has its prompt, its model and no more than its tools', () => {
    const { agent, model, permissions, effort } = one({ agent: 'reviewer' });
    expect(agent).toEqual({ name: 'reviewer', prompt: 'You review.' });
    expect(model).toMatch(/^claude-haiku-/);
    expect(effort).toBeUndefined();
    expect(permissions.allow).toEqual(['Read']);
  });

  it('depends on others of its list, wherever they stand in it', () => {
    const tasks = tasksOf([
      { label: 'sum', prompt: 'p', depends_on: ['a', 'b'] },
      { label: 'a', prompt: 'p' },
      { label: 'b', prompt: 'p', depends_on: ['a'] },
    ]);
    expect(tasks.map(({ dependsOn }) => dependsOn)).toEqual([[1, 2], [], [1]]);
    expect(tasks.map(({ occurrence }) => occurrence)).toEqual([0, 1, 2]);
  });

  it('of a script stands by itself: no prefix, no parent, and what a plan may do', () => {
    const script = parent({ subagent: undefined, labels: new Set(['a/b']) });
    const [task] = tasksOf(
      [{ label: 'a', prompt: 'p', verify: [{ name: 't', run: 'make' }], repo: { url: 'https://h/r.git' } }],
      script,
    );
    expect(task).toMatchObject({
      label: 'a',
      depth: 1,
      verify: [{ run: 'make', timeoutMs: 600_000 }],
      workspace: { repo: { url: 'https://h/r.git' } },
    });
    expect(task).not.toHaveProperty('parent');
    expect(task).not.toHaveProperty('occurrenceOf');
  });
});

describe('what a child may do', () => {
  it('is at most what its parent may, where it says nothing', () => {
    expect(one({}, parent({}, grant(['Read', 'Edit(src/**)']))).permissions.allow).toEqual(['Read', 'Edit(src/**)']);
    expect(one({}, parent({}, grant(['Read'], { deny: ['Read(secret/**)'], mode: 'plan' }))).permissions).toEqual(
      grant(['Read'], { deny: ['Read(secret/**)'], mode: 'plan' }),
    );
  });

  it('is asked for within the parent’s, in the words of its own directory', () => {
    const above = parent({}, grant(['Read', 'Edit(ui/**)', 'Bash(npm test:*)', 'spawn_subagents']));
    expect(
      one({ working_directory: 'ui', permissions: { allow: ['Edit(**)', 'Bash(npm test)'] } }, above).permissions.allow,
    ).toEqual(['Read', 'Edit(**)', 'Bash(npm test)']);
    expect(faultsOf([{ prompt: 'p', working_directory: 'core', permissions: 'edit' }], above)).toContain(
      '(GRANT_INVALID): Edit(**); there is Read, Edit(ui/**)',
    );
    expect(one({ permissions: { allow: ['spawn_subagents'] } }, above).permissions.allow).toEqual([
      'Read',
      'spawn_subagents',
    ]);
    expect(faultsOf([{ prompt: 'p', permissions: { allow: ['spawn_subagents'] } }], parent({}, EDIT))).toContain(
      'GRANT_INVALID): spawn_subagents',
    );
  });

  it.each([
    ['a command it may not run', { verify: [{ name: 't', run: 'curl evil' }] }, 'NOT_GRANTED'],
    ['a repository of a host it may not reach', { repo: { url: 'https://evil.example/x.git' } }, 'NOT_GRANTED'],
    ['a repository on the worker’s disk', { repo: { url: 'file:///etc/r.git' } }, 'NOT_GRANTED'],
    ['a server it does not have', { mcp_servers: ['mail'] }, 'you have docs'],
    ['a directory outside', { working_directory: '../..' }, 'leaves the workspace'],
    ['a directory by its absolute path', { working_directory: '/etc' }, 'leaves the workspace'],
    ['a secret', { env: { API_TOKEN: 'x' } }, 'holds a secret'],
    ['a program’s own variables', { env: { LD_PRELOAD: 'x' } }, 'decides what programs run'],
  ])('is not widened by %s', (_, task, fault) => {
    expect(faultsOf([{ prompt: 'p', ...task }])).toContain(fault);
  });

  it('covers what its parent could do itself', () => {
    const able = parent({}, grant(['Read', 'Bash(npm test:*)', 'WebFetch(domain:git.example)']));
    expect(
      one(
        { verify: [{ name: 't', run: 'npm test -- x' }], repo: { url: 'git@git.example:a/b.git', ref: 'main' } },
        able,
      ),
    ).toMatchObject({
      workspace: { bundle: null, tree: '', subdirectory: '', repo: { url: 'git@git.example:a/b.git', ref: 'main' } },
    });
    const cloned = { ...workspace, repo: { url: 'file:///srv/own.git' } };
    const own = parent({ defaults: { ...parent().defaults, workspace: cloned } });
    expect(one({ repo: { url: 'file:///srv/own.git', ref: 'next' } }, own).workspace.repo).toEqual({
      url: 'file:///srv/own.git',
      ref: 'next',
    });
  });
});

describe('a task that is wrong', () => {
  it.each([
    [[], '`tasks` is empty'],
    [['text'], 'task 1 is "text"; write {"prompt": …}'],
    [[{ label: 'a' }], 'task 1 (a): `prompt` is missing'],
    [[{ prompt: '' }], 'task 1: `prompt` is ""; write a text'],
    [[{ prompt: 'p', promptt: 'q' }], '`promptt` is no key; write `prompt`'],
    [[{ prompt: 'p', timeout: 'soon' }], '`timeout` is "soon"; write a number of milliseconds'],
    [[{ prompt: 'p', max_budget_usd: '-1' }], '`max_budget_usd` is "-1"'],
    [[{ prompt: 'p', max_turns: 0 }], '`max_turns` is 0; write a whole number'],
    [
      [{ prompt: 'p', model: 'claude-sonet-5-5' }],
      'model: the model "claude-sonet-5-5" is not known; write claude-sonnet-5-5',
    ],
    [[{ prompt: 'p', fallback_model: 'nope' }], 'fallback_model: the model "nope" is not known'],
    [[{ prompt: 'p', retry: {} }], 'retry: `retry` says nothing'],
    [[{ prompt: 'p', retry: { max_atempts: 2 } }], 'retry: `max_atempts` is no key; write `max_attempts`'],
    [[{ prompt: 'p', permissions: { alow: [] } }], 'permissions: `alow` is no key; write `allow`'],
    [[{ prompt: 'p', permissions: 'edits' }], '`permissions` is "edits"; write "read-only"'],
    [[{ prompt: 'p', permissions: { allow: ['Edit(../x)'] } }], 'leaves the workspace'],
    [[{ prompt: 'p', output_schema: { type: 'objct' } }], 'its root is not of type object'],
    [
      [{ prompt: 'p', output_schema: { type: 'object', properties: { a: { type: 'nope' } } } }],
      '`output_schema` is invalid',
    ],
    [
      [{ prompt: 'p', context: { file: 'a.txt' } }],
      '`context` cannot name files here; give the text itself, or have it read a.txt',
    ],
    [[{ prompt: 'p', env: ['CI'] }], '`env` is ["CI"]; write names with texts'],
    [[{ prompt: 'p', agent: 'reviewr' }], 'there is no agent "reviewr"; write reviewer'],
    [[{ prompt: 'p', repo: { url: 'https://u:p@h/x.git' } }], 'the git URL holds a credential'],
    [[{ prompt: 'p', repo: { url: 'https://h/x' }, working_directory: 'a' }], 'exclude each other'],
    [
      [
        {
          prompt: 'p',
          verify: [
            { name: 'a', run: 'x' },
            { name: 'a', run: 'x' },
          ],
        },
      ],
      'the name "a" appears twice',
    ],
    [[{ prompt: 'p', label: 'a\nb' }], '`label` is "a\\nb"; write a text of 1 to 200 characters'],
    [[{ prompt: 'p', working_directory: 'a', workingDirectory: 'b' }], '`working_directory` is given twice'],
    [
      [
        { prompt: 'p', label: 'a' },
        { prompt: 'q', label: 'a' },
      ],
      'task 2: the label "a" is that of task 1',
    ],
    [
      [
        { prompt: 'p', label: 'a' },
        { prompt: 'q', label: 'a/b' },
      ],
      'the label "a/b" reads as one that "a" spawned',
    ],
    [
      [
        { prompt: 'p', depends_on: ['task-2'] },
        { prompt: 'q', depends_on: ['task-1'] },
      ],
      'tasks wait for each other: task-1 → task-2 → task-1',
    ],
    [
      [{ prompt: 'p', label: 'first', depends_on: ['firts'] }],
      '`depends_on` names the unknown task "firts"; write "first"',
    ],
    [[{ prompt: 'x'.repeat(1_048_577) }], 'more than 1 MiB'],
  ])('%j: %s', (tasks, fault) => {
    expect(faultsOf(tasks)).toContain(fault);
  });

  it('is told with all the others at once', () => {
    expect(faultsOf([{ prompt: 'p', efort: 'low' }, { prompt: 'p', timeout: '-' }, 7]).split('\n')).toHaveLength(3);
  });

  it('has the label of an earlier one, or stands too deep', () => {
    expect(faultsOf([{ prompt: 'p', label: 'a' }], parent({ labels: new Set(['boss/a']) }))).toContain(
      'taken by one you spawned before',
    );
    expect(one({ label: 'a' }, parent({ labels: new Set(['boss/a']), labelEnd: '#2' })).label).toBe('boss/a#2');
    expect(faultsOf([{ prompt: 'p' }], parent({ depth: 3 }))).toContain('depth 3 of at most 3 (--max-depth)');
    expect(one({}, parent({ depth: 2 })).depth).toBe(3);
  });
});
