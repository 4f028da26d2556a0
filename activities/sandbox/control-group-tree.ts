import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { SandboxLimits } from './limits.ts';

export type Controller = 'memory' | 'pids' | 'cpu';

/** One tree of control groups in which this process may have children. */
export interface Tree {
  /** Its own group in it, as a directory. */
  directory: string;
  isUnified: boolean;
  controllers: readonly Controller[];
}

const WANTED: readonly Controller[] = ['memory', 'pids', 'cpu'];

/** The trees this process is in, where it can see them: one of version 2, or one of version 1 for each controller. */
export function ownTrees(proc = '/proc/self'): Tree[] {
  const mounts = lines(`${proc}/mountinfo`).map(parseMount);
  const trees: Tree[] = [];
  for (const line of lines(`${proc}/cgroup`)) {
    const [id, names = '', ...path] = line.split(':');
    const isUnified = id === '0';
    const mount = mounts.find(({ type, options }) =>
      isUnified ? type === 'cgroup2' : type === 'cgroup' && names.split(',').every((name) => options.includes(name)),
    );
    const inside = mount && posix.relative(mount.root, path.join(':'));
    // Outside of what is mounted here: a container that sees a part of the tree, and in it not itself.
    if (mount === undefined || inside === undefined || inside.startsWith('..')) continue;
    const directory = join(mount.point, inside);
    const has = isUnified ? words(join(directory, 'cgroup.controllers')) : names.split(',');
    const controllers = WANTED.filter((name) => has.includes(name));
    if (controllers.length > 0) trees.push({ directory, isUnified, controllers });
  }
  return trees;
}

/**
 * Lets children of our own group have controllers. In version 2 a group has processes or such children, never both: when
 * it has none but ours, they move into a child. Throws where that is not ours to do.
 */
export async function prepareTree({ directory, isUnified, controllers }: Tree, name: string): Promise<Tree> {
  if (!isUnified) return { directory, isUnified, controllers };
  const control = join(directory, 'cgroup.subtree_control');
  const given = (): Controller[] => controllers.filter((controller) => words(control).includes(controller));
  if (given().length < controllers.length) {
    const all = controllers.map((controller) => `+${controller}`).join(' ');
    await writeFile(control, all).catch(async () => {
      await moveInto(directory, name);
      await writeFile(control, all);
    });
  }
  return { directory, isUnified, controllers: given() };
}

async function moveInto(directory: string, name: string): Promise<void> {
  const processes = (await readFile(join(directory, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean);
  const foreign = processes.find((pid) => Number(pid) !== process.pid);
  if (foreign !== undefined) throw new Error(`process ${foreign} is in ${directory} too`);
  await mkdir(join(directory, name), { recursive: true });
  await writeFile(join(directory, name, 'cgroup.procs'), process.pid.toString());
}

/** What to write into which file of a new group. A file that is absent belongs to another kernel. */
export function settings(tree: Tree, limits: SandboxLimits): [file: string, value: string][] {
  const { memoryBytes, processes, cpuWeight } = limits;
  const memory = memoryBytes.toString();
  const of: Record<Controller, [string, string][]> = tree.isUnified
    ? {
        memory: [
          ['memory.max', memory],
          ['memory.swap.max', '0'],
        ],
        pids: [['pids.max', processes.toString()]],
        cpu: [['cpu.weight', cpuWeight.toString()]],
      }
    : {
        memory: [
          ['memory.limit_in_bytes', memory],
          ['memory.memsw.limit_in_bytes', memory],
        ],
        pids: [['pids.max', processes.toString()]],
        // 1024 shares are the weight of 100.
        cpu: [['cpu.shares', Math.max(2, Math.round((cpuWeight / 100) * 1024)).toString()]],
      };
  return tree.controllers.flatMap((controller) => of[controller]);
}

function parseMount(line: string): { root: string; point: string; type: string; options: string[] } {
  const [before = '', after = ''] = line.split(' - ');
  const [, , , root = '', point = ''] = before.split(' ');
  const [type = '', , options = ''] = after.split(' ');
  return { root, point, type, options: options.split(',') };
}

const words = (file: string): string[] => lines(file).flatMap((line) => line.split(' '));

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}
