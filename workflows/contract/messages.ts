import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Census, FleetState, PauseReason } from './statuses.ts';
import type { Approval, ArtifactRef, ParkReason, Parents, Rollout, ScriptEnd, Wait } from './units.ts';

export interface FleetLimits {
  /** Subagents in flight at once over the whole fleet. */
  concurrency: number;
  /** Hard cap of the fleet; null: none. */
  budgetMicroUsd: number | null;
  /** What one dispatch may spend before it asks again; only read when there is a budget. */
  sliceMicroUsd: number;
  /** Early stop: a share of the ended (after 10 ended) or a number of failed, timed out or out of budget. */
  failIf: { rate?: number; count?: number } | null;
  /** Most subagents spawned over the fleet's life; absent: `DEFAULT_MAX_TOTAL_AGENTS`. */
  maxTotalAgents?: number;
}

/** What `fleetWorkflow` starts with. `carry` is its own state across a continue-as-new or from an earlier generation. */
export interface FleetInput {
  v: 1;
  fleetId: string;
  name: string;
  manifest: ArtifactRef;
  /** Subagents in the manifest. */
  count: number;
  hasGraph: boolean;
  /** Longest task timeout, which bounds each activity. */
  maxTimeoutMs: number;
  limits: FleetLimits;
  agentsQueue: string;
  generation: number;
  startedAtMs: number;
  /** The manifest holds a script, which is the parent. */
  hasScript?: boolean;
  rollout?: Rollout;
  carry?: FleetCarry;
  /** Whose it is: its work takes turns with that of other teams. Absent: with that of other fleets. */
  team?: string;
  /** Temporal's: 1 goes before 5; absent: 3. */
  priority?: number;
  /** The namespace knows the search attributes of roots (search-attributes.ts). */
  hasSearchAttributes?: boolean;
}

export interface FleetCarry {
  units: string;
  generations: [index: number, generation: number][];
  parked: ParkedUnit[];
  spentMicroUsd: number;
  batches: number;
  state: FleetState;
  reason?: PauseReason;
  resetAtMs?: number;
  parents?: Parents;
  /** Parents whose request `seq` was answered: what they wait for since then. */
  answered?: [index: number, seq: number, waits: Wait[]][];
  /** A gate that waits for a person. */
  gate?: Approval;
}

export type ParkedUnit = [index: number, reason: ParkReason];

/** What a schedule starts `scheduledFleetWorkflow` with. */
export interface ScheduledFleetInput {
  v: 1;
  /** Name of the schedule. */
  schedule: string;
  /** A `FleetDraft` in the store. */
  draft: ArtifactRef;
  /** As in `FleetInput`. */
  hasSearchAttributes?: boolean;
}

export interface RegisterRequest extends ScheduledFleetInput {
  /** Run id of the firing. */
  firing: string;
}

/** `fleet/<id>/batch/<n>`: subagents by manifest index, each with its generation and its slice. */
export interface BatchInput {
  v: 1;
  fleetId: string;
  batch: number;
  /** Dispatch epoch of all its units: grows with every batch of the fleet, over generations too. */
  epoch: number;
  manifest: ArtifactRef;
  units: [index: number, generation: number, sliceMicroUsd: number | null][];
  /** Others wait for results of this batch: report each end, not only every 5 %. */
  reportsEnds: boolean;
  window: Window;
  maxTimeoutMs: number;
  agentsQueue: string;
}

/** Root → batch, absolute and numbered: the newest wins, so a repeat or a race does no harm. */
export interface Window {
  epoch: number;
  permits: number;
  /** Of those so many that come free are not used again: others are to have them. Absent: none. */
  spare?: number;
  /** False: start nothing more; what has not started goes back. */
  admits: boolean;
  /** All money this batch has been given over its life; null: no budget. */
  purseMicroUsd: number | null;
  /** Manifest indexes to take back now. */
  stop: number[];
}

/** Batch → root, absolute and numbered. Its last one is the batch's return value. */
export interface BatchState {
  v: 1;
  batch: number;
  seq: number;
  /** The newest window this state has obeyed: permits it took away are free from here on. */
  epoch: number;
  /** In flight now. */
  holding: number;
  /** Units this batch could start if it had the permits. */
  wants: number;
  /** One letter a unit, in the order of `BatchInput.units`. */
  units: string;
  /** Those whose letter is `p`: offset in the batch and why. */
  parked: [offset: number, reason: ParkReason][];
  /** Spent by units that came back. */
  spentMicroUsd: number;
  /** Slices of units in flight. */
  reservedMicroUsd: number;
}

export interface FleetStatus {
  v: 1;
  id: string;
  name: string;
  state: FleetState;
  reason?: PauseReason;
  resetAtMs?: number;
  /** Spawned ones included. */
  count: number;
  census: Census;
  waiting: number;
  queued: number;
  running: number;
  parked: number;
  generation: number;
  concurrency: number;
  budgetMicroUsd: number | null;
  spentMicroUsd: number;
  startedAtMs: number;
  endedAtMs?: number;
  /** What a person is asked, oldest first; while nothing else can go on the fleet is paused for `approval`. */
  approvals?: Approval[];
  /** The wave under way, from 1, of how many. */
  wave?: { open: number; of: number };
  /** Exchanges its script has had: so many records of its journal can be read. */
  exchanges?: number;
  /** The generation in which its script began, and whose journal that is: a retry goes on with a script that was cut off. */
  scriptGeneration?: number;
  /** How its script ended. */
  outcome?: ScriptEnd;
}

/** `units` as in `UNIT_LETTERS`, one per subagent, those of the manifest first, then the spawned ones as they were admitted; `generations` where it is not 1. */
export interface FleetProgress {
  units: string;
  generations: [index: number, generation: number][];
}

export const windowSignal = defineSignal<[Window]>('window');
export const stateSignal = defineSignal<[BatchState]>('state');
export const statusQuery = defineQuery<FleetStatus>('status');
export const progressQuery = defineQuery<FleetProgress>('progress');
/** Both at once: a watcher asks every second, and a query costs the worker a task. */
export const standingQuery = defineQuery<{ status: FleetStatus; progress: FleetProgress }>('standing');

/** Updates return the status after they took effect; `cancel` and `stop` only once nothing of theirs runs any more. */
export const pauseUpdate = defineUpdate<FleetStatus>('pause');
export const resumeUpdate = defineUpdate<FleetStatus>('resume');
export const cancelUpdate = defineUpdate<FleetStatus>('cancel');
/** As the update, for a workflow, which cannot send one: it hears of the end by the result. */
export const cancelSignal = defineSignal('cancel');
export const stopUpdate = defineUpdate<FleetStatus, [{ indexes: number[] }]>('stop');
export const skipUpdate = defineUpdate<FleetStatus, [{ indexes: number[] }]>('skip');
/** Without indexes: all that ended in anything but completed or skipped-as-not-eligible. */
export const retryUpdate = defineUpdate<FleetStatus, [{ indexes: number[] | 'failed' }]>('retry');
export const setUpdate = defineUpdate<FleetStatus, [{ concurrency?: number; budgetMicroUsd?: number }]>('set');
/** Both fail with `Fleet.NotAsked` where nothing of this hash is asked at the moment: what changed must be looked at again. */
export const approveUpdate = defineUpdate<FleetStatus, [{ hash: string }]>('approve');
export const rejectUpdate = defineUpdate<FleetStatus, [{ hash: string }]>('reject');
