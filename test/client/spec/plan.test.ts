import { afterEach, beforeEach, expect, test } from 'vitest';
import { FleetDirectory } from './fleet-directory.ts';

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory({ 'notes.txt': 'a note', 'sub/': '' });
});
afterEach(() => directory[Symbol.dispose]());

test('every default is applied', async () => {
  const plan = await directory.load('tasks:\n  - prompt: look\n');
  expect(plan).toMatchObject({
    name: 'fleet',
    maxConcurrentAgents: 50,
    maxBudgetMicroUsd: null,
    failIf: null,
    warnings: [],
  });
  expect(plan.tasks).toEqual([
    {
      label: 'task-1',
      prompt: 'look',
      context: [],
      model: 'claude-sonnet-5-5',
      timeoutMs: 1_800_000,
      stallTimeoutMs: 180_000,
      permissions: { allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' },
      workspace: { directory: directory.path },
      isEligible: true,
      dependsOn: [],
    },
  ]);
});

test('JSON takes both spellings, a bare list, stdin, and leaves expressions in prompts alone', async () => {
  const text =
    '[{"prompt": "${{ secrets.X }}", "max_turns": 2}, {"prompt": "b", "dependsOn": ["task-1"], "max_budget_usd": "1.1"}]';
  const plan = await directory.load('', { source: '-', stdin: text });
  expect(plan.tasks).toMatchObject([
    { prompt: '${{ secrets.X }}', maxTurns: 2 },
    { dependsOn: [0], maxBudgetMicroUsd: 1_100_000 },
  ]);
});

test('flags win over the file', async () => {
  const text = 'maxConcurrentAgents: 3\nmaxBudgetUsd: 2\ntasks: [{prompt: a, model: claude-a, timeout: 1m}]\n';
  const overrides = { concurrency: 7, budgetUsd: 0.5, model: 'claude-b', timeoutMs: 5_000 };
  const plan = await directory.load(text, { overrides });
  expect(plan).toMatchObject({ maxConcurrentAgents: 7, maxBudgetMicroUsd: 500_000 });
  expect(plan.tasks[0]).toMatchObject({ model: 'claude-b', timeoutMs: 5_000 });
});

test('context may be text, JSON or files', async () => {
  const text =
    'tasks:\n  - {prompt: a, context: hello}\n  - {prompt: a, context: [hi, {file: notes.txt}, {n: 1}]}\n  - {prompt: a, context: {a: [1]}}\n';
  const [first, second, third] = (await directory.load(text)).tasks;
  expect(first!.context).toEqual([{ name: 'context', text: 'hello' }]);
  expect(second!.context.slice(0, 2)).toEqual([
    { name: 'context', text: 'hi' },
    { name: 'notes.txt', text: 'a note' },
  ]);
  expect(JSON.parse(second!.context[2]!.text)).toEqual({ n: 1 });
  expect(JSON.parse(third!.context[0]!.text)).toEqual({ a: [1] });
});

test('one task runs over targets, named, described and labelled after each', async () => {
  directory.write('repos.txt', '# ours\nhttps://host/team/app.git#v2\nsub # a directory\n');
  const text = 'targets: [repos.txt, "*.txt"]\nexclude: repos.txt\ntask: {prompt: "look at ${{ target.name }}"}\n';
  const plan = await directory.load(text);
  expect(plan.tasks).toMatchObject([
    { label: 'app', prompt: 'look at app', workspace: { url: 'https://host/team/app.git', ref: 'v2' } },
    { label: 'sub', workspace: { directory: `${directory.path}/sub` } },
    { label: 'notes.txt', workspace: { directory: directory.path }, context: [{ name: 'target', text: 'notes.txt' }] },
  ]);
});

test('a rule that is never consulted is a warning, not a fault', async () => {
  const plan = await directory.load('tasks:\n  - {prompt: a, permissions: {allow: ["Write(a.txt)"]}}\n');
  expect(plan.warnings).toEqual(['the rule "Write(a.txt)" is never consulted; write Edit(a.txt)']);
});
