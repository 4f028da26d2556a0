import { join, resolve } from 'node:path';
import { endpointHost } from '../../activities/claude/endpoint.ts';
import { snapshotDirectory } from '../../activities/workspace/snapshot.ts';
import { HOME } from '../../workflows/contract/home.ts';
import type { FleetDraft } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import type { ClaudeAccess, Config } from '../config.ts';
import { saveDraft, type Registered, type SubmitOptions } from '../fleet-client/submit.ts';
import type { Stack } from '../local/stack.ts';
import { runEligible } from '../spec/eligible.ts';
import type { FleetPlan } from '../spec/plan.ts';
import type { Ground } from './ground.ts';
import type { StartOptions } from './library.ts';

export type LaunchOptions = Pick<StartOptions, 'reuse' | 'idempotencyKey' | 'signal'> & {
  access: ClaudeAccess;
  /** How its work takes turns with that of others. */
  config: Pick<Config, 'team' | 'priority'>;
  onTalk: (line: string) => void;
};

/** Asks targets whether they are eligible, takes snapshots, writes the fleet down and starts it. */
export async function launch(
  loaded: FleetPlan,
  { stack, client }: Pick<Ground, 'stack' | 'client'>,
  options: LaunchOptions,
): Promise<Registered> {
  const { access, signal, onTalk, idempotencyKey } = options;
  const plan = await runEligible(loaded, signal && { signal });
  await stack.mend();
  const submitted = await client.submit(plan, {
    ...submitOptions(plan, stack, { ...options, queue: () => stack.ensureWorker(access) }),
    idempotencyKey,
  });
  for (const warning of submitted.warnings) onTalk(`warning: ${warning}`);
  return submitted;
}

/**
 * Asks targets whether they are eligible, takes snapshots and stores all that a schedule needs to start such fleets when
 * nobody is there; `queue` tells where their subagents will run. Starts nothing.
 */
export async function draw(
  loaded: FleetPlan,
  { stack, client }: Pick<Ground, 'stack' | 'client'>,
  options: LaunchOptions & { queue: () => Promise<string> },
): Promise<{ ref: ArtifactRef; draft: FleetDraft }> {
  const { signal, onTalk } = options;
  const plan = await runEligible(loaded, signal && { signal });
  const parts = { store: stack.store, records: client.records };
  const { ref, draft, warnings } = await saveDraft(plan, parts, submitOptions(plan, stack, options));
  for (const warning of warnings) onTalk(`warning: ${warning}`);
  return { ref, draft };
}

function submitOptions(
  plan: FleetPlan,
  { home, store }: Stack,
  options: LaunchOptions & { queue: () => Promise<string> },
): SubmitOptions {
  const { access, config, signal, onTalk, queue, reuse = 'auto' } = options;
  const exclude = [home, ...(plan.source === '-' ? [] : [resolve(plan.source)])];
  const cacheDirectory = join(home, HOME.snapshots);
  return {
    snapshot: (directory) =>
      snapshotDirectory(directory, { store, cacheDirectory, exclude, ...(signal && { signal }) }),
    placement: async () => ({
      agentsQueue: await queue(),
      endpoint: access.isSimulated ? 'simulated' : endpointHost(access.baseUrl),
      isSimulated: access.isSimulated,
      reuse,
      team: config.team,
      priority: config.priority,
    }),
    signal,
    onProgress: snapshotTalk(onTalk),
  };
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
