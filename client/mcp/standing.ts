import type { FleetView } from '../library/library.ts';
import { plural } from '../cli/figures.ts';
import { endedIn, SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';

export const endedCount = ({ census }: Pick<FleetView, 'census'>): number => endedIn(census);

export const hasEnded = ({ status }: Pick<FleetView, 'status'>): boolean => status !== 'running' && status !== 'paused';

/** Paused, and nothing but a person makes it go on. */
export function needsPerson({ status, reason, resetsAt }: Pick<FleetView, 'status' | 'reason' | 'resetsAt'>): boolean {
  if (status !== 'paused') return false;
  return reason !== 'rate_limit' && reason !== 'disk_full' && !(reason === 'usage_limit' && resetsAt !== undefined);
}

/** In one line, for progress: `3 of 10 ended (2 completed, 1 failed), 5 running, $0.12`. */
export function censusLine(view: FleetView): string {
  const { census, count, running, status, reason, totalCostUsd } = view;
  const parts = SUBAGENT_STATUSES.filter((each) => census[each] > 0).map(
    (each) => `${census[each]} ${each.replaceAll('_', ' ')}`,
  );
  const ended = `${endedCount(view)} of ${plural(count, 'subagent')} ended${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`;
  const state = status === 'running' ? `${running} running` : reason === undefined ? status : `${status}: ${reason}`;
  return `${ended}, ${state}, $${totalCostUsd.toFixed(2)}`;
}
