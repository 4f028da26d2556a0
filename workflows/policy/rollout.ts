import { MICRO_USD } from '../contract/limits.ts';
import type { Gate } from '../contract/units.ts';

/** Of all waves so far. `tried`: those skipped are left out. */
export interface WaveFigures {
  tried: number;
  completed: number;
  /** Completed, with at least one verification and all passed. */
  verified: number;
  /** null: not known of any. */
  costPerTargetMicroUsd: number | null;
}

/** A share is what its parts make of it, not what a float does. */
const NOISE = 1e-9;

/**
 * Whether the figures allow the next wave; if not, `why` holds a sentence for each thing that does not hold. An approval
 * is for a person: a gate that asks for nothing else is open. Where nobody was tried, no threshold holds.
 */
export function judge(figures: WaveFigures, gate: Gate): { isOpen: boolean; why: string[] } {
  const { tried, completed, verified, costPerTargetMicroUsd: cost } = figures;
  const { minCompleted = 0, minVerified = 0, maxCostPerTargetMicroUsd: mostCost } = gate;
  const isAsked = minCompleted > 0 || minVerified > 0 || mostCost !== undefined;
  if (tried === 0) return { isOpen: !isAsked, why: isAsked ? ['no target of the waves so far was tried'] : [] };
  const why: string[] = [];
  if (completed < minCompleted * tried - NOISE) why.push(tooFew('completed', completed, tried, minCompleted));
  if (verified < minVerified * tried - NOISE) why.push(tooFew('verified', verified, tried, minVerified));
  if (mostCost !== undefined && cost === null) why.push('what a target costs is not known of any so far');
  if (mostCost !== undefined && cost !== null && cost > mostCost)
    why.push(`${usd(cost)} a target is more than ${usd(mostCost)}`);
  return { isOpen: why.length === 0, why };
}

const tooFew = (what: string, count: number, of: number, least: number): string =>
  `${count.toString()} of ${of.toString()} targets ${what} (${percent(count / of)}), less than ${percent(least)}`;

const percent = (share: number): string => `${Number((share * 100).toFixed(1)).toString()} %`;

/** Cents, or down to the micro-dollar where there is more: two amounts that differ never read alike. */
const usd = (microUsd: number): string => {
  const text = (microUsd / MICRO_USD).toFixed(6).replace(/0{1,4}$/, '');
  return `$${text}`;
};
