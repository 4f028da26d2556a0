import type { Approval } from '../../workflows/contract/units.ts';
import { paintFor } from '../cli/paint.ts';
import type { FleetView } from '../library/library.ts';
import type { OpenFleet } from '../library/open-fleet.ts';
import { fleetReport, type AskedApproval, type FleetReport, type Told } from './report.ts';
import { hasEnded } from './standing.ts';

/** Each with the figures it is judged by; of others the title must do. */
const WITH_FIGURES = 3;
const MAX_APPROVALS = 20;

export interface ReportOptions {
  told?: Told;
  next?: string;
  /** Of an ended fleet, with what its parent left. */
  withOutcome?: boolean;
}

/** A fleet as it stands, with what a person is asked to approve. */
export async function reportFleet(
  fleet: OpenFleet,
  view: FleetView,
  { withOutcome = false, ...rest }: ReportOptions = {},
): Promise<FleetReport> {
  const outcome = withOutcome && hasEnded(view) ? await fleet.wait() : undefined;
  const open = view.approvals.slice(0, MAX_APPROVALS);
  const approvals = await Promise.all(open.map((asked, i) => approvalOf(fleet, asked, i < WITH_FIGURES)));
  return fleetReport(view, { outcome, approvals, ...rest });
}

async function approvalOf(
  fleet: OpenFleet,
  { kind, title, hash, why = [], report }: Approval,
  hasFigures: boolean,
): Promise<AskedApproval> {
  const asked = { kind, title, hash, ...(why.length > 0 && { why }) };
  const found = hasFigures && report !== undefined ? await fleet.report({ kind, title, hash, report }) : undefined;
  if (!found) return asked;
  const { gateText } = await import('../cli/gate-text.ts');
  return { ...asked, figures: gateText(found, paintFor('never', false)) };
}
