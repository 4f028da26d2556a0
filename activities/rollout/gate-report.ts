import { FAILURES } from '../../workflows/contract/failures.ts';
import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { GateReport } from '../../workflows/contract/rollout.schema.ts';
import { emptyCensus, statusOfLetter, type Census } from '../../workflows/contract/statuses.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { GateRequest } from '../../workflows/contract/units.ts';
import { forecast, type Tried } from '../../workflows/policy/forecast.ts';
import { judge, type WaveFigures } from '../../workflows/policy/rollout.ts';
import { FailureClusters } from '../observe/failure-clusters.ts';
import type { Looked } from './wave-results.ts';

const CLUSTERS_KEPT = 8;
const LABELS_KEPT = 20;

/** The targets of a fleet as the gate behind one of its waves sees them. */
export interface Targets {
  /** Indexes of all waves so far. */
  before: number[];
  /** Labels of the wave to come. */
  next: string[];
  /** How many all waves to come have, and their longest timeout. */
  remaining: number;
  longestMs: number;
}

/**
 * All that people see of a gate, from what its waves left. `took`: what those that were tried took. Pure, so that the
 * same request makes the same report.
 */
export function gateReport(
  request: GateRequest,
  targets: Targets,
  { results, looked }: Looked,
  took: readonly Tried[],
): GateReport {
  const { wave, waves, gate, spentMicroUsd, startedAtMs, concurrency } = request;
  const { before, next, remaining, longestMs } = targets;
  const isWhole = looked === before.length;
  const census = censusOf(request.units, before);
  const whole = isWhole ? withSpawned(took, results, spentMicroUsd) : took;
  const costs = whole.map(({ costMicroUsd }) => costMicroUsd);
  const figures: WaveFigures = {
    tried: before.length - census.skipped,
    completed: census.completed,
    verified: Math.round((results.filter(isVerified).length / Math.max(1, looked)) * before.length),
    costPerTargetMicroUsd: costs.length === 0 ? null : Math.round(sum(costs) / costs.length),
  };
  const outlook = forecast({ tried: whole, remaining, concurrency, spentMicroUsd, longestMs });
  const failures = failuresOf(results);
  return {
    v: 1,
    title: titleOf({ wave, waves, count: next.length, before: before.length }, figures),
    ...{ wave, waves, gate, census, spentMicroUsd, remaining, ...figures, ...judge(figures, gate) },
    reused: results.filter(({ reused_from }) => reused_from !== undefined).length,
    elapsedMs: Math.max(0, ...results.map(({ ended_at_ms }) => ended_at_ms - startedAtMs)),
    ...(!isWhole && { looked }),
    failures: failures.slice(0, CLUSTERS_KEPT),
    otherFailures: Math.max(0, failures.length - CLUSTERS_KEPT),
    ...(outlook && { forecast: outlook }),
    next: { count: next.length, labels: next.slice(0, LABELS_KEPT) },
  };
}

function censusOf(units: string, indexes: readonly number[]): Census {
  const census = emptyCensus();
  for (const index of indexes) {
    const status = statusOfLetter(units[index] ?? '');
    if (status) census[status]++;
  }
  return census;
}

const isVerified = ({ status, verify }: Result): boolean =>
  status === 'completed' && verify !== undefined && verify.length > 0 && verify.every(({ ok }) => ok);

/** What a target's own result does not say: subagents it spawned, and earlier generations of it. Shared out evenly. */
function withSpawned(took: readonly Tried[], results: readonly Result[], spentMicroUsd: number): Tried[] {
  const own = sum(results.map(({ total_cost_usd }) => total_cost_usd * MICRO_USD));
  const factor = own > 0 ? Math.max(1, spentMicroUsd / own) : 1;
  return took.map(({ costMicroUsd, durationMs }) => ({ costMicroUsd: costMicroUsd * factor, durationMs }));
}

function failuresOf(results: readonly Result[]): GateReport['failures'] {
  const clusters = new FailureClusters();
  for (const result of results)
    if (result.status !== 'completed' && result.error?.type !== FAILURES.notEligible) clusters.add(result);
  return clusters.all;
}

/** `wave 2 of 3: 45 targets after 5 scouts (5/5 completed, 5/5 verified, $0.42 a target)`. */
function titleOf(
  { wave, waves, count, before }: { wave: number; waves: number; count: number; before: number },
  { tried, completed, verified, costPerTargetMicroUsd: cost }: WaveFigures,
): string {
  const after = wave > 1 ? before.toString() : `${before.toString()} scout${before === 1 ? '' : 's'}`;
  const figures = [
    `${completed.toString()}/${tried.toString()} completed`,
    ...(verified > 0 ? [`${verified.toString()}/${tried.toString()} verified`] : []),
    ...(cost === null ? [] : [`$${(cost / MICRO_USD).toFixed(cost < 10_000 ? 4 : 2)} a target`]),
  ];
  const targets = `${count.toString()} target${count === 1 ? '' : 's'}`;
  return `wave ${(wave + 1).toString()} of ${waves.toString()}: ${targets} after ${after} (${figures.join(', ')})`;
}

const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
