import { mkdtemp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstMessage } from '../../../activities/subagent/prompt.ts';
import { projectMemory } from '../../../activities/subagent/project-memory.ts';
import type { Task } from '../../../workflows/contract/task.schema.ts';
import { workspaceText } from '../../../activities/tools/workspace-text.ts';
import { say } from '../../support/played-claude.ts';
import { SubagentBench } from '../../support/subagent-bench.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

let bench: SubagentBench;
beforeAll(async () => void (bench = await SubagentBench.start()));
afterAll(() => bench[Symbol.asyncDispose]());

const textsOf = ({ content }: ReturnType<typeof firstMessage>): string[] =>
  (content as { text: string }[]).map(({ text }) => text);

describe('the first message', () => {
  it('begins with what tasks have in common and ends with the task', async () => {
    const task = {
      prompt: 'the task',
      context: [{ name: 'data', text: 'the data' }],
      agent: { name: 'tester', prompt: 'You test.' },
      outputSchema: { type: 'object' },
    } as unknown as Task;
    const prior = [{ label: 'before', result: { output: 'it went well' } }];
    const given = { prior, memory: 'CLAUDE.md:\nuse tabs', variables: ['CI', 'TZ'], lesson: 'tests failed' };
    const texts = textsOf(firstMessage(task, given));
    expect(texts.map((text) => /^<?\w+[^>]*>?/.exec(text)![0])).toEqual([
      '<agent name="tester">',
      '<project_memory>',
      '<context name="data">',
      '<context name="result of before">',
      '<context name="an earlier try of this task, which failed">',
      '<output_schema>',
      '<environment>',
      'the task',
    ]);
  });

  it('names variables of the shell and never their values, and only where there is a shell', async () => {
    const env = { CHOICE: 'value-nobody-tells' };
    const told = async (allow: string[]): Promise<string> => {
      const name = `env-${allow.length.toString()}`;
      const prompt = bench.played.play(name, () => [say('done')]);
      const fleet = await bench.fleet([{ prompt, env, permissions: { allow, deny: [], mode: 'dontAsk' } }]);
      await fleet.run();
      return bench.played.toldAt(name)[0]!;
    };
    expect(await told(['Read', 'Bash'])).toContain('CHOICE');
    expect(await told(['Read', 'Bash'])).not.toContain('value-nobody-tells');
    expect(await told(['Read'])).not.toContain('CHOICE');
  });

  it('says to whom spawning is granted that it is', async () => {
    const told = async (name: string, allow: string[]): Promise<string> => {
      const prompt = bench.played.play(name, () => [say('done')]);
      await (await bench.fleet([{ prompt, permissions: { allow, deny: [], mode: 'dontAsk' } }])).run();
      return bench.played.toldAt(name)[0]!;
    };
    expect(await told('spawns', ['Read', 'spawn_subagents'])).toContain('spawn_subagents is granted');
    expect(await told('spawns-not', ['Read'])).not.toContain('subagents');
  });

  it('is preceded by the same system prompt and tools whatever the task', async () => {
    const prefix = async (name: string, task: Partial<Task>): Promise<string> => {
      const prompt = bench.played.play(name, () => [say('done')]);
      await (await bench.fleet([{ ...task, prompt }])).run();
      const { system, tools } = bench.played.turns.get(name)![0]!.request.body;
      return JSON.stringify({ system, tools });
    };
    const plain = await prefix('plain', {});
    const permissions = { allow: ['Read', 'Bash', 'WebFetch'], deny: [], mode: 'plan' as const };
    expect(await prefix('other', { permissions, agent: { name: 'a', prompt: 'b' }, maxTurns: 1 })).toBe(plain);
  });
});

describe('project memory', () => {
  it('is CLAUDE.md from the root down to the working directory, only when asked for', async () => {
    const source = await bench.source({
      'CLAUDE.md': 'root rules',
      'app/CLAUDE.md': 'app rules',
      'lib/CLAUDE.md': 'no',
    });
    const workspace = { ...source, subdirectory: 'app' };
    const told = async (projectMemory: boolean): Promise<string> => {
      const name = `memory-${projectMemory.toString()}`;
      const prompt = bench.played.play(name, () => [say('done')]);
      await (await bench.fleet([{ prompt, workspace, projectMemory }])).run();
      return bench.played.toldAt(name)[0]!;
    };
    const asked = await told(true);
    expect(asked).toMatch(/root rules.*app\/CLAUDE\.md.*app rules/);
    expect(asked).not.toContain('"no"');
    expect(await told(false)).not.toContain('root rules');
  });

  it('follows a link inside the workspace, none that leaves it, and is cut at 256 KiB', async () => {
    await using outside = await temporaryDirectory();
    await writeFile(join(outside.path, 'secret'), 'canary');
    const root = await mkdtemp(join(outside.path, 'root-'));
    const directory = join(root, 'a/b');
    await mkdir(directory, { recursive: true });
    await writeFile(join(root, 'AGENTS.md'), 'shared rules');
    await symlink('AGENTS.md', join(root, 'CLAUDE.md'));
    await symlink(join(outside.path, 'secret'), join(root, 'a/CLAUDE.md'));
    await writeFile(join(directory, 'CLAUDE.md'), 'x'.repeat(300 * 1024));
    const memory = (await projectMemory({ read: workspaceText }, { root, directory, mayWrite: true }))!;
    expect(memory).toContain('shared rules');
    expect(memory).not.toContain('canary');
    expect(memory.length).toBeLessThan(260 * 1024);
    expect(memory).toMatch(/longer than 256 KiB/);
  });
});
