import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import { collect } from '../../../client/fleet-client/bounded.ts';
import { initialUnits, register, type Registered } from '../../../client/fleet-client/submit.ts';
import type { FleetSource, StartOptions } from '../../../client/library/library.ts';
import { planOf } from '../../../client/spec/plan-of.ts';
import { InvalidFleet, type FleetPlan } from '../../../client/spec/plan.ts';
import type { Manifest } from '../../../workflows/contract/task.schema.ts';
import { FleetDirectory } from '../spec/fleet-directory.ts';

const SCRIPT = `export const meta = { name: 'review', description: 'Reviews' }
await workflow('inner')
return await agent('Look around.')
`;
const INNER = "export const meta = { name: 'inner', description: 'Inner' }\nreturn 1\n";

let directory: FleetDirectory;
let store: DiskStore;
let records: FleetRecords;
beforeEach(async () => {
  directory = new FleetDirectory({
    'lib/a.txt': 'a',
    'review.js': SCRIPT,
    'lib/.claude/workflows/inner.js': INNER,
    'lib/.claude/agents/reviewer.md': '---\nname: reviewer\n---\nReview.\n',
  });
  store = await DiskStore.open(join(directory.path, '.artifacts'));
  records = new FleetRecords(store);
});
afterEach(() => directory[Symbol.dispose]());

function plan(source: FleetSource, options: StartOptions = {}): Promise<FleetPlan> {
  const operator = { mcpServers: {} } as never;
  const config = { model: undefined, concurrency: undefined, environment: { HOME: '/nowhere' }, operator };
  return planOf(source, { ...options, cwd: join(directory.path, 'lib'), config });
}

function written(made: FleetPlan): Promise<Registered> {
  const cacheDirectory = join(directory.path, '.cache');
  return register(
    made,
    { store, records },
    {
      snapshot: (path) => snapshotDirectory(path, { store, cacheDirectory }),
      placement: async () => ({ agentsQueue: 'q', endpoint: 'simulated', isSimulated: true, reuse: 'auto' }),
    },
  );
}

const text = async (ref: string): Promise<string> => Buffer.from(await store.get(ref)).toString();
const manifestOf = async (made: FleetPlan): Promise<Manifest> => records.manifest((await written(made)).fleet.manifest);

describe('a script', () => {
  it('is written down with no tasks, its texts, its arguments and the files it works on', async () => {
    const made = await plan({ script: '../review.js', args: { base: 'main' } }, { maxAgents: 20, allow: ['Bash(ls)'] });
    const { fleet, isNew } = await written(made);
    expect(isNew).toBe(true);
    expect(fleet).toMatchObject({ count: 0, kind: 'script', name: 'review', maxTimeoutMs: 1_800_000 });
    expect(fleet.limits).toMatchObject({ maxTotalAgents: 20, budgetMicroUsd: null });
    expect(initialUnits(made)).toBeUndefined();
    const { script, count, agents } = await records.manifest(fleet.manifest);
    expect({ count, agents }).toEqual({ count: 0, agents: undefined });
    expect(await text(script!.source)).toBe(SCRIPT);
    expect(await text(script!.args!)).toBe('{"base":"main"}');
    expect(await text(script!.saved['inner']!)).toBe(INNER);
    expect(script).toMatchObject({
      ...{ name: 'review', file: '../review.js', agents: [{ name: 'reviewer', prompt: 'Review.' }] },
      ceiling: { allow: ['Read', 'Edit(**)', 'Bash(ls)'] },
      defaults: {
        workspace: { bundle: expect.stringMatching(/^sha256:/) as string, origin: join(directory.path, 'lib') },
      },
    });
  });

  it('has slices for as many as may be in flight, though none is known yet', async () => {
    const { fleet } = await written(await plan({ script: '../review.js' }, { budgetUsd: 1, concurrency: 5 }));
    expect(fleet.limits.sliceMicroUsd).toBe(100_000);
    const few = await written(await plan({ script: '../review.js' }, { budgetUsd: 1, concurrency: 5, maxAgents: 1 }));
    expect(few.fleet.limits.sliceMicroUsd).toBe(250_000);
  });
});

