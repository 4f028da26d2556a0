import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { CheckoutKind } from '../../../activities/workspace/checkouts.ts';
import { mayReflink } from '../../../activities/workspace/checkouts.ts';
import { mayMount, mountsBelow } from '../../../activities/workspace/mounts.ts';
import { patchChanges } from '../../../activities/workspace/patch.ts';
import { WorkspaceUnavailable } from '../../../activities/workspace/workspace.ts';
import { Bench, contents, git } from './git-fixture.ts';
import { bench, FILES, patchText, snapshot, workspacesOf } from './workspace-fixture.ts';
import { XfsImage } from './xfs-image.ts';

const scratch = new Bench();
const isCloneable = await mayReflink(scratch.path('clone'));
const image = isCloneable ? undefined : await XfsImage.open();
const kinds: { kind: CheckoutKind; isPossible: boolean; needs: string }[] = [
  { kind: 'overlay', isPossible: await mayMount(scratch.path('mount')), needs: 'root, to mount' },
  { kind: 'reflink', isPossible: isCloneable || image !== undefined, needs: 'root and the package xfsprogs' },
  { kind: 'git', isPossible: true, needs: 'git' },
];
scratch.close();

afterAll(async () => {
  await image?.close();
});

for (const { kind, isPossible, needs } of kinds) {
  const title = `a writing subagent's files by ${kind}`;
  describe.skipIf(!isPossible)(isPossible ? title : `${title} (needs ${needs})`, () => {
    beforeEach(() => {
      if (kind === 'reflink' && image !== undefined) bench.home = image.newPath();
    });

    it('are the source, its own, and leave as a patch that git applies', async () => {
      const root = bench.repository('repo', FILES);
      const source = await snapshot(`${root}/src`);
      const workspaces = workspacesOf(kind);
      const [one, two] = [await workspaces.open(source), await workspaces.open(source)];
      expect(one.directory).toBe(join(one.root, 'src'));
      expect(one.tree).toBe(source.tree);
      expect(await one.save()).toBeNull();
      expect(await one.changes()).toBeUndefined();
      writeFileSync(join(one.root, 'a.txt'), 'one\n2\nthree\n');
      writeFileSync(join(one.root, 'build.log'), 'ignored\n');
      writeFileSync(join(one.root, 'binary'), Buffer.from([0, 1, 2, 255, 0]));
      mkdirSync(join(one.root, 'new dir'));
      writeFileSync(join(one.root, 'new dir/tool'), 'x', { mode: 0o755 });
      rmSync(join(one.root, 'b.txt'));
      rmSync(join(one.root, 'src/deep'), { recursive: true });
      chmodSync(join(one.root, 'src/run.sh'), 0o644);
      rmSync(join(one.root, 'link'));
      symlinkSync('../elsewhere', join(one.root, 'link'));
      const changes = await one.changes();
      expect(changes?.files.sort()).toEqual(
        ['a.txt', 'b.txt', 'binary', 'link', 'new dir/tool', 'src/deep/er.ts', 'src/run.sh'].sort(),
      );
      expect(changes).toMatchObject({ insertions: 3, deletions: 4 });
      expect(await patchChanges(bench.store, changes?.patch ?? '')).toEqual(changes);
      expect(await two.save()).toBeNull();
      const again = await workspaces.open(source, { patch: changes?.patch ?? null });
      expect(readFileSync(join(again.root, 'binary'))).toEqual(Buffer.from([0, 1, 2, 255, 0]));
      expect(readlinkSync(join(again.root, 'link'))).toBe('../elsewhere');
      expect(statSync(join(again.root, 'new dir/tool')).mode & 0o111).toBe(0o111);
      expect(existsSync(join(again.root, 'b.txt'))).toBe(false);
      expect(await again.save()).toBe(changes?.patch);
      writeFileSync(bench.path('p'), await patchText(changes?.patch ?? ''));
      git(root, 'apply', '--index', bench.path('p'));
      expect(git(root, 'write-tree')).not.toBe(source.tree);
    });

    it('are compared exactly through every kind of change, one save after another', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspaces = workspacesOf(kind);
      const workspace = await workspaces.open(source);
      const at = (path: string) => join(workspace.root, path);
      const steps: [string, () => void][] = [
        ['same size, same second', () => writeFileSync(at('b.txt'), 'B\n')],
        ['a new file', () => writeFileSync(at('new'), 'x')],
        ['the new file gone again', () => rmSync(at('new'))],
        [
          'a directory for a file',
          () => (rmSync(at('a.txt')), mkdirSync(at('a.txt')), writeFileSync(at('a.txt/in'), 'x')),
        ],
        ['and a file for that', () => (rmSync(at('a.txt'), { recursive: true }), writeFileSync(at('a.txt'), 'back'))],
        ['a file for a directory', () => (rmSync(at('src'), { recursive: true }), writeFileSync(at('src'), 'file'))],
        [
          'a directory made anew, with less in it',
          () => (rmSync(at('src')), mkdirSync(at('src')), writeFileSync(at('src/run.sh'), 'y')),
        ],
        ['a renamed file', () => renameSync(at('b.txt'), at('c.txt'))],
        ['an empty directory for a file', () => (rmSync(at('c.txt')), mkdirSync(at('c.txt')))],
        ['time set back', () => (writeFileSync(at('.gitignore'), '*.lag\n'), utimesSync(at('.gitignore'), 1e9, 1e9))],
      ];
      for (const [what, step] of steps) {
        step();
        const patch = await workspace.save();
        const again = await workspaces.open(source, { patch });
        expect(contents(again.root), what).toEqual(contents(workspace.root));
        expect(await again.save(), what).toBe(patch);
        await again.close();
      }
      await workspace.close();
    });

    it('leave no directory, mount or file of the index behind', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspaces = workspacesOf(kind);
      const workspace = await workspaces.open(source);
      writeFileSync(join(workspace.root, 'a.txt'), 'x');
      await workspace.save();
      await workspace.close();
      await workspace.close();
      await expect(workspace.save()).rejects.toThrow(WorkspaceUnavailable);
      expect(existsSync(workspace.root)).toBe(false);
      const left = readdirSync(join(bench.home, 'owners')).flatMap((name) =>
        readdirSync(join(bench.home, 'owners', name)),
      );
      expect(left.filter((name) => name !== 'views')).toEqual([]);
    });

    it('keep repositories and git files a subagent makes out of the patch, and run nothing of them', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspace = await workspacesOf(kind).open(source);
      const canary = bench.path('canary');
      bench.repository('made', { 'inner.txt': 'inner' });
      cpSync(bench.path('made/.git'), join(workspace.root, '.git'), { recursive: true });
      bench.repository('nested', { 'inner.txt': 'inner' });
      mkdirSync(join(workspace.root, 'nested'));
      cpSync(bench.path('nested/.git'), join(workspace.root, 'nested/.git'), { recursive: true });
      writeFileSync(join(workspace.root, 'nested/inner.txt'), 'inner');
      mkdirSync(join(workspace.root, '.GIT'));
      writeFileSync(join(workspace.root, '.GIT/config'), 'x');
      writeFileSync(join(workspace.root, '.gitattributes'), '* filter=evil text eol=crlf\n');
      writeFileSync(join(workspace.root, 'crlf.txt'), 'a\r\nb\n');
      bench.files('bin', { 'evil*': `#!/bin/sh\necho fired >> ${canary}\ncat\n` });
      for (const key of ['core.fsmonitor', 'filter.evil.clean', 'diff.external']) {
        git(workspace.root, 'config', key, bench.path('bin/evil'));
      }
      const changes = await workspace.changes();
      expect(changes?.files.sort()).toEqual(['.gitattributes', 'crlf.txt', 'nested/inner.txt']);
      expect(await patchText(changes?.patch ?? '')).toContain('+a\r\n+b\n');
      expect(existsSync(canary)).toBe(false);
    });

    it('refuse a patch that does not fit, and leave nothing', async () => {
      const source = await snapshot(bench.repository('repo', FILES));
      const workspaces = workspacesOf(kind);
      const bad = await bench.store.put(Buffer.from('--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-nine\n+ten\n'));
      const outside = await bench.store.put(Buffer.from('--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n'));
      const through = await bench.store.put(
        Buffer.from(
          'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/tmp\n\\ No newline at end of file\n' +
            'diff --git a/l/x b/l/x\nnew file mode 100644\n--- /dev/null\n+++ b/l/x\n@@ -0,0 +1 @@\n+x\n',
        ),
      );
      for (const patch of [bad, outside, through]) {
        await expect(workspaces.open(source, { patch })).rejects.toThrow(WorkspaceUnavailable);
      }
      expect(await mountsBelow(bench.directory)).toEqual([]);
    });
  });
}
