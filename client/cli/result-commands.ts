import { once } from 'node:events';
import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
import type { FleetReading } from '../fleet-client/fleet-reading.ts';
import { parentEnd } from '../library/outcome.ts';
import { plural } from './figures.ts';
import { fleetObject, sumUsage } from './fleet-object.ts';
import { loadFormat, type ResultFormat } from './formats/formats.ts';
import { withReading } from './session.ts';

/** `muster results`: of a fleet still under way those that have ended. */
export async function printResults(id: string, name: ResultFormat): Promise<void> {
  await withReading(async ({ fleets, store, terminal }) => {
    const fleet = await fleets.find(id);
    const standing = await fleets.standing(fleet);
    const reader = fleets.reader(fleet, standing);
    const results: Result[] = [];
    for await (const { result } of reader.all()) results.push(result);
    const format = await loadFormat(name);
    const left = await parentEnd({ store, reader }, fleet, standing.status);
    const head = fleetObject(standing.status, sumUsage(results), fleet.simulated, left);
    for (const piece of format({ fleet: head, results })) await print(piece);
    const open = standing.status.count - results.length;
    if (open > 0) terminal.say(`${plural(open, 'subagent')} not ended yet: \`muster watch ${fleet.id}\``);
  });
}

/** `muster diff`: patches as git reads them, in task order. */
export async function printPatches(id: string, label: string | undefined): Promise<void> {
  await withReading(async ({ fleets, store, terminal }) => {
    const fleet = await fleets.find(id);
    let shown = 0;
    for await (const { label: of, changes } of resultsOf(fleets, fleet, label)) {
      if (!changes) continue;
      shown++;
      if (label === undefined) terminal.say(`${of}: +${changes.insertions} −${changes.deletions}`);
      await print(await store.get(changes.patch));
    }
    if (shown === 0) terminal.say(label === undefined ? 'nobody changed a file' : `${label} changed no file`);
  });
}

async function* resultsOf(fleets: FleetReading, fleet: FleetRecord, label: string | undefined): AsyncGenerator<Result> {
  const reader = fleets.reader(fleet, await fleets.standing(fleet));
  if (label === undefined) {
    for await (const { result } of reader.all()) yield result;
    return;
  }
  for (const { result } of await reader.some(await fleets.indexes(fleet, [label]))) yield result;
}

/** Waits for a slow reader, so that memory stays bounded. */
async function print(piece: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}
