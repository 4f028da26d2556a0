import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { WorkspaceUnavailable } from './workspace.ts';

const run = promisify(execFile);
const PROGRAMS = { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } };

/**
 * A copy-on-write view: `<home>/root` shows `lower`, changes go to `<home>/upper`. `lower` is relative to `home`: the
 * kernel resolves it, so no name ever needs escaping.
 */
export async function mountOverlay(home: string, lower: string): Promise<string> {
  await Promise.all(['upper', 'work', 'root'].map((part) => mkdir(join(home, part))));
  // A renamed directory is copied, so that the upper directory alone shows every file written.
  const options = `nosuid,nodev,lowerdir=${lower},upperdir=upper,workdir=work,redirect_dir=off,metacopy=off,index=off`;
  await mount(home, ['-t', 'overlay', '-o', options, 'overlay', 'root']);
  return join(home, 'root');
}

/** A view nobody can write through, not even root; `target` is made. */
export async function mountReadOnly(source: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  await mount('/', ['-o', 'bind,ro,nosuid,nodev', source, target]);
}

/** Unmounts, also under a process that still looks at it. Safe to call twice. */
export async function unmount(path: string): Promise<void> {
  if (!(await mountsBelow(path)).includes(path)) return;
  await run('umount', ['-n', '--', path], PROGRAMS).catch(() => run('umount', ['-n', '-l', '--', path], PROGRAMS));
}

/** Mount points at or below a directory, deepest first. None where the system does not tell. */
export async function mountsBelow(directory: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return table
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))))
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length);
}

/** Removes a directory and what is mounted in it; leaves it where something cannot be unmounted. */
export async function removeWithMounts(directory: string): Promise<void> {
  for (const point of await mountsBelow(directory)) await unmount(point).catch(() => undefined);
  if ((await mountsBelow(directory)).length > 0) return;
  await removeFiles(directory);
}

/** Rounds of a removal: a process that still writes puts a file where another was just removed, a few times at most. */
const REMOVALS = 20;

/**
 * By programs that go from descriptor to descriptor: Node's own goes by paths, so that a directory swapped for a link
 * would lead it outside, and ends where paths get longer than the system takes. What its owner has closed is opened.
 */
async function removeFiles(directory: string): Promise<void> {
  for (let round = 1; ; round++) {
    try {
      await run('rm', ['-rf', '--', directory], { ...PROGRAMS, maxBuffer: 67_108_864 });
      return;
    } catch (error) {
      if (round === REMOVALS) throw error;
      if (round === 1) await run('chmod', ['-fR', 'u+rwX', '--', directory], PROGRAMS).catch(() => undefined);
    }
  }
}

/** Whether this process may mount overlays and read-only views here, found out by doing it in `scratch`. */
export async function mayMount(scratch: string): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    await mkdir(join(scratch, 'lower'), { recursive: true });
    await writeFile(join(scratch, 'lower/file'), 'below');
    const root = await mountOverlay(scratch, 'lower');
    await writeFile(join(root, 'file'), 'above');
    await mountReadOnly(root, join(scratch, 'view'));
    const isApart = (await readFile(join(scratch, 'lower/file'), 'utf8')) === 'below';
    const refused = await writeFile(join(scratch, 'view/file'), 'x').then(
      () => false,
      () => true,
    );
    // The index of the lower files only fits through the overlay if they keep their inodes.
    return isApart && refused && (await keepsInodes(scratch));
  } catch {
    return false;
  } finally {
    await removeWithMounts(scratch).catch(() => undefined);
  }
}

async function keepsInodes(scratch: string): Promise<boolean> {
  const [below, seen] = await Promise.all([stat(join(scratch, 'lower/file')), stat(join(scratch, 'root/file'))]);
  return below.ino === seen.ino;
}

async function mount(cwd: string, args: readonly string[]): Promise<void> {
  try {
    await run('mount', ['-n', ...args], { ...PROGRAMS, cwd });
  } catch (cause) {
    throw new WorkspaceUnavailable(`cannot mount: ${cause instanceof Error ? cause.message.trim() : 'unknown'}`, {
      cause,
    });
  }
}
