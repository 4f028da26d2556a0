import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pruneSnapshots, snapshotDirectory, type SnapshotOptions } from '../../../activities/workspace/snapshot.ts';
import { EMPTY_TREE } from '../../../activities/workspace/repository.ts';
import { WorkspaceTooLarge, WorkspaceUnavailable } from '../../../activities/workspace/workspace.ts';
import { Bench, fingerprint, git, treeFiles } from './git-fixture.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().open();
});
afterEach(() => bench.close());

const take = (directory: string, options: Partial<SnapshotOptions> = {}) =>
  snapshotDirectory(directory, { store: bench.store, cacheDirectory: bench.cacheDirectory, ...options });
const filesOf = async (directory: string, options?: Partial<SnapshotOptions>) => {
  const { source } = await take(directory, options);
  return treeFiles(bench, source.bundle, source.tree);
};

describe('a snapshot of a repository', () => {
  it('is the whole repository as it stands', async () => {
    const root = bench.repository('repo', {
      'kept.txt': 'kept\n',
      'changed.txt': 'before\n',
      'deleted.txt': 'x\n',
      'staged.txt': 'before\n',
      '.gitignore': '*.log\n',
      'src/run.sh*': '#!/bin/sh\n',
      'src/link': '-> ../kept.txt',
    });
    writeFileSync(`${root}/changed.txt`, 'after\n');
    writeFileSync(`${root}/staged.txt`, 'staged\n');
    git(root, 'add', 'staged.txt');
    writeFileSync(`${root}/staged.txt`, 'after staging\n');
    rmSync(`${root}/deleted.txt`);
    writeFileSync(`${root}/src/new.ts`, 'new\n');
    writeFileSync(`${root}/src/debug.log`, 'ignored\n');
    const { source, warnings } = await take(`${root}/src`);
    expect(source).toMatchObject({
      subdirectory: 'src',
      origin: `${root}/src`,
      commit: git(root, 'rev-parse', 'HEAD'),
    });
    expect(warnings).toEqual([]);
    expect(await treeFiles(bench, source.bundle, source.tree)).toEqual({
      '100644 .gitignore': '*.log\n',
      '100644 changed.txt': 'after\n',
      '100644 kept.txt': 'kept\n',
      '100644 src/new.ts': 'new\n',
      '100755 src/run.sh': '#!/bin/sh\n',
      '120000 src/link': '../kept.txt',
      '100644 staged.txt': 'after staging\n',
    });
  });

  it('never writes to the directory, not even to its index', async () => {
    const root = bench.repository('repo', { 'a.txt': 'a\n', 'b/c.txt': 'c\n' });
    utimesSync(`${root}/a.txt`, 1, 1); // git would like to refresh its index
    const before = fingerprint(root);
    await take(root);
    await take(`${root}/b`);
    expect(fingerprint(root)).toBe(before);
  });

  it('gives the same bundle for the same tree, and hashes only what has changed', async () => {
    const root = bench.repository('repo', { 'a.txt': 'a\n', 'b.txt': 'b\n' });
    const { source } = await take(root);
    expect((await take(root)).source).toEqual(source);
    appendFileSync(`${root}/a.txt`, 'more\n');
    rmSync(`${root}/b.txt`);
    expect(await filesOf(root)).toEqual({ '100644 a.txt': 'a\nmore\n' });
    rmSync(`${root}/a.txt`);
    mkdirSync(`${root}/a.txt`);
    writeFileSync(`${root}/a.txt/inside`, 'x');
    expect(await filesOf(root)).toEqual({ '100644 a.txt/inside': 'x' });
    const other = bench.repository('other', { 'a.txt': 'a\n', 'b.txt': 'b\n' });
    expect((await take(other)).source.bundle).toBe(source.bundle);
  });

  it('sees a change of the same size in the same second', async () => {
    const root = bench.repository('repo', { 'a.txt': 'aaaa' });
    for (const text of ['bbbb', 'cccc', 'dddd', 'eeee']) {
      writeFileSync(`${root}/a.txt`, text);
      expect(await filesOf(root)).toEqual({ '100644 a.txt': text });
    }
  });

  it('leaves out and names what leads outside, and keeps what was committed', async () => {
    const root = bench.repository('repo', { 'a.txt': 'a\n', tracked: '-> /etc/passwd' });
    symlinkSync('/etc', `${root}/absolute`);
    symlinkSync('../outside', `${root}/relative`);
    symlinkSync('tracked-dir/../../x', `${root}/lexical`);
    symlinkSync('missing/inside', `${root}/dangling`);
    symlinkSync('hop', `${root}/through`);
    symlinkSync('..', `${root}/hop`);
    writeFileSync(bench.path('secret'), 'secret');
    linkSync(bench.path('secret'), `${root}/hard`);
    execFileSync('mkfifo', [`${root}/pipe`]);
    bench.repository('repo/nested', { 'n.txt': 'n' });
    const { source, warnings } = await take(root);
    expect(Object.keys(await treeFiles(bench, source.bundle, source.tree)).sort()).toEqual([
      '100644 a.txt',
      '120000 dangling',
      '120000 tracked',
    ]);
    expect(warnings.map((warning) => /left out ([^:]*):/.exec(warning)?.[1]).sort()).toEqual([
      'absolute',
      'hard',
      'hop',
      'lexical',
      'nested',
      'relative',
      'through',
    ]);
  });

  it('does not follow a directory that has become a symlink', async () => {
    const root = bench.repository('repo', { 'a.txt': 'a\n', 'dir/file': 'mine\n' });
    bench.files('outside', { file: 'not mine\n' });
    rmSync(`${root}/dir`, { recursive: true });
    symlinkSync('../outside', `${root}/dir`);
    const { source, warnings } = await take(root);
    expect(await treeFiles(bench, source.bundle, source.tree)).toEqual({ '100644 a.txt': 'a\n' });
    expect(warnings).toEqual(['left out dir: a symlink that leaves the workspace']);
  });

  it('names submodules and takes nothing of them', async () => {
    const inner = bench.repository('inner', { 'i.txt': 'i' });
    const root = bench.repository('repo', { 'a.txt': 'a' });
    git(root, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'sub');
    const { source, warnings } = await take(root);
    expect(Object.keys(await treeFiles(bench, source.bundle, source.tree))).toEqual([
      '100644 .gitmodules',
      '100644 a.txt',
    ]);
    expect(warnings).toEqual(['left out sub: a repository inside the repository']);
  });

  it('never holds the file being run or the home of muster, even where git tracks them', async () => {
    const root = bench.repository('repo', { 'fleet.yaml': 'x', '.muster/state': 'x', 'a.txt': 'a', '.musterish': 'b' });
    const options = { exclude: [`${root}/fleet.yaml`, `${root}/.muster`] };
    expect(Object.keys(await filesOf(root, options))).toEqual(['100644 .musterish', '100644 a.txt']);
  });

  it('keeps names of any bytes', async () => {
    const root = bench.repository('repo', { 'a\nb "ü" \t.txt': 'odd', '-n': 'dash', ':(top)x': 'magic' });
    execFileSync('bash', ['-c', "printf latin > $'caf\\xe9'"], { cwd: root });
    const { source } = await take(root);
    const [bundle, tree] = [source.bundle, source.tree];
    expect(Object.values(await treeFiles(bench, bundle, tree)).sort()).toEqual(['dash', 'latin', 'magic', 'odd']);
  });

  it('takes contents as they are, whatever attributes say', async () => {
    const attributes = '*.txt text eol=crlf\n*.id ident\n*.utf16 working-tree-encoding=UTF-16\n*.f filter=evil\n';
    const root = bench.repository('repo', { '.gitattributes': attributes, plain: 'x' });
    const texts = { 'a.txt': 'one\r\ntwo\n', 'b.id': '$Id$\n', 'c.utf16': 'no utf-16\n', 'd.f': 'secret' };
    bench.files('repo', texts);
    const files = await filesOf(root);
    for (const [path, text] of Object.entries(texts)) expect(files[`100644 ${path}`]).toBe(text);
  });

  it('takes a conflicted file once, as it lies there', async () => {
    const root = bench.repository('repo', { 'a.txt': 'base\n' });
    git(root, 'checkout', '-q', '-b', 'other');
    writeFileSync(`${root}/a.txt`, 'theirs\n');
    git(root, 'commit', '-qam', 'theirs');
    git(root, 'checkout', '-q', 'main');
    writeFileSync(`${root}/a.txt`, 'ours\n');
    git(root, 'commit', '-qam', 'ours');
    expect(() => git(root, 'merge', 'other')).toThrow();
    expect((await filesOf(root))['100644 a.txt']).toBe(readFileSync(`${root}/a.txt`, 'utf8'));
  });

  it('takes a working directory its repository ignores by itself', async () => {
    const root = bench.repository('repo', { '.gitignore': 'build/\n', 'a.txt': 'a' });
    bench.files('repo/build/out', { 'b.txt': 'b' });
    const { source } = await take(`${root}/build/out`);
    expect(source.subdirectory).toBe('');
    expect(await treeFiles(bench, source.bundle, source.tree)).toEqual({ '100644 b.txt': 'b' });
    mkdirSync(`${root}/empty`);
    expect((await take(`${root}/empty`)).source.subdirectory).toBe('empty');
  });

  it('works in a repository without a commit, and in a linked work tree', async () => {
    const unborn = bench.files('unborn', { 'a.txt': 'a' });
    git(unborn, 'init', '-q');
    expect((await take(unborn)).source).not.toHaveProperty('commit');
    const root = bench.repository('repo', { 'a.txt': 'a' });
    git(root, 'worktree', 'add', '-q', '-b', 'side', bench.path('side'));
    writeFileSync(bench.path('side/b.txt'), 'b');
    expect(await filesOf(bench.path('side'))).toEqual({ '100644 a.txt': 'a', '100644 b.txt': 'b' });
  });

  it('names the tree without saved scripts as well, where there are any', async () => {
    const root = bench.repository('repo', { 'a.txt': 'a', '.claude/settings.json': '{}', 'workflows/b': 'b' });
    const { source: plain } = await take(root);
    expect(plain).not.toHaveProperty('reuseTree');
    bench.files('repo/.claude/workflows', { 'fix.js': 'one' });
    const { source: first } = await take(`${root}/workflows`);
    expect(first).toMatchObject({ reuseTree: plain.tree });
    bench.files('repo/.claude/workflows', { 'fix.js': 'two', 'deep/more.js': 'more' });
    const { source: second } = await take(root);
    expect(second).toMatchObject({ reuseTree: plain.tree });
    expect(new Set([plain.tree, first.tree, second.tree]).size).toBe(3);
    expect(await treeFiles(bench, second.bundle, second.tree)).toHaveProperty(
      ['100644 .claude/workflows/fix.js'],
      'two',
    );
    writeFileSync(`${root}/a.txt`, 'other');
    expect((await take(root)).source.reuseTree).not.toBe(plain.tree);
    const scripts = bench.files('scripts', { '.claude/workflows/only.js': 'x' });
    expect((await take(scripts)).source.reuseTree).toBe(EMPTY_TREE);
    const cache = readdirSync(bench.cacheDirectory).flatMap((name) => readdirSync(`${bench.cacheDirectory}/${name}`));
    expect(cache.filter((name) => name.startsWith('index.'))).toEqual([]);
  });

  it('gives two snapshots at once the same answer', async () => {
    const root = bench.repository(
      'repo',
      Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i.toString()}`, `${i.toString()}`])),
    );
    const taken = await Promise.all(Array.from({ length: 4 }, () => take(root)));
    expect(new Set(taken.map(({ source }) => source.bundle)).size).toBe(1);
  });

  it('recovers from a cache that has lost its objects', async () => {
    const root = bench.repository('repo', { 'a.txt': 'a', 'b.txt': 'b' });
    const { source } = await take(root);
    execFileSync('bash', ['-c', `rm -rf ${bench.cacheDirectory}/*.git/objects/*`]);
    appendFileSync(`${root}/a.txt`, 'more');
    expect(await filesOf(root)).toEqual({ '100644 a.txt': 'amore', '100644 b.txt': 'b' });
    writeFileSync(`${root}/a.txt`, 'a');
    expect((await take(root)).source.bundle).toBe(source.bundle);
  });

  it('forgets directories that were not asked for in a long time', async () => {
    const [old, recent] = [bench.repository('old', { a: 'a' }), bench.repository('recent', { b: 'b' })];
    await take(old);
    const [name = ''] = readdirSync(bench.cacheDirectory);
    utimesSync(`${bench.cacheDirectory}/${name}`, 1e9, 1e9);
    await take(recent);
    await pruneSnapshots(bench.cacheDirectory, 86_400_000);
    expect(readdirSync(bench.cacheDirectory)).toHaveLength(1);
    expect(readdirSync(bench.cacheDirectory)).not.toContain(name);
    expect(await filesOf(old)).toEqual({ '100644 a': 'a' });
  });

  it('stores a bundle again whose blob was lost', async () => {
    const root = bench.repository('repo', { 'a.txt': 'a' });
    const { source } = await take(root);
    rmSync(bench.path('store/blobs'), { recursive: true });
    mkdirSync(bench.path('store/blobs'));
    expect((await take(root)).source).toEqual(source);
    expect(await bench.store.has(source.bundle ?? '')).toBe(true);
  });
});

describe('a snapshot of a plain directory', () => {
  it('is all of it but what .gitignore names, repositories inside included', async () => {
    const root = bench.files('plain', {
      'a.txt': 'a',
      '.gitignore': '*.log\n/out\n',
      'x.log': 'x',
      'out/y': 'y',
      'sub/b': 'b',
    });
    bench.repository('plain/repo', { 'c.txt': 'c', '.gitignore': 'd.txt\n' });
    bench.files('plain/repo', { 'd.txt': 'ignored' });
    expect(Object.keys(await filesOf(root)).sort()).toEqual([
      '100644 .gitignore',
      '100644 a.txt',
      '100644 repo/.gitignore',
      '100644 repo/c.txt',
      '100644 sub/b',
    ]);
  });

  it('may be empty', async () => {
    mkdirSync(bench.path('empty/deeper'), { recursive: true });
    const { source } = await take(bench.path('empty'));
    expect(source).toEqual({ bundle: null, tree: EMPTY_TREE, subdirectory: '', origin: bench.path('empty') });
  });

  it('is refused past its bound, with the size and what is largest', async () => {
    const root = bench.files('plain', {
      'a.txt': 'a',
      'big/one': 'x'.repeat(2_000_000),
      'big/two': 'x'.repeat(1_000_000),
    });
    const error = await take(root, { maxDirectoryBytes: 2_000_000 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkspaceTooLarge);
    expect(String(error)).toMatch(/holds 2\.9 MiB, more than 1\.9 MiB; largest: big \(2\.9 MiB\)/);
  });

  it('that is missing, or a file, is named', async () => {
    await expect(take(bench.path('none'))).rejects.toThrow(WorkspaceUnavailable);
    bench.files('plain', { file: 'x' });
    await expect(take(bench.path('plain/file'))).rejects.toThrow(/is not a directory/);
  });
});

describe('a hostile repository', () => {
  it('runs nothing when it is stored: hooks, monitors, filters, helpers', async () => {
    const root = bench.repository('repo', { '.gitattributes': '* filter=evil diff=evil merge=evil\n', 'a.txt': 'a\n' });
    const canary = bench.path('canary');
    const evil = bench.files('bin', { 'evil*': `#!/bin/sh\necho "$0 $@" >> ${canary}\ncat\n` });
    for (const hook of ['post-index-change', 'pre-commit', 'reference-transaction', 'post-checkout']) {
      bench.files('repo/.git/hooks', { [`${hook}*`]: `#!/bin/sh\necho ${hook} >> ${canary}\n` });
    }
    const config = {
      'core.fsmonitor': `${evil}/evil`,
      'core.hooksPath': '.git/hooks',
      'filter.evil.clean': `${evil}/evil`,
      'filter.evil.process': `${evil}/evil`,
      'filter.evil.required': 'true',
      'diff.evil.command': `${evil}/evil`,
      'diff.evil.textconv': `${evil}/evil`,
      'core.pager': `${evil}/evil`,
      'alias.ls-files': `!${evil}/evil`,
      'core.untrackedCache': 'true',
      'core.sshCommand': `${evil}/evil`,
      'uploadpack.packObjectsHook': `${evil}/evil`,
      'remote.origin.url': `ext::${evil}/evil`,
      'remote.origin.promisor': 'true',
      'extensions.partialClone': 'origin',
    };
    for (const [key, value] of Object.entries(config)) git(root, 'config', key, value);
    writeFileSync(`${root}/a.txt`, 'changed\n');
    writeFileSync(`${root}/new.txt`, 'new\n');
    chmodSync(`${root}/a.txt`, 0o755);
    // The twin: the same repository does fire under a plain git.
    spawnSync('git', ['status'], { cwd: root });
    expect(existsSync(canary)).toBe(true);
    rmSync(canary);
    expect(await filesOf(root)).toMatchObject({ '100755 a.txt': 'changed\n', '100644 new.txt': 'new\n' });
    expect(existsSync(canary)).toBe(false);
  });
});
