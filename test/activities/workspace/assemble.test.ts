import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assemblePatches, type AssembleOptions } from '../../../activities/workspace/assemble.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import { BranchExists } from '../../../activities/workspace/user-branch.ts';
import { WorkspaceUnavailable } from '../../../activities/workspace/workspace.ts';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';
import { Bench, fingerprint, git } from './git-fixture.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().open();
});
afterEach(() => bench.close());

const LINES = Array.from({ length: 20 }, (_, i) => `line ${i.toString()}\n`).join('');
const changed = (line: number, text: string) => LINES.replace(`line ${line.toString()}\n`, `${text}\n`);

const snapshot = async (directory: string): Promise<WorkspaceSource> =>
  (await snapshotDirectory(directory, { store: bench.store, cacheDirectory: bench.cacheDirectory })).source;

/** What a subagent that does `work` leaves behind. */
async function patchOf(source: WorkspaceSource, work: (root: string) => void): Promise<string> {
  const workspaces = createWorkspaces({ directory: bench.home, store: bench.store });
  const { signal } = new AbortController();
  const workspace = await workspaces.open(source, { mayWrite: true, owner: 'author', patch: null, signal });
  try {
    work(workspace.root);
    return (await workspace.save()) ?? '';
  } finally {
    await workspace.close();
  }
}

const patchOfFile = (source: WorkspaceSource, path: string, text: string) =>
  patchOf(source, (root) => writeFileSync(join(root, path), text));

const assemble = (repository: string, source: WorkspaceSource, options: Partial<AssembleOptions>) =>
  assemblePatches({ repository, source, patches: [], branch: 'muster/result', store: bench.store, ...options });

const show = (root: string, path: string) => git(root, 'show', `muster/result:${path}`);

