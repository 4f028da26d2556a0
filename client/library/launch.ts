import { join, resolve } from 'node:path';
import { endpointHost } from '../../activities/claude/endpoint.ts';
import { snapshotDirectory } from '../../activities/workspace/snapshot.ts';
import { HOME } from '../../workflows/contract/home.ts';
import type { ClaudeAccess } from '../config.ts';
import type { Placement, Registered } from '../fleet-client/submit.ts';
import { runEligible } from '../spec/eligible.ts';
import type { FleetPlan } from '../spec/plan.ts';
import type { Ground } from './ground.ts';
import type { StartOptions } from './library.ts';

export type LaunchOptions = Pick<StartOptions, 'reuse' | 'idempotencyKey' | 'signal'> & {
  access: ClaudeAccess;
  onTalk: (line: string) => void;
};

/** Asks targets whether they are eligible, takes snapshots, writes the fleet down and starts it. */
export async function launch(
  loaded: FleetPlan,
  { stack, client }: Ground,
  options: LaunchOptions,
): Promise<Registered> {
  const { access, signal, onTalk, reuse = 'auto', idempotencyKey } = options;
  const plan = await runEligible(loaded, signal && { signal });
  const exclude = [stack.home, ...(plan.source === '-' ? [] : [resolve(plan.source)])];
  const cacheDirectory = join(stack.home, HOME.snapshots);
  const placement = async (): Promise<Placement> => ({
    agentsQueue: await stack.ensureWorker(access),
    endpoint: access.isSimulated ? 'simulated' : endpointHost(access.baseUrl),
    isSimulated: access.isSimulated,
    reuse,
  });
  await stack.mend();
  const submitted = await client.submit(plan, {
    snapshot: (directory) =>
      snapshotDirectory(directory, { store: stack.store, cacheDirectory, exclude, ...(signal && { signal }) }),
    placement,
    idempotencyKey,
    signal,
    onProgress: snapshotTalk(onTalk),
  });
  for (const warning of submitted.warnings) onTalk(`warning: ${warning}`);
  return submitted;
}

/** Says how far it is when many directories are taken, every two seconds. */
function snapshotTalk(say: (line: string) => void): (done: number, total: number) => void {
  let saidAtMs = Date.now();
  return (done, total) => {
    if (Date.now() - saidAtMs < 2_000) return;
    saidAtMs = Date.now();
    say(`snapshots: ${done} of ${total} directories`);
  };
}
