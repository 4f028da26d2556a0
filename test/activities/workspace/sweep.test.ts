import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { mountsBelow } from '../../../activities/workspace/mounts.ts';
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
});
