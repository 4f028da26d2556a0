import { representativeOrder, type PlannedTarget } from './representative-order.ts';

/** How far a wave reaches, all waves before it included: a number of targets, or a share of those that are eligible. */
export type WaveReach = number | { share: number };

/**
 * The wave of each task, from 1; 0 for one that is not eligible. Waves reach as far as they say, counted from the first
 * (5, then up to 10 %, then all), a share rounded up. A wave that would be empty is none, so the greatest number is that
 * of the waves; what the last one does not reach is a wave of its own behind it.
 *
 * Whatever the sizes, the first waves represent the whole: owners, languages and sizes of targets as they stand on the
 * disk each come once before any comes twice, then in proportion. The choice depends on labels and traits alone: asked
 * again it is the same. A task never stands in an earlier wave than one it depends on.
 */
export function assignWaves(tasks: readonly PlannedTarget[], waves: readonly WaveReach[]): number[] {
  const order = representativeOrder(tasks);
  const assigned = tasks.map(() => 0);
  let wave = 0;
  let from = 0;
  for (const to of [...waves.map((reach) => reachOf(reach, order.length)), order.length]) {
    if (to <= from) continue;
    wave++;
    for (const index of order.slice(from, to)) assigned[index] = wave;
    from = to;
  }
  return assigned;
}

/** Floating point makes 0.07 × 100 a little more than 7, which is no eighth target. */
function reachOf(reach: WaveReach, count: number): number {
  return Math.min(count, typeof reach === 'number' ? reach : Math.ceil(reach.share * count - 1e-9));
}
