import { MICRO_USD } from '../../workflows/contract/limits.ts';
import type { FleetStatus } from '../../workflows/contract/messages.ts';
import type { GateReport } from '../../workflows/contract/rollout.schema.ts';
import type { FleetRecord, Result } from '../../workflows/contract/task.schema.ts';
import type { Approval } from '../../workflows/contract/units.ts';
import type { EndedSubagent } from '../fleet-client/result-reader.ts';
import { Standstill, hasEnded } from '../fleet-client/standing.ts';
import type { FleetWatch, WatchOptions } from '../fleet-client/watch.ts';
import { EventArrivals, ResultArrivals } from './arrivals.ts';
import { fleetView } from './fleet-view.ts';
import { queueOf, type Ground } from './ground.ts';
import type { ArrivalOptions, Arrivals, Fleet, FleetEvent, FleetOutcome, FleetView } from './library.ts';
import { parentEnd, type ParentEnd } from './outcome.ts';

/** A fleet that was found or started; `record` as it was then. */
export class OpenFleet implements Fleet {
  readonly record: FleetRecord;
  /** False: it was there before, found by its id or by its idempotency key. */
  readonly isNew: boolean;
  readonly #ground: Ground;

  constructor(ground: Ground, record: FleetRecord, isNew = false) {
    this.#ground = ground;
    this.record = record;
    this.isNew = isNew;
  }

  get id(): string {
    return this.record.id;
  }
  get name(): string {
    return this.record.name;
  }

  async status(): Promise<FleetView> {
    return this.#view(await this.#ground.client.status(this.id));
  }

  results({ cursor, signal }: ArrivalOptions = {}): Arrivals<Result> {
    return new ResultArrivals(this.watch({ cursor, signal }));
  }
  events({ cursor, signal }: ArrivalOptions = {}): Arrivals<FleetEvent> {
    return new EventArrivals(this.record, this.watch({ cursor, signal, tellsStarts: true }));
  }
  /** All that the two above are made of. */
  watch(options: WatchOptions = {}): FleetWatch {
    return this.#ground.client.watch(this.record, options);
  }

  async *allResults(): AsyncGenerator<Result> {
    for await (const { result } of this.ended()) yield result;
  }
  /** The same, each with its index. */
  ended(): AsyncGenerator<EndedSubagent> {
    return this.#ground.client.results(this.id);
  }

  async resultsOf(labels: readonly string[]): Promise<Result[]> {
    const { client } = this.#ground;
    const standing = await client.standing(this.record);
    const ended = await client.reader(this.record, standing).some(await client.indexes(this.record, labels));
    return ended.map(({ result }) => result);
  }

  async wait({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<FleetOutcome> {
    const standstill = new Standstill();
    for await (const change of this.watch({ signal })) {
      if (change.kind !== 'status') continue;
      if (hasEnded(change.status) || standstill.isReached(change.status)) break;
    }
    const { status, ...left } = await this.end();
    return { view: this.#view(status), ...left };
  }

  /** How it stands now, and what its parent left. */
  async end(): Promise<ParentEnd & { status: FleetStatus }> {
    const { client, stack } = this.#ground;
    const standing = await client.standing(this.record);
    const from = { store: stack.store, reader: client.reader(this.record, standing) };
    return { status: standing.status, ...(await parentEnd(from, this.record, standing.status)) };
  }

  async pause(): Promise<FleetView> {
    return this.#view(await this.#ground.client.pause(this.id));
  }
  async resume(): Promise<FleetView> {
    return this.#view(await this.#ground.client.resume(this.id));
  }
  async cancel(): Promise<FleetView> {
    return this.#view(await this.#ground.client.cancel(this.id));
  }
  /** What `approve` and `reject` would decide about. */
  async asked(hash?: string): Promise<Approval> {
    return this.#ground.client.asked(this.id, hash);
  }
  /** The figures a gate was judged by; undefined: it is none. */
  async report({ report }: Approval): Promise<GateReport | undefined> {
    if (report === undefined) return undefined;
    const { GateReport } = await import('../../workflows/contract/rollout.schema.ts');
    const text = Buffer.from(await this.#ground.stack.store.get(report)).toString();
    return GateReport.parse(JSON.parse(text));
  }
  async approve(hash?: string): Promise<FleetView> {
    const asked = await this.asked(hash);
    return this.#view(await this.#ground.client.approve(this.id, asked.hash));
  }
  async reject(hash?: string): Promise<FleetView> {
    const asked = await this.asked(hash);
    return this.#view(await this.#ground.client.reject(this.id, asked.hash));
  }
  async stop(labels: readonly string[]): Promise<FleetView> {
    return this.#view(await this.#ground.client.stop(this.id, labels));
  }
  async skip(labels: readonly string[]): Promise<FleetView> {
    return this.#view(await this.#ground.client.skip(this.id, labels));
  }

  async retry(labels?: readonly string[]): Promise<FleetView> {
    const { client } = this.#ground;
    const chosen = labels === undefined ? 'failed' : await client.indexes(this.record, labels);
    return this.#view(await client.retry(this.id, chosen, (fleet) => queueOf(this.#ground, fleet)));
  }

  async set({ concurrency, budgetUsd }: { concurrency?: number; budgetUsd?: number }): Promise<FleetView> {
    const limits = {
      ...(concurrency !== undefined && { concurrency }),
      ...(budgetUsd !== undefined && { budgetMicroUsd: Math.round(budgetUsd * MICRO_USD) }),
    };
    return this.#view(await this.#ground.client.set(this.id, limits));
  }

  #view(status: FleetStatus): FleetView {
    return fleetView(status, this.record);
  }
}
