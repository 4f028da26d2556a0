import { RecordConflict, type ArtifactStore } from '../../activities/artifacts/store.ts';
import { newFleetId } from '../../activities/artifacts/fleet-id.ts';
import type { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { writeFleet } from '../../activities/artifacts/write-fleet.ts';
import { worstCaseMicroUsd } from '../../activities/claude/prices.ts';
import { UNIT_LETTERS } from '../../workflows/contract/statuses.ts';
import { Task, type FleetDraft, type FleetRecord, type Manifest } from '../../workflows/contract/task.schema.ts';
import type { ArtifactRef } from '../../workflows/contract/units.ts';
import { maySpawn, type FleetPlan, type PlannedTask } from '../spec/plan.ts';
import { planWaves } from '../spec/wave-plan.ts';
import { idempotencyRecord } from './forgetting.ts';
import { countOccurrences } from './occurrences.ts';
import { planHash } from './plan-hash.ts';
import { sliceMicroUsd } from './slice.ts';
import { takeSnapshots, type Snapshot } from './snapshots.ts';
import { storeScript } from './store-script.ts';

/** Where the subagents of a fleet run, and what may be taken over from earlier fleets. */
export interface Placement {
  /** Of the worker that holds the credential. */
  agentsQueue: string;
  /** `simulated`, or host of Claude's endpoint: results of one never serve the other. */
  endpoint: string;
  isSimulated: boolean;
  reuse: Manifest['reuse'];
  /** How its work takes turns with that of others. */
  team?: string | undefined;
  priority?: number | undefined;
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

type Parts = { store: ArtifactStore; records: FleetRecords };

/**
 * Writes a fleet down: snapshots, manifest, ends of targets that are not eligible, and last its record. With an
 * idempotency key the first to come names the fleet, and whoever comes later, or at the same moment, gets that one.
 * Stopped half-way it has started nothing, and the same key completes it.
 */
export async function register(plan: FleetPlan, parts: Parts, options: SubmitOptions): Promise<Registered> {
  const { idempotencyKey: key, signal } = options;
  const fleetId = key === undefined ? newFleetId() : await claim(parts.store, key);
  const known = key === undefined ? undefined : await parts.records.fleet(fleetId);
  if (known) return { fleet: known, isNew: false, warnings: [] };
  const { draft, warnings } = await drawUp(plan, fleetId, parts, options);
  const now = Date.now();
  const fleet: FleetRecord = {
    ...draft.fleet,
    ...{ id: fleetId, generation: 1, createdAtMs: now, startedAtMs: now },
    ...(key !== undefined && { idempotencyKey: key }),
  };
  return { ...(await writeFleet(parts, fleet, draft.units, signal)), warnings };
}

/** Stores all that fleets of this plan need, for whoever starts them when nobody is there. */
export async function saveDraft(
  plan: FleetPlan,
  parts: Parts,
  options: Omit<SubmitOptions, 'idempotencyKey'>,
): Promise<{ ref: ArtifactRef; draft: FleetDraft; warnings: string[] }> {
  const drawn = await drawUp(plan, '', parts, options);
  return { ...drawn, ref: await parts.store.put(Buffer.from(JSON.stringify(drawn.draft))) };
}

/** Takes snapshots and stores the manifest. */
async function drawUp(
  plan: FleetPlan,
  fleetId: string,
  { store, records }: Parts,
  { snapshot, signal, onProgress, ...options }: SubmitOptions,
): Promise<{ draft: FleetDraft; warnings: string[] }> {
  const waves = planWaves(plan);
  const [taken, placement] = await Promise.all([
    takeSnapshots(placesOf(plan), snapshot, { signal, onProgress }),
    options.placement(),
  ]);
  const { sources } = taken;
  const warnings = [...(waves?.warnings ?? []), ...taken.warnings];
  const tasks = manifestTasks(plan, sources, waves?.waves);
  const { agentsQueue, endpoint, isSimulated: simulated, reuse, team, priority } = placement;
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
  const units = initialUnits(plan);
  const fleet: FleetDraft['fleet'] = {
    v: 1,
    name: plan.name,
    manifest,
    count: tasks.length,
    simulated,
    agentsQueue,
    source: plan.source,
    maxTimeoutMs: longestTimeoutMs(plan),
    limits: limitsOf(plan),
    ...(plan.kind && { kind: plan.kind }),
    ...(waves && { rollout: waves.rollout }),
    ...(team !== undefined && { team }),
    ...(priority !== undefined && { priority }),
  };
  return { draft: { v: 1, fleet, ...(units !== undefined && { units }) }, warnings };
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
