import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mayMount } from '../../../activities/workspace/mounts.ts';
import type { CheckoutKind } from '../../../activities/workspace/checkouts.ts';
import { Bench, contents } from './git-fixture.ts';
import { bench, FILES, patchText, snapshot, workspacesOf } from './workspace-fixture.ts';

const scratch = new Bench();
const kinds: CheckoutKind[] = (await mayMount(scratch.path('mount'))) ? ['overlay', 'git'] : ['git'];
scratch.close();

const keeps = (path: string): boolean => path.startsWith('src/');

for (const kind of kinds) {
  describe(`changes a grant does not cover, by ${kind}`, () => {
    it('stay out of the patch and are listed, whatever was done to the file', async () => {
      const source = await snapshot(bench.repository('repo', { ...FILES, 'gone/x': 'x\n', 'moved.txt': 'moved\n' }));
      const workspaces = workspacesOf(kind);
      const workspace = await workspaces.open(source, { keeps });
      const at = (path: string) => join(workspace.root, path);
      writeFileSync(at('src/new.ts'), 'new\n');
      writeFileSync(at('a.txt'), 'changed\n');
      writeFileSync(at('made.txt'), 'new\n');
      chmodSync(at('b.txt'), 0o755);
      rmSync(at('gone'), { recursive: true });
      renameSync(at('moved.txt'), at('src/moved.txt'));
      const patch = await workspace.save();
      expect(workspace.outside).toEqual(['a.txt', 'b.txt', 'gone/x', 'made.txt', 'moved.txt']);
      const text = await patchText(patch ?? '');
      expect([...text.matchAll(/^diff --git a\/(\S+)/gm)].map(([, path]) => path)).toEqual([
        'src/moved.txt',
        'src/new.ts',
      ]);
      const again = await workspaces.open(source, { patch, keeps });
      expect(contents(again.root)).toMatchObject({
        'file a.txt': 'one\ntwo\nthree\n',
        'file src/moved.txt': 'moved\n',
      });
      expect(existsSync(join(again.root, 'made.txt'))).toBe(false);
      expect(await again.save()).toBe(patch);
      expect(again.outside).toEqual([]);
    });

    it('take with them what cannot be beside a file nobody was allowed to remove', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspaces = workspacesOf(kind);
      const mayChange = (path: string): boolean => path !== 'a.txt' && !path.startsWith('src/deep/');
      const workspace = await workspaces.open(source, { keeps: mayChange });
      rmSync(join(workspace.root, 'a.txt'));
      mkdirSync(join(workspace.root, 'a.txt'));
      writeFileSync(join(workspace.root, 'a.txt/in'), 'x');
      rmSync(join(workspace.root, 'src/deep'), { recursive: true });
      writeFileSync(join(workspace.root, 'src/deep'), 'a file now');
      writeFileSync(join(workspace.root, 'b.txt'), 'changed');
      expect((await workspace.changes())?.files).toEqual(['b.txt']);
      expect(workspace.outside).toEqual(['a.txt', 'a.txt/in', 'src/deep', 'src/deep/er.ts']);
      const again = await workspaces.open(source, { patch: await workspace.save(), keeps: mayChange });
      expect(contents(again.root)).toMatchObject({ 'file src/deep/er.ts': 'x\n', 'file b.txt': 'changed' });
    });

    it('are no longer listed once they are undone', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspace = await workspacesOf(kind).open(source, { keeps });
      writeFileSync(join(workspace.root, 'a.txt'), 'changed\n');
      rmSync(join(workspace.root, 'b.txt'));
      writeFileSync(join(workspace.root, 'new'), 'x');
      expect(await workspace.save()).toBeNull();
      expect(workspace.outside).toEqual(['a.txt', 'b.txt', 'new']);
      writeFileSync(join(workspace.root, 'a.txt'), FILES['a.txt']);
      writeFileSync(join(workspace.root, 'b.txt'), FILES['b.txt']);
      rmSync(join(workspace.root, 'new'));
      mkdirSync(join(workspace.root, 'empty'));
      expect(await workspace.save()).toBeNull();
      expect(workspace.outside).toEqual([]);
    });
  });
}
