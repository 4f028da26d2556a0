import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mayMount } from '../../../activities/workspace/mounts.ts';
import type { CheckoutKind } from '../../../activities/workspace/checkouts.ts';
import { WorkspaceUnavailable } from '../../../activities/workspace/workspace.ts';
import { Bench, git } from './git-fixture.ts';
import { bench, FILES, snapshot, workspacesOf } from './workspace-fixture.ts';

const scratch = new Bench();
const kinds: CheckoutKind[] = (await mayMount(scratch.path('mount'))) ? ['overlay', 'git'] : ['git'];
scratch.close();

function put(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

for (const kind of kinds) {
  describe(`new files that git ignores, by ${kind}`, () => {
    it('are no changes, and neither inside nor outside a grant', async () => {
      const source = await snapshot(
        bench.repository('repo', { ...FILES, 'pkg/.gitignore': 'dist/\n!keep.log\n/only\n' }),
      );
      const workspace = await workspacesOf(kind).open(source, { keeps: (path) => path.startsWith('pkg/') });
      put(workspace.root, {
        'pkg/x.log': '',
        'pkg/keep.log': 'un-ignored by the deeper file',
        'pkg/dist/a/b.js': '',
        'pkg/only': '',
        'pkg/deep/only': 'anchored patterns are of their own directory alone',
        'pkg/:(top)odd.log': '',
        'y.log': '',
        'pkg/dist.ts': 'x',
      });
      const changes = await workspace.changes();
      expect(changes?.files.sort()).toEqual(['pkg/deep/only', 'pkg/dist.ts', 'pkg/keep.log']);
      expect(workspace.outside).toEqual([]);
    });

    it('are told by the rules as they stand in the workspace, and by no others', async () => {
      const source = await snapshot(bench.repository('repo', { ...FILES, 'old/.gitignore': '*.tmp\n', 'lib/x': 'x' }));
      const workspace = await workspacesOf(kind).open(source);
      rmSync(join(workspace.root, 'old/.gitignore'));
      git(workspace.root, 'init', '-q');
      git(workspace.root, 'config', 'core.excludesFile', join(workspace.root, 'own-excludes'));
      put(workspace.root, {
        'own-excludes': '*.ts\n',
        '.git/info/exclude': '*.ts\n',
        'lib/.gitignore': 'made/\n',
        'lib/made/x': '',
        'old/now.tmp': 'no longer ignored',
        'lib/a.ts': 'not ignored by the repository a command made',
      });
      const changes = await workspace.changes();
      const files = ['lib/.gitignore', 'lib/a.ts', 'old/.gitignore', 'old/now.tmp', 'own-excludes'];
      expect(changes?.files.sort()).toEqual(files);
    });

    it('are changes where the source has them', async () => {
      const root = bench.repository('repo', FILES);
      put(root, { 'kept.log': 'before', 'dist/tool.js': 'before' });
      git(root, 'add', '-f', 'kept.log', 'dist/tool.js');
      git(root, 'commit', '-q', '-m', 'tracked though ignored');
      put(root, { '.gitignore': '*.log\ndist/\n' });
      const source = await snapshot(root);
      const workspace = await workspacesOf(kind).open(source);
      put(workspace.root, { 'kept.log': 'after', 'dist/tool.js': 'after', 'dist/new.js': 'x' });
      expect((await workspace.changes())?.files.sort()).toEqual(['dist/tool.js', 'kept.log']);
      rmSync(join(workspace.root, 'dist'), { recursive: true });
      expect((await workspace.changes())?.files.sort()).toEqual(['dist/tool.js', 'kept.log']);
    });

    it('cost next to nothing, however many they are', async () => {
      const source = await snapshot(bench.repository('repo', { ...FILES, '.gitignore': 'node_modules/\n' }));
      const workspace = await workspacesOf(kind).open(source);
      const script =
        'mkdir node_modules && cd node_modules && for i in $(seq 100); do mkdir p$i && touch p$i/{1..100}; done';
      execFileSync('bash', ['-c', script], { cwd: workspace.root });
      writeFileSync(join(workspace.root, 'a.txt'), 'changed');
      const start = performance.now();
      expect((await workspace.changes())?.files).toEqual(['a.txt']);
      expect(performance.now() - start).toBeLessThan(15_000);
    });

    it('are not told by a .gitignore that is no file, or a huge one', async () => {
      const source = await snapshot(bench.repository('repo', { 'a.txt': 'a' }));
      const workspace = await workspacesOf(kind).open(source);
      put(workspace.root, { 'fifo/x.log': '1', 'link/x.log': '2', 'huge/x.log': '3', rules: '*.log\n' });
      execFileSync('mkfifo', [join(workspace.root, 'fifo/.gitignore')]);
      symlinkSync('../rules', join(workspace.root, 'link/.gitignore'));
      writeFileSync(join(workspace.root, 'huge/.gitignore'), `*.log\n${'#\n'.repeat(600_000)}`);
      expect((await workspace.changes())?.files.sort()).toEqual(
        ['fifo/x.log', 'huge/.gitignore', 'huge/x.log', 'link/.gitignore', 'link/x.log', 'rules'].sort(),
      );
      expect(existsSync(join(workspace.root, 'fifo/x.log'))).toBe(true);
    });
  });
}

describe('patterns made to take forever', () => {
  it('end the save with an error that names them', { timeout: 30_000 }, async () => {
    const source = await snapshot(bench.repository('repo', { 'a.txt': 'a' }));
    const workspace = await workspacesOf().open(source);
    put(workspace.root, {
      '.gitignore': `${'**/a/'.repeat(12)}b\n${'**a'.repeat(9)}b\n${'a/**/*'.repeat(8)}b?\n`,
      [`${'a/'.repeat(250)}c`]: '',
    });
    const saving = workspace.save();
    await expect(saving).rejects.toThrow(/\.gitignore .* take too long/);
    await expect(saving).rejects.toThrow(WorkspaceUnavailable);
  });
});
