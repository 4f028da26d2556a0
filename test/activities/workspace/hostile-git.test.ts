import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assemblePatches } from '../../../activities/workspace/assemble.ts';
import { WorkspaceTooLarge, WorkspaceUnavailable } from '../../../activities/workspace/workspace.ts';
import type { WorkspaceSource } from '../../../workflows/contract/task.schema.ts';
import { plantEverything } from '../../security/hostile-repository.ts';
import { git } from './git-fixture.ts';
import { bench, FILES, patchText, snapshot, workspacesOf } from './workspace-fixture.ts';

const ENVIRONMENT = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' };

describe('a repository in which everything git can be told to run is told to', () => {
  it('runs nothing as what a user starts from, is saved, restored, and applied to', async () => {
    const marker = bench.path('marker');
    const root = bench.repository('repo', FILES);
    plantEverything(root, marker);
    const source = await snapshot(join(root, 'src'));
    const workspaces = workspacesOf();
    const workspace = await workspaces.open(source);
    writeFileSync(join(workspace.root, 'a.txt'), 'changed\n');
    const changes = await workspace.changes();
    expect(changes?.files).toEqual(['a.txt']);
    const patch = changes?.patch ?? '';
    await workspaces.open(source, { patch });
    const store = bench.store;
    const applied = await assemblePatches({
      repository: root,
      source,
      patches: [{ label: 'x', patch }],
      branch: 'b',
      store,
    });
    expect(applied.applied).toEqual(['x']);
    expect(existsSync(marker)).toBe(false);
    // It was well planted: a plain git fires at once.
    spawnSync('git', ['status'], { cwd: root, env: ENVIRONMENT });
    expect(readFileSync(marker, 'utf8')).toMatch(/fsmonitor|clean/);
  });

  it('runs nothing when a shell plants it in a workspace, and stays out of the patch', async () => {
    const marker = bench.path('marker');
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    const workspace = await workspaces.open(source);
    plantEverything(workspace.root, marker);
    plantEverything(join(workspace.root, 'nested'), marker);
    writeFileSync(join(workspace.root, 'a.txt'), 'changed\n');
    const changes = await workspace.changes();
    const files = changes?.files ?? [];
    expect(files).toContain('a.txt');
    expect(files).toContain('s/file');
    expect(files.filter((path) => /(^|\/)\.git(\/|$)/.test(path))).toEqual([]);
    const again = await workspaces.open(source, { patch: changes?.patch ?? null });
    expect(await again.save()).toBe(changes?.patch);
    expect(existsSync(marker)).toBe(false);
  });

  it('runs nothing as a remote, and its object store leads nowhere', async () => {
    const marker = bench.path('marker');
    const remote = bench.repository('remote', FILES);
    plantEverything(remote, marker);
    const canary = bench.files('outside', { secret: 'canary-9c41' });
    symlinkSync(canary, join(remote, '.git/objects/leak'));
    const repo = { bundle: null, tree: '', subdirectory: '', origin: remote, repo: { url: `file://${remote}` } };
    const workspace = await workspacesOf().open(repo);
    expect(readFileSync(join(workspace.root, 'b.txt'), 'utf8')).toBe('b\n');
    expect(existsSync(marker)).toBe(false);
    expect(spawnSync('grep', ['-r', 'canary-9c41', bench.home]).status).toBe(1);
  });

  it('may not pass off a directory above it as its own', async () => {
    const root = bench.repository('home/code/repo', FILES);
    bench.files('home', { 'private.txt': 'not for models' });
    git(root, 'config', 'core.worktree', bench.path('home'));
    await expect(snapshot(root)).rejects.toThrow(/core\.worktree/);
    git(root, 'config', 'core.worktree', bench.path('elsewhere'));
    mkdirSync(bench.path('elsewhere'));
    await expect(snapshot(root)).rejects.toThrow(/core\.worktree/);
    git(root, 'config', '--unset', 'core.worktree');
    expect((await snapshot(join(root, 'src'))).subdirectory).toBe('src');
  });
});

/** A tree as nobody's git would write it: entries `mode name` with the content of `blob`. */
function rawTree(repository: string, entries: readonly [mode: string, name: string, object: string][]): string {
  const content = entries.map(([mode, name, object]) =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(object, 'hex')]),
  );
  const args = ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'];
  return execFileSync('git', args, { cwd: repository, input: Buffer.concat(content) })
    .toString()
    .trim();
}

/** As a stored source, without any check on the way. */
async function stored(repository: string, tree: string): Promise<WorkspaceSource> {
  const commit = git(repository, 'commit-tree', tree, '-m', 'x');
  git(repository, 'update-ref', 'refs/heads/evil', commit);
  git(repository, 'bundle', 'create', '-q', bench.path('bundle'), 'evil');
  return { bundle: await bench.store.putFile(bench.path('bundle')), tree, subdirectory: '', origin: '' };
}

