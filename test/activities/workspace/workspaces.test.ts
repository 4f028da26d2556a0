import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
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
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckoutKind } from '../../../activities/workspace/checkouts.ts';
import { mayReflink } from '../../../activities/workspace/checkouts.ts';
import { mayMount, mountsBelow } from '../../../activities/workspace/mounts.ts';
import { patchChanges, patchText } from '../../../activities/workspace/patch.ts';
import { EMPTY_TREE } from '../../../activities/workspace/repository.ts';
import { snapshotDirectory } from '../../../activities/workspace/snapshot.ts';
import { createWorkspaces } from '../../../activities/workspace/workspaces.ts';
import {
  WorkspaceFull,
  WorkspaceUnavailable,
  type OpenOptions,
  type Workspace,
} from '../../../activities/workspace/workspace.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';
import { Bench, contents, fingerprint, git } from './git-fixture.ts';

let bench: Bench;
let opened: Workspace[];
beforeEach(async () => {
  bench = await new Bench().open();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((workspace) => workspace.close()));
  expect(await mountsBelow(bench.directory)).toEqual([]);
  bench.close();
});

const FILES = {
  'a.txt': 'one\ntwo\nthree\n',
  'b.txt': 'b\n',
  'src/run.sh*': '#!/bin/sh\n',
  'src/deep/er.ts': 'x\n',
  link: '-> a.txt',
  '.gitignore': '*.log\n',
};

async function snapshot(directory: string): Promise<WorkspaceSource> {
  return (await snapshotDirectory(directory, { store: bench.store, cacheDirectory: bench.cacheDirectory })).source;
}

function workspacesOf(kind?: CheckoutKind) {
  const workspaces = createWorkspaces({ directory: bench.home, store: bench.store, ...(kind && { checkout: kind }) });
  let count = 0;
  return {
    sweep: () => workspaces.sweep(),
    open: async (source: WorkspaceSource, options: Partial<OpenOptions> = {}) => {
      const owner = `w${(count++).toString()}`;
      const { signal } = new AbortController();
      const workspace = await workspaces.open(source, { mayWrite: true, patch: null, owner, signal, ...options });
      opened.push(workspace);
      return workspace;
    },
  };
}

const scratch = new Bench();
const kinds: [CheckoutKind, boolean][] = [
  ['overlay', await mayMount(scratch.path('mount'))],
  ['reflink', await mayReflink(scratch.path('clone'))],
  ['git', true],
];
scratch.close();

