import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access, mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Controller, ownTrees, prepareTree, settings, type Tree } from './control-group-tree.ts';
import type { SandboxLimits } from './limits.ts';
import { isAlive, markOf } from './process-table.ts';

const NAME = /^muster-(\d+)-(\d+)-/;
/** Processes that were ended stay in their group until the kernel has let go of their memory. */
const REMOVE_WITHIN_MS = 2_000;

/** Where this worker bounds sandboxes as a whole. One per worker. */
export class ControlGroups {
  /** What is bounded here; empty where no control group may be made. */
  readonly controllers: ReadonlySet<Controller>;
  private readonly trees: readonly Tree[];
  private readonly prefix: string;

  private constructor(trees: readonly Tree[], prefix: string) {
    this.trees = trees;
    this.prefix = prefix;
    this.controllers = new Set(trees.flatMap(({ controllers }) => controllers));
  }

  /** Finds out by making a group in each tree, and removes what workers that are dead left behind. */
  static async open(limits: SandboxLimits, proc?: string): Promise<ControlGroups> {
    const own = markOf(process.pid);
    const prefix = `muster-${process.pid.toString()}-${own?.startTicks ?? '0'}-`;
    const usable: Tree[] = [];
    for (const tree of ownTrees(proc)) {
      try {
        const prepared = await prepareTree(tree, `${prefix}worker`);
        await sweep(prepared.directory);
        const probe = join(prepared.directory, `${prefix}${randomUUID()}`);
        await make(probe, prepared, limits);
        await rmdir(probe);
        if (prepared.controllers.length > 0) usable.push(prepared);
      } catch {
        // Not ours to divide: resource limits remain.
      }
    }
    return new ControlGroups(usable, prefix);
  }

  /** A group for one sandbox or server, empty as yet. */
  async create(limits: SandboxLimits): Promise<ControlGroup> {
    const name = `${this.prefix}${randomUUID()}`;
    const group = new ControlGroup(this.trees.map((tree) => ({ tree, directory: join(tree.directory, name) })));
    try {
      for (const { tree, directory } of group.places) await make(directory, tree, limits);
      return group;
    } catch (error) {
      await group.remove();
      throw error;
    }
  }
}

export class ControlGroup {
  readonly places: readonly { tree: Tree; directory: string }[];

  constructor(places: readonly { tree: Tree; directory: string }[]) {
    this.places = places;
  }

  /** Takes in a process; what it starts from then on is in it too. */
  async add(pid: number): Promise<void> {
    for (const file of this.entrances) await writeFile(file, pid.toString());
  }

  /** Files a process writes its number into to be taken in. */
  get entrances(): string[] {
    return this.places.map(({ directory }) => join(directory, 'cgroup.procs'));
  }

  /** How many of its processes the kernel has ended for want of memory. */
  get oomKills(): number {
    for (const { tree, directory } of this.places) {
      if (!tree.controllers.includes('memory')) continue;
      const file = join(directory, tree.isUnified ? 'memory.events' : 'memory.oom_control');
      return Number(/^oom_kill (\d+)$/m.exec(read(file))?.[1] ?? 0);
    }
    return 0;
  }

  /** Its processes. */
  get pids(): number[] {
    return [...new Set(this.entrances.flatMap((file) => read(file).split('\n').filter(Boolean).map(Number)))];
  }

  /** Once its processes are gone. Safe to call twice; what cannot be removed now, the next worker's start removes. */
  async remove(): Promise<void> {
    const until = performance.now() + REMOVE_WITHIN_MS;
    for (const { directory } of this.places) {
      while (!(await isRemoved(directory)) && performance.now() < until) await delay(10);
    }
  }
}

async function make(directory: string, tree: Tree, limits: SandboxLimits): Promise<void> {
  await mkdir(directory);
  for (const [file, value] of settings(tree, limits)) {
    const path = join(directory, file);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      await writeFile(path, value);
  }
}

async function isRemoved(directory: string): Promise<boolean> {
  return rmdir(directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
}

async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, pid, startTicks] = NAME.exec(name) ?? [];
    if (pid === undefined || startTicks === undefined || isAlive({ pid: Number(pid), startTicks })) continue;
    await isRemoved(join(directory, name));
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
