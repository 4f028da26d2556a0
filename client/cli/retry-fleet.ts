import { FAILURES } from '../../workflows/contract/failures.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';
import { clusterSignature } from '../fleet-client/failure-clusters.ts';
import type { RetryFlags } from './commands/retry.ts';
import { CommandFailure } from './context.ts';
import { accessOf, withSession, type Session } from './session.ts';
import { sayStanding } from './steering.ts';

/** The whole of `muster retry`: labels, a kind of failure, or all that failed. */
export async function retryFleet(id: string, labels: readonly string[], flags: RetryFlags): Promise<void> {
  if (labels.length > 0 && (flags.failed || flags.cluster !== undefined)) {
    throw new CommandFailure(2, 'labels and --failed exclude each other', 'give one of them');
  }
  await withSession({}, async (session) => {
    const fleet = await session.client.find(id);
    const chosen = await choose(session, fleet, labels, flags.cluster);
    const status = await session.client.retry(fleet.id, chosen, (of) => ensureQueue(session, of));
    await sayStanding(session, status, flags.outputFormat);
    session.terminal.say(`muster watch ${fleet.id}`);
  });
}

async function choose(
  { client }: Session,
  fleet: FleetRecord,
  labels: readonly string[],
  cluster: string | undefined,
): Promise<number[] | 'failed'> {
  if (labels.length > 0) return client.indexes(fleet, labels);
  if (cluster === undefined) return 'failed';
  const indexes: number[] = [];
  const known = new Set<string>();
  for await (const { index, result } of client.results(fleet.id)) {
    if (result.status === 'completed' || result.error?.type === FAILURES.notEligible) continue;
    const signature = clusterSignature(result);
    if (signature !== undefined) known.add(signature);
    if (signature === cluster) indexes.push(index);
  }
  if (indexes.length > 0) return indexes;
  const hint = known.size === 0 ? 'nothing failed' : `there are ${[...known].join(', ')}`;
  throw new CommandFailure(2, `the fleet ${fleet.id} has no failures of kind ${cluster}`, hint, 'unknown_cluster');
}

/** The worker of the next generation: with this command's credential, which may be another than before. */
async function ensureQueue({ stack, config }: Session, fleet: FleetRecord): Promise<string> {
  const access = accessOf(fleet, config);
  if (access) return stack.ensureWorker(access);
  throw new CommandFailure(
    4,
    `the fleet ${fleet.id} needs a Claude credential`,
    'set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN',
  );
}
