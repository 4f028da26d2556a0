import { readFileSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * Who a directory, a mount or a process belongs to: a worker process of one host, told from a later one with the same
 * pid by its start time. As a file name: `<host>-<pid>-<start ticks>`.
 */
export interface Owner {
  host: string;
  pid: number;
  startTicks: string;
}

const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
const VARIABLE = 'MUSTER_WORKSPACE_OWNER';

let self: string | undefined;

/** This process, as a file name. */
export function ownName(): string {
  self ??= nameOf({ host: HOST, pid: process.pid, startTicks: startTicks(process.pid) ?? '0' });
  return self;
}

export const nameOf = (owner: Owner): string => `${owner.host}-${owner.pid.toString()}-${owner.startTicks}`;

export function parseOwner(name: string): Owner | undefined {
  const match = /^([0-9a-f]{8})-(\d+)-(\d+)$/.exec(name);
  return match ? { host: match[1]!, pid: Number(match[2]), startTicks: match[3]! } : undefined;
}

/** Undefined: it runs on another host, so nobody here can tell. */
export function isAlive(owner: Owner): boolean | undefined {
  if (owner.host !== HOST) return undefined;
  const ticks = startTicks(owner.pid);
  if (ticks !== undefined) return ticks === owner.startTicks;
  if (process.platform === 'linux') return false;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Marks the processes we start, so that they can be found when we are dead. */
export const ownerEnvironment = (): Record<string, string> => ({ [VARIABLE]: ownName() });

/** Kills processes that were started by workers on this host that no longer live. */
export async function killOrphans(): Promise<void> {
  if (process.platform !== 'linux') return;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    const mark = environment.split('\0').find((pair) => pair.startsWith(`${VARIABLE}=`));
    const owner = mark === undefined ? undefined : parseOwner(mark.slice(VARIABLE.length + 1));
    if (owner === undefined || isAlive(owner) !== false) continue;
    try {
      process.kill(Number(name), 'SIGKILL');
    } catch {
      // It ended meanwhile, or belongs to someone else.
    }
  }
}

/** Field 22 of /proc/<pid>/stat, counted after the command name, which may hold spaces and brackets. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid.toString()}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
