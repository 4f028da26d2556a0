import { UNIT_LETTERS as L } from '../../workflows/contract/statuses.ts';
import { FailureClusters, type FailureCluster } from '../fleet-client/failure-clusters.ts';
import type { ResultReader } from '../fleet-client/result-reader.ts';

/** Why subagents failed, as `status` tells it. */
export interface Failures {
  /** How many of those read failed their verification. */
  verify_failed: number;
  failures: FailureCluster[];
  /** Where more failed than are read in the time a status may take: so many, evenly over the fleet, were. */
  failures_read?: number;
}

const FAILED: ReadonlySet<string> = new Set([L.failed, L.timed_out, L.budget_reached]);
/** Some 30 ms. */
const MOST_READ = 100;

export async function readFailures(reader: ResultReader, units: string): Promise<Failures> {
  const failed: number[] = [];
  for (let index = 0; index < units.length; index++) if (FAILED.has(units[index]!)) failed.push(index);
  const step = Math.max(1, failed.length / MOST_READ);
  const read = Array.from({ length: Math.min(failed.length, MOST_READ) }, (_, i) => failed[Math.floor(i * step)]!);
  const clusters = new FailureClusters();
  let verifyFailed = 0;
  for (const { result } of await reader.some(read)) {
    clusters.add(result);
    if (result.verify?.some(({ ok }) => !ok)) verifyFailed++;
  }
  return {
    verify_failed: verifyFailed,
    failures: clusters.all,
    ...(read.length < failed.length && { failures_read: read.length }),
  };
}