for (const [kind, isPossible] of kinds) {
  describe.skipIf(!isPossible)(`a writing subagent's files by ${kind}`, () => {
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
      writeFileSync(join(one.root, 'build.log'), 'ignored by git, not by us\n');
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
        ['a.txt', 'b.txt', 'binary', 'build.log', 'link', 'new dir/tool', 'src/deep/er.ts', 'src/run.sh'].sort(),
      );
      expect(changes).toMatchObject({ insertions: 4, deletions: 4 });
      expect(await patchChanges(bench.store, changes?.patch ?? '')).toEqual(changes);
      expect(await two.save()).toBeNull();
      const again = await workspaces.open(source, { patch: changes?.patch ?? null });
      expect(readFileSync(join(again.root, 'binary'))).toEqual(Buffer.from([0, 1, 2, 255, 0]));
      expect(readlinkSync(join(again.root, 'link'))).toBe('../elsewhere');
      expect(statSync(join(again.root, 'new dir/tool')).mode & 0o111).toBe(0o111);
      expect(existsSync(join(again.root, 'b.txt'))).toBe(false);
      expect(await again.save()).toBe(changes?.patch);
      writeFileSync(bench.path('p'), await patchText(bench.store, changes?.patch ?? ''));
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
      expect(await patchText(bench.store, changes?.patch ?? '')).toContain('+a\r\n+b\n');
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

describe('a shared checkout', () => {
  it('is built once though fifty ask at once, and nobody can write through it', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    const readers = await Promise.all(Array.from({ length: 50 }, () => workspaces.open(source, { mayWrite: false })));
    expect(new Set(readers.map(({ root }) => root)).size).toBe(1);
    expect(readdirSync(join(bench.home, 'trees'))).toEqual([source.tree]);
    const path = join(readers[0]?.root ?? '', 'a.txt');
    expect(readFileSync(path, 'utf8')).toBe(FILES['a.txt']);
    if (kinds[0]?.[1] || process.getuid?.() !== 0) expect(() => writeFileSync(path, 'x')).toThrow(/EROFS|EACCES/);
    else expect(statSync(path).mode & 0o222).toBe(0);
    expect(await readers[0]?.save()).toBeNull();
    await Promise.all(readers.slice(1).map((reader) => reader.close()));
    expect(readFileSync(path, 'utf8')).toBe(FILES['a.txt']);
  });

  it('is there for whoever opens while the last reader leaves', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    let previous = await workspaces.open(source, { mayWrite: false });
    for (let round = 0; round < 5; round++) {
      const [next] = await Promise.all([workspaces.open(source, { mayWrite: false }), previous.close()]);
      expect(existsSync(join(next.root, 'a.txt'))).toBe(true);
      previous = next;
    }
  });

  it('has files that are read-only by mode where nothing can be mounted', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf('git');
    const { root } = await workspaces.open(source, { mayWrite: false });
    expect(statSync(join(root, 'a.txt')).mode & 0o777).toBe(0o444);
    expect(statSync(join(root, 'src/run.sh')).mode & 0o777).toBe(0o555);
    expect(lstatSync(join(root, 'link')).isSymbolicLink()).toBe(true);
    const own = await workspaces.open(source);
    expect(statSync(join(own.root, 'a.txt')).mode & 0o200).toBe(0o200);
  });

  it('of an empty directory is empty, and takes changes', async () => {
    const source = { bundle: null, tree: EMPTY_TREE, subdirectory: '', origin: '/x' };
    const workspace = await workspacesOf().open(source);
    expect(readdirSync(workspace.root)).toEqual([]);
    writeFileSync(join(workspace.root, 'first'), 'x\n');
    expect((await workspace.changes())?.files).toEqual(['first']);
  });

  it('fails clearly when its bundle is missing, damaged, or holds another tree', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    const tree = '1'.repeat(40);
    await expect(workspaces.open({ ...source, tree })).rejects.toThrow(WorkspaceUnavailable);
    await expect(workspaces.open({ ...source, bundle: null })).rejects.toThrow(WorkspaceUnavailable);
    await expect(workspaces.open({ ...source, tree: '../../etc' })).rejects.toThrow(WorkspaceUnavailable);
    const hex = (source.bundle ?? '').slice(7);
    writeFileSync(bench.path('store/blobs', hex.slice(0, 2), hex.slice(2)), 'damaged');
    await expect(workspaces.open(source)).rejects.toMatchObject({ name: 'ArtifactDamaged' });
    const bundle = await bench.store.put(Buffer.from('no bundle'));
    await expect(workspaces.open({ ...source, bundle })).rejects.toThrow(WorkspaceUnavailable);
    expect(await workspaces.open({ bundle: null, tree: EMPTY_TREE, subdirectory: '', origin: '' })).toBeDefined();
  });

  it('refuses a working directory that is a symlink, a file, or outside', async () => {
    const source = await snapshot(bench.repository('repo', { ...FILES, out: '-> /etc' }));
    const workspaces = workspacesOf();
    for (const subdirectory of ['out', 'a.txt', '../x', 'src/../..', '/etc', 'src//deep']) {
      await expect(workspaces.open({ ...source, subdirectory }), subdirectory).rejects.toThrow(WorkspaceUnavailable);
    }
    const made = await workspaces.open({ ...source, subdirectory: 'src/empty' }, { mayWrite: false });
    expect(statSync(made.directory).isDirectory()).toBe(true);
  });

  it('is given up with the reason when it is no longer wanted', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const abort = new AbortController();
    const opening = workspacesOf().open(source, { signal: abort.signal });
    abort.abort(new Error('no longer wanted'));
    await expect(opening).rejects.toThrow('no longer wanted');
  });
});

