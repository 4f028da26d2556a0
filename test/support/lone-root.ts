import type { BatchInput, BatchState, FleetInput, FleetLimits } from '../../workflows/contract/messages.ts';
import type { Admission, SettleRequest, UnitOutcome, Wait } from '../../workflows/contract/units.ts';
import { Dispatcher, type Orders } from '../../workflows/dispatcher/dispatcher.ts';

export interface RootOptions extends Partial<Omit<FleetInput, 'limits'>> {
  limits?: Partial<FleetLimits>;
  graph?: number[][];
  waves?: string;
}

/** A root's dispatcher without its workflow. */
export function rootOf(count: number, { limits, graph, waves, ...more }: RootOptions = {}): Dispatcher {
  const input: FleetInput = {
    v: 1,
    fleetId: 'f',
    name: 'test',
    manifest: 'sha256:0',
    count,
    hasGraph: graph !== undefined,
    maxTimeoutMs: 1,
    limits: { concurrency: 10, budgetMicroUsd: null, sliceMicroUsd: 10, failIf: null, ...limits },
    agentsQueue: 'q',
    generation: 1,
    startedAtMs: 0,
    ...more,
  };
  return new Dispatcher(input, graph ?? null, waves);
}

/** What a batch says of itself; letters stand for its units in order, a parked one drains where nothing else is said. */
export const says = (batch: BatchInput, units: string, more: Partial<BatchState> = {}): BatchState => ({
  v: 1,
  batch: batch.batch,
  seq: 1,
  epoch: 1,
  holding: [...units].filter((letter) => letter === 'r').length,
  wants: [...units].filter((letter) => letter === 'b').length,
  units,
  parked: [...units].flatMap((letter, offset) =>
    letter === 'p' ? [[offset, { for: 'drain' as const }] as [number, { for: 'drain' }]] : [],
  ),
  spentMicroUsd: 0,
  reservedMicroUsd: 0,
  ...more,
});

/** Units that came back to ask for subagents: by offset in their batch, the number of the request. */
export const asks = (...seqs: [offset: number, seq: number][]): Pick<BatchState, 'parked'> => ({
  parked: seqs.map(([offset, seq]) => [offset, { for: 'spawn', request: 'sha256:r', seq }]),
});

export const admits = (count: number, waits: Wait[] = [], graph: string | null = null): Admission => {
  return { kind: 'admitted', count, graph, maxTimeoutMs: 1, waits };
};

/** The store commits the ends that are asked for. */
export function settle(root: Dispatcher, requests: SettleRequest[] = root.orders().settle): SettleRequest[] {
  for (const request of requests)
    root.settled(
      request,
      request.units.map((): UnitOutcome => ({ kind: 'ended', status: request.end!.status, spentMicroUsd: 0 })),
    );
  return requests;
}

/** Whom a batch is to run, in order. */
export const indexesOf = (orders: Orders): number[] =>
  orders.open.flatMap(({ units }) => units.map(([index]) => index));
