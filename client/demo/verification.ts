import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { execa } from 'execa';
import { runGit } from '../../activities/workspace/git.ts';

/** One file a patch changes or adds. */
export interface CheckedFile {
  path: string;
  /** Its syntax is right; a file that is neither JavaScript nor JSON has none to be wrong. */
  ok: boolean;
  /** What the parser says. */
  error?: string;
}

export interface Verification {
  /** Why the patch cannot be applied to what it was made from; then `files` is empty. */
  error?: string;
  files: CheckedFile[];
}

export interface PatchToCheck {
  /** Repository the patch was made from, at its HEAD. Nothing in it is changed. */
  repository: string;
  patch: Uint8Array;
  /** Directory for the scratch copy, which is gone afterwards. */
  scratch: string;
}

/** Everything was applied and every file parses. */
export const isSound = ({ error, files }: Verification): boolean => error === undefined && files.every(({ ok }) => ok);

/**
 * Applies a patch to a copy of the repository that git makes, and has Node itself parse each file it leaves changed,
 * as script or module as its package.json says. Nothing of the repository is run. Rejects only when git or the disk fail.
 */
export async function verifyPatch({ repository, patch, scratch }: PatchToCheck): Promise<Verification> {
  await mkdir(scratch, { recursive: true });
  const place = await mkdtemp(join(scratch, 'check-'));
  try {
    const tree = join(place, 'tree');
    await mkdir(tree);
    const environment = {
      GIT_DIR: join(repository, '.git'),
      GIT_WORK_TREE: tree,
      GIT_INDEX_FILE: join(place, 'index'),
    };
    const git = async (args: string[], input?: Uint8Array): Promise<string> =>
      (await runGit(args, { cwd: tree, environment, ...(input && { input }) })).stdout.toString();
    await git(['read-tree', 'HEAD']);
    await git(['checkout-index', '--all', '--index']);
    try {
      await git(['apply', '--index', '--whitespace=nowarn'], patch);
    } catch (error) {
      return { error: `the patch does not apply: ${messageOf(error)}`, files: [] };
    }
    const changed = await git(['diff', '--cached', '--name-only', '--no-renames', '--diff-filter=d', '-z', 'HEAD']);
    const paths = changed.split('\0').filter((path) => path !== '');
    const files: CheckedFile[] = [];
    for (const path of paths) files.push(await checkFile(tree, path));
    return { files };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function checkFile(tree: string, path: string): Promise<CheckedFile> {
  const error = /^\.[cm]?js$/.test(extname(path))
    ? await javaScriptFault(tree, path)
    : extname(path) === '.json'
      ? await jsonFault(join(tree, path))
      : undefined;
  return error === undefined ? { path, ok: true } : { path, ok: false, error };
}

async function javaScriptFault(tree: string, path: string): Promise<string | undefined> {
  // Without the environment: NODE_OPTIONS could load something, or parse otherwise.
  const options = { cwd: tree, env: {}, extendEnv: false, reject: false, stdin: 'ignore' } as const;
  const { exitCode, stderr, failed } = await execa(process.execPath, ['--check', join(tree, path)], options);
  if (!failed) return undefined;
  const line = /^.*?:(\d+)$/m.exec(stderr)?.[1];
  const message = /^\w*Error: .*$/m.exec(stderr)?.[0] ?? `node --check ended with ${exitCode}`;
  return line === undefined ? message : `line ${line}: ${message}`;
}

async function jsonFault(file: string): Promise<string | undefined> {
  try {
    JSON.parse(await readFile(file, 'utf8'));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
