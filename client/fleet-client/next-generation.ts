import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { RecordConflict, type ArtifactStore } from '../../activities/artifacts/store.ts';
import { recordKeys } from '../../workflows/contract/ids.ts';
import { FleetRecord } from '../../workflows/contract/task.schema.ts';
import type { FleetSummary } from '../../workflows/contract/units.ts';
import type { Stack } from '../local/stack.ts';
import { FleetFailure } from './failure.ts';
import { lineageOf } from './lineage.ts';
import { reopen } from './reopen.ts';
import { startRoot } from './start-root.ts';

/**
 * Starts the next generation of an ended fleet over the same manifest, with what its summary says carried over.
 * Interrupted half-way, the next call completes it; of two at once one wins and the other resolves with false.
 */
export async function startNextGeneration(
  stack: Stack,
  records: FleetRecords,
  fleet: FleetRecord,
  summary: FleetSummary,
  chosen: readonly number[] | 'failed',
): Promise<boolean> {
  const { hasGraph } = await records.manifest(fleet.manifest);
  const lineage = await lineageOf(records, fleet, summary.parents?.spawned);
  const { units, generations, reopened } = reopen(summary, chosen, lineage);
  if (reopened === 0 && !wasCutOff(summary)) {
    const hint = `muster results ${fleet.id} shows how its subagents ended`;
    throw new FleetFailure('nothing_to_retry', `the fleet ${fleet.id} has nothing to retry`, hint);
  }
  const next = await raise(stack.store, fleet.id, summary.generation + 1);
  const carry = {
    ...{ units, generations, parked: [], spentMicroUsd: summary.spentMicroUsd, batches: 0 },
    ...(summary.parents && { parents: summary.parents }),
  };
  try {
    await startRoot(stack, next, hasGraph, { ...carry, state: 'running' });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

/** Its script had not come to its end: it goes on where it was, whether or not an agent of it runs again. */
function wasCutOff({ parents }: FleetSummary): boolean {
  return parents?.script !== undefined && parents.script.outcome === undefined;
}

/** The fleet's record at this generation; whoever raised it before us did the same. */
function raise(store: ArtifactStore, fleetId: string, generation: number): Promise<FleetRecord> {
  return changeFleet(store, fleetId, (fleet) =>
    fleet.generation >= generation ? fleet : { ...fleet, generation, startedAtMs: Date.now() },
  );
}

/** Changes a fleet's record by compare-and-swap. `change` may be called more than once. */
export async function changeFleet(
  store: ArtifactStore,
  fleetId: string,
  change: (fleet: FleetRecord) => FleetRecord,
): Promise<FleetRecord> {
  for (;;) {
    const found = await store.readRecord(recordKeys.fleet(fleetId));
    if (!found) throw new FleetFailure('unknown_fleet', `there is no fleet ${fleetId}`, 'muster list');
    const changed = change(FleetRecord.parse(found.value));
    try {
      await store.writeRecord(recordKeys.fleet(fleetId), changed, found.version);
      return changed;
    } catch (error) {
      if (!(error instanceof RecordConflict)) throw error;
    }
  }
}
