import { RecordConflict, type ArtifactStore } from '../../activities/artifacts/store.ts';
import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { worstCaseMicroUsd } from '../../activities/claude/prices.ts';
import { recordKeys } from '../../workflows/contract/ids.ts';
import { UNIT_LETTERS } from '../../workflows/contract/statuses.ts';
import type { SubagentRecord } from '../../workflows/contract/record.schema.ts';
import { Task, type FleetRecord, type Manifest } from '../../workflows/contract/task.schema.ts';
import { maySpawn, type FleetPlan, type PlannedTask } from '../spec/plan.ts';
import { planWaves } from '../spec/wave-plan.ts';
import { forEachOf } from './bounded.ts';
import { newFleetId } from './fleet-id.ts';
import { idempotencyRecord } from './forgetting.ts';
import { countOccurrences } from './occurrences.ts';
import { planHash } from './plan-hash.ts';
import { sliceMicroUsd } from './slice.ts';
import { takeSnapshots, type Snapshot } from './snapshots.ts';
import { storeScript } from './store-script.ts';
import { NOT_ELIGIBLE, syntheticResult } from './synthetic-result.ts';

/** Where the subagents of a fleet run, and what may be taken over from earlier fleets. */
export interface Placement {
  /** Of the worker that holds the credential. */
  agentsQueue: string;
  /** `simulated`, or host of Claude's endpoint: results of one never serve the other. */
  endpoint: string;
  isSimulated: boolean;
  reuse: Manifest['reuse'];
}

