import type { FleetInput, RegisterRequest } from './messages.ts';
import type {
  Admission,
  AdmitRequest,
  ArtifactRef,
  FleetSummary,
  GateRequest,
  GateVerdict,
  ScriptOutcome,
  ScriptRef,
  SettleRequest,
  UnitOutcome,
  UnitRef,
} from './units.ts';

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
  /** Writes a fleet down from the draft of a schedule: for one firing always the same fleet. */
  registerFleet(input: RegisterRequest): Promise<FleetInput>;
  closeFleet(summary: FleetSummary): Promise<void>;
  /** Writes down where the tasks of a request stand, and the answer its parent reads. */
  admitSpawn(input: AdmitRequest): Promise<Admission>;
  /** The wave of each subagent of the manifest, from 1, as one character: code 48 + wave. */
  loadWaves(input: { manifest: ArtifactRef }): Promise<string>;
  /** Judges what the waves so far left, and stores the report people see. */
  judgeGate(input: GateRequest): Promise<GateVerdict>;
}

/** On the queue of scripts, where one that keeps a worker busy delays no bookkeeping. */
export interface ScriptActivities {
  /** One exchange. Safe to call twice: an exchange in the journal is played again. Throws only what a retry may mend. */
  runScript(input: ScriptRef): Promise<ScriptOutcome>;
}
