import { readFileSync } from 'node:fs';

/** Kernels tell processor time in hundredths of a second to all programs (proc(5)). */
const TICK_MS = 10;

/** Processor time of a process and those below it that still live, in milliseconds; undefined: this host cannot tell. */
export function processorTimeMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid.toString()}/stat`, 'utf8');
    // Counted after the command's name, which may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const own = (Number(fields[11]) + Number(fields[12])) * TICK_MS;
    const children = readFileSync(`/proc/${pid.toString()}/task/${pid.toString()}/children`, 'utf8');
    const below = children.split(' ').filter(Boolean).map(Number);
    return below.reduce((sum, child) => sum + (processorTimeMs(child) ?? 0), own);
  } catch {
    return undefined;
  }
}