describe('assembling patches', () => {
  it('makes one commit per patch on what was checked out, and touches nothing else', async () => {
    const root = bench.repository('repo', { 'a.txt': LINES, 'b.txt': 'b\n' });
    const source = await snapshot(root);
    const first = await patchOfFile(source, 'a.txt', changed(2, 'two'));
    const second = await patchOfFile(source, 'a.txt', changed(17, 'seventeen'));
    const binary = await patchOf(source, (to) => writeFileSync(join(to, 'bin'), Buffer.from([0, 255, 7])));
    writeFileSync(`${root}/b.txt`, 'edited since\n');
    writeFileSync(`${root}/c.txt`, 'staged since\n');
    git(root, 'add', 'c.txt');
    const [head, status] = [git(root, 'rev-parse', 'HEAD'), git(root, 'status', '--porcelain')];
    const files = fingerprint(root)
      .split('\n')
      .filter((line) => !line.includes('./.git'));
    const patches = [
      { label: 'first', patch: first },
      { label: 'second', patch: second },
      { label: 'binary', patch: binary },
    ];
    const result = await assemble(root, source, { patches });
    expect(result).toEqual({
      branch: 'muster/result',
      commit: git(root, 'rev-parse', 'muster/result'),
      applied: ['first', 'second', 'binary'],
      conflicts: [],
    });
    expect(git(root, 'log', '--format=%s', 'muster/result')).toBe('binary\nsecond\nfirst\nfirst'); // the last is the user's
    expect(git(root, 'rev-parse', 'muster/result~3')).toBe(head);
    expect(show(root, 'a.txt')).toBe(changed(2, 'two').replace('line 17\n', 'seventeen\n').trimEnd());
    expect([git(root, 'rev-parse', 'HEAD'), git(root, 'status', '--porcelain')]).toEqual([head, status]);
    expect(
      fingerprint(root)
        .split('\n')
        .filter((line) => !line.includes('./.git')),
    ).toEqual(files);
    expect(git(root, 'fsck', '--strict')).toBe('');
    expect(await assemble(root, source, { patches })).toEqual(result);
  });

  it('lists a patch that does not fit, with its files, and goes on without it', async () => {
    const root = bench.repository('repo', { 'a.txt': LINES, 'b.txt': 'b\n', 'gone.txt': 'x\n' });
    const source = await snapshot(root);
    const patches = [
      { label: 'wins', patch: await patchOfFile(source, 'a.txt', changed(5, 'mine')) },
      {
        label: 'clashes',
        patch: await patchOf(
          source,
          (to) => (writeFileSync(join(to, 'a.txt'), changed(5, 'yours')), writeFileSync(join(to, 'b.txt'), 'half\n')),
        ),
      },
      { label: 'same', patch: await patchOfFile(source, 'a.txt', changed(5, 'mine')) },
      { label: 'later', patch: await patchOfFile(source, 'b.txt', 'later\n') },
      { label: 'broken', patch: await bench.store.put(Buffer.from('no patch at all')) },
    ];
    const result = await assemble(root, source, { patches });
    expect(result.applied).toEqual(['wins', 'same', 'later']);
    expect(result.conflicts.map(({ label, files }) => [label, files])).toEqual([
      ['clashes', ['a.txt']],
      ['broken', []],
    ]);
    expect(result.conflicts[0]?.reason).toBe('changes the same lines as another patch');
    expect(show(root, 'b.txt')).toBe('later');
    expect(show(root, 'a.txt')).toContain('mine');
    expect(git(root, 'log', '--format=%s', '-2', 'muster/result')).toBe('later\nwins');
  });

  it('starts from a dirty work tree by a commit of its own, off the commit it was taken at', async () => {
    const root = bench.repository('repo', { 'a.txt': LINES });
    writeFileSync(`${root}/new.txt`, 'uncommitted\n');
    const source = await snapshot(root);
    const base = git(root, 'rev-parse', 'HEAD');
    writeFileSync(`${root}/later.txt`, 'committed since\n');
    git(root, 'add', 'later.txt');
    git(root, 'commit', '-qm', 'since');
    const patch = await patchOfFile(source, 'new.txt', 'changed\n');
    await assemble(root, source, { patches: [{ label: 'one', patch }] });
    expect(git(root, 'rev-parse', 'muster/result~2')).toBe(base);
    expect(git(root, 'diff', '--stat', 'muster/result~1', 'muster/result')).toMatch(/new\.txt/);
    expect(git(root, 'merge-tree', '--write-tree', '--name-only', 'HEAD', 'muster/result')).not.toMatch(/CONFLICT/);
  });

  it('works without a commit, in a shallow clone, and from a linked work tree', async () => {
    const unborn = bench.files('unborn', { 'a.txt': LINES });
    git(unborn, 'init', '-q', '-b', 'main');
    const origin = bench.repository('origin', { 'a.txt': 'old\n' });
    for (const text of ['older\n', LINES]) {
      writeFileSync(`${origin}/a.txt`, text);
      git(origin, 'commit', '-qam', 'more');
    }
    git(bench.directory, 'clone', '-q', '--depth=1', `file://${origin}`, 'shallow');
    git(origin, 'worktree', 'add', '-q', '-b', 'side', bench.path('side'));
    for (const root of [unborn, bench.path('shallow'), bench.path('side')]) {
      const source = await snapshot(root);
      const patch = await patchOfFile(source, 'a.txt', changed(1, 'one'));
      expect((await assemble(root, source, { patches: [{ label: 'x', patch }] })).applied, root).toEqual(['x']);
      expect(show(root, 'a.txt')).toContain('one\n');
    }
  });

  it('never moves a branch that holds something else, unless told; one that is checked out never', async () => {
    const root = bench.repository('repo', { 'a.txt': LINES });
    const source = await snapshot(root);
    const patches = [{ label: 'x', patch: await patchOfFile(source, 'a.txt', changed(1, 'one')) }];
    git(root, 'branch', 'muster/result');
    const before = git(root, 'rev-parse', 'muster/result');
    await expect(assemble(root, source, { patches })).rejects.toThrow(BranchExists);
    expect(git(root, 'rev-parse', 'muster/result')).toBe(before);
    await assemble(root, source, { patches, force: true });
    expect(git(root, 'rev-parse', 'muster/result')).not.toBe(before);
    await expect(assemble(root, source, { patches, force: true, branch: 'main' })).rejects.toThrow(BranchExists);
    expect(git(root, 'rev-parse', 'main')).toBe(before);
    for (const branch of ['-f', 'a..b', 'HEAD', '', 'a b', '@{-1}', 'x.lock', '../x']) {
      await expect(assemble(root, source, { patches, branch }), branch).rejects.toThrow(TypeError);
    }
  });

  it('leaves out patches that would lead outside, into .git, or bring submodules', async () => {
    const root = bench.repository('repo', { 'a.txt': LINES });
    const source = await snapshot(root);
    const link = (target: string) =>
      `diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+${target}\n\\ No newline at end of file\n`;
    const file = (path: string) =>
      `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;
    const evil = {
      absolute: link('/etc/passwd'),
      upward: link('../outside'),
      climbing: link('a/../../x'),
      outside: file('../x'),
      rooted: file('/tmp/x'),
      hook: file('.git/hooks/post-checkout'),
      upper: file('sub/.GIT/config'),
      short: file('git~1/config'),
      through: link('/tmp') + file('l/x'),
      submodule: `diff --git a/s b/s\nnew file mode 160000\n--- /dev/null\n+++ b/s\n@@ -0,0 +1 @@\n+Subproject commit ${'1'.repeat(40)}\n`,
    };
    const stored = Object.entries({ ...evil, inside: link('a.txt') });
    const patches = await Promise.all(
      stored.map(async ([label, text]) => ({ label, patch: await bench.store.put(Buffer.from(text)) })),
    );
    const result = await assemble(root, source, { patches });
    expect(result.applied).toEqual(['inside']);
    expect(result.conflicts.map(({ label }) => label)).toEqual(Object.keys(evil));
    expect(git(root, 'ls-tree', '-r', '--name-only', 'muster/result')).toBe('a.txt\nl');
  });

  it('runs no hook and no program the repository names', async () => {
    const root = bench.repository('repo', { 'a.txt': LINES, '.gitattributes': '* merge=evil filter=evil diff=evil\n' });
    const source = await snapshot(root);
    const canary = bench.path('canary');
    bench.files('bin', { 'evil*': `#!/bin/sh\necho fired >> ${canary}\n` });
    mkdirSync(`${root}/.git/hooks`, { recursive: true });
    for (const hook of ['reference-transaction', 'post-commit', 'post-rewrite', 'pre-auto-gc', 'post-index-change']) {
      bench.files('repo/.git/hooks', { [`${hook}*`]: `#!/bin/sh\necho ${hook} >> ${canary}\n` });
    }
    for (const key of [
      'core.fsmonitor',
      'merge.evil.driver',
      'filter.evil.smudge',
      'filter.evil.clean',
      'diff.evil.textconv',
      'gpg.program',
      'core.editor',
    ]) {
      git(root, 'config', key, bench.path('bin/evil'));
    }
    git(root, 'config', 'commit.gpgSign', 'true');
    const patches = [
      { label: 'x', patch: await patchOfFile(source, 'a.txt', changed(1, 'one')) },
      { label: 'y', patch: await patchOfFile(source, 'a.txt', changed(18, 'end')) },
    ];
    expect((await assemble(root, source, { patches })).applied).toEqual(['x', 'y']);
    expect(existsSync(canary)).toBe(false);
    git(root, 'branch', 'twin'); // the hooks do fire for a plain git
    expect(readFileSync(canary, 'utf8')).toContain('reference-transaction');
  });

  it('needs a repository, and for a remote source the commit it was fetched as', async () => {
    const plain = bench.files('plain', { 'a.txt': 'a' });
    const source = await snapshot(plain);
    await expect(assemble(plain, source, {})).rejects.toThrow(WorkspaceUnavailable);
    const remote = bench.repository('remote', { 'a.txt': LINES });
    const repo = { bundle: null, tree: '', subdirectory: '', origin: remote, repo: { url: `file://${remote}` } };
    const patch = await patchOfFile(repo, 'a.txt', changed(1, 'one'));
    expect((await assemble(remote, repo, { patches: [{ label: 'x', patch }] })).applied).toEqual(['x']);
    const other = bench.repository('other', { 'b.txt': 'b' });
    await expect(assemble(other, repo, { patches: [{ label: 'x', patch }] })).rejects.toThrow(/fetch it first/);
  });
});
