import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownTrees, prepareTree, settings } from '../../../activities/sandbox/control-group-tree.ts';
import { ControlGroups } from '../../../activities/sandbox/control-groups.ts';
import { DEFAULT_LIMITS } from '../../../activities/sandbox/limits.ts';
import { ProcessWatch } from '../../../activities/sandbox/process-watch.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const canDivide = (await ControlGroups.open(DEFAULT_LIMITS)).controllers.has('memory');

test.runIf(canDivide)(
  'a group takes in a process and its children, with its limits, and can be removed when they are gone',
  async () => {
    const groups = await ControlGroups.open(DEFAULT_LIMITS);
    const group = await groups.create({ ...DEFAULT_LIMITS, memoryBytes: 2 ** 26, processes: 20 });
    const limits = group.places.flatMap(({ directory }) =>
      ['memory.limit_in_bytes', 'memory.max', 'pids.max']
        .filter((file) => existsSync(join(directory, file)))
        .map((file) => readFileSync(join(directory, file), 'utf8').trim()),
    );
    expect(limits.sort()).toEqual(['20', (2 ** 26).toString()]);
    const child = spawn('sh', ['-c', 'read -r line; sleep 60 & wait'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    await group.add(child.pid!);
    child.stdin.write('go\n');
    await expect.poll(() => group.pids).toHaveLength(2);
    expect(group.oomKills).toBe(0);
    process.kill(-child.pid!, 'SIGKILL');
    await once(child, 'exit');
    await group.remove();
    await group.remove();
    expect(group.places.filter(({ directory }) => existsSync(directory))).toEqual([]);
  },
);

test.runIf(canDivide)('a group the kernel will not make leaves no other behind', async () => {
  const groups = await ControlGroups.open(DEFAULT_LIMITS);
  const ours = (): string[] =>
    ownTrees().flatMap(({ directory }) =>
      readdirSync(directory).filter((name) => name.startsWith(`muster-${process.pid.toString()}-`)),
    );
  await expect(groups.create({ ...DEFAULT_LIMITS, processes: 2 ** 40 })).rejects.toThrow();
  expect(ours()).toEqual([]);
});

test('groups of both versions are found by what the kernel says, where they can be seen', async () => {
  await using fake = await temporaryDirectory();
  const at = (path: string): string => join(fake.path, path);
  await mkdir(at('unified/service'), { recursive: true });
  await writeFile(at('unified/service/cgroup.controllers'), 'cpuset cpu io memory pids\n');
  await writeFile(
    at('cgroup'),
    '5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc/own\n3:pids:/elsewhere\n2:freezer:/\n0::/service\n',
  );
  const mount = (root: string, point: string, rest: string): string =>
    `30 20 0:26 ${root} ${point} rw,nosuid - ${rest}`;
  const mounts = [
    mount('/', at('unified'), 'cgroup2 cgroup2 rw'),
    mount('/docker/abc', at('cpu'), 'cgroup cgroup rw,cpu,cpuacct'),
    mount('/docker/abc', at('memory'), 'cgroup cgroup rw,memory'),
    mount('/docker/abc', at('pids'), 'cgroup cgroup rw,pids'),
  ];
  await writeFile(at('mountinfo'), `${mounts.join('\n')}\n`);
  expect(ownTrees(fake.path)).toEqual([
    { directory: at('cpu'), isUnified: false, controllers: ['cpu'] },
    { directory: at('memory/own'), isUnified: false, controllers: ['memory'] },
    { directory: at('unified/service'), isUnified: true, controllers: ['memory', 'pids', 'cpu'] },
  ]);
  expect(ownTrees(at('nowhere'))).toEqual([]);
});

test('a group of version 2 is divided where it is delegated, and left alone where others are in it', async () => {
  await using fake = await temporaryDirectory();
  const tree = { directory: fake.path, isUnified: true, controllers: ['memory', 'pids'] as const };
  await writeFile(join(fake.path, 'cgroup.subtree_control'), 'memory pids cpu\n');
  expect(await prepareTree(tree, 'muster-worker')).toEqual(tree);
  // Not to be written: the kernel's answer to a group that has processes of its own.
  await mkdir(join(fake.path, 'busy/cgroup.subtree_control'), { recursive: true });
  await writeFile(join(fake.path, 'busy/cgroup.procs'), `${process.pid.toString()}\n1\n`);
  const busy = { ...tree, directory: join(fake.path, 'busy') };
  await expect(prepareTree(busy, 'muster-worker')).rejects.toThrow('process 1 is in');
  expect(existsSync(join(fake.path, 'busy/muster-worker'))).toBe(false);
});

test('limits are written as each version spells them', () => {
  const controllers = ['memory', 'pids', 'cpu'] as const;
  const limits = { ...DEFAULT_LIMITS, memoryBytes: 1000, processes: 20, cpuWeight: 50 };
  expect(Object.fromEntries(settings({ directory: '', isUnified: true, controllers }, limits))).toEqual({
    'memory.max': '1000',
    'memory.swap.max': '0',
    'pids.max': '20',
    'cpu.weight': '50',
  });
  expect(Object.fromEntries(settings({ directory: '', isUnified: false, controllers }, limits))).toEqual({
    'memory.limit_in_bytes': '1000',
    'memory.memsw.limit_in_bytes': '1000',
    'pids.max': '20',
    'cpu.shares': '512',
  });
});

test.runIf(process.getuid?.() === 0)('too many processes are noticed without a control group', async () => {
  const script = 'for i in 1 2 3 4 5 6; do sleep 60 & done; echo started; wait';
  const child = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const firstPid = Number(
    readFileSync(`/proc/${child.pid!.toString()}/task/${child.pid!.toString()}/children`, 'utf8').trim(),
  );
  const ended: string[] = [];
  const stops = [5, 50].map((limit) =>
    new ProcessWatch(limit).watch({ firstPid, end: () => ended.push(limit.toString()) }),
  );
  await expect.poll(() => ended.length).toBeGreaterThan(1);
  for (const stop of stops) stop();
  expect(new Set(ended)).toEqual(new Set(['5']));
  child.kill('SIGKILL');
  await once(child, 'exit');
});
