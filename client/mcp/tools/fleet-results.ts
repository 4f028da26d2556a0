import type { OpenFleet } from '../../library/open-fleet.ts';
import type { Place } from '../cursors.ts';
import type { FleetResults } from '../inputs.ts';
import { PAGE_CHARS } from '../page.ts';
import { readResults } from '../read-results.ts';
import { reportFleet } from '../report-fleet.ts';
import type { FleetReport, Told } from '../report.ts';
import { resultRow } from '../result-row.ts';
import { endedCount, hasEnded } from '../standing.ts';
import { ToolFailure } from '../tool-failure.ts';
import type { Call, Workshop } from '../tool.ts';

export const DESCRIPTION = `Results of a fleet in order of completion, also while it runs: as many as fit, and a cursor for those after them. With the cursor each result is told once; with timeout_s the call waits for the next one. \`labels\` reads single ones with longer outputs, \`offset\` the rest of one that was cut (\`output_chars\` is its whole length).`;

const MIN_OUTPUT_CHARS = 500;
const LONGEST_OUTPUT_CHARS = 16_000;

export async function fleetResults(input: FleetResults, call: Call, shop: Workshop): Promise<FleetReport> {
  const { id, labels, cursor, offset } = input;
  if (labels && cursor !== undefined)
    throw new ToolFailure('usage', '`labels` and `cursor` exclude each other', 'give one of them');
  if (offset !== undefined && labels?.length !== 1)
    throw new ToolFailure('usage', '`offset` is of one output', 'name its one subagent in `labels`');
  const muster = await shop.door.muster(shop.limits.isSimulated);
  const fleet = await muster.fleet(id);
  return labels ? labelled(fleet, labels, offset) : arrived(fleet, input, call, shop);
}

async function arrived(fleet: OpenFleet, input: FleetResults, { signal }: Call, shop: Workshop): Promise<FleetReport> {
  const { cursor, limit, timeout_s = 0 } = input;
  const from: Place = cursor ? shop.cursors.find(cursor, fleet.id) : { fleetId: fleet.id, arrival: undefined, read: 0 };
  const ended = endedCount(await fleet.status());
  const read = await readResults(fleet, from, { limit, waitMs: timeout_s * 1_000, ended, signal });
  const view = await fleet.status();
  const more = Math.max(0, endedCount(view) - read.to.read);
  const told: Told = {
    results: read.page.rows,
    ...(more > 0 && { more_results: more }),
    ...(!read.isWhole && (more > 0 || !hasEnded(view)) && { cursor: shop.cursors.keep(read.to) }),
  };
  return reportFleet(fleet, view, { told });
}

async function labelled(fleet: OpenFleet, labels: readonly string[], offset = 0): Promise<FleetReport> {
  const results = await fleet.resultsOf(labels);
  const view = await fleet.status();
  const share = Math.floor(PAGE_CHARS / labels.length);
  const outputChars = Math.min(LONGEST_OUTPUT_CHARS, Math.max(MIN_OUTPUT_CHARS, share));
  const found = new Set(results.map(({ label }) => label));
  const missing = labels.filter((label) => !found.has(label));
  const rows = results.map((result) => resultRow(result, outputChars, offset));
  const told: Told = { results: rows, ...(missing.length > 0 && { not_ended: missing }) };
  const end = offset + (rows[0]?.output?.length ?? 0);
  const isCut = labels.length === 1 && end < (rows[0]?.output_chars ?? 0);
  const goOn = `fleet_results {id: "${fleet.id}", labels: [${JSON.stringify(labels[0])}], offset: ${end}} reads on`;
  return reportFleet(fleet, view, { told, ...(isCut && { next: goOn }) });
}
