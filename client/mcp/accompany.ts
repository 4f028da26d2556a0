import { setTimeout as delay } from 'node:timers/promises';
import type { FleetView } from '../library/library.ts';
import { endedCount, hasEnded, needsPerson } from './standing.ts';

export interface AccompanyOptions {
  /** Stop once so many have ended. */
  need: number;
  timeoutMs: number;
  /** Aborted: whoever asked is gone. */
  signal: AbortSignal;
  /** Told each look, the first one at once. */
  onLook: (view: FleetView) => Promise<void>;
}

const LOOK_MOST_MS = 1_000;
const LOOK_LEAST_MS = 200;

/**
 * Stays with a fleet until it has ended, needs a person, or `need` have ended; else until the time is up or the signal
 * aborts. Resolves with the newest view in each case: the fleet itself never hears of it.
 */
export async function accompany(
  look: () => Promise<FleetView>,
  { need, timeoutMs, signal, onLook }: AccompanyOptions,
): Promise<FleetView> {
  const beganAtMs = performance.now();
  for (;;) {
    const view = await look();
    await onLook(view);
    const left = timeoutMs - (performance.now() - beganAtMs);
    if (hasEnded(view) || needsPerson(view) || endedCount(view) >= need || left <= 0 || signal.aborted) return view;
    const pause = Math.min(LOOK_MOST_MS, LOOK_LEAST_MS + (timeoutMs - left) / 5, left);
    await delay(pause, undefined, { signal }).catch(() => undefined);
  }
}
