import type { PauseReason } from '../../workflows/contract/statuses.ts';
import { plural } from '../cli/figures.ts';
import type { FleetView } from '../library/library.ts';
import type { Told } from './report.ts';
import { hasEnded } from './standing.ts';

/** For fleets that only a person makes go on. */
const PAUSED: Readonly<Partial<Record<PauseReason, (id: string) => string>>> = {
  approval: () =>
    'ask the user whether to approve what stands in `approvals`, then call approve_fleet with its hash and their answer',
  budget_reached: (id) =>
    `the budget is used up: a person raises it with \`muster set ${id} --budget USD\`, or cancel_fleet ends it`,
  authentication: (id) => `Claude refuses the credential: a person mends it and calls \`muster resume ${id}\``,
  user: (id) => `a person paused it: \`muster resume ${id}\` goes on`,
  usage_limit: (id) => `a usage limit is reached: a person calls \`muster resume ${id}\` once it is lifted`,
};

/** What whoever reads a report can do now. */
export function nextStep(view: FleetView, { results, cursor, more_results: more = 0 }: Told): string {
  const { id, status, reason, resetsAt } = view;
  const read = `fleet_results {id: "${id}"${cursor === undefined ? '' : `, cursor: "${cursor}"`}}`;
  if (hasEnded(view)) {
    if (results === undefined) return `${read} tells its results`;
    if (more > 0) return `${read} tells the other ${plural(more, 'result')}`;
    const hasChanges = results.some(({ changes }) => changes !== undefined);
    return hasChanges
      ? `the fleet has ended; \`muster apply ${id}\` puts its changes onto a branch, \`muster diff ${id}\` shows them`
      : 'nothing: the fleet has ended';
  }
  const person = status === 'paused' && reason && resetsAt === undefined ? PAUSED[reason] : undefined;
  if (person) return person(id);
  return `the fleet goes on by itself; ${read} tells what has ended since (with timeout_s as soon as there is any); cancel_fleet ends it`;
}
