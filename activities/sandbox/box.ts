import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { baseEnvironment, LOCK_ROOT, MADE_FILES } from './confinement.ts';
import type { ControlGroup } from './control-groups.ts';
import { closeFile, type PipeStock } from './kernel-pipe.ts';
import { end, markOf, offerFirst, type ProcessMark } from './process-table.ts';
import { SandboxUnavailable } from './sandbox.ts';
import { seccompFilter } from './seccomp.ts';

export const BASH = ['/bin/bash', '--noprofile', '--norc'] as const;

/** A process tree that reads one stream and writes another, and goes as a whole. */
export interface Box {
  readonly input: Writable;
  /** stdout and stderr, in order. Ends once nobody holds it any more. */
  readonly output: Readable;
  /** Exit code of its first program (128 + signal), once every process is gone; null: the tree was ended. */
  readonly gone: Promise<number | null>;
  /** In the numbers of the host; undefined: unconfined. */
  readonly first: ProcessMark | undefined;
  /** Ends every process of it. Safe to call twice; `gone` says when. */
  kill(): void;
}

/** Descriptors bubblewrap reads its orders from, and closes before the program starts. */
const ARGUMENTS_FD = 3;
const INFO_FD = 4;
const BLOCK_FD = 5;
const SECCOMP_FD = 6;
const FIRST_FILE_FD = 7;

const filter = seccompFilter();

export interface ConfinedOptions {
  bwrap: string;
  /** What bubblewrap is to build, see confinement.ts; a process of the sandbox never sees it. */
  args: readonly string[];
  readOnlyPaths: readonly string[];
  pipes: PipeStock;
  /** Made while bubblewrap starts. */
  group: Promise<ControlGroup | undefined>;
}

/** A bash in a sandbox. Rejects with `SandboxUnavailable` where bubblewrap does not come to the point of starting it. */
export async function openConfined({ bwrap, args, readOnlyPaths, pipes, group }: ConfinedOptions): Promise<Box> {
  const files = Object.entries(MADE_FILES);
  const environment = Object.entries(baseEnvironment(readOnlyPaths));
  const all = [
    ...['--info-fd', INFO_FD.toString(), '--block-fd', BLOCK_FD.toString()],
    ...(filter ? ['--seccomp', SECCOMP_FD.toString()] : []),
    ...args,
    ...files.flatMap(([path], i) => ['--perms', '0644', '--ro-bind-data', (FIRST_FILE_FD + i).toString(), path]),
    ...[...LOCK_ROOT, '--clearenv', ...environment.flatMap(([name, value]) => ['--setenv', name, value])],
  ];
  const orders = new Map<number, string | Buffer>([
    [ARGUMENTS_FD, all.map((argument) => `${argument}\0`).join('')],
    [SECCOMP_FD, filter ?? ''],
    ...files.map(([, text], i): [number, string] => [FIRST_FILE_FD + i, text]),
  ]);
  const { child, output, exited, info } = await start(
    pipes,
    bwrap,
    ['--args', ARGUMENTS_FD.toString(), '--', ...BASH],
    FIRST_FILE_FD + files.length,
  );
  const descriptors: readonly (Readable | Writable | null | undefined)[] = child.stdio;
  for (const [fd, order] of orders) (descriptors[fd] as Writable).end(order);
  const pid = await info;
  const first = pid === undefined ? undefined : markOf(pid);
  if (pid === undefined || first === undefined) {
    child.kill('SIGKILL');
    throw new SandboxUnavailable(await complaint(output, exited));
  }
  await offerFirst(pid);
  try {
    // It waits at the block: all that it starts later is in the group with it.
    await (await group)?.add(pid);
  } catch (error) {
    // It may have ended meanwhile, for want of something to bind.
    await end(first);
    throw new SandboxUnavailable(
      await complaint(output, exited, `its control group does not take it in: ${String(error)}`),
    );
  }
  (descriptors[BLOCK_FD] as Writable).end('x');
  let isKilled = false;
  return {
    input: child.stdin!,
    output,
    first,
    // Bubblewrap may end before what was left behind in the sandbox.
    gone: exited.then(async (code) => (await end(first), isKilled ? null : code)),
    kill() {
      isKilled = true;
      end(first).catch(() => undefined);
    },
  };
}

/** A plain bash in a process group of its own, with the worker's rights. */
export async function openUnconfined(
  directory: string,
  { pipes, group }: { pipes: PipeStock; group: ControlGroup | undefined },
): Promise<Box> {
  const [program, ...args] = BASH;
  const { child, output, exited } = await start(pipes, program, args, 3, directory);
  if (child.pid === undefined) throw new SandboxUnavailable(await complaint(output, exited));
  await offerFirst(child.pid);
  await group?.add(child.pid).catch(() => undefined);
  let isKilled = false;
  const killAll = (): void => {
    for (const pid of [-child.pid!, ...(group?.pids ?? [])]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It is gone.
      }
    }
  };
  return {
    input: child.stdin!,
    output,
    first: undefined,
    gone: exited.then((code) => (killAll(), isKilled ? null : code)),
    kill() {
      isKilled = true;
      killAll();
    },
  };
}

/** Its end and its word are listened for before anything is awaited: one that ends at once says neither again. */
interface Started {
  child: ChildProcess;
  output: Readable;
  exited: Promise<number>;
  /** See `firstProcess`. */
  info: Promise<number | undefined>;
}

async function start(
  pipes: PipeStock,
  program: string,
  args: readonly string[],
  descriptors: number,
  cwd = '/',
): Promise<Started> {
  const pipe = await pipes.take();
  try {
    const orders = Array.from({ length: descriptors - 3 }, () => 'pipe' as const);
    const env = cwd === '/' ? {} : baseEnvironment([]);
    const child = spawn(program, args, {
      stdio: ['pipe', pipe.write, pipe.write, ...orders],
      env,
      cwd,
      detached: true,
    });
    // Whoever ends early leaves orders unread: its exit tells.
    for (const stream of child.stdio) stream?.on('error', () => undefined);
    const output = new Socket({ fd: pipe.read, readable: true, writable: false });
    return { child, output, exited: exitOf(child), info: firstProcess(child.stdio[INFO_FD] as Readable | undefined) };
  } finally {
    await closeFile(pipe.write);
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    return code ?? (signal === null ? 1 : 137);
  } catch {
    return 127;
  }
}

/** Undefined: bubblewrap ended before it had made one. The stream is read to its end: bubblewrap has more to say. */
function firstProcess(info: Readable | undefined): Promise<number | undefined> {
  if (!info) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  let text = '';
  info.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const pid = /"child-pid":\s*(\d+)\s*[,}]/.exec(text)?.[1];
    if (pid !== undefined) resolve(Number(pid));
  });
  info.once('close', () => resolve(undefined));
  return promise;
}

/** What it said before it ended. */
async function complaint(output: Readable, exited: Promise<number>, otherwise?: string): Promise<string> {
  const code = await exited;
  const said = (await output.toArray()).map(String).join('').trim();
  return said || (otherwise ?? `it ended with exit code ${code.toString()} and no word`);
}
