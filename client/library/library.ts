import type { Approval, Rollout } from '../../workflows/contract/units.ts';
import type { Census, FleetState, PauseReason } from '../../workflows/contract/statuses.ts';
import type { Result } from '../../workflows/contract/task.schema.ts';
import type { FleetPlan } from '../spec/plan.ts';

/**
 * What a fleet is made of. Paths are relative to `cwd` of the `Muster`. A `script` is the path of a workflow script, the
 * name of a saved one, or its text; a `file` may be a script without `args` too.
 */
export type FleetSource =
  | { file: string; params?: Readonly<Record<string, string>> }
  | { tasks: readonly TaskInput[]; name?: string }
  | { script: string; args?: unknown; name?: string }
  | { prompt: string; label?: string; name?: string; allow?: readonly string[]; deny?: readonly string[] };

/** A task as in a task file (contracts §1), in camelCase or snake_case; all faults are told at once, as `InvalidFleet`. */
export type TaskInput = { prompt: string; label?: string } & Readonly<Record<string, unknown>>;

export interface StartOptions {
  concurrency?: number;
  budgetUsd?: number;
  maxAgents?: number;
  maxDepth?: number;
  model?: string;
  timeoutMs?: number;
  reuse?: 'auto' | 'always' | 'never';
  idempotencyKey?: string;
  /**
   * Rules on top of `edit`: what subagents may do that name no permissions, and what none may exceed, whatever the fleet
   * is made of. `deny` takes away from it.
   */
  allow?: readonly string[];
  deny?: readonly string[];
  signal?: AbortSignal;
  /** Hears what a person is told meanwhile: warnings, how far snapshots are. */
  onTalk?: (line: string) => void;
  /**
   * Sees the plan before anything of it is run (`eligible`), taken, stored or started. May give back a narrower one;
   * what it throws `start` rejects with.
   */
  review?: (plan: FleetPlan) => FleetPlan | Promise<FleetPlan>;
}

export interface FleetView {
  id: string;
  name: string;
  status: FleetState;
  reason?: PauseReason;
  resetsAt?: Date;
  census: Census;
  /** Spawned ones included. */
  count: number;
  running: number;
  queued: number;
  waiting: number;
  parked: number;
  totalCostUsd: number;
  budgetUsd: number | null;
  concurrency: number;
  startedAt: Date;
  endedAt?: Date;
  approvals: readonly Approval[];
  wave?: { open: number; of: number };
  rollout?: Rollout;
}

export interface ArrivalOptions {
  /** Of an earlier iteration: what that one delivered is not delivered again. */
  cursor?: string;
  signal?: AbortSignal;
}

/** Results as they arrive: each subagent's once, in order of completion, until the fleet has ended. Iterate it once. */
export interface Arrivals<T> extends AsyncIterable<T> {
  /** Between any two deliveries: where another iteration goes on. */
  readonly cursor: string;
}

/** What happens in a fleet; `seq` counts from 1 over the life of one iteration and of those that go on from its cursor. */
export type FleetEvent = { seq: number; time: string } & (
  | { type: 'fleet_started'; id: string; name: string }
  | { type: 'subagent_started'; label: string }
  | { type: 'subagent_ended'; label: string; status: Result['status']; result: Result }
  | { type: 'state_changed'; status: FleetState; reason?: PauseReason; approvals?: readonly Approval[] }
  /** A line of the fleet's script, or of trouble. `phase`: the script came to it. */
  | { type: 'log'; level: 'info' | 'warn'; message: string; phase?: string }
  | { type: 'fleet_ended'; status: FleetState; census: Census }
);

/** How a fleet ended. `result`: what its script returned or its parent Claude said last. */
export interface FleetOutcome {
  view: FleetView;
  result?: unknown;
  error?: { type: string; message: string; line?: number; column?: number };
}

/** One fleet. Every method may reject with `FleetFailure`; all but `results` and `events` are safe to call twice. */
export interface Fleet {
  readonly id: string;
  readonly name: string;
  status(): Promise<FleetView>;
  results(options?: ArrivalOptions): Arrivals<Result>;
  events(options?: ArrivalOptions): Arrivals<FleetEvent>;
  /** Of all that have ended, in task order, a spawned one after its parent. */
  allResults(): AsyncIterable<Result>;
  /** Of these labels those that have ended, in the order given. Rejects with `unknown_label`, naming the nearest. */
  resultsOf(labels: readonly string[]): Promise<Result[]>;
  /** Resolves when it has ended, or needs a person: then `status` is `paused`. */
  wait(options?: { signal?: AbortSignal }): Promise<FleetOutcome>;
  pause(): Promise<FleetView>;
  resume(): Promise<FleetView>;
  cancel(): Promise<FleetView>;
  /** The oldest open approval, or the one of this hash. Rejects with `not_asked`, or `changed` where the hash is of no open one. */
  approve(hash?: string): Promise<FleetView>;
  reject(hash?: string): Promise<FleetView>;
  stop(labels: readonly string[]): Promise<FleetView>;
  skip(labels: readonly string[]): Promise<FleetView>;
  retry(labels?: readonly string[]): Promise<FleetView>;
  set(limits: { concurrency?: number; budgetUsd?: number }): Promise<FleetView>;
}

/** The door for programs; the command line comes in through it too. */
export interface MusterApi extends AsyncDisposable {
  /** Starts a fleet and resolves once it stands; it goes on when this process ends. Rejects with `InvalidFleet`. */
  start(source: FleetSource, options?: StartOptions): Promise<Fleet>;
  /** `@latest` is accepted. Rejects with `unknown_fleet`. */
  fleet(id: string): Promise<Fleet>;
  /** Newest first. */
  list(): AsyncIterable<FleetView>;
}