describe('hostile trees', () => {
  it('are refused whole, from a store as from a remote', async () => {
    const repository = bench.repository('repo', { file: 'x' });
    const blob = git(repository, 'rev-parse', 'HEAD:file');
    const link = execFileSync('git', ['hash-object', '-w', '--stdin'], { cwd: repository, input: '../outside' })
      .toString()
      .trim();
    const inner = rawTree(repository, [['100644', 'config', blob]]);
    const trees = {
      git: rawTree(repository, [['40000', '.git', inner]]),
      capitals: rawTree(repository, [['40000', '.GIT', inner]]),
      short: rawTree(repository, [['40000', 'git~1', inner]]),
      unseen: rawTree(repository, [['40000', '.g\u200cit', inner]]),
      dots: rawTree(repository, [['40000', '..', inner]]),
      slash: rawTree(repository, [['100644', '../../escaped', blob]]),
      absolute: rawTree(repository, [['100644', '/tmp/escaped', blob]]),
      twice: rawTree(repository, [
        ['120000', 'a', link],
        ['40000', 'a', inner],
      ]),
      settings: rawTree(repository, [['120000', '.gitmodules', link]]),
    };
    for (const [what, tree] of Object.entries(trees)) {
      const source = await stored(repository, tree);
      const remote = { ...source, bundle: null, repo: { url: `file://${repository}`, ref: 'evil' } };
      const opening = workspacesOf().open(source);
      if (what === 'twice')
        await opening; // git makes one entry of the two: odd, and harmless
      else await expect(opening, what).rejects.toThrow(/invalid path/);
      await expect(workspacesOf().open(remote), what).rejects.toThrow(WorkspaceUnavailable);
    }
    expect(existsSync(bench.path('outside'))).toBe(false);
    expect(existsSync(bench.path('escaped'))).toBe(false);
    expect(existsSync('/tmp/escaped')).toBe(false);
  });

  it('may hold links to anywhere and submodules: they are data', async () => {
    const repository = bench.repository('repo', { file: 'x', link: '-> /etc/passwd' });
    git(repository, 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},sub`);
    git(repository, 'commit', '-qm', 'gitlink');
    const source = await stored(repository, git(repository, 'rev-parse', 'HEAD^{tree}'));
    for (const kind of ['git', undefined] as const) {
      const workspace = await workspacesOf(kind).open(source);
      expect(await workspace.save()).toBeNull();
      writeFileSync(join(workspace.root, 'file'), 'changed');
      expect((await workspace.changes())?.files).toEqual(['file']);
    }
  });

  it('are refused where a few bytes stand for more than a disk', async () => {
    const repository = bench.repository('repo', { file: 'x' });
    let tree = git(repository, 'rev-parse', 'HEAD^{tree}');
    const names = Array.from({ length: 10 }, (_, i) => i.toString());
    for (let level = 0; level < 8; level++) {
      tree = rawTree(
        repository,
        names.map((name) => ['40000', name, tree]),
      );
    }
    await expect(workspacesOf().open(await stored(repository, tree))).rejects.toThrow(WorkspaceTooLarge);
    const big = execFileSync('bash', ['-c', 'head -c 25M /dev/zero | git hash-object -w --stdin'], { cwd: repository });
    const many = Array.from({ length: 450 }, (_, i) => [
      '100644',
      `f${i.toString().padStart(3, '0')}`,
      big.toString().trim(),
    ]);
    const bomb = await stored(repository, rawTree(repository, many as [string, string, string][]));
    await expect(workspacesOf().open(bomb)).rejects.toThrow(/11 GiB, more than 10 GiB/);
  });

  it('come from no bundle that is damaged, cut off, or none', async () => {
    const source = await snapshot(bench.repository('repo', FILES));
    const bundle = Buffer.from(await bench.store.get(source.bundle ?? ''));
    const damaged = Buffer.from(bundle);
    damaged.fill(0x41, bundle.length - 60, bundle.length - 30);
    for (const bytes of [damaged, bundle.subarray(0, bundle.length - 30), Buffer.from('PACK'), Buffer.alloc(0)]) {
      const broken = { ...source, bundle: await bench.store.put(bytes) };
      await expect(workspacesOf().open(broken)).rejects.toThrow(WorkspaceUnavailable);
    }
    const workspace = await workspacesOf().open(source);
    expect(workspace.tree).toBe(source.tree);
  });
});

describe('hostile names and bases', () => {
  it('are no options, programs or hosts of ssh', async () => {
    const marker = bench.path('marker');
    const remote = bench.repository('remote', FILES);
    const touch = `touch ${marker}`;
    const urls = [
      `--upload-pack=${touch}`,
      `-u${touch}`,
      `ext::sh -c '${touch}'`,
      `fd::17`,
      `ssh://-oProxyCommand=${touch.replace(' ', '%20')}/x`,
      `-oProxyCommand=${touch}:x`,
      `file://${remote}\n--upload-pack=${touch}`,
    ];
    const refs = [`--upload-pack=${touch}`, '+main:refs/heads/other', 'a..b', 'main^{tree}', '@{u}', '-main', 'x\0y'];
    for (const repo of [...urls.map((url) => ({ url })), ...refs.map((ref) => ({ url: `file://${remote}`, ref }))]) {
      const source = { bundle: null, tree: '', subdirectory: '', origin: '', repo };
      await expect(workspacesOf().open(source), JSON.stringify(repo)).rejects.toThrow(
        /^(not a git (URL|ref)|git ls-remote ended with 128: fatal: strange hostname)/,
      );
    }
    expect(existsSync(marker)).toBe(false);
    const fine = {
      bundle: null,
      tree: '',
      subdirectory: '',
      origin: '',
      repo: { url: `file://${remote}`, ref: 'main' },
    };
    expect((await workspacesOf().open(fine)).root).toBeTruthy();
  });

  it('are found out: a patch that names a base it was not made on', async () => {
    const remote = bench.repository('remote', FILES);
    const repo = { bundle: null, tree: '', subdirectory: '', origin: '', repo: { url: `file://${remote}` } };
    const workspaces = workspacesOf();
    const workspace = await workspaces.open(repo);
    writeFileSync(join(workspace.root, 'a.txt'), 'changed\n');
    const text = await patchText((await workspace.save()) ?? '');
    writeFileSync(join(remote, 'a.txt'), 'moved on\n');
    git(remote, 'commit', '-qam', 'second');
    const base = /^base-commit: (\w+)/.exec(text)?.[1] ?? '';
    const other = git(remote, 'rev-parse', 'HEAD');
    for (const named of [other, '1'.repeat(40), 'HEAD', '--all']) {
      const patch = await bench.store.put(Buffer.from(text.replace(base, named)));
      await expect(workspaces.open(repo, { patch }), named).rejects.toThrow(
        /WorkspaceUnavailable|ended with|no commit/,
      );
    }
    const patch = await bench.store.put(Buffer.from(text));
    expect(await (await workspaces.open(repo, { patch })).save()).toBe(patch);
  });
});

