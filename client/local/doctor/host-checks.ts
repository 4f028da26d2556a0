import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config.ts';
import { ask, failed, isAtLeast, messageOf, ok, warning, type Check } from './check.ts';
import { nearestExisting } from './store-checks.ts';

const NODE = '24';
/** The oldest git muster is tried with. */
const GIT = '2.30';
const GIB = 1024 ** 3;

/** What the machine must have; starts nothing that outlives it. */
export function hostChecks(config: Config): Promise<Check[]> {
  return Promise.all([node(), git(), ripgrep(), overlay(), disk(config)]);
}

async function node(): Promise<Check> {
  const { node: version } = process.versions;
  return isAtLeast(version, NODE)
    ? ok('node', version)
    : failed('node', `${version} is older than ${NODE}`, `install Node ${NODE} (https://nodejs.org)`);
}

async function git(): Promise<Check> {
  const { output, trouble } = await ask('git', ['--version']);
  const version = /\d+\.\d+(\.\d+)?/.exec(output ?? '')?.[0];
  if (!version) return failed('git', trouble ?? `it says ${JSON.stringify(output)}`, 'install git: apt install git');
  return isAtLeast(version, GIT)
    ? ok('git', version)
    : failed('git', `${version} is older than ${GIT}`, `install git ${GIT} or newer`);
}

/** The subagents' Grep and Glob run the one that comes with muster. */
async function ripgrep(): Promise<Check> {
  const hint = 'install muster again, with its optional dependencies';
  try {
    const { rgPath } = await import('@vscode/ripgrep');
    const { output, trouble } = await ask(rgPath, ['--version']);
    const version = /ripgrep (\S+)/.exec(output ?? '')?.[1];
    return version ? ok('ripgrep', version) : failed('ripgrep', trouble ?? 'it does not tell its version', hint);
  } catch (error) {
    return failed('ripgrep', messageOf(error), hint);
  }
}

/** Private copies of a large checkout cost nothing where a directory can be laid over another without root. */
async function overlay(): Promise<Check> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-doctor-'));
  try {
    const script = 'mkdir l u w m && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w m';
    const { trouble } = await ask('unshare', [
      '--user',
      '--map-root-user',
      '--mount',
      'sh',
      '-c',
      `cd "$0" && ${script}`,
      directory,
    ]);
    if (trouble === undefined) return ok('overlayfs', 'copy-on-write layers work');
    return warning(
      'overlayfs',
      `${trouble}: workspaces are copied instead`,
      'it only costs time and disk; Linux ≥ 5.11 has it',
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function disk({ home, artifacts }: Config): Promise<Check> {
  const directories = artifacts.startsWith('file:') ? [home, fileURLToPath(artifacts)] : [home];
  const places = [...new Set(directories.map(nearestExisting))];
  const free = await Promise.all(places.map(async (place) => ({ place, ...(await space(place)) })));
  const least = free.toSorted((a, b) => a.bytes - b.bytes)[0]!;
  const detail = `${(least.bytes / GIB).toFixed(1)} GiB free in ${least.place}`;
  const hint = 'make room there (`muster gc`), or set MUSTER_HOME and MUSTER_ARTIFACTS elsewhere';
  if (free.some(({ files }) => files < 1_000))
    return failed('disk', `hardly a file can be made in ${least.place}`, hint);
  if (least.bytes < GIB / 2) return failed('disk', detail, hint);
  return least.bytes < 4 * GIB ? warning('disk', detail, hint) : ok('disk', detail);
}

/** A file system that does not count files (btrfs) says 0 of 0. */
async function space(place: string): Promise<{ bytes: number; files: number }> {
  const { bavail, bsize, files, ffree } = await statfs(place);
  return { bytes: bavail * bsize, files: files === 0 ? Infinity : ffree };
}