export interface SubmitOptions {
  snapshot: Snapshot;
  placement: () => Promise<Placement>;
  idempotencyKey?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A fleet that stands in the store and is ready to start; `isNew` is false when an idempotency key found it. */
export interface Registered {
  fleet: FleetRecord;
  isNew: boolean;
  warnings: string[];
}

/**
 * Writes a fleet down: snapshots, manifest, ends of targets that are not eligible, and last its record. With an
 * idempotency key the first to come names the fleet, and whoever comes later, or at the same moment, gets that one.
 * Stopped half-way it has started nothing, and the same key completes it.
 */
export async function register(
  plan: FleetPlan,
  { store, records }: { store: ArtifactStore; records: FleetRecords },
  options: SubmitOptions,
): Promise<Registered> {
  const { idempotencyKey: key } = options;
  const fleetId = key === undefined ? newFleetId() : await claim(store, key);
  const known = key === undefined ? undefined : await records.fleet(fleetId);
  if (known) return { fleet: known, isNew: false, warnings: [] };
  const { snapshot, signal, onProgress } = options;
  const waves = planWaves(plan);
  const [taken, placement] = await Promise.all([
    takeSnapshots(placesOf(plan), snapshot, { signal, onProgress }),
    options.placement(),
  ]);
  const { sources } = taken;
  const warnings = [...(waves?.warnings ?? []), ...taken.warnings];
  const tasks = manifestTasks(plan, sources, waves?.waves);
  const { agentsQueue, endpoint, isSimulated: simulated, reuse } = placement;
  const hasGraph = tasks.some(({ dependsOn }) => dependsOn.length > 0);
  const script = plan.script && (await storeScript(plan.script, sources.at(-1)!, store));
  const manifest = await records.saveManifest(
    {
      ...{ v: 1, fleetId, name: plan.name, hasGraph, simulated, endpoint, reuse },
      ...(plan.mcpServers && { mcpServers: plan.mcpServers }),
      ...(plan.maxDepth !== undefined && { maxDepth: plan.maxDepth }),
      ...(script && { script }),
      ...(plan.agents?.length && { agents: plan.agents }),
      planHash: planHash(plan, { tasks, script, rollout: waves?.rollout }),
    },
    tasks,
  );
  await commitIneligible(store, fleetId, plan, tasks, simulated);
  signal?.throwIfAborted();
  const now = Date.now();
  const fleet: FleetRecord = {
    v: 1,
    id: fleetId,
    name: plan.name,
    manifest,
    count: tasks.length,
    createdAtMs: now,
    generation: 1,
    simulated,
    agentsQueue,
    source: plan.source,
    ...(key !== undefined && { idempotencyKey: key }),
    startedAtMs: now,
    maxTimeoutMs: longestTimeoutMs(plan),
    limits: limitsOf(plan),
    ...(plan.kind && { kind: plan.kind }),
    ...(waves && { rollout: waves.rollout }),
  };
  try {
    await store.writeRecord(recordKeys.fleet(fleetId), fleet, 0);
  } catch (error) {
    const theirs = error instanceof RecordConflict ? await records.fleet(fleetId) : undefined;
    if (!theirs) throw error;
    return { fleet: theirs, isNew: false, warnings };
  }
  return { fleet, isNew: true, warnings };
}

/** The fleet id that belongs to a key: mine if I am first. */
async function claim(store: ArtifactStore, key: string): Promise<string> {
  const record = idempotencyRecord(key);
  const fleetId = newFleetId();
  try {
    await store.writeRecord(record, { v: 1, fleetId }, 0);
    return fleetId;
  } catch (error) {
    if (!(error instanceof RecordConflict)) throw error;
    const found = (await store.readRecord(record))?.value as { fleetId: string } | undefined;
    if (!found) throw error;
    return found.fleetId;
  }
}

function limitsOf(plan: FleetPlan): FleetRecord['limits'] {
  const { maxConcurrentAgents: concurrency, maxBudgetMicroUsd: budgetMicroUsd, failIf, maxTotalAgents } = plan;
  // A script's subagents are not known yet: one that has its defaults stands for them all.
  const tasks = plan.script ? [{ ...plan.script.defaults, prompt: '', context: [] }] : plan.tasks;
  const question = { tasks, mayCome: maySpawn(plan), budgetMicroUsd, concurrency, worstCase: worstCaseMicroUsd };
  return {
    ...{ concurrency, budgetMicroUsd, sliceMicroUsd: sliceMicroUsd(question), failIf },
    ...(maxTotalAgents !== undefined && { maxTotalAgents }),
  };
}

function longestTimeoutMs({ tasks, script }: FleetPlan): number {
  const own = script ? [script.defaults.timeoutMs] : [];
  return [...own, ...tasks.map(({ timeoutMs }) => timeoutMs)].reduce((most, ms) => Math.max(most, ms), 0);
}

/** Whose files are taken: those of the tasks and, last, of the script. */
function placesOf({ tasks, script }: FleetPlan): Pick<PlannedTask, 'workspace' | 'isEligible'>[] {
  return script ? [...tasks, { workspace: script.defaults.workspace, isEligible: true }] : tasks;
}

function manifestTasks(
  plan: FleetPlan,
  sources: readonly Task['workspace'][],
  waves: readonly number[] | undefined,
): Task[] {
  const placed = plan.tasks.map((task, i) => ({ ...task, workspace: sources[i]! }));
  const occurrences = countOccurrences(placed);
  // The schema leaves out what only a plan knows.
  return placed.map((task, i) => {
    const wave = waves?.[i] || undefined;
    return Task.parse({ ...task, occurrence: occurrences[i], ...(wave && { wave }) });
  });
}

/** The letters a fleet with targets that are not eligible starts with; undefined: all are. */
export function initialUnits(plan: FleetPlan): string | undefined {
  if (plan.tasks.every(({ isEligible }) => isEligible)) return undefined;
  const { queued, skipped } = UNIT_LETTERS;
  return plan.tasks.map(({ isEligible }) => (isEligible ? queued : skipped)).join('');
}

/** Results of those that never start stand in the store like any other, before the fleet begins. */
async function commitIneligible(
  store: ArtifactStore,
  fleetId: string,
  plan: FleetPlan,
  tasks: readonly Task[],
  isSimulated: boolean,
): Promise<void> {
  const indexes = [...tasks.keys()].filter((index) => !plan.tasks[index]!.isEligible);
  await forEachOf(indexes, async (index) => {
    const end = { status: 'skipped', error: NOT_ELIGIBLE, atMs: Date.now(), isSimulated } as const;
    const record = endedRecord(syntheticResult(tasks[index]!, end));
    await store.writeRecord(recordKeys.subagent(fleetId, index, 1), record, 0).catch((error: unknown) => {
      if (!(error instanceof RecordConflict)) throw error; // written by whoever came with the same key
    });
  });
}

function endedRecord(result: NonNullable<SubagentRecord['result']>): SubagentRecord {
  return {
    v: 1,
    fence: { epoch: 0, attempt: 0 },
    startedAtMs: result.ended_at_ms,
    attempts: 0,
    turns: 0,
    chunks: [],
    tail: [],
    patch: null,
    usage: result.usage,
    ...{ costMicroUsd: 0, reworkMicroUsd: 0, epochSpentMicroUsd: 0, pendingMicroUsd: 0, activeMs: 0 },
    denials: [],
    ...{ errors: 0, schemaFailures: 0 },
    result,
  };
}
