import { statfs } from 'node:fs/promises';
import { CloneDenied, WorkspaceFull, WorkspaceUnavailable } from './workspace.ts';

const FULL = /No space left on device|Disk quota exceeded/;
/** A remote that answered, and said no: asking again will not help. */
const DENIED =
  /Authentication failed|could not read (Username|Password)|terminal prompts disabled|Permission denied|Repository not found|repository '.*' not found|does not appear to be a git repository|returned error: 40[134]|Host key verification failed|transport '.*' not allowed|couldn't find remote ref|access rights|not our ref|dubious ownership/i;

/** Writing failed, and git does not say why. */
const UNWRITTEN =
  /unable to (write|create|append|close)|failed to (write|close)|write error|short write|write failure/i;
const ALMOST_NOTHING_BYTES = 1_048_576;

/** As `gitFailure`; where git could not write and one of the directories has no room, that is why. */
export async function gitFailureIn(
  directories: readonly string[],
  args: readonly string[],
  stderr: string,
  code: number,
): Promise<Error> {
  const failure = gitFailure(args, stderr, code);
  if (!UNWRITTEN.test(stderr)) return failure;
  for (const directory of directories) {
    const disk = await statfs(directory).catch(() => undefined);
    const isFull = disk !== undefined && (disk.bavail * disk.bsize < ALMOST_NOTHING_BYTES || disk.ffree === 0);
    if (isFull) return new WorkspaceFull(failure.message);
  }
  return failure;
}

/** The one place that reads git's English. */
export function gitFailure(args: readonly string[], stderr: string, code: number): Error {
  const command = args.find((word, i) => !word.startsWith('-') && args[i - 1] !== '-c') ?? '';
  const message = `git ${command} ended with ${code.toString()}: ${summary(stderr)}`;
  if (FULL.test(stderr)) return new WorkspaceFull(message);
  const isRemote = command === 'fetch' || command === 'ls-remote';
  if (isRemote && DENIED.test(stderr)) return new CloneDenied(message);
  return new WorkspaceUnavailable(message);
}

/** What git said, short enough for a result, with credentials of URLs and control characters taken out. */
function summary(stderr: string): string {
  const lines = stderr
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@]*@/gi, '$1')

    .replace(/\x1b\[[0-9;]*[A-Za-z]|[\x00-\x09\x0b-\x1f\x7f]/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('hint:'));
  return lines.slice(-6).join('; ').slice(0, 600) || 'no message';
}

/** Which files a patch did not fit, by the index's unmerged entries or else by what `git apply` said, and why. */
export function clashingFiles(stderr: string, unmerged: readonly string[]): { files: string[]; reason: string } {
  if (unmerged.length > 0) return { files: [...unmerged], reason: 'changes the same lines as another patch' };
  const files = new Set<string>();
  const patterns = [
    /^error: patch failed: (.*):\d+$/gm,
    /^error: (.*): (?:patch does not apply|does not (?:exist|match)|already exists)/gm,
  ];
  for (const pattern of patterns) for (const match of stderr.matchAll(pattern)) files.add(match[1] ?? '');
  const isInvalid = /invalid path|beyond a symbolic link|invalid mode|[Ii]nvalid filename/.test(stderr);
  return { files: [...files], reason: `${isInvalid ? 'TREE_INVALID: ' : ''}${summary(stderr)}` };
}
