import { Context } from '@temporalio/activity';
import { encodeGraph } from '../../workflows/contract/graph.ts';
import type { Admission, AdmitRequest, SettleRequest, UnitOutcome, UnitRef } from '../../workflows/contract/units.ts';

/** Subagents that end when told, count who is in flight, and park when they are wanted back. */
export class HeldAgents {
  readonly calls: UnitRef[] = [];
  readonly ended: UnitRef[] = [];
  readonly parked: UnitRef[] = [];
  inFlight = 0;
  most = 0;
  private isOpen = false;
  private readonly gates = new Map<number, () => void>();
  outcome: (unit: UnitRef) => UnitOutcome = () => ({ kind: 'ended', status: 'completed', spentMicroUsd: 10 });

  /** Lets one that is in flight go on; without an index all, and all that come later. */
  release(index?: number): void {
    if (index !== undefined) return this.gates.get(index)?.();
    this.isOpen = true;
    for (const open of this.gates.values()) open();
  }

  private gate(index: number): Promise<false> {
    return new Promise((resolve) => this.gates.set(index, () => resolve(false)));
  }

  readonly runSubagent = async (unit: UnitRef): Promise<UnitOutcome> => {
    this.calls.push(unit);
    this.most = Math.max(this.most, ++this.inFlight);
    const { cancelled } = Context.current();
    const beat = setInterval(() => Context.current().heartbeat(), 200);
    try {
      const isBack = !this.isOpen && (await Promise.race([this.gate(unit.index), cancelled.catch(() => true)]));
      const outcome: UnitOutcome = isBack
        ? { kind: 'parked', reason: { for: 'drain' }, spentMicroUsd: 3 }
        : this.outcome(unit);
      this[outcome.kind].push(unit);
      return outcome;
    } finally {
      clearInterval(beat);
      this.inFlight--;
    }
  };
}

/** As if the store held nothing: an end is taken as asked for, without one a subagent is parked. */
export const settleSubagents = async ({ units, end }: SettleRequest): Promise<UnitOutcome[]> =>
  units.map(() =>
    end
      ? { kind: 'ended', status: end.status, spentMicroUsd: 0 }
      : { kind: 'parked', reason: { for: 'drain' }, spentMicroUsd: 0 },
  );

/** Waits until something holds; what never does is named, before the test that waits for it is out of time. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await condition())) {
    if (performance.now() - started > 120_000) throw new Error(`still not so after two minutes: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What a played parent asks for: so many, `edges` among them by offset, and to go on when `need` of them have ended. */
export interface Wish {
  count: number;
  need?: number;
  edges?: number[][];
  /** Waits for ones spawned before, too. */
  earlier?: { need: number; of: [from: number, count: number][] };
}
/** A request is its own text here. */
export const wish = (wanted: Wish): string => JSON.stringify(wanted);

/** As if the store held the requests: each is answered once, and the same again when it is asked again. */
export class Admissions {
  readonly asked: AdmitRequest[] = [];
  private readonly answers = new Map<string, Admission>();

  readonly admitSpawn = async (request: AdmitRequest): Promise<Admission> => {
    this.asked.push(request);
    const key = `${request.spawner}/${request.generation}/${request.seq}`;
    const answer = this.answers.get(key) ?? admission(request);
    this.answers.set(key, answer);
    return answer;
  };
}

function admission({ request, from, room }: AdmitRequest): Admission {
  const { count, need = count, edges, earlier } = JSON.parse(request) as Wish;
  if (count > room) return { kind: 'refused' };
  return {
    kind: 'admitted',
    count,
    graph: edges ? encodeGraph(edges.map((list) => list.map((offset) => from + offset))) : null,
    maxTimeoutMs: 60_000,
    waits: [...(count > 0 ? [{ need, of: [[from, count] as [number, number]] }] : []), ...(earlier ? [earlier] : [])],
  };
}
