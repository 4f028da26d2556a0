import { createSpawnActivities } from '../../../activities/spawn/activities.ts';
import { recordKeys } from '../../../workflows/contract/ids.ts';
import type { FleetRecord, Manifest, Result, Task } from '../../../workflows/contract/task.schema.ts';
import type { Admission, UnitOutcome, UnitRef, Wait } from '../../../workflows/contract/units.ts';
import { decodeGraph } from '../../../workflows/contract/graph.ts';
import type { Fleet, SubagentBench } from '../../support/subagent-bench.ts';

export const SPAWNS = { allow: ['Read', 'Edit(**)', 'spawn_subagents'], deny: [], mode: 'dontAsk' as const };

type Parked = Extract<UnitOutcome, { kind: 'parked' }>;

/** A fleet whose root is played by the test: it admits what parents ask for, runs it, and sends them back. */
export class TreeWorld {
  readonly fleet: Fleet;
  readonly admissions: Admission[] = [];
  private readonly bench: SubagentBench;
  private readonly options: { maxTotalAgents?: number };
  private count: number;
  private readonly planned: number;
  private readonly epochs = new Map<number, number>();
  private readonly prerequisites = new Map<number, number[]>();
  readonly ended = new Map<number, UnitOutcome>();
  spentMicroUsd = 0;

  private constructor(bench: SubagentBench, fleet: Fleet, count: number, options: { maxTotalAgents?: number }) {
    this.bench = bench;
    this.fleet = fleet;
    this.count = count;
    this.planned = count;
    this.options = options;
  }

  static async start(
    bench: SubagentBench,
    tasks: (Partial<Task> & { prompt: string })[],
    { maxTotalAgents, ...head }: Partial<Manifest> & { maxTotalAgents?: number } = {},
  ): Promise<TreeWorld> {
    const granted = tasks.map((task) => ({ permissions: SPAWNS, ...task }));
    const fleet = await bench.fleet(granted, head);
    const record: FleetRecord = {
      v: 1,
      id: fleet.fleetId,
      name: 'test',
      manifest: fleet.manifest,
      count: tasks.length,
      createdAtMs: 0,
      generation: 1,
      simulated: true,
      agentsQueue: 'q',
      source: '-',
      startedAtMs: 0,
      maxTimeoutMs: 0,
      limits: {
        concurrency: 10,
        budgetMicroUsd: null,
        sliceMicroUsd: 0,
        failIf: null,
        ...(maxTotalAgents !== undefined && { maxTotalAgents }),
      },
    };
    await bench.parts.store.writeRecord(recordKeys.fleet(fleet.fleetId), record, 0);
    return new TreeWorld(bench, fleet, tasks.length, maxTotalAgents === undefined ? {} : { maxTotalAgents });
  }

  /** Subagents of the tree, planned and spawned. */
  get size(): number {
    return this.count;
  }

  /** The first one's, before its first dispatch. */
  get unit(): UnitRef {
    const { fleetId, manifest } = this.fleet;
    return { v: 1, fleetId, index: 0, generation: 1, epoch: 1, manifest, sliceMicroUsd: null };
  }

  /** One dispatch. */
  async dispatch(
    index = 0,
    of: Partial<UnitRef> & { attempt?: number; back?: AbortSignal } = {},
  ): Promise<UnitOutcome> {
    const epoch = of.epoch ?? (this.epochs.get(index) ?? 0) + 1;
    this.epochs.set(index, epoch);
    const outcome = await this.fleet.run(index, { ...of, epoch });
    this.spentMicroUsd += outcome.spentMicroUsd;
    if (outcome.kind === 'ended') this.ended.set(index, outcome);
    return outcome;
  }

  /** What the root does with a parent that parked. */
  async admit(
    spawner: number,
    { reason }: Parked,
    generation = 1,
    admitSpawn = createSpawnActivities(this.bench.parts).admitSpawn,
  ): Promise<Admission> {
    if (reason.for !== 'spawn') throw new Error(`parked for ${reason.for}`);
    const room = (this.options.maxTotalAgents ?? 1_000) - (this.count - this.planned);
    const { fleetId } = this.fleet;
    const { request, seq } = reason;
    const admission = await admitSpawn({ fleetId, spawner, generation, seq, request, from: this.count, room });
    this.admissions.push(admission);
    if (admission.kind === 'admitted') {
      const graph = admission.graph === null ? [] : decodeGraph(admission.graph, admission.count);
      graph.forEach((list, i) => this.prerequisites.set(this.count + i, list));
      this.count += admission.count;
    }
    return admission;
  }

  /** Runs a subagent and all it spawns to the end, as far as its waits need. */
  async run(index = 0): Promise<UnitOutcome> {
    for (;;) {
      const outcome = await this.dispatch(index);
      if (outcome.kind === 'ended') return outcome;
      const admission = await this.admit(index, outcome);
      if (admission.kind === 'admitted') for (const wait of admission.waits) await this.meet(wait);
    }
  }

  /** Runs as many of these as are waited for, in their order. */
  async meet({ need, of }: Wait): Promise<void> {
    const indexes = of.flatMap(([from, count]) => Array.from({ length: count }, (_, i) => from + i));
    let ended = indexes.filter((index) => this.ended.has(index)).length;
    for (const index of indexes) {
      if (ended >= need) return;
      if (this.ended.has(index)) continue;
      for (const before of this.prerequisites.get(index) ?? []) if (!this.ended.has(before)) await this.run(before);
      if (!this.ended.has(index)) await this.run(index);
      ended = indexes.filter((one) => this.ended.has(one)).length;
    }
  }

  /** By whole label. */
  async result(label: string): Promise<Result> {
    let index = 0;
    for await (const task of this.bench.parts.records.tasks(this.fleet.manifest, 0, this.count)) {
      if (task.label === label) return (await this.bench.parts.records.newestResult(this.fleet.fleetId, index))!.result;
      index++;
    }
    throw new Error(`there is no ${label}`);
  }

  async task(label: string): Promise<Task> {
    for await (const task of this.bench.parts.records.tasks(this.fleet.manifest, 0, this.count))
      if (task.label === label) return task;
    throw new Error(`there is no ${label}`);
  }
}

/** The results of the newest message a play was told, as its tool calls got them. */
export function toolResults(
  bench: SubagentBench,
  play: string,
  turn = -1,
): { text: string; isError: boolean; json: Answer }[] {
  const message = bench.played.turns.get(play)!.at(turn)!.request.body.messages.at(-1)!;
  if (typeof message.content === 'string') return [];
  return message.content.flatMap((block) => {
    if (block.type !== 'tool_result') return [];
    const text = typeof block.content === 'string' ? block.content : JSON.stringify(block.content);
    return [
      { text, isError: block.is_error === true, json: text.startsWith('{') ? (JSON.parse(text) as Answer) : NONE },
    ];
  });
}

export interface Answer {
  census: Record<string, number>;
  results: Record<string, unknown>[];
  more?: number;
  note?: string;
}
const NONE: Answer = { census: {}, results: [] };