describe('hostile patches', () => {
  const file = (path: string) =>
    `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;
  const link = (target: string, path = 'l') =>
    `diff --git a/${path} b/${path}\nnew file mode 120000\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${target}\n\\ No newline at end of file\n`;

  it('are left out of a branch by name: what leads outside, into .git or through a link', async () => {
    const root = bench.repository('repo', { ...FILES, dir: '-> src' });
    const source = await snapshot(root);
    const evil = {
      absolute: link('/etc/passwd'),
      climbing: link('../outside', 'link2'),
      deep: link('../../../x', 'src/l'),
      hook: file('.git/hooks/post-checkout'),
      capitals: file('sub/.GIT/config'),
      short: file('git~1/config'),
      through: link('/tmp') + file('l/x'),
      'through a link of the repository': file('dir/x'),
      dots: file('../x'),
      settings: file('.gitmodules'),
    };
    const patches = await Promise.all(
      Object.entries({ ...evil, twin: link('b.txt', 'src/../own').replaceAll('src/../', '') }).map(
        async ([label, text]) => ({
          label,
          patch: await bench.store.put(Buffer.from(text)),
        }),
      ),
    );
    const result = await assemblePatches({ repository: root, source, patches, branch: 'b', store: bench.store });
    expect(result.applied).toEqual(['twin']);
    expect(result.conflicts.map(({ label }) => label)).toEqual(Object.keys(evil));
    for (const { label, reason } of result.conflicts) expect(reason, label).toMatch(/^TREE_INVALID: /);
  });

  it('are plain data when a workspace is restored: a link is a link, and nothing goes through it', async () => {
    const outside = bench.files('outside', { 'canary.txt': 'canary' });
    const source = await snapshot(bench.repository('repo', FILES));
    const workspaces = workspacesOf();
    const workspace = await workspaces.open(source, { patch: await bench.store.put(Buffer.from(link(outside))) });
    expect(await patchText((await workspace.save()) ?? '')).toContain(`+${outside}\n`);
    const through = await bench.store.put(Buffer.from(link(outside) + file('l/new')));
    await expect(workspaces.open(source, { patch: through })).rejects.toThrow(WorkspaceUnavailable);
    expect(existsSync(join(outside, 'new'))).toBe(false);
  });
});
