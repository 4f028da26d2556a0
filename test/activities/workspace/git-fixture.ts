import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';

/** Git as a user runs it, with a pinned identity and no configuration of the machine. */
const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
};

export function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd, env: ENVIRONMENT, encoding: 'utf8', stdio: 'pipe' }).trimEnd();
}

/** A temporary directory with an artifact store, and room for repositories. */
export class Bench {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'muster-workspace-')));
  readonly cacheDirectory = join(this.directory, 'cache');
  /** Of workspaces; a test that needs another file system sets it. */
  home = join(this.directory, 'workspaces');
  store!: DiskStore;

  async open(): Promise<this> {
    this.store = await DiskStore.open(join(this.directory, 'store'));
    return this;
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** A directory with these files; a value `-> x` is a symlink, a key that ends with `*` an executable. */
  files(name: string, files: Readonly<Record<string, string>>): string {
    const root = this.path(name);
    mkdirSync(root, { recursive: true });
    for (const [key, text] of Object.entries(files)) {
      const path = join(root, key.replace(/\*$/, ''));
      mkdirSync(dirname(path), { recursive: true });
      if (text.startsWith('-> ')) symlinkSync(text.slice(3), path);
      else writeFileSync(path, text);
      if (key.endsWith('*')) chmodSync(path, 0o755);
    }
    return root;
  }

  /** A repository with one commit of these files. */
  repository(name: string, files: Readonly<Record<string, string>>): string {
    const root = this.files(name, files);
    git(root, 'init', '-q', '-b', 'main');
    git(root, 'add', '-A');
    git(root, 'commit', '-q', '--allow-empty', '-m', 'first');
    return root;
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Everything in a directory, with content, mode, inode and times: what must not change. */
export function fingerprint(directory: string): string {
  const script = 'find . -printf "%p %i %m %T@ %C@ %l\\n" | sort; find . -type f -print0 | sort -z | xargs -0 sha1sum';
  return execFileSync('bash', ['-c', script], { cwd: directory, encoding: 'utf8' });
}

/** Every file of a directory as a subagent sees it: `mode path` → text or link target; empty directories do not count. */
export function contents(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(directory, path);
    if (entry.isSymbolicLink()) files[`link ${name}`] = readlinkSync(path);
    else if (entry.isFile())
      files[`${(statSync(path).mode & 0o111) > 0 ? 'exec' : 'file'} ${name}`] = readFileSync(path, 'latin1');
  }
  return files;
}

/** The files of a stored bundle's tree: `mode path` → content. */
export async function treeFiles(bench: Bench, bundle: string | null, tree: string): Promise<Record<string, string>> {
  if (bundle === null) return {};
  const directory = mkdtempSync(bench.path('read-'));
  const file = join(directory, 'bundle');
  await bench.store.getFile(bundle, file);
  git(directory, 'init', '-q', '--bare', 'repo');
  const repo = join(directory, 'repo');
  git(repo, 'bundle', 'unbundle', file);
  const entries = git(repo, 'ls-tree', '-r', '-z', tree).split('\0').filter(Boolean);
  const files = entries.map((entry) => {
    const [info = '', path = ''] = entry.split('\t');
    const [mode = '', , object = ''] = info.split(' ');
    const text = execFileSync('git', ['cat-file', 'blob', object], { cwd: repo, encoding: 'utf8' });
    return [`${mode} ${path}`, text] as const;
  });
  return Object.fromEntries(files);
}
