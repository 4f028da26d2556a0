import { FAILURES } from '../../workflows/contract/failures.ts';
import { clusterSignature } from '../fleet-client/failure-clusters.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import { traced } from '../tracing.ts';
import type { RetryFlags } from './commands/retry.ts';
import { CommandFailure } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { withSession } from './session.ts';
import { sayStanding } from './steering.ts';

/** The whole of `muster retry`: labels, a kind of failure, or all that failed. */
export async function retryFleet(id: string, labels: readonly string[], flags: RetryFlags): Promise<void> {
  if (labels.length > 0 && (flags.failed || flags.cluster !== undefined)) {
    throw new CommandFailure(EXIT.usage, 'labels and --failed exclude each other', 'give one of them');
  }
  await withSession({}, async (session) => {
    const fleet = await session.muster.fleet(id);
    const chosen = await choose(fleet, labels, flags.cluster);
    await traced(session.config.environment, 'muster retry', async (span) => {
      span?.set({ 'workflow.run_id': fleet.id });
      await fleet.retry(chosen).catch(inWords);
    });
    await sayStanding(session, fleet, flags.outputFormat);
    session.terminal.say(`muster watch ${fleet.id}`);
  });
}

/** Undefined: all that failed. */
async function choose(
  fleet: OpenFleet,
  labels: readonly string[],
  cluster: string | undefined,
): Promise<readonly string[] | undefined> {
  if (labels.length > 0) return labels;
  if (cluster === undefined) return undefined;
  const chosen: string[] = [];
  const known = new Set<string>();
  for await (const { label, status, error } of fleet.allResults()) {
    if (status === 'completed' || error?.type === FAILURES.notEligible) continue;
    const signature = clusterSignature({ ...(error && { error }) });
    if (signature !== undefined) known.add(signature);
    if (signature === cluster) chosen.push(label);
  }
  if (chosen.length > 0) return chosen;
  const hint = known.size === 0 ? 'nothing failed' : `there are ${[...known].join(', ')}`;
  throw new CommandFailure(
    EXIT.usage,
    `the fleet ${fleet.id} has no failures of kind ${cluster}`,
    hint,
    'unknown_cluster',
  );
}

function inWords(error: unknown): never {
  if (!(error instanceof Error && 'code' in error && error.code === 'no_credential')) throw error;
  const { message, hint } = error as Error & { hint?: string };
  throw new CommandFailure(EXIT.authentication, message, hint);
}
