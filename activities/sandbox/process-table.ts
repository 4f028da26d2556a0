import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** A process of this host, told from a later one with the same number. */
export interface ProcessMark {
  pid: number;
  startTicks: string;
}

/** Undefined: there is none, or nothing but its exit code is left of it. */
export function markOf(pid: number): ProcessMark | undefined {
  try {
    const stat = readFileSync(`/proc/${pid.toString()}/stat`, 'utf8');
    // Counted after the command's name, which may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startTicks: fields[19]! };
  } catch {
    return undefined;
  }
}

export const isAlive = (mark: ProcessMark): boolean => markOf(mark.pid)?.startTicks === mark.startTicks;

/** Ends it, and resolves once it is gone; a pid namespace goes with the first of its processes. Safe to call twice. */
export async function end(mark: ProcessMark): Promise<void> {
  let waitMs = 0;
  while (isAlive(mark)) {
    try {
      process.kill(mark.pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
    await delay(waitMs);
    waitMs = Math.min(waitMs + 1, 20);
  }
}

/** The most a process can offer itself to the kernel when memory is short. */
export const FIRST_TO_GO = '1000';

/** When the host's memory is short, the kernel ends this process and what it starts before any other. */
export async function offerFirst(pid: number): Promise<void> {
  // Where that is not allowed, control groups or the host's own order remain.
  await writeFile(`/proc/${pid.toString()}/oom_score_adj`, FIRST_TO_GO).catch(() => undefined);
}