describe('a repository fetched by the worker', () => {
  it('is the tree of its ref, fetched once', async () => {
    const remote = bench.repository('remote', FILES);
    git(remote, 'tag', '-a', 'v1', '-m', 'v1');
    writeFileSync(`${remote}/a.txt`, 'newer\n');
    git(remote, 'commit', '-qam', 'second');
    const workspaces = workspacesOf();
    const source = (ref?: string) => ({
      bundle: null,
      tree: '',
      subdirectory: '',
      origin: remote,
      repo: { url: `file://${remote}`, ...(ref && { ref }) },
    });
    const readers = await Promise.all(Array.from({ length: 10 }, () => workspaces.open(source(), { mayWrite: false })));
    expect(new Set(readers.map(({ tree }) => tree))).toEqual(new Set([git(remote, 'rev-parse', 'HEAD^{tree}')]));
    for (const ref of ['v1', 'refs/tags/v1', git(remote, 'rev-parse', 'HEAD~1')]) {
      expect((await workspaces.open(source(ref))).tree, ref).toBe(git(remote, 'rev-parse', 'v1^{tree}'));
    }
    renameSync(remote, `${remote}-gone`);
    expect((await workspaces.open(source())).tree).toBe(readers[0]?.tree);
    await expect(workspacesOf().open(source())).rejects.toThrow();
  });

  it('keeps its base when the branch moves on', async () => {
    const remote = bench.repository('remote', FILES);
    const source = {
      bundle: null,
      tree: '',
      subdirectory: '',
      origin: remote,
      repo: { url: `file://${remote}`, ref: 'main' },
    };
    const first = await workspacesOf().open(source);
    appendFileSync(join(first.root, 'a.txt'), 'mine\n');
    const changes = await first.changes();
    expect(changes).toMatchObject({ files: ['a.txt'], insertions: 1, deletions: 0 });
    writeFileSync(`${remote}/a.txt`, 'moved\n');
    git(remote, 'commit', '-qam', 'moved');
    const later = await workspacesOf().open(source, { patch: changes?.patch ?? null, owner: 'later' });
    expect(later.tree).toBe(first.tree);
    expect(await later.save()).toBe(changes?.patch);
    expect((await workspacesOf().open(source, { owner: 'fresh' })).tree).not.toBe(first.tree);
  });

  it('is denied where the remote says no, and never an option or a program', async () => {
    const remote = bench.repository('remote', FILES);
    const workspaces = workspacesOf();
    const open = (url: string, ref?: string) =>
      workspaces.open({ bundle: null, tree: '', subdirectory: '', origin: url, repo: { url, ...(ref && { ref }) } });
    const canary = bench.path('canary');
    for (const url of [
      `file://${bench.path('none')}`,
      `--upload-pack=touch ${canary}`,
      `ext::sh -c touch% ${canary}`,
      `fd::17`,
      'https://',
      ' ',
      `-oProxyCommand=touch ${canary}:x`,
    ]) {
      await expect(open(url), url).rejects.toMatchObject({
        name: expect.stringMatching(/CloneDenied|WorkspaceUnavailable/) as string,
      });
    }
    for (const ref of [
      'none',
      '--upload-pack=x',
      '+main:refs/heads/x',
      'a..b',
      'main@{1}',
      'a b',
      '*',
      '0'.repeat(40),
    ]) {
      await expect(open(`file://${remote}`, ref), ref).rejects.toMatchObject({ name: 'CloneDenied' });
    }
    const narrow = createWorkspaces({ directory: bench.home, store: bench.store, protocols: ['https'] });
    const source = { bundle: null, tree: '', subdirectory: '', origin: '', repo: { url: `file://${remote}` } };
    const { signal } = new AbortController();
    await expect(narrow.open(source, { mayWrite: false, owner: 'n', patch: null, signal })).rejects.toMatchObject({
      name: 'CloneDenied',
    });
    expect(existsSync(canary)).toBe(false);
  });
});

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

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!isRoot)('a full disk (needs root for a small tmpfs)', () => {
  it('is WorkspaceFull, leaves nothing, and passes once there is space', async () => {
    const large = await snapshot(
      bench.repository('large', { 'a.txt': 'x'.repeat(100), big: randomBytes(600_000).toString('hex') }),
    );
    const small = await snapshot(bench.repository('small', FILES));
    mkdirSync(bench.home);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', bench.home]);
    try {
      const workspaces = workspacesOf();
      await expect(workspaces.open(large)).rejects.toThrow(WorkspaceFull);
      const workspace = await workspaces.open(small);
      writeFileSync(join(workspace.root, 'a.txt'), 'kept\n');
      const free = Number(execFileSync('stat', ['-f', '-c', '%f', bench.home]).toString()) * 4096;
      writeFileSync(join(bench.home, 'ballast'), Buffer.alloc(free));
      await expect(workspace.save()).rejects.toThrow(WorkspaceFull);
      await expect(workspaces.open(small)).rejects.toThrow(WorkspaceFull);
      rmSync(join(bench.home, 'ballast'));
      expect((await workspace.changes())?.files).toEqual(['a.txt']);
      await workspace.close();
    } finally {
      execFileSync('umount', [bench.home]);
    }
  });
});
