import { once } from 'node:events';
import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
import type { FleetClient } from '../fleet-client/fleet-client.ts';
import { plural } from './figures.ts';
import { fleetObject, sumUsage } from './fleet-object.ts';
import { loadFormat, type ResultFormat } from './formats/formats.ts';
import { withSession } from './session.ts';

/** `muster results`: of a fleet still under way those that have ended. */
export async function printResults(id: string, name: ResultFormat): Promise<void> {
  await withSession({}, async ({ muster, terminal }) => {
    const fleet = await muster.fleet(id);
    const { status, ...left } = await fleet.end();
    const results: Result[] = [];
    for await (const result of fleet.allResults()) results.push(result);
    const format = await loadFormat(name);
    const head = fleetObject(status, sumUsage(results), fleet.record.simulated, left);
    for (const piece of format({ fleet: head, results })) await print(piece);
    const open = status.count - results.length;
    if (open > 0) terminal.say(`${plural(open, 'subagent')} not ended yet: \`muster watch ${fleet.id}\``);
  });
}

/** `muster diff`: patches as git reads them, in task order. */
export async function printPatches(id: string, label: string | undefined): Promise<void> {
  await withSession({}, async ({ client, stack, terminal }) => {
    const fleet = await client.find(id);
    let shown = 0;
    for await (const { label: of, changes } of resultsOf(client, fleet, label)) {
      if (!changes) continue;
      shown++;
      if (label === undefined) terminal.say(`${of}: +${changes.insertions} −${changes.deletions}`);
      await print(await stack.store.get(changes.patch));
    }
    if (shown === 0) terminal.say(label === undefined ? 'nobody changed a file' : `${label} changed no file`);
  });
}

async function* resultsOf(client: FleetClient, fleet: FleetRecord, label: string | undefined): AsyncGenerator<Result> {
  const reader = client.reader(fleet, await client.standing(fleet));
  if (label === undefined) {
    for await (const { result } of reader.all()) yield result;
    return;
  }
  for (const { result } of await reader.some(await client.indexes(fleet, [label]))) yield result;
}

/** Waits for a slow reader, so that memory stays bounded. */
async function print(piece: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}
