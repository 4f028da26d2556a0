import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../activities/observe/log.ts';
import type { Sandbox } from '../../activities/sandbox/sandbox.ts';
import { createSandboxes } from '../../activities/sandbox/sandboxes.ts';

/** What a subagent's shell costs: `node test/bench/sandbox-bench.ts`. Prints figures, never judges. */

const STARTS = 40;
const ROUND_TRIPS = 500;
const CANCELS = 20;
const SHELLS = 50;

const directory = await mkdtemp(join(tmpdir(), 'muster-bench-'));
const sandboxes = createSandboxes({ isolation: 'bubblewrap', log: createLog('warn') });
const never = new AbortController().signal;
let made = 0;

async function sandbox(): Promise<Sandbox> {
  const owner = `bench-${(++made).toString()}`;
  const root = join(directory, owner);
  await mkdir(root);
  return sandboxes.create({ owner, root, directory: root, writable: [root], readOnly: [], env: {} });
}

const run = (shell: Sandbox, command: string): Promise<unknown> =>
  shell.run(command, { timeoutMs: 60_000, signal: never });

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function plainBash(): Promise<void> {
  const child: ChildProcess = spawn('/bin/bash', ['--noprofile', '--norc'], {
    env: {},
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin!.end('echo ready\n');
  await once(child.stdout!, 'data');
  await once(child, 'exit');
}

/** Plain and sandboxed in turn, so that both see the same load of the host. */
async function starts(): Promise<void> {
  const plain: number[] = [];
  const confined: number[] = [];
  const trips: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    plain.push(await timed(plainBash));
    const shell = await sandbox();
    confined.push(await timed(() => run(shell, 'true')));
    for (let j = 0; j < ROUND_TRIPS / STARTS; j++) trips.push(await timed(() => run(shell, 'true')));
    await shell.close();
  }
  say('start of a plain bash', plain);
  say('start of a sandboxed shell, first command included', confined);
  print('start over a plain bash, p50', `${(quantile(confined, 0.5) - quantile(plain, 0.5)).toFixed(1)} ms`, '≤ 25 ms');
  say('round trip of a command', trips, '< 1 ms');
}

async function cancels(): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < CANCELS; i++) {
    const shell = await sandbox();
    await run(shell, 'true');
    const controller = new AbortController();
    const running = shell.run('(setsid sleep 600 &); for i in 1 2 3; do sleep 600 & done; wait', {
      timeoutMs: 60_000,
      signal: controller.signal,
    });
    // Until its processes are there.
    while (descendants().size < 6) await new Promise((resolve) => setTimeout(resolve, 5));
    times.push(await timed(() => (controller.abort(), running.catch(() => undefined))));
    if (descendants().size > 0) throw new Error('processes are left');
    await shell.close();
  }
  say('from cancel to the whole tree gone', times, '≤ 2 s');
}

async function memory(): Promise<void> {
  const shells = await Promise.all(Array.from({ length: SHELLS }, sandbox));
  await Promise.all(shells.map((shell) => run(shell, 'cd . && x=1')));
  const kib = [...descendants()].map(pssKib).reduce((sum, part) => sum + part, 0);
  print(
    `memory of an idle shell, bubblewrap included (PSS, of ${SHELLS.toString()})`,
    `${(kib / 1024 / SHELLS).toFixed(2)} MB`,
    '≤ 20 MB',
  );
  const after: number[] = [];
  for (const shell of shells) after.push(await timed(() => run(shell, 'true')));
  say('round trip beside the others', after, '< 1 ms');
}

/** Processes of this host that come from this one. */
function descendants(): Set<number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const stat = read(`/proc/${name}/stat`);
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isOurs = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent === process.pid || (parent !== undefined && parent > 1 && isOurs(parent));
  };
  return new Set([...parents.keys()].filter(isOurs));
}

const pssKib = (pid: number): number =>
  Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid.toString()}/smaps_rollup`))?.[1] ?? 0);

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * part)]!;
}

function say(what: string, times: readonly number[], goal = ''): void {
  print(what, `p50 ${quantile(times, 0.5).toFixed(2)} ms, p99 ${quantile(times, 0.99).toFixed(2)} ms`, goal);
}

function print(what: string, figure: string, goal = ''): void {
  console.log(`${what}: ${figure}${goal === '' ? '' : ` (goal ${goal})`}`);
}

try {
  const check = await sandboxes.check();
  if (!check.ok) throw new Error(check.reason);
  await starts();
  await cancels();
  await memory();
} finally {
  await sandboxes.close();
  await rm(directory, { recursive: true, force: true });
}
