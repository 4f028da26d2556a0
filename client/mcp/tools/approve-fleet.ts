import type { ApproveFleet } from '../inputs.ts';
import { reportFleet } from '../report-fleet.ts';
import type { FleetReport } from '../report.ts';
import type { Workshop } from '../tool.ts';

export const DESCRIPTION = `Approves, or with \`approve: false\` rejects, what a fleet asks a person about: the gate before its next wave, or an \`approve(title)\` of a script. Ask the user first. Give the hash that fleet_status shows, so that nothing else is approved than what was looked at.`;

export async function approveFleet({ id, hash, approve = true }: ApproveFleet, shop: Workshop): Promise<FleetReport> {
  const muster = await shop.door.muster(shop.limits.isSimulated);
  const fleet = await muster.fleet(id);
  const view = await (approve ? fleet.approve(hash) : fleet.reject(hash));
  return reportFleet(fleet, view);
}