describe('a prompt', () => {
  it('is one subagent, whose fleet knows the agents it may name and how deep it may go', async () => {
    const made = await plan({ prompt: 'Look.' }, { maxDepth: 2, budgetUsd: 1, concurrency: 5 });
    const { fleet } = await written(made);
    expect(fleet).toMatchObject({ count: 1, kind: 'prompt', source: '-', limits: { sliceMicroUsd: 100_000 } });
    expect(await records.manifest(fleet.manifest)).toMatchObject({
      ...{ maxDepth: 2, count: 1 },
      agents: [{ name: 'reviewer', prompt: 'Review.' }],
    });
    expect((await records.task(fleet.manifest, 0)).permissions.allow).toContain('spawn_subagents');
  });
});

describe('waves', () => {
  const WAVES = `rollout: { waves: [1, 100%], gate: { approval: true }, stopOnFailureRate: 0.5 }
tasks: [{ label: a, prompt: a }, { label: b, prompt: b }, { label: c, prompt: c }]
`;

  it('stand in the tasks of those that are eligible, and their gate in the fleet', async () => {
    directory.write('lib/f.yaml', WAVES);
    const made = await plan({ file: 'f.yaml' });
    const tasks = made.tasks.map((task) => ({ ...task, isEligible: task.label !== 'b' }));
    const { fleet, warnings } = await written({ ...made, tasks });
    expect(fleet.rollout).toEqual({ waves: 2, gate: { approval: true }, stopOnFailureRate: 0.5 });
    const stored = await collect(records.tasks(fleet.manifest, 0, 3));
    expect(
      stored
        .map(({ wave }) => wave)
        .filter(Boolean)
        .sort(),
    ).toEqual([1, 2]);
    expect(stored[1]!.wave).toBeUndefined();
    expect(warnings).toEqual([]);
  });

  it('say when they fall together, and are refused before anything is stored when a gate can never open', async () => {
    directory.write('lib/f.yaml', WAVES);
    const made = await plan({ file: 'f.yaml' });
    const one = made.tasks.map((task) => ({ ...task, isEligible: task.label === 'b' }));
    expect((await written({ ...made, tasks: one })).warnings).toEqual([
      expect.stringMatching(/^the only target is in the first/),
    ]);
    const gate = { ...made.rollout!, gate: { minVerified: 0.5 } };
    await expect(written({ ...made, rollout: gate })).rejects.toThrow(InvalidFleet);
    expect(await collect(records.fleets())).toHaveLength(1);
  });
});

describe('the hash of a plan', () => {
  it('is the same for the same file over the same files, and another for anything else', async () => {
    const file = 'params: { what: x }\ntasks: [{ prompt: "${{ params.what }}" }]\n';
    directory.write('lib/f.yaml', file);
    const hash = async (source: FleetSource, options?: StartOptions): Promise<string> =>
      (await manifestOf(await plan(source, options))).planHash!;
    const first = await hash({ file: 'f.yaml' });
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await hash({ file: 'f.yaml' })).toBe(first);
    const others = [
      await hash({ file: 'f.yaml', params: { what: 'y' } }),
      await hash({ file: 'f.yaml' }, { model: 'claude-opus-5-5' }),
      await hash({ file: 'f.yaml' }, { allow: ['Bash'] }),
      await hash({ script: '../review.js' }),
      await hash({ script: '../review.js', args: 1 }),
    ];
    directory.write('lib/a.txt', 'changed');
    others.push(await hash({ file: 'f.yaml' }));
    directory.write('lib/f.yaml', `# a word\n${file}`);
    others.push(await hash({ file: 'f.yaml' }));
    expect(new Set([first, ...others]).size).toBe(1 + others.length);
  });
});
