import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../client/config.ts';
import type { FleetSource, StartOptions } from '../../../client/library/library.ts';
import { review } from '../../../client/mcp/review.ts';
import { ceilingOf, type ServerLimits } from '../../../client/mcp/server-limits.ts';
import { planOf } from '../../../client/spec/plan-of.ts';
import type { FleetPlan } from '../../../client/spec/plan.ts';

let top: string;
let cwd: string;
beforeAll(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'muster-review-')));
  cwd = join(top, 'work');
  for (const directory of ['work/sub', 'work/src', 'elsewhere', 'beside'])
    mkdirSync(join(top, directory), { recursive: true });
  symlinkSync(join(top, 'elsewhere'), join(cwd, 'way-out'));
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

interface Given {
  allow?: string[];
  deny?: string[];
  limits?: Partial<ServerLimits>;
  options?: StartOptions;
  isSimulated?: boolean;
  modest?: boolean;
  notes?: string[];
}

async function reviewed(source: FleetSource, given: Given = {}): Promise<FleetPlan> {
  const { allow = [], deny = [], limits, options = {}, isSimulated = true, modest = false, notes = [] } = given;
  const plan = await planOf(source, { ...options, cwd, config: readConfig({ MUSTER_HOME: join(top, 'home') }, cwd) });
  const server = { cwd, roots: [cwd], ceiling: ceilingOf(allow, deny), budgetMicroUsd: null, maxAgents: undefined };
  const whole = { ...server, isSimulated: false, waitMs: 0, ...limits };
  return review(plan, whole, { isSimulated, isModest: () => modest, onNote: (note) => notes.push(note) });
}

const tasks = (count: number, more: object = {}): FleetSource => ({
  tasks: Array.from({ length: count }, () => ({ prompt: 'x', ...more })),
});
const one = (permissions: unknown, more: object = {}): FleetSource => tasks(1, { permissions, ...more });

describe('what a server grants', () => {
  it('is `edit` and spawning, and each fleet keeps within it', async () => {
    const plan = await reviewed(one({ allow: ['Edit(src/**)', 'spawn_subagents'] }), { deny: ['Read(secret/**)'] });
    expect(plan.tasks[0]!.permissions).toEqual({
      allow: ['Read', 'Edit(src/**)', 'spawn_subagents'],
      deny: ['Read(secret/**)'],
      mode: 'dontAsk',
    });
  });

  it.each(['Bash', 'Bash(ls:*)', 'WebFetch(domain:a.test)', 'mcp__docs__*', 'Edit'])(
    'is not %s, which only a person grants',
    async (rule) => {
      const asked = { allow: [rule] };
      await expect(reviewed(one(asked))).rejects.toMatchObject({
        code: 'not_allowed',
        message: expect.stringContaining(`task-1: ${rule}`) as string,
        hint: expect.stringContaining('muster mcp --allow') as string,
      });
    },
  );

  it('grows by what a person allows, and no further', async () => {
    const allow = ['Bash(npm test:*)'];
    const plan = await reviewed(one({ allow: ['Bash(npm test --silent)'] }), { allow });
    expect(plan.tasks[0]!.permissions.allow).toContain('Bash(npm test --silent)');
    await expect(reviewed(one({ allow: ['Bash(npm run:*)'] }), { allow })).rejects.toMatchObject({
      code: 'not_allowed',
    });
  });

  it('is what a task gets of its default, where it says nothing', async () => {
    const plan = await reviewed(one(undefined), { deny: ['Edit'], modest: true });
    expect(plan.tasks[0]!.permissions).toMatchObject({ allow: ['Read', 'Edit(**)'], deny: ['Edit'] });
  });

  it('holds for MCP servers too, which are connected before a tool is called', async () => {
    const asking = tasks(1, { mcp_servers: { docs: { url: 'https://docs.test/mcp' } } });
    await expect(reviewed(asking, { modest: true })).rejects.toThrow('task-1: mcp__docs');
    await expect(reviewed(asking, { modest: true, allow: ['mcp__docs__search'] })).resolves.toBeDefined();
  });

  it("is told from the server's directory, also to a task in one below", async () => {
    const below = await reviewed(one({ allow: ['Edit(**)'] }, { working_directory: 'sub' }), {
      deny: ['Edit(sub/a.txt)'],
    });
    expect(below.tasks[0]!.permissions).toMatchObject({ allow: ['Read', 'Edit(**)'], deny: ['Edit(**/sub/a.txt)'] });
  });

  it('names the first few of many tasks', async () => {
    await expect(reviewed(tasks(9, { permissions: 'full' }))).rejects.toThrow(/task-1: .*task-5: [^;]*; and 4 more$/);
  });

  it('bounds what a parent and a script may hand on', async () => {
    const parent = await reviewed({ prompt: 'Look.' }, { deny: ['Edit'] });
    expect(parent.tasks[0]!.permissions).toMatchObject({
      allow: ['Read', 'Edit(**)', 'spawn_subagents'],
      deny: ['Edit'],
    });
    await expect(reviewed({ prompt: 'Look.' }, { options: { allow: ['Bash'] } })).rejects.toMatchObject({
      code: 'not_allowed',
    });
    const script = "export const meta = { name: 's', description: 'd' };\nreturn await agent('x');\n";
    const { script: planned } = await reviewed({ script }, { deny: ['Edit(src/**)'] });
    expect(planned!.ceiling).toEqual({ ...ceilingOf([], ['Edit(src/**)']) });
    expect(planned!.defaults.permissions.deny).toEqual(['Edit(src/**)']);
    await expect(reviewed({ script }, { options: { allow: ['Bash'] } })).rejects.toThrow(/s: Bash/);
  });
});

