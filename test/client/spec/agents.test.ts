import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FleetDirectory } from './fleet-directory.ts';

const agent = (front: string, prompt = 'You review.'): string => `---\n${front}\n---\n\n${prompt}\n`;

let directory: FleetDirectory;
beforeEach(() => {
  directory = new FleetDirectory({ '.git/': '', 'deep/er/': '' });
});
afterEach(() => directory[Symbol.dispose]());

const write = (name: string, text: string, below = ''): void =>
  directory.write(join(below, '.claude/agents', `${name}.md`), text);
const load = (more = '', keys = '') => directory.load(`${keys}tasks:\n  - { prompt: a, agent: reviewer${more} }\n`);
const faults = (more = '') => directory.faults(`tasks:\n  - { prompt: a, agent: reviewer${more} }\n`);

describe('agent definitions', () => {
  test('give prompt, model and tools; what the task names itself wins', async () => {
    write('reviewer', agent('name: reviewer\ndescription: Reviews\ntools: Read, Grep\nmodel: haiku\ncolor: blue'));
    const { tasks, warnings } = await load(', permissions: full');
    expect(tasks[0]).toMatchObject({
      agent: { name: 'reviewer', prompt: 'You review.' },
      model: 'claude-haiku-5-5',
      permissions: { allow: ['Read'], deny: ['Glob'] },
    });
    expect(warnings).toEqual([]);
    expect((await load(', model: claude-opus-5-5')).tasks[0]!.model).toBe('claude-opus-5-5');
  });

  test.each([
    ['inherit', 'claude-sonnet-5-5'],
    ['opus', 'claude-opus-5-5'],
    ['claude-sonnet-4-6', 'claude-sonnet-4-6'],
  ])('mean by the model %s %s', async (model, expected) => {
    write('reviewer', agent(`name: reviewer\nmodel: ${model}`));
    expect((await load()).tasks[0]!.model).toBe(expected);
  });

  test('are read only where a task asks for them, and never widen what it may do', async () => {
    write('reviewer', agent('name: reviewer\ntools: [Read, Edit, Bash, WebFetch, WebSearch]'));
    expect((await directory.load('tasks: [{ prompt: a }]')).tasks[0]).not.toHaveProperty('agent');
    const { tasks, warnings } = await load(', permissions: read-only');
    expect(tasks[0]!.permissions.allow).toEqual(['Read']);
    expect(warnings).toEqual(['the agent reviewer names the tool WebSearch, which muster does not have']);
  });

  test("are those nearest to the working directory, and the fleet file's where it has none", async () => {
    write('reviewer', agent('name: reviewer', 'of the root'));
    write('reviewer', agent('name: reviewer', 'of deep'), 'deep');
    expect((await load(', workingDirectory: deep/er')).tasks[0]!.agent!.prompt).toBe('of deep');
    using other = new FleetDirectory({ '.git/': '' });
    expect((await load(`, workingDirectory: ${other.path}`)).tasks[0]!.agent!.prompt).toBe('of the root');
    expect((await load(', repo: { url: https://example.com/a.git }')).tasks[0]!.agent!.prompt).toBe('of the root');
    other.write('.claude/agents/reviewer.md', agent('name: reviewer', 'of the other'));
    expect((await load(`, workingDirectory: ${other.path}`)).tasks[0]!.agent!.prompt).toBe('of the other');
  });

  test('are not looked for above the repository', async () => {
    using outer = new FleetDirectory({ 'inner/.git/': '' });
    outer.write('.claude/agents/reviewer.md', agent('name: reviewer'));
    outer.write('inner/fleet.yaml', 'tasks: [{ prompt: a, agent: reviewer }]\n');
    expect(
      await outer
        .faults('tasks: [{ prompt: a, agent: reviewer, workingDirectory: inner }]')
        .then(() => 'found no fault')
        .catch((error: unknown) => String(error)),
    ).toContain('the fleet is valid');
    using apart = new FleetDirectory({ '.git/': '' });
    const said = await apart.faults(`tasks: [{ prompt: a, agent: reviewer, workingDirectory: ${outer.path}/inner }]`);
    expect(said.join()).toContain('there is no agent "reviewer"');
  });

  test('keys of the original without effect here are warned of', async () => {
    write('reviewer', agent('name: critic\npermissionMode: bypassPermissions\nhooks: {}'));
    expect((await load()).warnings).toEqual([
      'the agent reviewer has `permissionMode`, which is not supported: it has no effect',
      'the agent reviewer has `hooks`, which is not supported: it has no effect',
      'the agent in reviewer.md calls itself "critic"',
    ]);
  });

  test('that are missing name those there are', async () => {
    expect(await faults()).toEqual([
      'fleet.yaml:2:25: there is no agent "reviewer"; write its definition to .claude/agents/reviewer.md',
    ]);
    write('planner', agent('name: planner'));
    write('tester', agent('name: tester'), 'deep');
    expect((await faults(', workingDirectory: deep')).join()).toContain('there are planner, tester');
    write('reviewers', agent('name: reviewers'));
    expect((await faults()).join()).toContain('write reviewers');
  });

  test.each([
    ['no front matter', 'You review.', 'has no front matter'],
    ['broken front matter', agent('name: ['), 'has front matter that is no YAML'],
    ['a list for front matter', agent('- a'), 'has front matter without keys'],
    ['no prompt', agent('name: reviewer', ''), 'has no prompt'],
    ['tools of another form', agent('name: reviewer\ntools: { a: 1 }'), 'has `tools` or `model` of another form'],
    ['an unknown model', agent('name: reviewer\nmodel: cloud'), 'the agent reviewer: the model "cloud" is not known'],
    ['too much text', agent('name: reviewer', 'x'.repeat(1_048_577)), 'is no file of up to 1 MiB'],
  ])('with %s are a fault where they are asked for', async (_, text, expected) => {
    write('reviewer', text);
    const said = await faults();
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^fleet\.yaml:2:25: /);
    expect(said[0]).toContain(expected);
  });

  test('that are links out of the repository are refused: they would send a file of this machine to a model', async () => {
    using outside = new FleetDirectory({ 'secret.md': agent('name: reviewer', 'private') });
    mkdirSync(join(directory.path, '.claude/agents'), { recursive: true });
    symlinkSync(join(outside.path, 'secret.md'), join(directory.path, '.claude/agents/reviewer.md'));
    expect((await faults()).join()).toContain('lies outside of its repository');
    writeFileSync(join(directory.path, 'inside.md'), agent('name: inner', 'ours'));
    symlinkSync(join(directory.path, 'inside.md'), join(directory.path, '.claude/agents/inner.md'));
    const { tasks } = await directory.load('tasks: [{ prompt: a, agent: inner }]');
    expect(tasks[0]!.agent).toEqual({ name: 'inner', prompt: 'ours' });
  });
});
