import { recordKeys } from '../../workflows/contract/ids.ts';
import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import { UNIT_LETTERS } from '../../workflows/contract/statuses.ts';
import type { FleetRecord, Task } from '../../workflows/contract/task.schema.ts';
import type { FleetRecords } from './fleet-records.ts';
import { RecordConflict, type ArtifactStore } from './store.ts';
import { NOT_ELIGIBLE, syntheticResult } from './synthetic-result.ts';

/** Records written at once. */
const CONCURRENCY = 16;

/**
 * Writes a fleet down over the manifest its record names: the ends of targets that are not eligible (`units`, where there
 * are any), and last the record itself. `isNew` false: somebody else was first with this id, and `fleet` is theirs.
 */
export async function writeFleet(
  { store, records }: { store: ArtifactStore; records: FleetRecords },
  fleet: FleetRecord,
  units: string | undefined,
  signal?: AbortSignal,
): Promise<{ fleet: FleetRecord; isNew: boolean }> {
  if (units !== undefined) await commitIneligible(store, records, fleet, units);
  signal?.throwIfAborted();
  try {
    await store.writeRecord(recordKeys.fleet(fleet.id), fleet, 0);
    return { fleet, isNew: true };
  } catch (error) {
    const theirs = error instanceof RecordConflict ? await records.fleet(fleet.id) : undefined;
    if (!theirs) throw error;
    return { fleet: theirs, isNew: false };
  }
}

/** Results of those that never start stand in the store like any other, before the fleet begins. */
async function commitIneligible(
  store: ArtifactStore,
  records: FleetRecords,
  { id, manifest, count, simulated: isSimulated }: FleetRecord,
  units: string,
): Promise<void> {
  const commit = async (index: number, task: Task): Promise<void> => {
    const end = { status: 'skipped', error: NOT_ELIGIBLE, atMs: Date.now(), isSimulated } as const;
    const record = endedRecord(syntheticResult(task, end));
    await store.writeRecord(recordKeys.subagent(id, index, 1), record, 0).catch((error: unknown) => {
      if (!(error instanceof RecordConflict)) throw error; // written by whoever came with the same id
    });
  };
  let next: [index: number, task: Task][] = [];
  const flush = async (): Promise<void> => void (await Promise.all(next.map((one) => commit(...one))));
  let index = 0;
  for await (const task of records.tasks(manifest, 0, count)) {
    if (units[index] === UNIT_LETTERS.skipped) next.push([index, task]);
    index++;
    if (next.length < CONCURRENCY) continue;
    await flush();
    next = [];
  }
  await flush();
}

function endedRecord(result: NonNullable<SubagentRecord['result']>): SubagentRecord {
  return {
    v: 1,
    fence: { epoch: 0, attempt: 0 },
    startedAtMs: result.ended_at_ms,
    attempts: 0,
    turns: 0,
    chunks: [],
    tail: [],
    patch: null,
    usage: result.usage,
    ...{ costMicroUsd: 0, reworkMicroUsd: 0, epochSpentMicroUsd: 0, pendingMicroUsd: 0, activeMs: 0 },
    denials: [],
    ...{ errors: 0, schemaFailures: 0 },
    result,
  };
}
