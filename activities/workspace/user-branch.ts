import { runGit, type GitCall } from './git.ts';
import { userCall, userRepository, type UserRepository } from './file-list.ts';
import { WorkspaceUnavailable } from './workspace.ts';

/** The branch is there and holds something else, or is checked out. Nothing was changed. */
export class BranchExists extends Error {
  override name = 'BranchExists';
}

/** Throws `WorkspaceUnavailable` where there is no repository. */
export async function openUserRepository(directory: string): Promise<UserRepository> {
  const repository = await userRepository(directory);
  if (repository === undefined) throw new WorkspaceUnavailable(`${directory} is not in a git repository`);
  return repository;
}

/** Whether git takes it as a branch name; `-` and `@{…}` mean something else to git and are refused. */
export async function checkBranchName(branch: string, cwd: string): Promise<void> {
  const isOption = branch.startsWith('-') || branch === 'HEAD';
  const args = ['check-ref-format', `refs/heads/${branch}`];
  if (isOption || (await runGit(args, { cwd, answers: [1] })).code !== 0) {
    throw new TypeError(`not a branch name: ${JSON.stringify(branch.slice(0, 100))}`);
  }
}

/**
 * Points a branch of the user's repository at a commit; its index, HEAD and files stay. A branch that holds another
 * commit is only moved with `force`, one that is checked out in some work tree never. Safe to call twice.
 */
export async function setBranch(
  repository: UserRepository,
  branch: string,
  commit: string,
  force: boolean,
): Promise<void> {
  const name = `refs/heads/${branch}`;
  const call = userCall(repository.root);
  const now = await tipOf(name, call);
  if (now === commit) return;
  if (now !== undefined && !force) throw new BranchExists(`branch ${branch} exists and holds something else`);
  if (await isCheckedOut(name, call)) throw new BranchExists(`branch ${branch} is checked out`);
  const before = now ?? '0'.repeat(40);
  await runGit(['update-ref', '--no-deref', '-m', 'muster apply', name, commit, before], call);
}

async function tipOf(name: string, call: GitCall): Promise<string | undefined> {
  const { code, stdout } = await runGit(['rev-parse', '--verify', '-q', name], { ...call, answers: [1] });
  return code === 0 ? stdout.toString().trim() : undefined;
}

/** In any work tree; an unborn branch is checked out too. */
async function isCheckedOut(name: string, call: GitCall): Promise<boolean> {
  const { stdout } = await runGit(['worktree', 'list', '--porcelain'], call);
  return stdout.toString().split('\n').includes(`branch ${name}`);
}
