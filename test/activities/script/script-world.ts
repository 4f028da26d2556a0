import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskStore } from '../../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../../activities/artifacts/fleet-records.ts';
import { createLog } from '../../../activities/observe/log.ts';
import { createRedactor } from '../../../activities/observe/redaction.ts';
import type { Isolation, Sandboxes } from '../../../activities/sandbox/sandbox.ts';
import { createSandboxes } from '../../../activities/sandbox/sandboxes.ts';
import { Deaths } from '../../../activities/script/faults.ts';
import { Interpreters } from '../../../activities/script/interpreters.ts';
import { DEFAULT_SCRIPT_LIMITS, type ScriptLimits } from '../../../activities/script/limits.ts';
import type { ScriptRoom } from '../../../activities/script/parts.ts';
import { createSpawnActivities } from '../../../activities/spawn/activities.ts';
import type { FleetActivities } from '../../../workflows/contract/activities.ts';
import type { ArtifactRef } from '../../../workflows/contract/units.ts';
import type { ScriptPlan } from '../../../workflows/contract/task.schema.ts';
import { openSpawning } from '../../../workers/spawning-parts.ts';
import { ScriptFleet } from './script-fleet.ts';

export interface WorldOptions {
  isolation?: Isolation;
  limits?: Partial<ScriptLimits>;
  secrets?: readonly string[];
}

export interface FleetOptions {
  args?: unknown;
  saved?: Readonly<Record<string, string>>;
  plan?: Partial<ScriptPlan>;
  maxTotalAgents?: number;
  budgetMicroUsd?: number;
}

/** First line of every script of the tests, whose own lines count from 2. */
export const META = "export const meta = { name: 'a', description: 'b' }\n";

/** A store, and workers that run scripts over it; all gone at the end. */
export class ScriptWorld implements AsyncDisposable {
  readonly store: DiskStore;
  readonly records: FleetRecords;
  readonly admit: FleetActivities['admitSpawn'];
  private readonly directory: string;
  private readonly options: WorldOptions;
  private readonly rooms: ScriptRoom[] = [];
  private readonly sandboxes: Sandboxes;
  private fleets = 0;

  static async open(options: WorldOptions = {}): Promise<ScriptWorld> {
    const directory = await mkdtemp(join(tmpdir(), 'muster-test-'));
    return new ScriptWorld(directory, await DiskStore.open(directory), options);
  }

  private constructor(directory: string, store: DiskStore, options: WorldOptions) {
    this.directory = directory;
    this.store = store;
    this.options = options;
    this.records = new FleetRecords(store);
    this.admit = createSpawnActivities({ store, records: this.records }).admitSpawn;
    this.sandboxes = createSandboxes({ isolation: options.isolation ?? 'none', log: createLog('silent') });
  }

  /** What one more worker process has. */
  worker(of: Partial<ScriptRoom['parts']> = {}): ScriptRoom {
    const limits = { ...DEFAULT_SCRIPT_LIMITS, ...this.options.limits };
    const { store, records } = this;
    const room: ScriptRoom = {
      parts: {
        ...{ store, records, limits },
        spawning: openSpawning({ store, records }),
        launch: (program) => this.sandboxes.confine(program),
        outputMicroUsd: () => 10_000_000,
        redact: createRedactor(this.options.secrets ?? []),
        log: createLog('silent'),
        ...of,
      },
      interpreters: new Interpreters(limits),
      deaths: new Deaths(),
    };
    this.rooms.push(room);
    return room;
  }

  /** A fleet whose parent is this script, with the test as its root. */
  async fleet(body: string, options: FleetOptions = {}): Promise<ScriptFleet> {
    const { args, saved = {}, plan, maxTotalAgents = 100_000, budgetMicroUsd = null } = options;
    const fleetId = `f${(++this.fleets).toString()}`;
    const source = body.startsWith('export') || body.startsWith('//') ? body : META + body;
    const texts = await Promise.all(
      Object.entries(saved).map(async ([name, text]) => [name, await this.put(text)] as const),
    );
    const script: ScriptPlan = {
      ...{ name: 'a', file: 'flows/a.js', agents: [] },
      source: await this.put(source),
      ...(args !== undefined && { args: await this.put(JSON.stringify(args)) }),
      saved: Object.fromEntries(texts),
      defaults: {
        workspace: { bundle: null, tree: 'tree', subdirectory: '', origin: '/home/of/user' },
        permissions: { allow: ['Read(./**)', 'Edit(./**)'], deny: [], mode: 'dontAsk' },
        ...{ model: 'claude-sonnet-5-5', timeoutMs: 1_800_000, stallTimeoutMs: 180_000 },
      },
      ...plan,
    };
    const head = {
      v: 1 as const,
      fleetId,
      name: 'a',
      hasGraph: false,
      simulated: true,
      endpoint: 'x',
      reuse: 'never' as const,
    };
    const manifest = await this.records.saveManifest({ ...head, script }, []);
    await this.writeFleet(fleetId, manifest, { maxTotalAgents, budgetMicroUsd });
    return new ScriptFleet(this, { fleetId, manifest, maxTotalAgents, budgetMicroUsd });
  }

  private async writeFleet(
    fleetId: string,
    manifest: ArtifactRef,
    limits: { maxTotalAgents: number; budgetMicroUsd: number | null },
  ): Promise<void> {
    await this.store.writeRecord(
      `fleets/${fleetId}/fleet`,
      {
        ...{ v: 1, id: fleetId, name: 'a', manifest, count: 0, createdAtMs: 1_700_000_000_000, generation: 1 },
        ...{ simulated: true, agentsQueue: 'q', source: '-', startedAtMs: 1, maxTimeoutMs: 1_800_000, kind: 'script' },
        limits: { concurrency: 10, sliceMicroUsd: 1, failIf: null, ...limits },
      },
      0,
    );
  }

  put(text: string): Promise<ArtifactRef> {
    return this.store.put(Buffer.from(text));
  }

  async text(ref: ArtifactRef): Promise<string> {
    return Buffer.from(await this.store.get(ref)).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.rooms.map(({ interpreters }) => interpreters.close()));
    await this.sandboxes.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
