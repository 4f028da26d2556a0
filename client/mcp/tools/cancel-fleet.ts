import type { CancelFleet } from '../inputs.ts';
import { reportFleet } from '../report-fleet.ts';
import type { FleetReport } from '../report.ts';
import type { Workshop } from '../tool.ts';

export const DESCRIPTION = `Ends a fleet for good: what is under way stops, what has not started never will. Results so far are kept (fleet_results). Ending the call that started a fleet does not end the fleet; this does.`;

export async function cancelFleet({ id }: CancelFleet, shop: Workshop): Promise<FleetReport> {
  const muster = await shop.door.muster(shop.limits.isSimulated);
  const fleet = await muster.fleet(id);
  return reportFleet(fleet, await fleet.cancel());
}
