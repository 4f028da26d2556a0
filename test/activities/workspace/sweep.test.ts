import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { mountsBelow } from '../../../activities/workspace/mounts.ts';
import { SIZE_FILE } from '../../../activities/workspace/tree-cache.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';
import { fingerprint } from './git-fixture.ts';
import { bench, FILES, snapshot, workspacesOf } from './workspace-fixture.ts';

describe('several workers of one home', () => {
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    await workspacesOf().sweep();
  });

  async function hold(source: WorkspaceSource, count: number): Promise<{ child: ChildProcess; roots: string[] }> {
    writeFileSync(bench.path('source.json'), JSON.stringify(source));
    const args = [
      join(import.meta.dirname, 'holder.ts'),
      bench.path('store'),
      bench.home,
      bench.path('source.json'),
      count.toString(),
    ];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    return { child, roots: JSON.parse(line.toString()) as string[] };
  }

  it('end with one whole tree when they build it at the same time', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const held = await Promise.all([hold(source, 4), hold(source, 4), hold(source, 4)]);
    expect(readdirSync(join(bench.home, 'trees'))).toEqual([source.tree]);
    for (const { roots } of held)
      for (const root of roots) expect(readFileSync(join(root, 'a.txt'), 'utf8')).toBe(FILES['a.txt']);
    for (const { child } of held) {
      child.stdin?.write('end\n');
      await once(child, 'close');
    }
    expect(await mountsBelow(bench.home)).toEqual([]);
  });

  it('sweep away what a killed one has left, and nothing of those that live', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const [dead, live] = [await hold(source, 4), await hold(source, 4)];
    dead.child.kill('SIGKILL');
    await once(dead.child, 'close');
    const mine = await workspacesOf().open(source);
    writeFileSync(join(mine.root, 'a.txt'), 'mine');
    writeFileSync(join(live.roots[0] ?? '', 'a.txt'), 'theirs');
    const tree = fingerprint(join(bench.home, 'trees', source.tree, 'files'));
    await workspacesOf().sweep();
    expect(dead.roots.filter((root) => existsSync(root))).toEqual([]);
    const mounts = await mountsBelow(bench.home);
    expect(mounts.filter((mount) => mount.includes(`-${String(dead.child.pid)}-`))).toEqual([]);
    expect(readFileSync(join(live.roots[0] ?? '', 'a.txt'), 'utf8')).toBe('theirs');
    expect((await mine.changes())?.files).toEqual(['a.txt']);
    expect(fingerprint(join(bench.home, 'trees', source.tree, 'files'))).toBe(tree);
    expect(readdirSync(join(bench.home, 'owners'))).toHaveLength(2);
  });

  it('sweep away trees unused for weeks, but not one somebody has open', async () => {
    const [used, unused] = [
      await snapshot(bench.repository('used', FILES)),
      await snapshot(bench.repository('unused', { x: 'x' })),
    ];
    const workspaces = workspacesOf();
    const workspace = await workspaces.open(used);
    await (await workspaces.open(unused)).close();
    const old = Date.now() / 1000 - 20 * 86_400;
    for (const { tree } of [used, unused]) utimesSync(join(bench.home, 'trees', tree), old, old);
    await workspaces.sweep();
    expect(readdirSync(join(bench.home, 'trees'))).toEqual([used.tree]);
    expect(readFileSync(join(workspace.root, 'a.txt'), 'utf8')).toBe(FILES['a.txt']);
    expect((await workspaces.open(unused)).tree).toBe(unused.tree);
  });

  describe('keep their shared trees within a limit', () => {
    const hour = 3_600;
    const trees = (): string[] => readdirSync(join(bench.home, 'trees')).sort();
    const age = (tree: string, seconds: number): void => {
      const then = Date.now() / 1000 - seconds;
      utimesSync(join(bench.home, 'trees', tree), then, then);
    };
    const bytesOf = (tree: string): number => Number(readFileSync(join(bench.home, 'trees', tree, SIZE_FILE), 'utf8'));

    async function built(...names: string[]): Promise<WorkspaceSource[]> {
      const workspaces = workspacesOf();
      const sources = [];
      for (const name of names) {
        const source = await snapshot(bench.repository(name, { [name]: name.repeat(100_000) }));
        await (await workspaces.open(source, { mayWrite: false })).close();
        sources.push(source);
      }
      return sources;
    }

    it('that takes the longest unused first, and what is open never', async () => {
      const [open, oldest, old, recent] = (await built('open', 'oldest', 'old', 'recent')).map(({ tree }) => tree) as [
        string,
        ...string[],
      ];
      const held = await workspacesOf().open((await built('open'))[0]!, { mayWrite: false });
      for (const [tree, hours] of [
        [open, 90],
        [oldest!, 80],
        [old!, 70],
        [recent!, 60],
      ] as const)
        age(tree, hours * hour);
      const limit = bytesOf(open) + bytesOf(recent!) + bytesOf(old!) - 1;
      await workspacesOf(undefined, limit).sweep();
      expect(trees()).toEqual([open, recent!].sort());
      await workspacesOf(undefined, 1).sweep();
      expect(trees()).toEqual([open]);
      expect(readFileSync(join(held.root, 'open'), 'utf8')).toHaveLength(400_000);
    });

    it('but for one that was opened a moment ago and is not held yet', async () => {
      const [{ tree }] = (await built('new')) as [WorkspaceSource];
      await workspacesOf(undefined, 1).sweep();
      expect(trees()).toEqual([tree]);
    });

    it('and look again when a tenth of it is new', async () => {
      const [first] = (await built('first')) as [WorkspaceSource];
      age(first.tree, hour);
      const next = await snapshot(bench.repository('next', FILES));
      await workspacesOf(undefined, 1).open(next);
      await expect.poll(trees).toEqual([next.tree]);
    });

    it('and count one whose size nobody wrote down', async () => {
      const [{ tree }] = (await built('sizeless')) as [WorkspaceSource];
      const bytes = bytesOf(tree);
      rmSync(join(bench.home, 'trees', tree, SIZE_FILE));
      age(tree, hour);
      await workspacesOf(undefined, 4 * bytes).sweep();
      expect(trees()).toEqual([tree]);
      await workspacesOf(undefined, bytes - 1).sweep();
      expect(trees()).toEqual([]);
    });
  });
});
