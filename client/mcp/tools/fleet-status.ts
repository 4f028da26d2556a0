import { stay } from '../follow-fleet.ts';
import type { FleetStatus } from '../inputs.ts';
import { reportFleet } from '../report-fleet.ts';
import type { FleetReport } from '../report.ts';
import type { Call, Workshop } from '../tool.ts';

export const DESCRIPTION = `How a fleet stands: its status, how many subagents ended in which way, cost, what waits for an approval, and what to do next. With timeout_s it waits for the end, or until a person is needed.`;

export async function fleetStatus(
  { id, timeout_s = 0 }: FleetStatus,
  call: Call,
  shop: Workshop,
): Promise<FleetReport> {
  const muster = await shop.door.muster(shop.limits.isSimulated);
  const fleet = await muster.fleet(id);
  const view = await stay(fleet, { need: Infinity, timeoutMs: timeout_s * 1_000 }, call);
  return reportFleet(fleet, view, { withOutcome: true });
}
