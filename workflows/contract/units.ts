import type { PauseReason, SubagentStatus } from './statuses.ts';

/** Content address of a blob in the artifact store: `sha256:<64 hex digits>`. */
export type ArtifactRef = string;

/** One dispatch of one subagent: what `runSubagent` receives. Names things, never carries them (≤ 2 KiB). */
export interface UnitRef {
  v: 1;
  fleetId: string;
  /** Position in the fleet's manifest. */
  index: number;
  /** Results are committed under (fleet, subagent, generation); a retry of an ended subagent raises it. */
  generation: number;
  /** Dispatch number of this subagent, given by the root; with the attempt it is the fence. Grows with each dispatch. */
  epoch: number;
  manifest: ArtifactRef;
  /** What this dispatch may spend before it must ask again; null: the fleet has no budget. */
  sliceMicroUsd: number | null;
}

/** Why a subagent gave its permit back without having ended. */
export type ParkReason =
  | { for: 'drain' } // asked to give back; goes on as soon as there is a permit
  | { for: 'budget'; needMicroUsd: number } // its slice is used up; the next call needs this much
  | { for: 'limit'; pause: PauseReason; resetAtMs?: number }; // the provider or the disk refuses; no reset: a person decides

/**
 * How a dispatch came back. `spentMicroUsd` is what this dispatch (all its attempts) spent, calls without a recorded
 * answer at their worst case included.
 */
export type UnitOutcome =
  | { kind: 'ended'; status: SubagentStatus; spentMicroUsd: number }
  | { kind: 'parked'; reason: ParkReason; spentMicroUsd: number };

export interface SettleRequest {
  fleetId: string;
  manifest: ArtifactRef;
  units: { index: number; generation: number; epoch: number }[];
  /** The end to give those that have none; null: leave them unfinished and only report what they spent. */
  end: { status: SubagentStatus; type: string; message: string } | null;
}

/** What the store keeps of a fleet that ended: enough to list, show and retry it when Temporal has forgotten it. */
export interface FleetSummary {
  v: 1;
  fleetId: string;
  generation: number;
  state: 'completed' | 'failed' | 'cancelled';
  /** One letter a subagent (UNIT_LETTERS). */
  units: string;
  /** Generation each subagent's result was committed under where it differs from 1. */
  generations: [index: number, generation: number][];
  spentMicroUsd: number;
  endedAtMs: number;
}
