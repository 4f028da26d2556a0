import { FAILURE_RATE_FROM } from '../contract/limits.ts';
import type { FleetLimits } from '../contract/messages.ts';
import type { Census } from '../contract/statuses.ts';

const failures = (census: Census): number => census.failed + census.timed_out + census.budget_reached;
const attempted = (census: Census): number => failures(census) + census.completed + census.stopped;

/** Whether the failure policy stops a fleet that is still under way. */
export function mustStop(census: Census, failIf: FleetLimits['failIf']): boolean {
  if (attempted(census) < FAILURE_RATE_FROM && failIf?.rate !== undefined)
    return exceeds(census, { ...failIf, rate: 2 });
  return exceeds(census, failIf);
}

/** Whether failures in a wave of `size` subagents stop the fleet; not before ten have ended, or all of a smaller wave. */
export function stopsTheLine(wave: Census, size: number, rate: number): boolean {
  if (attempted(wave) < Math.min(FAILURE_RATE_FROM, size)) return false;
  return exceeds(wave, { rate });
}

/** The state of a fleet whose subagents have all ended. Without a policy it is completed, whatever the census says. */
export function finalState(
  census: Census,
  failIf: FleetLimits['failIf'],
  isCancelled: boolean,
): 'completed' | 'failed' | 'cancelled' {
  if (isCancelled) return 'cancelled';
  return exceeds(census, failIf) ? 'failed' : 'completed';
}

function exceeds(census: Census, failIf: FleetLimits['failIf']): boolean {
  if (!failIf) return false;
  if (failIf.count !== undefined && failures(census) >= failIf.count) return true;
  return failIf.rate !== undefined && failures(census) > 0 && failures(census) / attempted(census) >= failIf.rate;
}
