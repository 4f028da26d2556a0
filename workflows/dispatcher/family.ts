import { decodeGraph } from '../contract/graph.ts';
import type { FleetCarry } from '../contract/messages.ts';
import type { ArtifactRef, Parents, Spawner, Wait } from '../contract/units.ts';
import type { UnitGroup } from './units.ts';
import { WaitCounter } from './wait-counter.ts';

/** A request that the root has not admitted yet. */
export interface Ask {
  spawner: Spawner;
  generation: number;
  seq: number;
  request: ArtifactRef;
}

interface Brood {
  from: number;
  count: number;
  by: Spawner;
  depth: number;
  graph: string | null;
}

/** A parent that has asked in its present generation. */
interface Answered {
  seq: number;
  waits: readonly Wait[];
  open: readonly WaitCounter[];
}

/** Who spawned whom, who waits for whom, and who is left behind when a parent ends. */
export class Family {
  /** In the order of indexes. */
  private readonly broods: Brood[] = [];
  private readonly broodsOf = new Map<Spawner, Brood[]>();
  private readonly answers = new Map<number, Answered>();
  private readonly asks: Ask[] = [];
  /** Parents that ended: their children are to end too. */
  private bereaved: Spawner[] = [];
  private next: number;

  /** Whose waits are met, by manifest index. */
  private readonly onMet: (parent: number) => void;

  constructor(planned: number, parents: Parents | undefined, onMet: (parent: number) => void) {
    this.next = planned;
    this.onMet = onMet;
    for (const [count, by, depth, graph] of parents?.spawned ?? []) this.add(by, depth, count, graph);
  }

  /** The spawned ones so far, as the dispatcher's units take them. */
  get groups(): UnitGroup[] {
    return this.broods.map(({ count, depth, graph }) => ({ count, depth, prerequisites: graphOf(graph, count) }));
  }

  /** New children, with the next indexes. */
  add(by: Spawner, depth: number, count: number, graph: string | null): UnitGroup {
    const newest = this.broods.at(-1);
    if (newest && graph === null && newest.graph === null && newest.by === by && newest.depth === depth)
      newest.count += count;
    else if (count > 0) {
      const brood = { from: this.next, count, by, depth, graph };
      this.broods.push(brood);
      const list = this.broodsOf.get(by);
      if (list) list.push(brood);
      else this.broodsOf.set(by, [brood]);
    }
    this.next += count;
    return { count, depth, prerequisites: graphOf(graph, count) };
  }

  parentOf(index: number): Spawner | undefined {
    let low = 0;
    let high = this.broods.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { from, count, by } = this.broods[middle]!;
      if (index < from) high = middle;
      else if (index >= from + count) low = middle + 1;
      else return by;
    }
    return undefined;
  }

  *childrenOf(spawner: Spawner): Iterable<number> {
    for (const { from, count } of this.broodsOf.get(spawner) ?? [])
      for (let index = from; index < from + count; index++) yield index;
  }

  ask(ask: Ask): void {
    this.asks.push(ask);
    const { spawner } = ask;
    const before = typeof spawner === 'number' ? this.answers.get(spawner) : undefined;
    if (before) this.answers.set(spawner as number, { seq: before.seq, waits: [], open: [] });
  }

  isAsking(isWanted: (ask: Ask) => boolean): boolean {
    return this.asks.some(isWanted);
  }

  /** The oldest request that somebody still waits for. */
  nextAsk(isWanted: (ask: Ask) => boolean): Ask | undefined {
    for (let ask = this.asks.shift(); ask; ask = this.asks.shift()) if (isWanted(ask)) return ask;
    return undefined;
  }

  /** Whether the children of this request are there already: it was asked again. */
  hasAnswered(parent: number, seq: number): boolean {
    return (this.answers.get(parent)?.seq ?? 0) >= seq;
  }

  /** From here on it waits; at once it goes on where all has come. */
  answer(parent: number, seq: number, waits: readonly Wait[], hasEnded: (index: number) => boolean): void {
    const open = waits.map((wait) => new WaitCounter(wait, hasEnded));
    this.answers.set(parent, { seq, waits, open });
    if (open.every(({ isMet }) => isMet)) this.onMet(parent);
  }

  ended(index: number): void {
    const parent = this.parentOf(index);
    if (typeof parent === 'number') this.count(parent, (wait) => wait.ended(index));
    this.answers.delete(index);
    if (this.broodsOf.has(index)) this.bereave(index);
  }

  reopened(index: number): void {
    const parent = this.parentOf(index);
    if (typeof parent === 'number') for (const wait of this.answers.get(parent)?.open ?? []) wait.reopened(index);
  }

  /** It has ended: its children are to end too. */
  bereave(spawner: Spawner): void {
    this.bereaved.push(spawner);
  }
  /** Ends that this parent waits for at the least. */
  missing(parent: number): number {
    return Math.max(0, ...(this.answers.get(parent)?.open ?? []).map(({ missing }) => missing));
  }

  /** Children of parents that ended since the last call. */
  takeOrphans(): number[] {
    const bereaved = this.bereaved;
    this.bereaved = [];
    return bereaved.flatMap((spawner) => [...this.childrenOf(spawner)]);
  }

  get spawned(): Parents['spawned'] {
    return this.broods.map(({ count, by, depth, graph }) => [count, by, depth, graph]);
  }
  get answered(): NonNullable<FleetCarry['answered']> {
    return [...this.answers].map(([parent, { seq, waits }]) => [parent, seq, [...waits]]);
  }

  private count(parent: number, tell: (wait: WaitCounter) => void): void {
    const answered = this.answers.get(parent);
    if (!answered || answered.open.every(({ isMet }) => isMet)) return;
    answered.open.forEach(tell);
    if (answered.open.every(({ isMet }) => isMet)) this.onMet(parent);
  }
}

function graphOf(graph: string | null, count: number): number[][] | null {
  return graph === null ? null : decodeGraph(graph, count);
}
