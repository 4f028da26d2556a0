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
  | { for: 'limit'; pause: PauseReason; resetAtMs?: number } // the provider or the disk refuses; no reset: a person decides
  | { for: 'spawn'; request: ArtifactRef; seq: number }; // waits for subagents it asks for, or asked for earlier

/** Who spawned subagents: one of them, by manifest index, or the fleet's script. */
export type Spawner = number | 'script';

/** One request to the root: the `seq`-th (from 1) of this spawner in this generation. Asking it again spawns nothing twice. */
export interface SpawnOf {
  fleetId: string;
  spawner: Spawner;
  generation: number;
  seq: number;
}

/** What `admitSpawn` is told: the new ones are to have the indexes from `from` on, and at most `room` of them fit. */
export interface AdmitRequest extends SpawnOf {
  request: ArtifactRef;
  from: number;
  room: number;
}

/** Subagents that a parent waits for: `need` of these, as ranges of indexes. */
export interface Wait {
  need: number;
  of: [from: number, count: number][];
}

/** What the root learns of a request. Refused (too many for the tree): nothing was added, and the parent goes on. */
export type Admission =
  | { kind: 'refused' }
  | {
      kind: 'admitted';
      count: number;
      /** Prerequisites of the new ones by absolute index, as `encodeGraph` over all of them; null: none has any. */
      graph: string | null;
      /** Longest timeout of the new ones; 0 where there are none. */
      maxTimeoutMs: number;
      /** The parent goes on once all of these are met. Empty for a script, which hears of every end. */
      waits: Wait[];
    };

/** One exchange with a fleet's script. */
export interface ScriptRef {
  v: 1;
  fleetId: string;
  manifest: ArtifactRef;
  generation: number;
  /** From 1. */
  exchange: number;
  /** Subagents of its own that have ended since the exchange before, in that order; at most `MAX_SCRIPT_NEWS`. */
  ended: number[];
  /** Approvals decided since the exchange before, by the exchange that asked for them. */
  decided: [exchange: number, isApproved: boolean][];
  /** Spent by the whole tree as of now: `budget.spent()`. */
  spentMicroUsd: number;
  budgetMicroUsd: number | null;
}

export interface ScriptError {
  type: string;
  message: string;
  line?: number;
  column?: number;
}

/** How an exchange came back. `request`: new subagents, as `seq` = `exchange` of the spawner `script`; null: none. */
export type ScriptOutcome =
  | { kind: 'waits'; request: ArtifactRef | null; asks: { title: string; hash: string }[] }
  | { kind: 'ended'; outcome: ScriptEnd };

/** The end of a script: what it returned, as JSON in the store (null: nothing), or what it threw. */
export type ScriptEnd = { value: ArtifactRef | null } | { error: ScriptError };

/** What a person is asked to approve: a gate before a wave, or a script's `approve(title)`. */
export interface Approval {
  kind: 'gate' | 'script';
  title: string;
  /** Of all that is approved; `approve` and `reject` must name it. */
  hash: string;
  /** Of a gate: its `GateReport` in the store. */
  report?: ArtifactRef;
  /** Why a gate's figures did not open it; empty: it only waits for a person. */
  why?: string[];
}

export interface GateRequest {
  fleetId: string;
  manifest: ArtifactRef;
  /** The newest wave that has ended, from 1, as all before it have: the gate stands behind it. */
  wave: number;
  waves: number;
  units: string;
  generations: [index: number, generation: number][];
  gate: Gate;
  concurrency: number;
  spentMicroUsd: number;
  startedAtMs: number;
}

/** `isOpen`: the figures allow the next wave. */
export interface GateVerdict {
  isOpen: boolean;
  why: string[];
  title: string;
  hash: string;
  report: ArtifactRef;
}

/** What must hold of all waves so far before the next may start. Shares from 0 to 1. */
export interface Gate {
  minCompleted?: number;
  minVerified?: number;
  maxCostPerTargetMicroUsd?: number;
  approval?: boolean;
}

/** Waves of a plan; each subagent's own stands in its task. `gate` null: the next wave starts when one has ended. */
export interface Rollout {
  waves: number;
  gate: Gate | null;
  /** Share of a wave's failures from which on nothing more starts; null: none. */
  stopOnFailureRate: number | null;
}

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

/** How far a fleet's script has come. `generation` is that of the fleet when the script began: its journal's. */
export interface ScriptStand {
  generation: number;
  /** The newest exchange that came back; 0: none. */
  exchange: number;
  /** What that one asked for, while the root has not admitted it. */
  request: ArtifactRef | null;
  /** Its subagents that it has not been told of as ended, as ranges. */
  untold: [from: number, count: number][];
  /** Those of them that have ended, in that order. */
  news: number[];
  /** Approvals that nobody has decided, oldest first. */
  asks: [exchange: number, title: string, hash: string][];
  /** Approvals decided since that exchange. */
  decided: [exchange: number, isApproved: boolean][];
  /** What the next exchange told when it was broken off: it may stand in the journal, and is sent as it was. */
  sent?: Pick<ScriptRef, 'ended' | 'decided'>;
  /** Its newest request was refused, and it has not been told. */
  isRefused?: boolean;
  outcome?: ScriptEnd;
}

/** What the parents of a fleet have done: with the letters of its subagents all that a later run or generation needs. */
export interface Parents {
  /**
   * Spawned subagents in the order of their indexes, from the first after the manifest's: so many, by whom, how deep, and
   * their prerequisites (`encodeGraph`) where they have any.
   */
  spawned: [count: number, by: Spawner, depth: number, graph: string | null][];
  /** Longest timeout among the spawned ones. */
  maxTimeoutMs: number;
  script?: ScriptStand;
  /** The wave under way, from 1. */
  wave?: number;
  /** Failures in that wave have stopped the fleet. */
  isLineStopped?: boolean;
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
  /** How its script ended. */
  outcome?: ScriptEnd;
  /** Absent: it had only a plan, without waves. Goes into the carry of the next generation as it is. */
  parents?: Parents;
}
