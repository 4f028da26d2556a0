import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { createRolloutActivities } from '../../../activities/rollout/activities.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { SubagentRecord } from '../../../workflows/contract/record.schema.ts';
import { GateReport } from '../../../workflows/contract/rollout.schema.ts';
import { UNIT_LETTERS } from '../../../workflows/contract/statuses.ts';
import type { Result, Task } from '../../../workflows/contract/task.schema.ts';
import type { Gate, GateRequest, GateVerdict } from '../../../workflows/contract/units.ts';

const usage = { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
const STARTED_AT_MS = 1_000_000;

export const ended = (label: string, more: Partial<Result> = {}): Result => ({
  ...{ label, status: 'completed', output: 'done', model: 'claude-sonnet-5-5', num_turns: 1, usage },
  ...{ total_cost_usd: 0.4, rework_cost_usd: 0, duration_ms: 60_000, attempts: 1, permission_denials: [] },
  verify: [{ name: 'tests', ok: true, exit_code: 0, duration_ms: 1 }],
  ended_at_ms: STARTED_AT_MS + 90_000,
  ...more,
});

export const failed = (label: string, message: string, more: Partial<Result> = {}): Result =>
  ended(label, { status: 'failed', error: { type: 'Verify.Failed', message }, verify: [], ...more });

/** A store with fleets whose subagents have ended, and the gate that is judged by what they left. */
export class WaveWorld implements AsyncDisposable {
  readonly directory: string;
  readonly store: DiskStore;
  readonly records: FleetRecords;

  private constructor(directory: string, store: DiskStore) {
    this.directory = directory;
    this.store = store;
    this.records = new FleetRecords(store);
  }

  static async open(): Promise<WaveWorld> {
    const directory = await mkdtemp(join(tmpdir(), 'muster-waves-'));
    return new WaveWorld(directory, await DiskStore.open(directory));
  }

  /** Writes a fleet down: the wave of each target (0: not eligible), and what those that have ended left. */
  async fleet(fleetId: string, waves: readonly number[], results: readonly (Result | undefined)[]): Promise<string> {
    const labels = waves.map((_, i) => results[i]?.label ?? `target-${i}`);
    const manifest = await this.records.saveManifest(
      { v: 1, fleetId, name: fleetId, hasGraph: false, simulated: true, endpoint: 'simulated', reuse: 'auto' },
      waves.map((wave, i) => task(labels[i]!, wave)),
    );
    const limits = { concurrency: 10, budgetMicroUsd: null, sliceMicroUsd: 1, failIf: null };
    const times = { createdAtMs: 1, startedAtMs: STARTED_AT_MS, maxTimeoutMs: 1 };
    await this.store.writeRecord(
      recordKeys.fleet(fleetId),
      {
        v: 1,
        id: fleetId,
        name: fleetId,
        manifest,
        count: waves.length,
        generation: 1,
        simulated: true,
        ...times,
        agentsQueue: 'q',
        source: '-',
        limits,
      },
      0,
    );
    for (const [index, result] of results.entries()) if (result) await this.commit(fleetId, index, 1, result);
    return manifest;
  }

  async commit(fleetId: string, index: number, generation: number, result: Result): Promise<void> {
    await this.store.writeRecord(recordKeys.subagent(fleetId, index, generation), record(result), 0);
  }

  judge(manifest: string, gate: Gate, more: Partial<GateRequest> & Pick<GateRequest, 'units'>): Promise<GateVerdict> {
    return createRolloutActivities(this).judgeGate({
      ...{ fleetId: 'f', manifest, wave: 1, waves: 2, generations: [], gate, concurrency: 10 },
      ...{ spentMicroUsd: 0, startedAtMs: STARTED_AT_MS },
      ...more,
    });
  }

  async report({ report }: GateVerdict): Promise<GateReport> {
    return GateReport.parse(JSON.parse(Buffer.from(await this.store.get(report)).toString()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Letters of targets by how their results ended; those without wait. */
export const lettersOf = (results: readonly (Result | undefined)[]): string =>
  results.map((result) => (result ? UNIT_LETTERS[result.status] : UNIT_LETTERS.waiting)).join('');

function task(label: string, wave: number): Task {
  return {
    ...{ label, prompt: 'look', context: [], model: 'claude-sonnet-5-5', dependsOn: [], occurrence: 0 },
    workspace: { bundle: null, tree: '', subdirectory: '', origin: '/src' },
    permissions: { allow: [], deny: [], mode: 'dontAsk' },
    ...{ timeoutMs: 600_000, stallTimeoutMs: 1_000 },
    ...(wave > 0 && { wave }),
  };
}

function record(result: Result): SubagentRecord {
  return {
    ...{ v: 1, fence: { epoch: 1, attempt: 1 }, startedAtMs: 1, attempts: 1, turns: 0, chunks: [], tail: [] },
    ...{ patch: null, usage, costMicroUsd: 0, reworkMicroUsd: 0, epochSpentMicroUsd: 0, pendingMicroUsd: 0 },
    ...{ activeMs: 0, denials: [], errors: 0, schemaFailures: 0, result },
  };
}
