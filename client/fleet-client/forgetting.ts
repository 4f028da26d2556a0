import { createHash } from 'node:crypto';
import { newFleetId } from '../../activities/artifacts/fleet-id.ts';
import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { RecordConflict, type ArtifactStore } from '../../activities/artifacts/store.ts';
import { recordKeys } from '../../workflows/contract/ids.ts';
import type { FleetRecord } from '../../workflows/contract/task.schema.ts';

/** Fleets whose newest generation ended before a moment. One that is open, or about to start, is never among them. */
export async function* endedBefore(records: FleetRecords, atMs: number): AsyncGenerator<FleetRecord> {
  for await (const fleet of records.fleets()) {
    const summary = await records.summary(fleet.id);
    if (summary && summary.generation >= fleet.generation && summary.endedAtMs < atMs) yield fleet;
  }
}

/** Removes all records of a fleet. Its idempotency key is free for a new fleet before that. */
export async function forget(store: ArtifactStore, { id, idempotencyKey }: FleetRecord): Promise<void> {
  if (idempotencyKey !== undefined) await freeKey(store, id, idempotencyKey);
  await store.deleteRecords(recordKeys.all(id));
}

/** The key points at a fleet that is yet to come: the old id may be known to the server as one that has ended. */
async function freeKey(store: ArtifactStore, fleetId: string, key: string): Promise<void> {
  const name = idempotencyRecord(key);
  const found = await store.readRecord(name);
  if ((found?.value as { fleetId?: string } | undefined)?.fleetId !== fleetId) return;
  await store.writeRecord(name, { v: 1, fleetId: newFleetId() }, found!.version).catch((error: unknown) => {
    if (!(error instanceof RecordConflict)) throw error; // freed by another gc
  });
}

export const idempotencyRecord = (key: string): string =>
  recordKeys.idempotency(createHash('sha256').update(key).digest('hex'));
