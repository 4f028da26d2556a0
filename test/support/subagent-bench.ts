import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DiskStore } from '../../activities/artifacts/disk-store.ts';
import { FleetRecords } from '../../activities/artifacts/fleet-records.ts';
import { createClaude } from '../../activities/claude/client.ts';
import type { Egress } from '../../activities/egress/egress.ts';
import { createLog } from '../../activities/observe/log.ts';
import type { SubagentParts } from '../../activities/subagent/parts.ts';
import { runSubagent } from '../../activities/subagent/run-subagent.ts';
import { snapshotDirectory } from '../../activities/workspace/snapshot.ts';
import { startSimulatedClaude, type SimulatedClaude, type SimulatedOptions } from '../../client/simulated/server.ts';
import { DEFAULT_MODEL } from '../../workflows/contract/limits.ts';
import type { Manifest, Result, Task, WorkspaceSource } from '../../workflows/contract/task.schema.ts';
import type { UnitOutcome, UnitRef } from '../../workflows/contract/units.ts';
import { openSubagentParts } from '../../workers/subagent-parts.ts';
import { PlayedClaude } from './played-claude.ts';
import { temporaryDirectory } from './temporary.ts';

const LONE_ATTEMPT = fileURLToPath(new URL('lone-attempt.ts', import.meta.url));
const API_KEY = 'sk-ant-api03-key-of-a-test-bench-Wq3XkP9n';

export interface Fleet {
  fleetId: string;
  manifest: string;
  /** Attempt 1 in a process of its own, which is a worker that can be killed. */
  runElsewhere(): ChildProcess;
  run(index?: number, of?: Partial<UnitRef> & { attempt?: number; back?: AbortSignal }): Promise<UnitOutcome>;
  result(index?: number, generation?: number): Promise<Result>;
}

/** Everything around `runSubagent` but Temporal: a disk store, real tools and workspaces, a simulated Claude over HTTP. */
export class SubagentBench implements AsyncDisposable {
  readonly parts: SubagentParts;
  readonly claude: SimulatedClaude;
  readonly played: PlayedClaude;
  readonly directory: string;
  private readonly dispose: () => Promise<void>;
  private fleets = 0;

  private constructor(
    of: Pick<SubagentBench, 'parts' | 'claude' | 'played' | 'directory'>,
    dispose: () => Promise<void>,
  ) {
    ({ parts: this.parts, claude: this.claude, played: this.played, directory: this.directory } = of);
    this.dispose = dispose;
  }

  /** `simulated`: scripts and limits of Claude, which answers at once unless it says otherwise. */
  static async start(simulated: SimulatedOptions = {}, egress?: Egress): Promise<SubagentBench> {
    const temporary = await temporaryDirectory();
    const played = new PlayedClaude();
    const claude = await startSimulatedClaude({
      latency: 0,
      ...simulated,
      scripts: [played.script, ...(simulated.scripts ?? [])],
    });
    const store = await DiskStore.open(join(temporary.path, 'artifacts'));
    const parts = await openSubagentParts({
      home: temporary.path,
      claude: { baseUrl: claude.url, apiKey: API_KEY },
      sandbox: 'bubblewrap',
      sandboxReadOnlyPaths: [],
      egressInternal: [],
      mcpServers: {},
      secrets: [API_KEY],
      store,
      records: new FleetRecords(store),
      log: createLog('silent'),
      ...(egress && { egress }),
    });
    // One test's refusals are no other's: the provider's limits are left to those who test them.
    parts.claude = createClaude({ baseUrl: claude.url, apiKey: API_KEY });
    await mkdir(join(temporary.path, 'files/src'), { recursive: true });
    await writeFile(join(temporary.path, 'files/src/a.txt'), 'alpha\n');
    return new SubagentBench({ parts, claude, played, directory: temporary.path }, async () => {
      await parts.close();
      await parts.workspaces.sweep(); // of attempts that were killed
      await claude.close();
      await temporary[Symbol.asyncDispose]();
    });
  }

  /** A snapshot of a directory of its own with these files. */
  async source(files: Readonly<Record<string, string>>): Promise<WorkspaceSource> {
    const directory = await mkdtemp(join(this.directory, 'source-'));
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), text);
    }
    return this.snapshot(directory);
  }

  private async snapshot(directory: string): Promise<WorkspaceSource> {
    const options = { store: this.parts.store, cacheDirectory: join(this.directory, 'snapshots') };
    return (await snapshotDirectory(directory, options)).source;
  }

  /** A fleet of these tasks over `files/`, written down and not started: `run` is one dispatch of one attempt. */
  async fleet(tasks: (Partial<Task> & { prompt: string })[], head: Partial<Manifest> = {}): Promise<Fleet> {
    const fleetId = `fleet-${(++this.fleets).toString()}`;
    const isPlaced = tasks.every(({ workspace }) => workspace !== undefined);
    const source = isPlaced ? tasks[0]!.workspace! : await this.snapshot(join(this.directory, 'files'));
    const full = tasks.map((task, i): Task => ({
      label: `task-${(i + 1).toString()}`,
      context: [],
      workspace: source,
      permissions: { allow: ['Read', 'Edit(**)'], deny: [], mode: 'dontAsk' },
      model: DEFAULT_MODEL,
      timeoutMs: 60_000,
      stallTimeoutMs: 10_000,
      dependsOn: [],
      occurrence: 0,
      ...task,
    }));
    const manifest = await this.parts.records.saveManifest(
      { v: 1, fleetId, name: 'test', hasGraph: false, simulated: true, endpoint: 'test', reuse: 'auto', ...head },
      full,
    );
    const unit: UnitRef = { v: 1, fleetId, index: 0, generation: 1, epoch: 1, manifest, sliceMicroUsd: null };
    return {
      fleetId,
      manifest,
      runElsewhere: () => {
        const args = [LONE_ATTEMPT, this.directory, this.claude.url, API_KEY, JSON.stringify(unit)];
        return spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
      },
      run: (index = 0, { attempt = 1, back = new AbortController().signal, ...of } = {}) =>
        runSubagent(this.parts, {
          unit: { ...unit, index, ...of },
          attempt,
          back,
          onCheckpoint: () => undefined,
        }),
      result: async (index = 0, generation = 1) => {
        const found = await this.parts.records.subagent(fleetId, index, generation);
        if (!found?.record.result) throw new Error(`subagent ${index.toString()} has no result`);
        return found.record.result;
      },
    };
  }

  /** The whole transcript of a subagent that has ended, as text. */
  async transcript(result: Result): Promise<string> {
    return Buffer.from(await this.parts.store.get(result.transcript!)).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}
