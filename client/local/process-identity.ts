import { readFileSync, readdirSync } from 'node:fs';
import type { DaemonFile } from '../../workflows/contract/home.ts';

/** A process, told apart from a later one with the same pid. */
export type ProcessIdentity = Pick<DaemonFile, 'pid' | 'startTicks'>;

/** `startTicks` is null where the system has no `/proc`; undefined: there is no such process. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  if (stat) return { pid, startTicks: stat.startTicks };
  return hasProc() || !answersSignals(pid) ? undefined : { pid, startTicks: null };
}

/** One file read at most. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  if (startTicks === null) return answersSignals(pid);
  const stat = readStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && !isOver(stat);
}

/**
 * Leaders of a session of their own whose environment holds all of `pairs`: daemons that were started but never written
 * down, their starter having died in between. Empty where there is no `/proc`.
 */
export function findSessionLeaders(pairs: Readonly<Record<string, string>>): ProcessIdentity[] {
  if (!hasProc()) return [];
  const wanted = Object.entries(pairs).map(([key, value]) => `${key}=${value}`);
  return readdirSync('/proc')
    .filter(
      (name) => /^\d+$/.test(name) && wanted.every((pair) => readProc(name, 'environ')?.split('\0').includes(pair)),
    )
    .map((name) => ({ pid: Number(name), stat: readStat(Number(name)) }))
    .filter(({ pid, stat }) => stat?.session === pid && !isOver(stat))
    .map(({ pid, stat }) => ({ pid, startTicks: stat!.startTicks }));
}

interface Stat {
  state: string;
  session: number;
  threads: number;
  startTicks: string;
}

/** A zombie only waits for its parent to notice; while threads of it remain, so do its ports and files. */
function isOver({ state, threads }: Stat): boolean {
  return 'ZX'.includes(state) && threads <= 1;
}

function hasProc(): boolean {
  return readStat(process.pid) !== undefined;
}

/** proc_pid_stat(5): the name in brackets may itself hold brackets and blanks, so the fields count from the last `)`. */
function readStat(pid: number): Stat | undefined {
  const text = readProc(String(pid), 'stat');
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, session: Number(fields[3]), threads: Number(fields[17]), startTicks: fields[19]! };
}

function readProc(pid: string, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
