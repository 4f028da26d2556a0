import { readlink, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path/posix';
import { homedir } from 'node:os';
import { gitFailure } from './git-failure.ts';
import { runGit, type GitCall } from './git.ts';
import type { Repository } from './repository.ts';
import { WorkspaceUnavailable } from './workspace.ts';

/**
 * Paths are kept as latin1 texts: every byte of a name survives, whatever its encoding. `shown` is for people.
 */
export type BytePath = string;
export const toBytes = (text: string): BytePath => Buffer.from(text).toString('latin1');
export const shown = (path: BytePath): string => Buffer.from(path, 'latin1').toString();
export const forDisk = (root: string, path: BytePath): Buffer =>
  path === '' ? Buffer.from(root) : Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);

export interface FileList {
  /** Real path of the directory the paths are relative to. */
  root: string;
  isRepository: boolean;
  /** In git's index; a person put them there. */
  tracked: BytePath[];
  untracked: BytePath[];
  /** Submodules and repositories inside a repository: left out. */
  nested: BytePath[];
}

/**
 * Listing runs in the user's repository with the user's own configuration, because their excludes count. It reads the
 * index and ignore files and runs nothing: monitors, hooks and every protocol are off, contents are not looked at.
 */
export const userCall = (cwd: string): GitCall => ({
  cwd,
  environment: {
    HOME: homedir(),
    GIT_CONFIG_GLOBAL: undefined,
    GIT_CONFIG_NOSYSTEM: undefined,
  },
});

export interface UserRepository {
  root: string;
  /** What is checked out; undefined before the first commit. */
  commit: string | undefined;
  /** Absolute path of its object directory. */
  objects: string;
  /** Absolute path of the file that says where a shallow clone ends; it need not exist. */
  shallow: string;
}

/** The repository around a directory; undefined where there is none. Throws when git will not read it. */
export async function userRepository(directory: string): Promise<UserRepository | undefined> {
  const args = [
    'rev-parse',
    '--path-format=absolute',
    '--show-toplevel',
    '--git-path',
    'objects',
    '--git-path',
    'shallow',
    '--absolute-git-dir',
    '--show-object-format',
  ];
  const call = { ...userCall(directory), answers: [1, 128] };
  const { code, stdout, stderr } = await runGit([...args, '--verify', '-q', 'HEAD'], call);
  const [root = '', objects = '', shallow = '', gitDirectory, format, commit] = stdout.toString().split('\n');
  if (code === 128 && NO_REPOSITORY.test(stderr)) return undefined;
  if (code === 128) throw gitFailure(args, stderr, code);
  if (format !== 'sha1') throw new WorkspaceUnavailable(`${root} names its objects by ${format ?? ''}: not supported`);
  if (root !== directory) await refuseRedirected(root, gitDirectory);
  return { root, objects, shallow, commit: commit || undefined };
}

/**
 * By `core.worktree` a repository's own configuration can name any directory above it as its files, a home for one. They
 * are its files only if that directory names the repository too.
 */
async function refuseRedirected(root: string, gitDirectory: string | undefined): Promise<void> {
  const { stdout } = await runGit(['rev-parse', '--absolute-git-dir'], { ...userCall(root), answers: [128] });
  if (stdout.toString().trimEnd() === gitDirectory) return;
  throw new WorkspaceUnavailable(
    `the repository ${gitDirectory ?? ''} claims the files of ${root}, which is not its own: check its core.worktree`,
  );
}

const NO_REPOSITORY = /not a git repository|must be run in a work tree|cannot use bare repository/;

export async function repositoryAround(directory: string): Promise<string | undefined> {
  return (await userRepository(directory))?.root;
}

/** Whether the repository around it ignores a directory. */
export async function isIgnored(directory: string): Promise<boolean> {
  const args = ['-c', 'core.fsmonitor=false', 'check-ignore', '-q', '--', basename(directory)];
  return (await runGit(args, { ...userCall(dirname(directory)), answers: [1] })).code === 0;
}

/** What git knows in a repository: tracked files, and untracked ones it does not ignore. */
export async function listRepository(root: string): Promise<FileList> {
  const args = ['ls-files', '-z', '-t', '--stage', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await runGit(args, userCall(root));
  const list: FileList = { root, isRepository: true, tracked: [], untracked: [], nested: [] };
  let previous = ''; // a path in conflict stands there up to three times in a row
  for (const entry of records(stdout)) {
    if (entry.startsWith('? ')) {
      if (entry.endsWith('/')) list.nested.push(entry.slice(2, -1));
      else list.untracked.push(entry.slice(2));
      continue;
    }
    const path = entry.slice(entry.indexOf('\t') + 1);
    if (path !== previous) (entry.startsWith('160000', 2) ? list.nested : list.tracked).push(path);
    previous = path;
  }
  return list;
}

/** All files of a plain directory but those a .gitignore in it names; repositories inside it are directories too. */
export async function listDirectory(root: string, repository: Repository): Promise<FileList> {
  const noIndex = join(repository.directory, 'no-index');
  const list: FileList = { root, isRepository: false, tracked: [], untracked: [], nested: [] };
  const args = ['ls-files', '-z', '--others', '--exclude-per-directory=.gitignore'];
  const pending: BytePath[] = [''];
  for (let below: BytePath | undefined = pending.pop(); below !== undefined; below = pending.pop()) {
    const directory = below === '' ? root : join(root, shown(below));
    const { stdout } = await repository.at(directory, noIndex).run(args);
    for (const name of records(stdout)) {
      const path: BytePath = below === '' ? name : `${below}/${name}`;
      if (!path.endsWith('/')) list.untracked.push(path);
      else if (path.slice(0, -1) !== below) pending.push(path.slice(0, -1));
    }
  }
  return list;
}

/** NUL-separated output. */
export const records = (output: Buffer): BytePath[] => output.toString('latin1').split('\0').filter(Boolean);

/** Whether the symlink at `path` leaves `root`: by its text, or by where it ends when other links are followed. */
export async function leaves(root: string, path: BytePath): Promise<boolean> {
  const target = await readlink(forDisk(root, path), 'buffer');
  if (linkLeaves(path, target.toString('latin1'))) return true;
  const end = await realpath(forDisk(root, path), 'buffer').catch(() => undefined);
  return end !== undefined && !`${end.toString('latin1')}/`.startsWith(`${toBytes(root)}/`);
}

/** By its text alone; an absolute target leaves, wherever it points: in a copy it would point at the original. */
export function linkLeaves(path: BytePath, target: BytePath): boolean {
  if (isAbsolute(target)) return true;
  const from = relative('/root', resolve('/root', dirname(path), target));
  return from === '..' || from.startsWith('../');
}
