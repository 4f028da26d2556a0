import { MAX_OPEN_BATCHES, REPORT_EACH_END } from '../contract/limits.ts';
import type { BatchInput, FleetInput, Window } from '../contract/messages.ts';
import { UNIT_LETTERS as L } from '../contract/statuses.ts';
import type { SettleRequest } from '../contract/units.ts';
import type { Ending, Endings } from './endings.ts';
import type { Grants } from './grants.ts';
import type { Holdings } from './holdings.ts';
import { OpenBatch } from './open-batch.ts';
import type { Tree } from './tree.ts';

export type DispatchInput = Pick<FleetInput, 'fleetId' | 'manifest' | 'generation' | 'agentsQueue'>;

/** `grant`: what is free is given out. `keep`: nobody gets more, nor starts. `take`: everyone comes back. */
export type Intent = 'grant' | 'keep' | 'take';

/** Gives subagents out, in batches or to be settled, under numbers that only grow; and tells open batches what they have. */
export class Dispatches {
  private readonly input: DispatchInput;
  private readonly tree: Tree;
  private readonly holdings: Holdings;
  private readonly grants: Grants;
  private readonly endings: Endings;
  /** The newest number given out. */
  private newest: number;

  constructor(
    input: DispatchInput,
    parts: { tree: Tree; holdings: Holdings; grants: Grants; endings: Endings },
    newest: number,
  ) {
    this.input = input;
    this.tree = parts.tree;
    this.holdings = parts.holdings;
    this.grants = parts.grants;
    this.endings = parts.endings;
    this.newest = newest;
  }

  get count(): number {
    return this.newest;
  }

  /** Each is a dispatch of its own, so that it fences, and counts, apart from those before it. */
  settlements(): SettleRequest[] {
    const groups = this.endings.take((index) => this.tree.units.letter(index) !== L.inBatch);
    return groups.map(([ending, indexes]) => this.request(indexes, ending, ++this.newest));
  }

  /** Under the number of the batch they were in. */
  request(indexes: readonly number[], end: Ending | null, dispatch: number): SettleRequest {
    const { fleetId, manifest } = this.input;
    const epoch = this.epoch(dispatch);
    const units = indexes.map((index) => ({ index, generation: this.tree.units.generation(index), epoch }));
    return { fleetId, manifest, units, end };
  }

  /** What open batches are to be told; `admits`: they may start what they have. */
  windows(intent: Intent, admits: boolean): { batch: number; window: Window }[] {
    const { holdings, endings, grants } = this;
    const { units } = this.tree;
    const ahead = grants.isShort ? undefined : ({ depth }: OpenBatch) => units.ahead(depth);
    const targets = holdings.permitTargets(intent, ahead);
    const orders: { batch: number; window: Window }[] = [];
    for (const [number, batch] of holdings.batches) {
      const isUnwanted = (index: number) => endings.of(index) !== undefined && units.letter(index) === L.inBatch;
      const window = batch.change({
        ...targets.get(number)!,
        admits,
        purseMicroUsd: holdings.purseFor(batch, intent === 'grant', grants.isShort),
        stop: endings.isEmpty ? [] : batch.indexes.filter(isUnwanted),
      });
      if (window) orders.push({ batch: number, window });
    }
    return orders;
  }

  /** New batches, as far as permits and money go. */
  batches(): BatchInput[] {
    const opened: BatchInput[] = [];
    while (this.holdings.batches.size < MAX_OPEN_BATCHES) {
      const batch = this.open();
      if (!batch) break;
      opened.push(batch);
    }
    return opened;
  }

  private open(): BatchInput | undefined {
    const { tree, input } = this;
    const { units } = tree;
    const grant = this.grants.fill();
    if (!grant) return undefined;
    const number = ++this.newest;
    const indexes = grant.taken.map(([index]) => index);
    const depth = indexes.reduce((least, index) => Math.min(least, units.depth(index)), Infinity);
    this.holdings.batches.set(number, new OpenBatch(indexes, grant.window, depth));
    const isHeardOf = (index: number): boolean => units.hasDependents(index) || tree.isAwaited(index);
    return {
      v: 1,
      fleetId: input.fleetId,
      batch: number,
      epoch: this.epoch(number),
      manifest: input.manifest,
      units: grant.taken.map(([index, slice]) => [index, units.generation(index), slice]),
      reportsEnds: units.count <= REPORT_EACH_END || indexes.some(isHeardOf),
      window: grant.window,
      maxTimeoutMs: tree.maxTimeoutMs,
      agentsQueue: input.agentsQueue,
    };
  }

  /** Grows with every dispatch of a fleet, over its generations too, so that it fences what came before. */
  private epoch(dispatch: number): number {
    return this.input.generation * 1_000_000 + dispatch;
  }
}