describe('where a fleet may work', () => {
  it.each([['../beside'], ['way-out'], ['/']])('is not %s', async (working_directory) => {
    await expect(reviewed(tasks(1, { working_directory }))).rejects.toMatchObject({
      code: 'outside',
      hint: expect.stringContaining('--add-dir') as string,
    });
  });

  it('is the directory of the server, what lies in it, and what a person added', async () => {
    await expect(reviewed(tasks(1, { working_directory: 'sub' }))).resolves.toBeDefined();
    const limits = { roots: [cwd, join(top, 'beside')] };
    await expect(reviewed(tasks(1, { working_directory: '../beside' }), { limits })).resolves.toBeDefined();
  });

  it('runs no command of a file on this machine', async () => {
    const file = join(cwd, 'fleet.yaml');
    writeFileSync(file, `targets: [sub]\neligible: touch ${join(top, 'ran')}\ntask: { prompt: x }\n`);
    await expect(reviewed({ file })).rejects.toMatchObject({ code: 'not_allowed' });
  });
});

describe('how many and for how much', () => {
  it('is asked about before a dozen subagents on the real Claude', async () => {
    await expect(reviewed(tasks(12), { isSimulated: false })).resolves.toBeDefined();
    await expect(reviewed(tasks(13))).resolves.toBeDefined();
    await expect(reviewed(tasks(13), { isSimulated: false })).rejects.toMatchObject({
      code: 'no_budget',
      message: '13 subagents on the real Claude and no budget',
      hint: 'pass `budget_usd` (a hard cap), or `simulate: true`',
    });
    await expect(reviewed(tasks(13), { isSimulated: false, options: { budgetUsd: 5 } })).resolves.toMatchObject({
      maxBudgetMicroUsd: 5_000_000,
    });
  });

  it('counts those that may be spawned', async () => {
    const given = { isSimulated: false };
    await expect(reviewed({ prompt: 'Look.' }, given)).rejects.toThrow('up to 1001 subagents');
    await expect(reviewed({ prompt: 'Look.' }, { ...given, options: { maxAgents: 11 } })).resolves.toBeDefined();
    const script = "export const meta = { name: 's', description: 'd' };\nreturn 1;\n";
    await expect(reviewed({ script }, given)).rejects.toThrow('up to 1000 subagents');
  });

  it("is never more than the server's cap, which stands in for a budget", async () => {
    const notes: string[] = [];
    const given = { isSimulated: false, notes, limits: { budgetMicroUsd: 3_000_000 } };
    expect((await reviewed(tasks(20), given)).maxBudgetMicroUsd).toBe(3_000_000);
    expect((await reviewed(tasks(20), { ...given, options: { budgetUsd: 1 } })).maxBudgetMicroUsd).toBe(1_000_000);
    expect(notes).toEqual([]);
    expect((await reviewed(tasks(20), { ...given, options: { budgetUsd: 9 } })).maxBudgetMicroUsd).toBe(3_000_000);
    expect(notes).toEqual(["the budget is $3, which is this server's cap"]);
  });

  it('is bounded by the number of a server, spawned ones included', async () => {
    const limits = { maxAgents: 10 };
    expect((await reviewed(tasks(4), { limits })).maxTotalAgents).toBe(6);
    expect((await reviewed(tasks(4), { limits, options: { maxAgents: 2 } })).maxTotalAgents).toBe(2);
    await expect(reviewed(tasks(11), { limits })).rejects.toMatchObject({ code: 'too_many' });
  });
});
