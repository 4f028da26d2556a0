import type { ArtifactRef, FleetSummary, SettleRequest, UnitOutcome, UnitRef } from './units.ts';

/** Activities on an agents queue. */
export interface SubagentActivities {
  /** The agent loop of one subagent. Safe to call twice: it looks for the committed result first. */
  runSubagent(unit: UnitRef): Promise<UnitOutcome>;
}

/** Short bookkeeping on the fleet queue. All are safe to call twice. */
export interface FleetActivities {
  /** Prerequisites by subagent, as base64 of varints (`encodeGraph`). */
  loadGraph(input: { manifest: ArtifactRef }): Promise<string>;
  /**
   * Reads what dead or timed-out dispatches left in the store, fences them off and, with `end`, commits a partial
   * result under that end. One outcome per unit, in order; a unit whose result is committed already keeps it.
   */
  settleSubagents(input: SettleRequest): Promise<UnitOutcome[]>;
  /** Resolves when the artifact store takes writes again; throws a retryable failure while it does not. */
  probeStore(input: { fleetId: string }): Promise<void>;
  closeFleet(summary: FleetSummary): Promise<void>;
}
