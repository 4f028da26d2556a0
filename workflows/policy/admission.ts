import { MAX_BATCH_SIZE, MAX_PERMITS_PER_BATCH, MIN_BATCH_SIZE } from '../contract/limits.ts';

/** Five times its permits, so that four in five subagents start without a permit crossing the root (reference/permits.md). */
export function batchSize(permits: number): number {
  return Math.min(MAX_BATCH_SIZE, Math.max(MIN_BATCH_SIZE, 5 * permits));
}

export function batchPermits(free: number): number {
  return Math.min(free, MAX_PERMITS_PER_BATCH);
}
