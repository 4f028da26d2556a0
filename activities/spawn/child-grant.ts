import { posix } from 'node:path';
import type { Grant } from '../../workflows/contract/task.schema.ts';
import { attenuate, meet } from '../../workflows/policy/attenuation.ts';
import { narrowGrant } from '../../workflows/policy/grant-of-agent.ts';
import { resolveGrant, type Permissions } from '../../workflows/policy/grant-of.ts';
import { decide } from '../../workflows/policy/permission.ts';
import { mayReach } from '../../workflows/policy/shell-scope.ts';
import type { SpawnParent } from './spawning.ts';

export interface AskedGrant {
  permissions: Permissions | undefined;
  /** Of an agent definition: they narrow the grant. */
  tools: readonly string[] | undefined;
  /** Working directory of the child, relative to its workspace. */
  directory: string;
  /** Its workspace is not the parent's: rules hold there as they stand. */
  isElsewhere: boolean;
}

/** What a child may do: what its task asks for, never more than the ceiling. `faults` name the rules beyond it. */
export function childGrant(parent: Pick<SpawnParent, 'ceiling' | 'defaults'>, asked: AskedGrant): GrantOf {
  const { ceiling, defaults } = parent;
  const { permissions, tools, directory, isElsewhere } = asked;
  const directories = isElsewhere
    ? { parent: '', child: '' }
    : { parent: ceiling?.directory ?? directory, child: directory };
  const own = permissions === undefined ? undefined : resolveGrant(permissions);
  const faults = (own?.faults ?? []).map(({ message, hint }) => `permissions: ${message}; ${hint}`);
  let grant = own?.grant ?? defaults.permissions;
  if (ceiling && own === undefined) grant = meet(ceiling.grant, grant, directories);
  if (ceiling && own !== undefined) {
    const { grant: within, beyond } = attenuate(ceiling.grant, grant, directories);
    if (beyond.length > 0) {
      const has = ceiling.grant.allow.join(', ') || 'nothing';
      faults.push(`permissions go beyond what may be given (GRANT_INVALID): ${beyond.join(', ')}; there is ${has}`);
    }
    grant = within;
  }
  return { grant: tools ? narrowGrant(grant, tools).grant : grant, faults };
}

export interface GrantOf {
  grant: Grant;
  faults: string[];
}

type Asking = Pick<SpawnParent, 'ceiling' | 'subagent'>;

/** Whether a subagent may have this command run, be it by another. A script is its user's, as a plan is. */
export function mayRun({ ceiling, subagent }: Asking, command: string): boolean {
  if (!ceiling || !subagent) return true;
  const { grant, directory } = ceiling;
  return decide({ tool: 'Bash', kind: 'command', directory, paths: [], command }, grant).allow;
}

/** The same of a repository: cloning is fetching. One without a host is a directory of the worker. */
export function mayClone({ ceiling, subagent }: Asking, url: string): boolean {
  if (!ceiling || !subagent) return true;
  const host = /^[\w.-]+@([\w.-]+):/.exec(url)?.[1] ?? URL.parse(url)?.hostname ?? '';
  return host !== '' && mayReach(ceiling.grant, host.toLowerCase().replace(/\.$/, ''));
}

/** A directory below a workspace, as the child's; undefined: it leaves the workspace. */
export function childDirectory(from: string, relative: string): string | undefined {
  if (relative.startsWith('/') || relative.includes('\0')) return undefined;
  const path = posix.normalize(`${from}/${relative}`.replace(/^\/+/, '')).replace(/\/+$/, '');
  if (path === '..' || path.startsWith('../')) return undefined;
  return path === '.' ? '' : path;
}
