import { statusOfLetter } from '../../workflows/contract/statuses.ts';
import type {
  Admission,
  AdmitRequest,
  GateRequest,
  GateVerdict,
  ParkReason,
  ScriptOutcome,
  ScriptRef,
  Wait,
} from '../../workflows/contract/units.ts';
import { encodeGraph } from '../../workflows/contract/graph.ts';

interface Asked {
  seq: number;
  request: string;
  isPending: boolean;
}

/** How many requests one parent makes, and exchanges a script has. */
const MOST_REQUESTS = 3;
const MOST_EXCHANGES = 12;

/**
 * Claudes that spawn and a script, as the activities would play them, with a store in which answers and results lie.
 * What they ask for is left to a seed; what the root tells them is held against the store.
 */
export class PlayedParents {
  /** Results in the store, as `index/generation`. */
  readonly results = new Set<string>();
  faults = { spawns: 0, refusals: 0, again: 0, exchanges: 0, breaks: 0, gates: 0 };
  private readonly ended = new Set<number>();
  private readonly asked = new Map<string, Asked>();
  private readonly answers = new Map<string, { admission: Admission; from: number }>();
  private readonly childrenOf = new Map<string, number[]>();
  private readonly told = new Set<number>();
  private readonly exchanges = new Map<string, { outcome: ScriptOutcome; told: string }>();
  private unheard: string | undefined;
  private readonly random: (bound: number) => number;
  private readonly mostDepth: number;

  /** Indexes given away, those of the plan included. */
  private taken: number;

  constructor(random: (bound: number) => number, planned: number, mostDepth: number) {
    this.random = random;
    this.taken = planned;
    this.mostDepth = mostDepth;
  }

  ends(index: number, generation: number): void {
    this.results.add(`${index}/${generation}`);
    this.ended.add(index);
  }

  /** A subagent under way asks for something, or asks again where it found no answer; undefined: it goes on. */
  ask(index: number, generation: number, depth: number, isCalm: boolean): ParkReason | undefined {
    const key = `${index}/${generation}`;
    const asked = this.asked.get(key);
    if (asked?.isPending) {
      const answer = this.answers.get(`${key}/${asked.seq}`);
      if (!answer) {
        this.faults.again++;
        return { for: 'spawn', request: asked.request, seq: asked.seq };
      }
      asked.isPending = false;
      this.expectMet(key, answer.admission);
    }
    const seq = (asked?.seq ?? 0) + 1;
    if (depth >= this.mostDepth || seq > MOST_REQUESTS || this.random(isCalm ? 6 : 4) > 0) return undefined;
    this.faults.spawns++;
    const request = `${this.random(2 ** 30)}`;
    this.asked.set(key, { seq, request, isPending: true });
    return { for: 'spawn', request, seq };
  }

  admit({ spawner, generation, seq, request, from, room }: AdmitRequest): Admission {
    const key = `${spawner}/${generation}`;
    const known = this.answers.get(`${key}/${seq}`);
    if (known) return known.admission;
    const count = spawner === 'script' ? Number(request) : this.random(6);
    const admission: Admission = count > room ? { kind: 'refused' } : this.admitted(key, from, count);
    if (from !== this.taken) throw new Error(`${key}/${seq} is to have the indexes from ${from}, not ${this.taken}`);
    if (admission.kind === 'refused') this.faults.refusals++;
    else this.taken += count;
    this.answers.set(`${key}/${seq}`, { admission, from });
    return admission;
  }

  /** The script's turn: it hears of each end once, and of none that left no result. */
  exchange(ref: ScriptRef, hasEnded: (index: number) => boolean): ScriptOutcome {
    const key = `${ref.generation}/${ref.exchange}`;
    const known = this.exchanges.get(key);
    if (known && this.unheard !== key) throw new Error(`exchange ${key} took place twice`);
    const told = JSON.stringify([ref.ended, ref.decided]);
    if (known && known.told !== told) throw new Error(`exchange ${key} told ${told}, not ${known.told}`);
    if (known) return known.outcome;
    this.faults.exchanges++;
    for (const index of ref.ended) {
      if (this.told.has(index)) throw new Error(`the script heard of ${index} twice`);
      if (!this.ended.has(index)) throw new Error(`the script heard of ${index}, which left no result`);
      this.told.add(index);
    }
    const outcome = this.next(ref, hasEnded);
    this.exchanges.set(key, { outcome, told });
    return outcome;
  }

  /** An exchange is broken off before the root hears of it, and may stand in the journal. */
  breakOff(ref: ScriptRef, hasEnded: (index: number) => boolean): void {
    this.faults.breaks++;
    if (this.random(2) === 0) this.exchange(ref, hasEnded);
    this.unheard = `${ref.generation}/${ref.exchange}`;
  }

  judge({ wave, waves, units }: GateRequest): GateVerdict {
    this.faults.gates++;
    const hash = `${wave}/${this.random(2 ** 30)}`;
    if (units.length === 0) throw new Error('a gate without subagents');
    return { isOpen: this.random(2) === 0, why: [], title: `wave ${wave + 1} of ${waves}`, hash, report: 'r' };
  }

  private next(ref: ScriptRef, hasEnded: (index: number) => boolean): ScriptOutcome {
    const open = (this.childrenOf.get(`script/${ref.generation}`) ?? []).filter((index) => !this.told.has(index));
    const count = this.random(5);
    if (ref.exchange >= MOST_EXCHANGES || (count === 0 && open.every(hasEnded) && this.random(2) === 0))
      return { kind: 'ended', outcome: { value: null } };
    const asks = this.random(4) === 0 ? [{ title: 'on?', hash: `${ref.exchange}` }] : [];
    return { kind: 'waits', request: count > 0 ? `${count}` : null, asks };
  }

  private admitted(key: string, from: number, count: number): Admission {
    const before = this.childrenOf.get(key) ?? [];
    const own = Array.from({ length: count }, (_, i) => from + i);
    this.childrenOf.set(key, [...before, ...own]);
    const edges = own.map((index) => own.filter((other) => other < index && this.random(4) === 0));
    const waits: Wait[] = [];
    if (count > 0) waits.push({ need: this.random(2) === 0 ? count : this.random(count + 1), of: [[from, count]] });
    if (before.length > 0 && this.random(2) === 0)
      waits.push({ need: 1 + this.random(before.length), of: before.map((index) => [index, 1]) });
    const graph = this.random(2) === 0 ? encodeGraph(edges) : null;
    return { kind: 'admitted', count, graph, maxTimeoutMs: 1, waits: key.startsWith('script') ? [] : waits };
  }

  /** A parent that goes on finds results of all it waits for. */
  private expectMet(key: string, admission: Admission): void {
    if (admission.kind === 'refused') return;
    for (const { need, of } of admission.waits) {
      const ended = of.flatMap(([from, count]) => Array.from({ length: count }, (_, i) => from + i));
      if (ended.filter((index) => this.ended.has(index)).length < need)
        throw new Error(`the parent ${key} went on before ${need} of ${ended.length} had ended`);
    }
  }
}

/** Ended spawned ones without a result would be told of as if they had one. */
export function expectResults(units: string, planned: number, has: (index: number) => boolean): void {
  for (let index = planned; index < units.length; index++)
    if (statusOfLetter(units[index]!) && !has(index)) throw new Error(`${index} ended and left no result`);
}
