import type { Task } from '../../workflows/contract/task.schema.ts';
import { hasTool, mayReach } from '../../workflows/policy/shell-scope.ts';
import type { Egress } from '../egress/egress.ts';
import type { Checkpoint } from './checkpoint.ts';

/** What a shell reaches of the network: hosts its grant names, through the worker's broker and nothing else. */
export type WayOut = Awaited<ReturnType<Egress['openProxy']>>;

/** So many hosts that were refused are listed. */
const MOST_HOSTS = 100;

/** undefined: its shell has no network. Refusals stand in `permission_denials`, once for each host. */
export async function openWayOut(
  { egress, socketDirectory }: { egress: Egress; socketDirectory: string },
  { permissions }: Task,
  checkpoint: Checkpoint,
): Promise<WayOut | undefined> {
  if (!hasTool(permissions, 'Bash') || !hasTool(permissions, 'WebFetch')) return undefined;
  const denied = new Set<string>();
  return egress.openProxy({
    directory: socketDirectory,
    mayReach: (host) => mayReach(permissions, host),
    onDenied: ({ host, reason }) => {
      if (denied.has(host) || denied.size >= MOST_HOSTS) return;
      denied.add(host);
      checkpoint.deny({ tool: 'Bash', input: { host }, reason });
    },
  });
}
