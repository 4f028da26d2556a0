import type { FleetStatus } from '../../workflows/contract/messages.ts';
import { SUBAGENT_STATUSES } from '../../workflows/contract/statuses.ts';
import { needsPerson } from '../fleet-client/standing.ts';

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
export function endedCode(
  { state, census, outcome }: Pick<FleetStatus, 'state' | 'census' | 'outcome'>,
  notEligible: number,
): number {
  if (state === 'cancelled') return EXIT.cancelled;
  if (outcome && 'error' in outcome) return EXIT.incomplete;
  const others = SUBAGENT_STATUSES.filter((status) => status !== 'completed' && status !== 'skipped');
  const isWhole = others.every((status) => census[status] === 0) && census.skipped <= notEligible;
  return isWhole ? EXIT.done : EXIT.incomplete;
}

/** Code with which a command leaves a paused fleet to itself; undefined: it goes on by itself, or a person will resume it. */
export function pausedCode(status: Pick<FleetStatus, 'state' | 'reason' | 'resetAtMs'>): number | undefined {
  if (!needsPerson(status)) return undefined;
  if (status.reason === 'authentication') return EXIT.authentication;
  return status.reason === 'approval' ? EXIT.approval : EXIT.budget;
}
