import { fleetInputOf, firstCarry } from '../../workflows/contract/fleet-start.ts';
import type { FleetInput, RegisterRequest } from '../../workflows/contract/messages.ts';
import { FleetDraft, type FleetRecord, type Manifest } from '../../workflows/contract/task.schema.ts';
import { fleetIdFrom } from './fleet-id.ts';
import type { FleetRecords } from './fleet-records.ts';
import { parsed, parsedJson } from './manifest-pages.ts';
import type { ArtifactStore } from './store.ts';
import { writeFleet } from './write-fleet.ts';

/**
 * Writes a fleet down from the draft of a schedule, and returns what its root starts with. Its id follows from the firing:
 * asked again it is the same fleet, written once. Throws `ArtifactMissing` or `ArtifactDamaged` where the draft is gone.
 */
export async function registerFleet(
  parts: { store: ArtifactStore; records: FleetRecords },
  { draft: ref, schedule, firing }: RegisterRequest,
): Promise<FleetInput> {
  const { store, records } = parts;
  const draft = parsed(FleetDraft, parsedJson(Buffer.from(await store.get(ref)).toString(), ref), ref);
  const base = await records.manifest(draft.fleet.manifest);
  for (let turn = 0; ; turn++) {
    const id = fleetIdFrom(firing, turn);
    const fleet = (await records.fleet(id)) ?? (await write(parts, id, { draft, base, schedule, firing }));
    // Another fleet has this id: 40 bits are not for ever.
    if (fleet.schedule?.firing !== firing) continue;
    return fleetInputOf(fleet, base.hasGraph, firstCarry(draft.units));
  }
}

async function write(
  parts: { store: ArtifactStore; records: FleetRecords },
  id: string,
  { draft, base, schedule, firing }: { draft: FleetDraft; base: Manifest; schedule: string; firing: string },
): Promise<FleetRecord> {
  const manifest = await parts.store.put(Buffer.from(JSON.stringify({ ...base, fleetId: id })));
  const now = Date.now();
  const own: FleetRecord = {
    ...draft.fleet,
    ...{ id, manifest, generation: 1, createdAtMs: now, startedAtMs: now, schedule: { name: schedule, firing } },
  };
  return (await writeFleet(parts, own, draft.units)).fleet;
}
