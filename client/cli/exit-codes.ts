import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';

/** Contracts §5. */
export const EXIT = {
  done: 0,
  internal: 1,
  usage: 2,
  incomplete: 3,
  authentication: 4,
  budget: 5,
  approval: 6,
  cancelled: 7,
  stillRunning: 8,
  interrupted: 130,
  terminated: 143,
} as const;

/** Code of an ended fleet. `notEligible`: how many of the skipped were skipped because `eligible` said no. */
export function endedCode({ state, census }: Pick<FleetStatus, 'state' | 'census'>, notEligible: number): number {
  if (state === 'cancelled') return EXIT.cancelled;
  const others = SUBAGENT_STATUSES.filter((status) => status !== 'completed' && status !== 'skipped');
  const isWhole = others.every((status) => census[status] === 0) && census.skipped <= notEligible;
  return isWhole ? EXIT.done : EXIT.incomplete;
}

/** Code with which a command leaves a paused fleet to itself; undefined: it goes on by itself, or a person will resume it. */
export function pausedCode({
  state,
  reason,
  resetAtMs,
}: Pick<FleetStatus, 'state' | 'reason' | 'resetAtMs'>): number | undefined {
  if (state !== 'paused') return undefined;
  switch (reason) {
    case 'authentication':
      return EXIT.authentication;
    case 'budget_reached':
      return EXIT.budget;
    case 'usage_limit':
      return resetAtMs === undefined ? EXIT.budget : undefined;
    case 'approval':
      return EXIT.approval;
    case 'user':
    case 'rate_limit':
    case 'disk_full':
    case undefined:
      return undefined;
  }
}
